//! Quantization after training, through the command: what it keeps of a network, what the C offers to whoever
//! calls it, and what is wrong with samples.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc::npz::{self, Npz};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::{Run, tinyc};
use tinyc_testsuite::onnx_text;

fn digits(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/digits").join(file).display().to_string()
}

#[track_caller]
fn ok(run: Run) -> Run {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run
}

fn path(folder: &Folder, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// The digits of the held-out split that a network gets right, with these arguments.
fn right(folder: &Folder, args: &[&str], logits: DType) -> usize {
    let (model, eval, out) = (digits("digits.onnx"), digits("eval.npz"), path(folder, "out.npz"));
    ok(tinyc([&["run", &model, "--input", &eval, "-o", &out][..], args].concat()));
    let results = Npz::read(out.as_ref()).unwrap();
    let results = results.samples("output", "logits", &TensorType::new(logits, [1, 10])).unwrap().unwrap();
    let labels = Npz::read(eval.as_ref()).unwrap().get("labels").unwrap().to_i64s().unwrap();
    let best = |t: &Tensor| {
        let v = t.to_f64s();
        (0..v.len()).rev().max_by(|&a, &b| v[a].total_cmp(&v[b])).unwrap() as i64
    };
    results.iter().zip(&labels).filter(|(t, label)| best(t) == **label).count()
}

/// 360 digits: two are less than 0.6 %.
#[test]
fn digits_are_as_right_as_in_floats() {
    let folder = Folder::new();
    let calib = digits("calib.npz");
    let float = right(&folder, &[], DType::F32);
    for observer in ["minmax", "percentile", "mse", "entropy"] {
        let args = ["--quantize", "int8", "--calib", &calib, "--calib-observer", observer];
        let integers = right(&folder, &args, DType::I8);
        assert!(integers + 2 >= float, "{observer}: {integers}, in floats {float}");
        let floats = right(&folder, &[&args[..], &["--io-type", "float"]].concat(), DType::F32);
        assert!(floats.abs_diff(integers) <= 2, "{observer}: {floats} with floats outside, {integers} without");
    }
}

#[test]
fn the_same_bytes_with_any_number_of_threads() {
    let folder = Folder::new();
    let emit = |threads: &str| {
        let out = path(&folder, &format!("{threads}.graph"));
        let run = Command::new(env!("CARGO_BIN_EXE_tinyc-under-test"))
            .args([&digits("digits.onnx"), "-o", &out, "--emit", "graph", "--name", "digits", "--quantize", "int8"])
            .args(["--calib", &digits("calib.npz"), "--calib-observer", "mse"])
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        fs::read_to_string(out).unwrap()
    };
    let one = emit("1");
    assert!(one.contains("quantize") && one.contains("i8["), "{one}");
    assert_eq!(one, emit("5"));
}

/// The text of a graph after all passes.
fn graph(args: &[&str]) -> (String, String) {
    let folder = Folder::new();
    let out = path(&folder, "digits.graph");
    let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let all = [&[&model, "-o", &out, "--emit", "graph", "--quantize", "int8", "--calib", &calib][..], args].concat();
    let run = ok(tinyc(all));
    (fs::read_to_string(out).unwrap(), run.stderr)
}

#[test]
fn inputs_and_outputs_are_of_the_type_that_was_asked_for() {
    let port = |text: &str, of: &str| text.lines().any(|l| l.contains("= input : ") && l.contains(of));
    let (integers, _) = graph(&[]);
    assert!(port(&integers, "i8[1,1,8,8]"), "{integers}");
    let (floats, _) = graph(&["--io-type", "float"]);
    assert!(port(&floats, "f32[1,1,8,8]"), "{floats}");
}

#[test]
fn nodes_stay_in_floats_where_that_is_asked_for() {
    let (all, _) = graph(&["--io-type", "float"]);
    let node =
        all.lines().find(|l| l.contains("gemm") || l.contains("matmul")).and_then(|l| l.split('"').nth(1)).unwrap();
    let (kept, stderr) = graph(&["--io-type", "float", "--keep-float", node]);
    assert!(stderr.contains("[W0009]") && stderr.contains(node), "{stderr}");
    assert_ne!(all, kept);
    let wrong = tinyc(["m.onnx", "--quantize", "int8"]);
    assert!(wrong.status == 2 && wrong.stderr.contains("--calib"), "{}", wrong.stderr);
}

/// The header's functions compute what the operators do, to the bit.
#[test]
fn the_header_has_scales_and_what_maps_by_them() {
    let folder = Folder::new();
    let source = path(&folder, "digits.c");
    let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
    ok(tinyc([&model, "-o", &source, "--quantize", "int8", "--calib", &calib]));
    let header = fs::read_to_string(path(&folder, "digits.h")).unwrap();
    let number = |name: &str| {
        let line = header.lines().find(|l| l.starts_with(&format!("#define {name} "))).unwrap();
        let text = line.split(' ').nth(2).unwrap().trim_matches(['(', ')', 'f']);
        text.parse::<f64>().unwrap()
    };
    assert!(header.contains("stands for DIGITS_OUT0_SCALE * (q - DIGITS_OUT0_ZERO_POINT)"), "{header}");
    // Pixels lie in 0..1.
    assert_eq!((number("DIGITS_IN0_SCALE") as f32, number("DIGITS_IN0_ZERO_POINT")), (1.0 / 255.0, -128.0));
    let (scale, zero) = (number("DIGITS_OUT0_SCALE") as f32, number("DIGITS_OUT0_ZERO_POINT") as f32);
    let main = "#include \"digits.h\"\n#include <stdio.h>\nint main(void) {\n\
        for (int i = -300; i <= 600; ++i) printf(\"%d\\n\", digits_in0_quantize((float)i / 510.0f));\n\
        for (int i = -128; i <= 127; ++i) printf(\"%.9g\\n\", (double)digits_out0_dequantize((int8_t)i));\n\
        return digits_in0_quantize((float)(0.0 / 0.0)) == -128 ? 0 : 1;\n}\n";
    let main = folder.write("main.c", main);
    for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
        let program = folder.path().join(compiler);
        let mut command = Command::new(compiler);
        command.args(cc::WARNINGS).args(["-O2", "-I"]).arg(folder.path()).arg(&main);
        let made = command.arg(&source).arg("-o").arg(&program).output().unwrap();
        assert!(made.status.success(), "{compiler}: {}", String::from_utf8_lossy(&made.stderr));
        let run = Command::new(&program).output().unwrap();
        assert!(run.status.success(), "{compiler}: NaN");
        let got: Vec<f32> = String::from_utf8_lossy(&run.stdout).lines().map(|l| l.parse().unwrap()).collect();
        let reals: Vec<f32> = (-300..=600).map(|i| i as f32 / 510.0).collect();
        let integers = reals.iter().map(|x| ((x / (1.0 / 255.0)).round_ties_even() - 128.0).clamp(-128.0, 127.0));
        assert!(integers.eq(got[..901].iter().copied()), "{compiler}");
        let want: Vec<f32> = (-128..=127).map(|q| (q as f32 - zero) * scale).collect();
        assert_eq!(want, got[901..], "{compiler}");
    }
}

