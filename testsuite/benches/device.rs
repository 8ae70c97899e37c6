//! Prints the instructions that one inference executes on an emulated Cortex-M4, the share of them that
//! the compiler's estimate finds, its estimate of cycles, and the share that they are of onnx2c's, where
//! `baselines.json` of the shared folder has those.
//! `cargo bench -p tinyc-testsuite --bench device [-- FLAG...]`: flags for the C compiler, by default
//! -O3 -std=c99, then -O3 -std=gnu11, with which products and sums contract.

use std::path::Path;
use tinyc_testsuite::cc;
use tinyc_testsuite::device::{estimated_instructions, measure};
use tinyc_testsuite::shared;

const CORE: &str = "cortex-m4";

fn main() {
    let own: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let sets: Vec<Vec<&str>> = match own.is_empty() {
        true => vec![vec!["-O3", "-std=c99"], vec!["-O3", "-std=gnu11"]],
        false => vec![own.iter().map(String::as_str).collect()],
    };
    let board = cc::device(CORE);
    if !cc::available(board) {
        return;
    }
    for flags in sets {
        println!("{CORE} ({}), {}", board.machine, flags.join(" "));
        println!(
            "{:28} {:>12} {:>9} {:>9} {:>12} {:>11} {:>9} {:>9}",
            "network", "instructions", "per MAC", "estimated", "cycles (est)", "/ onnx2c", "flash B", "/ onnx2c"
        );
        for (key, name) in shared::BASELINES {
            if let Some((model, _)) = shared::model(name) {
                row(key, name, &model, &flags);
            }
        }
        row("", "digits (example)", &shared::digits().0, &flags);
    }
}

fn row(key: &str, name: &str, model: &Path, flags: &[&str]) {
    let m = measure(CORE, model, flags).unwrap_or_else(|e| unreachable!("{name}: {e}"));
    let theirs = |what: &str| {
        let text = std::fs::read_to_string(shared::file("baselines.json")?).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        let row = json["device"].as_array()?.iter().find(|r| {
            r["stack"] == "onnx2c" && r["core"] == CORE && r["what"].as_str().is_some_and(|w| w.contains("float"))
        })?;
        row["models"][key][what].as_f64()
    };
    let ratio = |ours: u64, what| theirs(what).map_or("-".to_owned(), |t| format!("{:.3}", ours as f64 / t));
    println!(
        "{name:28} {:>12} {:>9.2} {:>9.3} {:>12} {:>11} {:>9} {:>9}",
        m.instructions,
        m.instructions as f64 / m.macs as f64,
        estimated_instructions(model, !flags.contains(&"-std=c99")) / m.instructions as f64,
        m.cycles,
        ratio(m.instructions, "instructions"),
        m.flash,
        ratio(m.flash, "flash_bytes"),
    );
}
