//! Commands beside the compiler's main job, and the forms in which messages come.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::fs;
use std::process::Command;
use tinyc::npz::Npz;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::{Run, tinyc};
use tinyc_testsuite::{onnx_text, shared};

fn digits() -> [String; 2] {
    let (model, io) = shared::digits();
    [model.display().to_string(), io.display().to_string()]
}

#[track_caller]
fn ok(run: Run) -> Run {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run
}

/// `output/NAME` of the file that `run` wrote, as the type of a sample.
fn results(folder: &Folder, file: &str, name: &str, ty: &TensorType) -> Vec<Tensor> {
    Npz::read(&folder.path().join(file)).unwrap().samples("output", name, ty).unwrap().unwrap()
}

#[test]
fn run_writes_what_the_network_gives() {
    let folder = Folder::new();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [model, io] = digits();
    let said = ok(tinyc(["run", &model, "--input", &io, "-o", &path("eval.npz")]));
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    let ty = TensorType::new(DType::F32, [1, 10]);
    let want = Npz::read(io.as_ref()).unwrap().samples("output", "logits", &ty).unwrap().unwrap();
    let close = |got: &[Tensor]| {
        assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(&want) {
            let far = g.to_f64s().into_iter().zip(w.to_f64s()).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max);
            // The bound of `tinyc verify` for outputs whose range is 24.
            assert!(far <= 24.0 * 1e-4, "{far}");
        }
    };
    close(&results(&folder, "eval.npz", "logits", &ty));
    ok(tinyc(["run", &model, "--input", &io, "-o", &path("again.npz")]));
    assert_eq!(fs::read(path("eval.npz")).unwrap(), fs::read(path("again.npz")).unwrap());
    if cc::have("cc") {
        ok(tinyc(["run", &model, "--input", &io, "-o", &path("c.npz"), "--engine", "c", "--io=arena"]));
        close(&results(&folder, "c.npz", "logits", &ty));
    }
}

/// What goes in comes out, in every element type, but that NumPy has no bfloat16.
#[test]
fn run_carries_every_element_type() {
    let folder = Folder::new();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let all = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float double";
    for (onnx, dtype) in all.split(' ').zip(DType::ALL.into_iter().filter(|t| *t != DType::BF16)) {
        let text = format!(
            "<ir_version: 8, opset_import: [\"\" : 17]> g ({onnx}[3] x) => ({onnx}[3] y) {{ y = Identity(x) }}"
        );
        fs::write(path("m.onnx"), onnx_text::parse(&text).unwrap().to_bytes()).unwrap();
        let ty = TensorType::new(dtype, [3]);
        let x = [Tensor::random(&ty, 5), Tensor::random(&ty, 6)];
        let file = tinyc::npz::bytes([("x".to_owned(), x.iter().collect())].into_iter()).unwrap();
        fs::write(path("x.npz"), file).unwrap();
        ok(tinyc(["run", &path("m.onnx"), "--input", &path("x.npz"), "-o", &path("y.npz")]));
        assert_eq!(results(&folder, "y.npz", "y", &ty), x, "{onnx}");
    }
}

#[test]
fn run_says_what_does_not_fit() {
    let folder = Folder::new();
    let out = folder.path().join("y.npz").display().to_string();
    let [model, io] = digits();
    fs::write(folder.path().join("no.npz"), "no archive").unwrap();
    let no = folder.path().join("no.npz").display().to_string();
    let other = folder.path().join("other.npz").display().to_string();
    let wrong = Tensor::random(&TensorType::new(DType::F32, [3]), 1);
    fs::write(&other, tinyc::npz::bytes([("image".to_owned(), vec![&wrong])].into_iter()).unwrap()).unwrap();
    for (input, status, code) in [(no.as_str(), 1, "E0504"), (&other, 1, "E0504"), ("missing.npz", 2, "E0502")] {
        let run = tinyc(["run", &model, "--input", input, "-o", &out]);
        assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{input}: {}", run.stderr);
        assert!(run.stderr.contains(code), "{input}: {}", run.stderr);
    }
    assert_eq!(tinyc(["run", &model, "-o", &out]).status, 2, "no input");
    assert_eq!(tinyc(["run", &model, "--input", &io, "-o", &out, "--engine", "gpu"]).status, 2);
    let cc = tinyc(["run", &model, "--input", &io, "-o", &out, "--engine", "c", "--cc", "no-such-compiler"]);
    assert!(cc.status == 2 && cc.stderr.contains("E0506"), "{}", cc.stderr);
    assert!(!folder.path().join("y.npz").exists());
}

