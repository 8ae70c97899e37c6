//! `tinyc verify` on a quantized network: how right it is beside the network of floats.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use tinyc::npz;
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::{Run, tinyc};
use tinyc_testsuite::onnx_text;

fn digits(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/digits").join(file).display().to_string()
}

fn path(folder: &Folder, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[track_caller]
fn ok(run: Run) -> Run {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn integers_are_compared_with_floats() {
    if !cc::have("cc") {
        return;
    }
    let folder = Folder::new();
    let (model, calib, eval) = (digits("digits.onnx"), digits("calib.npz"), digits("eval.npz"));
    let verify = |model: &str, more: &[&str]| {
        let args = [&["verify", model, "--data", &eval, "--samples", "120", "--per-layer"][..], more].concat();
        ok(tinyc(args)).stdout
    };
    let quantize = ["--quantize", "int8", "--calib", &calib];
    let told = json(&verify(&model, &[&quantize[..], &["--json"]].concat()));
    let accuracy = &told["accuracy"];
    assert_eq!((&told["compiled_is_within_tolerance"], &accuracy["samples"]), (&Value::Bool(true), &120.into()));
    let names: Vec<_> = accuracy["networks"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["float", "this"]);
    let top1 = |i: usize| accuracy["networks"][i]["top1"].as_f64().unwrap();
    assert!(top1(0) > 90.0 && (top1(0) - top1(1)).abs() < 2.0, "{accuracy}");
    let against = &accuracy["against"][0];
    assert!(against["agrees"].as_f64().unwrap() > 97.0 && against["sqnr_db"].as_f64().unwrap() > 20.0, "{against}");
    assert!(against["p"].as_f64().unwrap() > 0.05, "{against}");
    let layers = accuracy["layers"].as_array().unwrap();
    assert!(layers.len() >= 6 && layers.iter().all(|l| l["sqnr_db"].as_f64().is_none_or(|db| db > 15.0)), "{layers:?}");
    let integers = layers.iter().filter(|l| l["integers"] == true).count();
    assert!(integers * 2 > layers.len(), "most are measured on integers as they run: {layers:?}");

    // The same network as a file: its pairs taken away, it is that of floats but for weights.
    let qdq = path(&folder, "qdq.onnx");
    ok(tinyc([&[&model, "-o", &qdq, "--io-type", "float", "--effort", "0"][..], &quantize].concat()));
    let text = verify(&qdq, &["--reference", &model, "--io-type", "int8"]);
    for has in ["top-1", "McNemar", "SQNR", "worst: ", "float", "digits.onnx", "this"] {
        assert!(text.contains(has), "{has}: {text}");
    }
}

/// In QDQ form a ReLU may be left out, where no integer stands for less than 0.
#[test]
fn what_a_pair_limits_stays_limited_in_floats() {
    if !cc::have("cc") {
        return;
    }
    let text = "<ir_version: 8, opset_import: [\"\" : 17]>\n\
        g (float[1,2] x) => (float[1,2] y) <float s = {0.03125}, int8 z = {0}, int8 low = {-128}, int8[2,2] w = {16, -32, 48, 64}> {\n\
        q = QuantizeLinear(x, s, z) a = DequantizeLinear(q, s, z) v = DequantizeLinear(w, s, z) p = MatMul(a, v)\n\
        r = QuantizeLinear(p, s, low) y = DequantizeLinear(r, s, low) }";
    let folder = Folder::new();
    let (model, data) = (path(&folder, "m.onnx"), path(&folder, "x.npz"));
    fs::write(&model, onnx_text::parse(text).unwrap().to_bytes()).unwrap();
    let rows: Vec<Tensor> =
        [[1.0f32, -1.5], [-0.7, 0.3], [0.9, 1.1], [-2.0, -0.1]].map(|r| Tensor::of([1, 2], r.to_vec())).into();
    fs::write(&data, npz::bytes([("x".to_owned(), rows.iter().collect())].into_iter()).unwrap()).unwrap();
    let told = json(&ok(tinyc(["verify", &model, "--data", &data, "--per-layer", "--json"])).stdout);
    let against = &told["accuracy"]["against"][0];
    assert!(against["largest_difference"].as_f64().unwrap() < 0.06, "{against}");
    let layers = told["accuracy"]["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2, "{layers:?}");
}

#[test]
fn labels_that_do_not_fit_are_told() {
    if !cc::have("cc") {
        return;
    }
    let folder = Folder::new();
    let data = path(&folder, "bad.npz");
    let images: Vec<Tensor> = (0..3).map(|_| Tensor::of([1, 1, 8, 8], vec![0.5f32; 64])).collect();
    let label = |v: f32| Tensor::of([1], vec![v]);
    let (floats, few) = (vec![label(1.0), label(2.0), label(3.0)], vec![Tensor::of([1], vec![1i32])]);
    for (labels, says) in [(&floats, "must be integers"), (&few, "1 labels for 3 samples")] {
        let arrays = [("image".to_owned(), images.iter().collect()), ("labels".to_owned(), labels.iter().collect())];
        fs::write(&data, npz::bytes(arrays.into_iter()).unwrap()).unwrap();
        let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
        let run = tinyc(["verify", &model, "--data", &data, "--quantize", "int8", "--calib", &calib]);
        assert!(run.status == 1 && run.stderr.contains("E0504") && run.stderr.contains(says), "{}", run.stderr);
    }
}
