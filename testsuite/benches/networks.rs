//! Prints, for the sixteen networks and the example: the largest difference of the compiled C to the
//! outputs of onnxruntime, relative to their range, over all samples; memory; and what the compiler
//! itself takes. `cargo bench -p tinyc-testsuite --bench networks`

use std::path::Path;
use tinyc_testsuite::measure::{self, Compilation};
use tinyc_testsuite::shared;

fn main() {
    measure::serve();
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
    let compiled = Compilation::of(model, &folder.join("network.c"));
    let stats = &compiled.stats;
    let (samples, relative) = difference(model, io);
    println!(
        "{name:28} {samples:>7} {relative:>9.1e} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>7.0} {:>8.1}",
        stats["ram_bytes"].to_string(),
        stats["arena_bytes"].to_string(),
        stats["live_bytes"].to_string(),
        stats["weights_bytes"].to_string(),
        stats["stack_bytes"].to_string(),
        stats["macs"].to_string(),
        compiled.milliseconds(),
        compiled.megabytes(),
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
