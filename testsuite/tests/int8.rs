//! Networks in integers of 8 bits: the same bits on every core, and what they take on the Cortex-M4.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use tinyc::device::Device;
use tinyc_testsuite::int8::{NETWORKS, Network, Origin, measure, of_cmsis_nn};
use tinyc_testsuite::{cc, shared};

fn number(json: &Value, key: &str) -> usize {
    json[key].as_u64().unwrap_or_else(|| panic!("{key} in {json}")) as usize
}

/// All samples of a file on the board of every core, against the same program on the host by gcc, and on one by
/// clang too.
#[track_caller]
fn same_everywhere(name: &str, arguments: &[String], samples: &str) {
    let cores = Device::ALL.iter().filter(|d| cc::available(d)).map(|d| (d, "gcc"));
    let by_clang = cc::have("clang").then(|| cc::device("cortex-m4")).filter(|d| cc::available(d));
    for (device, host) in cores.chain(by_clang.map(|d| (d, "clang"))) {
        let json = measure(arguments, device.core, &["--data", samples, "--host-cc", host])
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((&json["bit_exact"], &json["equal"]), (&true.into(), &true.into()), "{name} on {}", device.core);
        assert!(number(&json, "samples") >= 8, "{name}: {json}");
    }
}

#[test]
fn the_example_gives_the_same_bits_on_every_core() {
    let (model, samples) = shared::digits();
    let calib = model.with_file_name("calib.npz").display().to_string();
    let model = model.display().to_string();
    for optimize in ["balance", "size"] {
        let arguments = [&*model, "--quantize", "int8", "--calib", &calib, "--optimize", optimize].map(str::to_owned);
        same_everywhere("digits", &arguments, &samples.display().to_string());
    }
}

fn network(key: &str) -> &'static Network {
    NETWORKS.iter().find(|n| n.key == key).unwrap()
}

#[track_caller]
fn network_is_the_same_everywhere(key: &str) {
    let network = network(key);
    let (Some(arguments), Some(samples)) = (network.arguments(Origin::Calibrated), network.samples()) else { return };
    same_everywhere(key, &arguments, &samples.display().to_string());
}

#[test]
fn ic_gives_the_same_bits_on_every_core() {
    network_is_the_same_everywhere("ic");
}

#[test]
fn kws_gives_the_same_bits_on_every_core() {
    network_is_the_same_everywhere("kws");
}

#[test]
fn vww_gives_the_same_bits_on_every_core() {
    network_is_the_same_everywhere("vww");
}

#[test]
fn ad_gives_the_same_bits_on_every_core() {
    network_is_the_same_everywhere("ad");
}

#[test]
fn sww_gives_the_same_bits_on_every_core() {
    network_is_the_same_everywhere("sww");
}

/// Instructions, arena, code and constants, of both origins.
#[test]
fn networks_reach_what_they_must_on_the_cortex_m4() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    for (network, origin) in NETWORKS.iter().flat_map(|n| [(n, Origin::Calibrated), (n, Origin::Qdq)]) {
        let Some(arguments) = network.arguments(origin) else { return };
        let what = format!("{} {origin:?}", network.key);
        let json = measure(&arguments, "cortex-m4", &["--samples", "1"]).unwrap_or_else(|e| panic!("{what}: {e}"));
        let instructions = number(&json, "instructions");
        if let (Some(most), Some(theirs)) = (network.ratio, of_cmsis_nn(network.key)) {
            let ratio = instructions as f64 / theirs;
            assert!(ratio <= most, "{what}: {instructions} instructions, {ratio:.3}");
        }
        // What layers are predicted to execute, those with 1 % of it or more; gcc 12.2 comes within 7 %.
        let worst = json["prediction"]["worst_error"].as_f64().unwrap();
        assert!(worst.abs() <= 0.1, "{what}: {}", json["prediction"]);
        let code = number(&json, "code_bytes");
        assert!(code <= network.code, "{what}: {code} B of code");
        assert!(code + number(&json, "constant_bytes") <= network.flash, "{what}: {json}");
        assert!(number(&json, "arena_bytes") <= network.arena, "{what}: {json}");
    }
}

/// What it takes of flash where nothing else counts, and that it computes the same then.
#[test]
fn networks_are_small_on_the_cortex_m4() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    for (network, level) in NETWORKS.iter().flat_map(|n| [(n, "3"), (n, "s")]) {
        let Some(arguments) = network.arguments(Origin::Calibrated) else { return };
        let what = format!("{} -O{level}", network.key);
        let options = ["--samples", "1", "--optimize", "size", "-O", level];
        let json = measure(&arguments, "cortex-m4", &options).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!((&json["bit_exact"], &json["equal"]), (&true.into(), &true.into()), "{what}");
        let flash = number(&json, "code_bytes") + number(&json, "constant_bytes");
        assert!(flash <= network.small, "{what}: {flash} B of code and constants");
    }
}