#[test]
fn ranges_of_inputs_are_stated_and_checked() {
    let folder = Folder::new();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [model, io] = digits();
    ok(tinyc([&model, "-o", &path("m.c"), "--input-range", "image=-0.5:1"]));
    let header = fs::read_to_string(path("m.h")).unwrap();
    assert!(header.contains("#define M_IN0_MIN (-0.5f)\n#define M_IN0_MAX 1.0f\n"), "{header}");
    ok(tinyc([&model, "-o", &path("n.c")]));
    assert!(!fs::read_to_string(path("n.h")).unwrap().contains("_MIN"));

    // The images hold numbers in 0..1.
    let run = |range: &str| ok(tinyc(["run", &model, "--input", &io, "-o", &path("y.npz"), "--input-range", range]));
    assert_eq!(run("0:1").stderr, "");
    let wide = results(&folder, "y.npz", "logits", &TensorType::new(DType::F32, [1, 10]));
    let said = run("0:0.5").stderr;
    assert!(said.contains("warning[W0007]") && said.contains("0..0.5"), "{said}");
    let selftest = format!("--selftest={io}");
    let said = ok(tinyc([&model, "-o", &path("m.c"), &selftest, "--input-range", "0:0.25"])).stderr;
    assert!(said.contains("warning[W0007]"), "{said}");
    ok(tinyc(["run", &model, "--input", &io, "-o", &path("y.npz")]));
    assert_eq!(results(&folder, "y.npz", "logits", &TensorType::new(DType::F32, [1, 10])), wide);
    if cc::have("cc") {
        // Made-up samples lie inside of ranges.
        let said = ok(tinyc(["verify", &model, "--input-range", "image=2:3"]));
        assert_eq!(said.stderr, "");
    }
}