/// A network `y = relu(x w)` of two numbers, and a file of samples for it.
struct Small {
    folder: Folder,
}

impl Small {
    fn new() -> Small {
        let text = "<ir_version: 8, opset_import: [\"\" : 17]>\n\
            g (float[1,2] x) => (float[1,2] y) <float[2,2] w = {1, -2, 3, 4}> { z = MatMul(x, w) y = Relu(z) }";
        let folder = Folder::new();
        fs::write(folder.path().join("m.onnx"), onnx_text::parse(text).unwrap().to_bytes()).unwrap();
        Small { folder }
    }

    fn with(&self, arrays: &[(&str, Vec<Tensor>)]) -> Run {
        let arrays = arrays.iter().map(|(name, samples)| ((*name).to_owned(), samples.iter().collect()));
        fs::write(self.folder.path().join("c.npz"), npz::bytes(arrays).unwrap()).unwrap();
        let before = self.files();
        let (model, calib, out) =
            (path(&self.folder, "m.onnx"), path(&self.folder, "c.npz"), path(&self.folder, "m.c"));
        let run = tinyc([&model, "-o", &out, "--quantize", "int8", "--calib", &calib]);
        assert!(run.status == 0 || self.files() == before, "an error leaves no file behind");
        run
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn row(values: [f32; 2]) -> Tensor {
    Tensor::of([1, 2], values.to_vec())
}

#[test]
fn wrong_samples_are_told() {
    let small = Small::new();
    for (arrays, code, says) in [
        (
            vec![("x", vec![row([1.0, f32::NAN]), row([0.0, 1.0]), row([f32::INFINITY, 0.0])])],
            "E0507",
            "2 of 3 samples",
        ),
        (vec![("z", vec![row([1.0, 2.0])])], "E0504", "no array for input \"x\""),
        (vec![("x", vec![Tensor::of([3], vec![1.0f32, 2.0, 3.0])])], "E0504", "samples are f32[1,2]"),
        (vec![("x", vec![Tensor::of([1, 2], vec![1.0f64, 2.0])])], "E0504", "samples are f32[1,2]"),
        (vec![("x", vec![row([3e38, 3e38])])], "E0507", "overflows"),
        (vec![], "E0504", "it holds none"),
    ] {
        let run = small.with(&arrays);
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert!(run.stderr.contains(code) && run.stderr.contains(says), "{code}, {says}: {}", run.stderr);
    }
}

#[test]
fn values_that_are_always_zero_are_told() {
    let small = Small::new();
    let run = ok(small.with(&[("x", vec![row([0.0, 0.0]), row([0.0, 0.0])])]));
    assert!(run.stderr.contains("[W0008]") && run.stderr.contains("input \"x\""), "{}", run.stderr);
    let run = ok(small.with(&[("x", vec![row([3.0, 3.0])])]));
    assert!(!run.stderr.contains("[W0008]"), "a constant that is not zero has a range: {}", run.stderr);
    // Images are stored as integers.
    ok(small.with(&[("x", vec![Tensor::of([1, 2], vec![0u8, 255])])]));
}

#[test]
fn what_cannot_be_quantized_is_told() {
    let small = Small::new();
    ok(small.with(&[("x", vec![row([1.0, -1.0])])]));
    let (model, calib, onnx) =
        (path(&small.folder, "m.onnx"), path(&small.folder, "c.npz"), path(&small.folder, "q.onnx"));
    let run = tinyc([&model, "-o", &path(&small.folder, "n.c"), "--io-type", "int8"]);
    assert!(run.status == 2 && run.stderr.contains("has a scale"), "{}", run.stderr);
    let run = tinyc([
        &model,
        "-o",
        &path(&small.folder, "n.c"),
        "--quantize",
        "int8",
        "--calib",
        &calib,
        "--keep-float",
        "nope",
    ]);
    assert!(run.status == 2 && run.stderr.contains("nope"), "{}", run.stderr);
    // A network in QDQ form has its own scales, and can have integers outside too.
    ok(tinyc([&model, "-o", &onnx, "--quantize", "int8", "--calib", &calib, "--io-type", "float", "--effort", "0"]));
    let run = tinyc([&onnx, "-o", &path(&small.folder, "n.c"), "--quantize", "int8", "--calib", &calib]);
    assert!(run.status == 2 && run.stderr.contains("quantized already"), "{}", run.stderr);
    let graph = path(&small.folder, "n.graph");
    ok(tinyc([&onnx, "-o", &graph, "--emit", "graph", "--io-type", "int8"]));
    let text = fs::read_to_string(graph).unwrap();
    assert!(text.lines().any(|l| l.contains("= input : i8[1,2]")), "{text}");
}

/// Longer than one window of the optimizer.
#[test]
fn no_layer_of_a_long_network_stays_in_floats() {
    let mut text =
        "graph @long {\n  %x0 = input : i8[1,4,6,6]\n  %s = const [0.02] : f32[]\n  %z = const [3] : i8[]\n  \
                    %t = const [0.01] : f32[]\n"
            .to_owned();
    for i in 0..60 {
        text += &format!("  %w{i} = const random({i}) : i8[4,4,1,1]\n  %v{i} = dequantize %w{i}, %t\n");
    }
    for i in 0..60 {
        text += &format!(
            "  %d{i} = dequantize %x{i}, %s, %z\n  %c{i} = conv %d{i}, %v{i} {{strides: [1,1], pads: [0,0,0,0], dilations: \
             [1,1], group: 1}}\n  %r{i} = relu %c{i}\n  %x{} = quantize %r{i}, %s, %z {{to: i8}}\n",
            i + 1
        );
    }
    text += "  output %x60\n}\n";
    let mut graph = tinyc_core::text::parse(&text, &[]).unwrap();
    let target = tinyc_codegen::targets::Target::find("cortex-m4").unwrap();
    let cost = tinyc_codegen::cost::CodegenCost::new(target, tinyc_codegen::Io::Caller);
    tinyc_rewrite::run(&mut graph, &tinyc_rewrite::Options::new(&cost)).unwrap();
    let floats = |id: &tinyc_core::graph::NodeId| graph.node(*id).ty.parts().iter().any(|t| t.dtype.is_float());
    assert_eq!(graph.ids().filter(floats).count(), 0, "{}", tinyc_core::text::print(&graph).text);
}
