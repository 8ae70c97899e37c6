//! Prints what the MLPerf networks take in integers of 8 bits on emulated cores: calibrated by `tinyc`, and as
//! onnxruntime quantized them. `cargo bench -p tinyc-testsuite --bench int8 [-- CORE...]`; by default the
//! Cortex-M4, also with `--optimize size`, -Os, and compiled by clang.

use serde_json::Value;
use tinyc_testsuite::cc;
use tinyc_testsuite::int8::{NETWORKS, Origin, measure, of_cmsis_nn};

fn main() {
    let cores: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if cores.is_empty() {
        table("cortex-m4", "gcc -O3", &[]);
        table("cortex-m4", "gcc -Os, --optimize size", &["--optimize", "size", "-Os"]);
        if let Some(clang) = ["clang-19", "clang"].into_iter().find(|c| cc::have(c)) {
            table("cortex-m4", &format!("{clang} -O3"), &["--cc", clang]);
        }
    }
    cores.iter().for_each(|core| table(core, "gcc -O3", &[]));
}

fn table(core: &str, title: &str, more: &[&str]) {
    println!("\n{core}, {title}");
    println!(
        "{:14} {:>12} {:>8} {:>11} {:>12} {:>10} {:>8} {:>8} {:>7} {:>10} {:>10}",
        "network",
        "instructions",
        "per MAC",
        "/ CMSIS-NN",
        "cycles (est)",
        "cycles / i",
        "arena B",
        "stack B",
        "code B",
        "constants",
        "sum B"
    );
    for network in &NETWORKS {
        for origin in [Origin::Calibrated, Origin::Qdq] {
            let Some(arguments) = network.arguments(origin) else { return };
            let name = if origin == Origin::Qdq { format!("{} (QDQ)", network.key) } else { network.key.to_owned() };
            match measure(&arguments, core, &[&["--samples", "1"], more].concat()) {
                Ok(json) => row(&name, network.key, core, &json),
                Err(e) => println!("{name:14} {e}"),
            }
        }
    }
}

fn row(name: &str, key: &str, core: &str, json: &Value) {
    let number = |key: &str| json[key].as_f64().unwrap_or(f64::NAN);
    let theirs = if core == "cortex-m4" { of_cmsis_nn(key) } else { None };
    let instructions = number("instructions");
    println!(
        "{name:14} {instructions:>12} {:>8.3} {:>11} {:>12} {:>10.3} {:>8} {:>8} {:>7} {:>10} {:>10}",
        number("instructions_per_mac"),
        theirs.map_or("-".to_owned(), |t| format!("{:.3}", instructions / t)),
        number("cycles"),
        number("cycles") / instructions,
        number("arena_bytes"),
        number("stack_bytes"),
        number("code_bytes"),
        number("constant_bytes"),
        number("code_bytes") + number("constant_bytes"),
    );
}
