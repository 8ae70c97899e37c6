//! The sixteen shared networks, one whose weights are stored quantized, and the example, as users compile them: against the outputs stored beside
//! them, under sanitizers, without warnings on hosts and cores, without foreign symbols.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Command;
use tinyc_codegen::targets::Target;
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::{Run, tinyc};
use tinyc_testsuite::shared;

/// Name, model and stored samples.
fn networks() -> Vec<(&'static str, PathBuf, PathBuf)> {
    let quantized_weights = "mlperf_kws_dscnn_tflite_weights";
    let shared = shared::NETWORKS
        .into_iter()
        .chain([quantized_weights])
        .filter_map(|n| shared::model(n).map(|(model, io)| (n, model, io)));
    let (model, io) = shared::digits();
    shared.chain([("digits", model, io)]).collect()
}

#[track_caller]
fn passes(name: &str, run: &Run) {
    assert_eq!(run.status, 0, "{name}: {}{}", run.stdout, run.stderr);
}

/// All samples; within the default tolerance of 1e-4 of the output's range.
#[test]
fn compiled_networks_reproduce_evaluation_and_stored_outputs() {
    for (name, model, io) in networks() {
        let run = tinyc(["verify".into(), model.into_os_string(), "--data".into(), io.into_os_string()]);
        passes(name, &run);
        assert!(run.stdout.contains(" evaluation ") && run.stdout.contains(" data "), "{name}: {}", run.stdout);
        println!("{name}\n{}", run.stdout);
    }
}

/// Functions of the C add up in another order than the evaluation. Where that moves a number over the middle
/// between two that 8 bits hold, the difference is that of the two, and after some layers up to 0.063 of the
/// output's range (mlperf_ic_resnet8).
const QUANTIZED_TOLERANCE: &str = "0.1";

#[test]
fn quantized_networks_agree_with_evaluation() {
    for network in shared::quantized() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("inputs.npz");
        let array = (format!("input/{}", network.input), network.samples.iter().take(4).collect());
        std::fs::write(&data, tinyc::npz::bytes([array].into_iter()).unwrap()).unwrap();
        let args = ["verify".into(), network.model.into_os_string(), "--data".into(), data.into_os_string()];
        let run = tinyc(args.into_iter().chain(["--tolerance", QUANTIZED_TOLERANCE].map(Into::into)));
        passes(network.name, &run);
        assert!(run.stdout.contains(" evaluation "), "{}: {}", network.name, run.stdout);
    }
}

#[test]
fn sanitizers_find_nothing_in_either_form_of_input_and_output() {
    if !cc::have("gcc") {
        return;
    }
    let flags = format!("--cflags=-std=c99 -O1 {}", cc::SANITIZE.join(" "));
    for (name, model, io) in networks() {
        let forms = if shared::LARGE.contains(&name) { &["arena"][..] } else { &["caller", "arena"] };
        for form in forms {
            let fixed = ["--samples", "1", "--cc", "gcc", "--io", form, "--per-layer", &flags].map(Into::into);
            let args = ["verify".into(), model.clone().into_os_string(), "--data".into(), io.clone().into_os_string()];
            passes(name, &tinyc(args.into_iter().chain(fixed)));
        }
    }
}

#[test]
fn no_compiler_warns_and_no_symbol_is_foreign() {
    let host = ["gcc", "clang"].map(|c| (c, "nm", "generic"));
    let cores = ["cortex-m4", "cortex-m0plus"].map(|t| ("arm-none-eabi-gcc", "arm-none-eabi-nm", t));
    for (compiler, nm, target) in host.into_iter().chain(cores) {
        if !cc::have(compiler) || !cc::have(nm) {
            continue;
        }
        for (name, model, _) in networks() {
            if shared::LARGE.contains(&name) && !["gcc", "cortex-m4"].iter().any(|v| [compiler, target].contains(v)) {
                continue;
            }
            let folder = Folder::new();
            let path = |file: &str| folder.path().join(file);
            let compile = [model.into(), "-o".into(), path("net.c").into_os_string(), "--target".into(), target.into()];
            let run = tinyc(compile.into_iter().chain(["--hook", "--selftest", "--stats=json"].map(Into::into)));
            passes(name, &run);
            if target != "generic" {
                // The context is as large as RAM figures say; a wrong size does not compile.
                let stats: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
                let check = format!("typedef char exact[sizeof(net_ctx) == {} ? 1 : -1];\n", stats["context_bytes"]);
                std::fs::write(path("net.c"), std::fs::read_to_string(path("net.c")).unwrap() + &check).unwrap();
            }
            let mut command = Command::new(compiler);
            command.args(cc::WARNINGS).args(Target::find(target).unwrap().c_flags).args(["-O2", "-c"]);
            let object = path("net.o");
            cc::run(command.arg(path("net.c")).arg("-o").arg(&object))
                .unwrap_or_else(|e| unreachable!("{name} for {target} by {compiler}: {e}"));
            let symbols = cc::run(Command::new(nm).arg("-u").arg(&object)).unwrap();
            let symbols = String::from_utf8(symbols.stdout).unwrap();
            // Without a floating-point unit compilers call their own library.
            // Loops that copy or fill become calls of what gcc's manual requires of any environment.
            let known = |s: &&str| matches!(*s, "U" | "memcpy" | "memmove" | "memset") || s.starts_with("__aeabi_");
            let foreign: Vec<&str> = symbols.split_whitespace().filter(|s| !known(s)).collect();
            assert!(foreign.is_empty(), "{name} for {target} by {compiler}: {foreign:?}");
        }
    }
}
