//! Prints, for the seven networks and the example: the largest difference of the compiled C to the
//! outputs of onnxruntime, relative to their range, over all samples; memory; and what the compiler
//! itself takes. `cargo bench -p tinyc-testsuite --bench networks`
//!
//! The compiler is measured in a process of its own: this program started again with `--tinyc`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tinyc_testsuite::shared;

/// Runs of the compiler; the fastest counts.
const RUNS: usize = 3;

fn main() {
    let mut args = std::env::args_os();
    if args.any(|a| a == "--tinyc") {
        let args = std::iter::once("tinyc".into()).chain(args);
        let status = tinyc::run(args, &mut std::io::stdout(), &mut std::io::stderr(), false);
        std::process::exit(status.into());
    }
    println!(
        "{:28} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>7} {:>8}",
        "network",
        "samples",
        "rel.diff",
        "RAM B",
        "arena B",
        "live B",
        "weights",
        "stack B",
        "MACs",
        "time ms",
        "peak MB"
    );
    let mut models: Vec<_> = shared::NETWORKS.iter().filter_map(|n| Some((*n, shared::model(n)?))).collect();
    models.push(("digits (example)", shared::digits()));
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, (model, io)) in models {
        print_row(name, &model, &io, folder.path());
    }
}

fn print_row(name: &str, model: &Path, io: &Path, folder: &Path) {
    let output = folder.join("network.c");
    let this = std::env::current_exe().expect("the path of this program");
    let mut fastest = Duration::MAX;
    let mut stats = serde_json::Value::Null;
    for _ in 0..RUNS {
        let start = Instant::now();
        let run = Command::new(&this)
            .arg("--tinyc")
            .arg(model)
            .args(["--stats=json", "-o"])
            .arg(&output)
            .output()
            .expect("this program starts");
        fastest = fastest.min(start.elapsed());
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
        stats = serde_json::from_slice(&run.stdout).expect("JSON");
    }
    let (samples, relative) = difference(model, io);
    println!(
        "{name:28} {samples:>7} {relative:>9.1e} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>7.0} {:>8.1}",
        stats["ram_bytes"].to_string(),
        stats["arena_bytes"].to_string(),
        stats["live_bytes"].to_string(),
        stats["weights_bytes"].to_string(),
        stats["stack_bytes"].to_string(),
        stats["macs"].to_string(),
        fastest.as_secs_f64() * 1e3,
        stats["compiler_peak_bytes"].as_f64().unwrap_or(f64::NAN) / 1e6,
    );
}

/// Number of samples and the largest relative difference that `tinyc verify` finds against the data.
fn difference(model: &Path, io: &Path) -> (String, f64) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["tinyc".into(), "verify".into(), model.into(), "--data".into(), io.into()] as [std::ffi::OsString; 5];
    let status = tinyc::run(args, &mut out, &mut err, false);
    assert_eq!(status, 0, "{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
    let text = String::from_utf8_lossy(&out).into_owned();
    let rows = text.lines().filter(|l| l.contains(" data "));
    let mut samples = String::new();
    let mut largest = 0f64;
    for row in rows {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let data = cells.iter().position(|c| *c == "data").expect("the column is there");
        samples = cells[data + 1].to_owned();
        largest = largest.max(cells[data + 4].parse().expect("a number"));
    }
    (samples, largest)
}