/// The objects of stderr, one a line.
fn objects(run: &Run) -> Vec<Value> {
    run.stderr.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

#[test]
fn json_has_an_object_a_line() {
    let folder = Folder::new();
    let model = folder.path().join("m.onnx").display().to_string();
    let text = "<ir_version: 8, opset_import: [\"\" : 17]>
        g (float[1,4] x, float[1] unread) => (float[1,2] y)
        <float[3,2] w = {1, 2, 3, 4, 5, 6}> { [fc] h = MatMul(x, w) [odd] z = Nope(x) [act] y = Relu(h) }";
    fs::write(&model, onnx_text::parse(text).unwrap().to_bytes()).unwrap();
    let run = tinyc([&model, "--diagnostic-format", "json"]);
    assert_eq!(run.status, 1);
    let all = objects(&run);
    let by_code = |code: &str| all.iter().find(|o| o["code"] == code).unwrap_or_else(|| panic!("{}", run.stderr));
    let shapes = by_code("E0203");
    assert_eq!((&shapes["node"], &shapes["op_type"], &shapes["opset"]), (&"fc".into(), &"MatMul".into(), &17.into()));
    assert_eq!((&shapes["severity"], &shapes["file"]), (&"error".into(), &model.as_str().into()));
    assert!(shapes["message"].as_str().unwrap().contains("matmul") && shapes["notes"].is_array());
    assert_eq!(by_code("E0103")["node"], "odd");
    assert_eq!(all.len(), 2, "{}", run.stderr);

    let [digits, _] = digits();
    let out = folder.path().join("d.c").display().to_string();
    let fine = ok(tinyc([&digits, "-o", &out, "-v", "--time-passes", "--print-ir-after", "--diagnostic-format=json"]));
    let notes = objects(&fine);
    assert!(notes.len() > 5 && notes.iter().all(|o| o["severity"] == "note" && o["code"].is_null()));
    for wrong in [&["--nonsense"][..], &[&digits, "--max-ram", "x"], &[]] {
        let run = tinyc(wrong.iter().copied().chain(["--diagnostic-format=json"]));
        assert_eq!((run.status, objects(&run)[0]["code"].clone()), (2, "E0501".into()), "{}", run.stderr);
    }
    assert_eq!(tinyc([&digits, "--diagnostic-format", "xml"]).status, 2);
}

#[test]
fn stages_are_timed_on_request() {
    let folder = Folder::new();
    let [digits, io] = digits();
    let out = folder.path().join("d.c").display().to_string();
    let run = ok(tinyc([&digits, "-o", &out, "--selftest", "--time-passes"]));
    let stages = ["import", "fold-constants", "select", "plan", "validate", "evaluate", "print", "write", "total"];
    let found: Vec<_> = run.stderr.lines().filter_map(|l| l.split_whitespace().next()).collect();
    let places: Vec<_> = stages.iter().map(|s| found.iter().position(|f| f == s)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", run.stderr);
    // Also when the command fails later on; and not when it should be quiet.
    let failed = tinyc(["verify", &digits, "--data", &io, "--cc=no-such-compiler", "--time-passes"]);
    assert_eq!(failed.status, 2);
    let over = tinyc([&digits, "-o", &out, "--max-ram", "1", "--time-passes"]);
    assert!(over.status == 3 && over.stderr.contains("validate"), "{}", over.stderr);
    assert_eq!(ok(tinyc([&digits, "-o", &out, "--time-passes", "--quiet"])).stderr, "");
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ok(tinyc(["completions", shell])).stdout;
        assert!(script.contains("verify") && script.contains("max-ram"), "{shell}");
        let folder = Folder::new();
        if shell == "bash" && cc::have("bash") {
            cc::run(Command::new("bash").arg("-n").arg(folder.write("tinyc.bash", &script))).unwrap();
        }
    }
    assert_eq!(tinyc(["completions", "cmd"]).status, 2);
    let main = ok(tinyc(["man"])).stdout;
    assert!(main.contains(".TH tinyc 1") && main.contains("tinyc\\-verify"), "{main}");
    let verify = ok(tinyc(["man", "verify"])).stdout;
    assert!(verify.contains(".TH tinyc-verify 1") && verify.contains("per\\-layer"), "{verify}");
    let wrong = tinyc(["man", "dance"]);
    assert!(wrong.status == 2 && wrong.stderr.contains("E0501"), "{}", wrong.stderr);
}

/// Without a compiler for the target, an allowance stands for the code, and a warning says so.
#[test]
fn flash_without_a_compiler() {
    let folder = Folder::new();
    let [digits, _] = digits();
    let run = |max: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinyc-under-test"));
        command.env("PATH", folder.path()).current_dir(folder.path());
        command.args([&digits, "-o", "d.c", "--target", "cortex-m4", "--max-flash", max]).output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The weights alone are larger; then the allowance does not fit; then all fits.
    for (max, why) in [("15K", "the weights alone are too large"), ("17K", "code is measured instead")] {
        let output = run(max);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("E0701") && stderr.contains("an allowance of") && stderr.contains(why), "{stderr}");
        assert!(!folder.path().join("d.c").exists());
    }
    let output = run("1M");
    assert_eq!(output.status.code(), Some(0));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("warning[W0004]") && stderr.contains("arm-none-eabi-gcc cannot be run"), "{stderr}");
}
