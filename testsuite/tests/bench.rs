//! `tinyc bench`: the example on the emulated board of every core, and what is said where that fails.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;
use tinyc::device::{self, Cross, Device};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::tinyc;
use tinyc_testsuite::{onnx_text, shared};

fn digits() -> String {
    shared::digits().0.display().to_string()
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    let run = tinyc(args.iter().copied());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{args:?}: {}", run.stdout);
    serde_json::from_str(&run.stdout).unwrap()
}

fn number(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap_or_else(|| panic!("{key} in {json}"))
}

#[test]
fn the_example_runs_on_every_core() {
    for device in Device::ALL.iter().filter(|d| cc::available(d)) {
        let args = ["bench", &digits(), "--target", device.core, "--samples", "2", "--json"];
        let first = json(&args);
        assert_eq!(first, json(&args), "{}: counts repeat", device.core);
        assert_eq!((&first["equal"], &first["bit_exact"], &first["samples"]), (&true.into(), &false.into(), &2.into()));
        let folder = Folder::new();
        let output = folder.path().join("m.c").display().to_string();
        let stats = json(&[&digits(), "-o", &output, "--target", device.core, "--stats=json"]);
        for key in ["arena_bytes", "ram_bytes", "macs", "cycles"] {
            assert_eq!(first[key], stats[key], "{}: {key}", device.core);
        }
        let (stack, bound) = (number(&first, "stack_bytes"), number(&stats, "stack_bytes"));
        assert!(0 < stack && stack <= bound, "{}: {stack} B of stack, at most {bound} B", device.core);
        let (constants, weights) = (number(&first, "constant_bytes"), number(&stats, "weights_bytes"));
        assert!((weights..weights + 512).contains(&constants), "{}: {constants} B, weights {weights} B", device.core);
        assert!(number(&first, "code_bytes") > number(&first, "library_bytes"), "{}", device.core);
        let layers = first["layers"].as_array().unwrap();
        assert_eq!(layers.len() as u64, number(&stats, "steps"));
        // Going from step to step takes a few instructions beside them.
        let (sum, total): (u64, u64) =
            (layers.iter().map(|l| number(l, "instructions")).sum(), number(&first, "instructions"));
        let between = 40 * layers.len() as u64;
        assert!(sum.abs_diff(total) <= between, "{}: {sum} in steps, {total} in all", device.core);
        let own: u64 = layers.iter().map(|l| number(l, "code_bytes")).sum();
        let network = number(&first, "code_bytes") - number(&first, "library_bytes");
        assert_eq!(own + number(&first, "other_code_bytes"), network, "{}", device.core);
        assert!(layers.iter().all(|l| number(l, "code_bytes") + number(l, "shared_code_bytes") > 0), "{first}");
        let predicted: u64 = layers.iter().map(|l| number(l, "predicted_instructions")).sum();
        assert!(predicted.abs_diff(number(&first["prediction"], "instructions")) <= layers.len() as u64, "{first}");
    }
}

const INTEGERS: &str = "<ir_version: 8, opset_import: [\"\" : 17]>
g (int32[2,9] x, int8[4] p) => (int32[2,9] y, int8[4] q) { h = Mul(x, x)  y = Sub(h, x)  q = Add(p, p) }";

/// Every bit is compared where no value is a float; over all samples of a file. What the network is called
/// does not get into the way of the firmware's functions.
#[test]
fn integers_are_compared_to_the_bit() {
    let folder = Folder::new();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("m.onnx"), onnx_text::parse(INTEGERS).unwrap().to_bytes()).unwrap();
    let (x, p) = (TensorType::new(DType::I32, [2, 9]), TensorType::new(DType::I8, [4]));
    let samples: Vec<[Tensor; 2]> = (0..5).map(|s| [Tensor::random(&x, s), Tensor::random(&p, s + 9)]).collect();
    let arrays = [("x", 0), ("p", 1)].map(|(name, i)| (name.to_owned(), samples.iter().map(|s| &s[i]).collect()));
    fs::write(path("x.npz"), tinyc::npz::bytes(arrays.into_iter()).unwrap()).unwrap();
    for device in Device::ALL.iter().filter(|d| cc::available(d) && cc::have("cc")) {
        for io in ["--io=caller", "--io=arena"] {
            let json = json(&[
                "bench",
                &path("m.onnx"),
                "--target",
                device.core,
                "--data",
                &path("x.npz"),
                "--json",
                "--name",
                "put",
                io,
            ]);
            let said = (&json["equal"], &json["bit_exact"], &json["samples"]);
            assert_eq!(said, (&true.into(), &true.into(), &5.into()), "{}", device.core);
        }
    }
}

