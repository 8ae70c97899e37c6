//! `tinyc verify` on a quantized network: how right it is beside the network of floats.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use tinyc::npz;
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::{Run, tinyc};

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

    // The same network as a file: its pairs taken away, it is that of floats but for weights.
    let qdq = path(&folder, "qdq.onnx");
    ok(tinyc([&[&model, "-o", &qdq, "--io-type", "float", "--effort", "0"][..], &quantize].concat()));
    let text = verify(&qdq, &["--reference", &model, "--io-type", "int8"]);
    for has in ["top-1", "McNemar", "SQNR", "worst: ", "float", "digits.onnx", "this"] {
        assert!(text.contains(has), "{has}: {text}");
    }
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