#[test]
fn boards_compilers_and_levels_can_be_chosen() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    let core = json(&["bench", &digits(), "--target", "cortex-m4", "--json"]);
    let board = json(&["bench", &digits(), "--target", "stm32l4r5", "--json", "-Os"]);
    assert_eq!(
        (&core["board"], &core["milliseconds"], &core["microjoules"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!((&board["target"], &board["board"]), (&"cortex-m4".into(), &"stm32l4r5".into()));
    let (ms, uj) = (board["milliseconds"].as_f64().unwrap(), board["microjoules"][0].as_f64().unwrap());
    assert!((ms - number(&board, "cycles") as f64 / 120e3).abs() < 1e-9 && (uj - 33.0 * ms).abs() < 1e-9, "{board}");
    let share = |what: &str| board["layers"].as_array().unwrap().iter().map(|l| l[what].as_f64().unwrap()).sum::<f64>();
    assert!((share("milliseconds") - ms).abs() < 1e-3 * ms, "{board}");
    assert!(number(&board, "cycles") > number(&core, "cycles"), "the board waits for constants");
    let energy: f64 = board["layers"].as_array().unwrap().iter().map(|l| l["microjoules"][0].as_f64().unwrap()).sum();
    assert!((energy - uj).abs() < 1e-3 * uj, "{board}");
    assert!(number(&board, "code_bytes") < number(&core, "code_bytes"), "-Os and -O3");
    if cc::have("clang") {
        let clang = json(&["bench", &digits(), "--target", "cortex-m4", "--json", "--cc", "clang"]);
        assert!(clang["compiler"].as_str().unwrap().starts_with("clang --target=arm-none-eabi"), "{clang}");
        assert_eq!(clang["equal"], true);
    }
}

#[test]
fn figures_of_others_become_shares() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    let folder = Folder::new();
    let row = |core: &str, n: u64| serde_json::json!({"stack": "other", "core": core, "what": "-O3", "models": {"digits": {"instructions": n, "arena_bytes": 6144}}});
    let text = serde_json::json!({"device": [row("cortex-m4", 1_000_000), row("cortex-m55", 1)]}).to_string();
    let file = folder.write("b.json", &text).display().to_string();
    let args = ["bench", &digits(), "--target", "cortex-m4", "--against", &file];
    let json = json(&[&args[..], &["--json"]].concat());
    let [against] = &json["against"].as_array().unwrap()[..] else { panic!("{json}") };
    let share = number(&json, "instructions") as f64 / 1e6;
    assert!((against["instructions"].as_f64().unwrap() - share).abs() < 1e-12 && against["flash"].is_null(), "{json}");
    assert_eq!(
        (&against["their_instructions"], &against["their_arena_bytes"]),
        (&1e6.into(), &6144.0.into()),
        "{json}"
    );
    let text = tinyc(args).stdout;
    assert!(
        text.contains(&format!("{share:.3}")) && text.contains("RAM and stack") && text.contains("1000000"),
        "{text}"
    );
    let unknown = tinyc(args.into_iter().chain(["--name", "unknown"]));
    assert!(unknown.status == 1 && unknown.stderr.contains("digits"), "{}", unknown.stderr);
}

/// A load at an odd address, in assembly because compilers know better.
const UNALIGNED: &str = "#include \"bare-board.h\"\n\
    static uint32_t words[2];\n\
    int main(void) {\n    uint32_t x;\n    __asm__ volatile(\"ldr %0, [%1]\" : \"=l\"(x) : \"l\"((uintptr_t)words + 1u));\n    \
    put_text(\"done\\n\");\n    return (int)x;\n}\n";

/// Cores that have no unaligned loads get none that an emulated core with them would not notice.
#[test]
fn an_unaligned_load_faults_on_the_cortex_m0plus() {
    for (core, faults) in [("cortex-m0plus", true), ("cortex-m3", false)] {
        let device = cc::device(core);
        if !cc::available(device) {
            return;
        }
        let folder = Folder::new();
        let network = folder.write("model.c", "typedef int nothing;\n");
        folder.write(device::MAIN, UNALIGNED);
        let cross = Cross::find(device.target(), None).map_err(|f| f.report.to_string()).unwrap();
        let run = || {
            cross.compile(&[], &network, &folder.path().join(device::OBJECT))?;
            device.link(folder.path())?;
            device.emulate(folder.path(), Duration::from_secs(60))
        };
        match run().map_err(|f| f.report.to_string()) {
            Ok(text) => assert!(!faults && text == "done\n", "{core}: {text}"),
            // The bit UNALIGNED of the fault status.
            Err(e) => assert!(faults && e.contains("fault 01000000 at 0"), "{core}: {e}"),
        }
    }
}

#[test]
fn what_cannot_be_run_is_said() {
    let run = tinyc(["bench", &digits(), "--target", "generic"]);
    assert!(run.status == 2 && run.stderr.contains("cortex-m0plus, cortex-m3"), "{}", run.stderr);
    let run = tinyc(["bench", &digits(), "--target", "cortex-m4", "--cc", "no-such-compiler"]);
    assert!(
        run.status == 2 && run.stderr.contains("E0506") && run.stderr.contains("no-such-compiler"),
        "{}",
        run.stderr
    );
    if cc::available(cc::device("cortex-m4")) {
        let run = tinyc(["bench", &digits(), "--target", "cortex-m4", "--timeout", "0"]);
        assert!(run.status == 2 && run.stderr.contains("has not ended after 0 seconds"), "{}", run.stderr);
    }
}

/// Each tool by itself is looked for, and named with what to install.
#[cfg(unix)]
#[test]
fn missing_tools_are_named_with_their_packages() {
    let said = |core: &str, path: &Folder| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinyc-under-test"));
        let output = command.args(["bench", &digits(), "--target", core]).env("PATH", path.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    for device in Device::ALL {
        let path = Folder::new();
        let [compiler, emulator] = device.tools();
        for tool in [compiler, emulator] {
            let text = said(device.core, &path);
            assert!(text.contains(&format!("cannot run {tool}\n")), "{text}");
            assert!(text.contains(&format!("install {} (", device::package(tool).unwrap())), "{text}");
            // A tool that is there, and can do no more than that.
            std::os::unix::fs::symlink("/bin/true", path.path().join(tool)).unwrap();
        }
    }
}

#[test]
fn targets_are_listed() {
    let all = json(&["targets", "--json"]);
    let names = |kind: &str| -> Vec<String> {
        all[kind].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
    };
    let text = tinyc(["targets"]).stdout;
    let (cores, boards) = (names("cores"), names("boards"));
    assert!(cores.iter().chain(&boards).all(|n| text.contains(n.as_str())), "{text}");
    assert!(cores.len() >= 11 && boards.len() >= 8, "{cores:?} {boards:?}");
    let some = json(&["targets", "stm32l4", "--json"]);
    assert_eq!((some["cores"].as_array().unwrap().len(), &some["boards"][0]["core"]), (0, &"cortex-m4".into()));
    assert_eq!(tinyc(["targets", "pdp-11"]).status, 2);
}

/// A board is its core, and what it has too little of is told.
#[test]
fn a_board_compiles_as_its_core() {
    let folder = Folder::new();
    let compile = |target: &str| {
        let output = folder.path().join("m.c").display().to_string();
        let run = tinyc([&digits(), "-o", &output, "--target", target]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        (fs::read_to_string(&output).unwrap(), run.stderr)
    };
    assert_eq!(compile("stm32f446").0, compile("cortex-m4").0);
    assert!(!compile("samd21g18").1.contains("samd21g18 has"));
    let text = "<ir_version: 8, opset_import: [\"\" : 17]> g (float[100,100] x) => (float[100,100] y) { y = Relu(x) }";
    let model = folder.path().join("large.onnx").display().to_string();
    fs::write(&model, onnx_text::parse(text).unwrap().to_bytes()).unwrap();
    let run = tinyc(["check", &model, "--target", "samd21g18"]);
    assert!(run.status == 0 && run.stderr.contains("B of RAM, samd21g18 has 32768 B"), "{}", run.stderr);
}
