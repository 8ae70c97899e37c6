//! The ONNX project's backend tests through importer and evaluator.
//!
//! `TINYC_ONNX_SUITE` names the folder that holds them, at any depth one folder a case:
//! `CASE/{model.onnx, tol.json, test_data_set_0/{input,output}_I.pb}`. What tinyc does not support it
//! has to refuse; what it evaluates has to be right.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::onnx::{ImportOptions, import, read_tensor};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

enum Outcome {
    Passed,
    /// Codes of what is not supported.
    Refused(String),
    Wrong(String),
}

/// What the suite itself allows; `tol.json` of a case may say otherwise.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;

/// Names of cases that are shown for each code.
const SHOWN: usize = 8;

fn tolerance(case: &Path, name: &str, default: f64) -> f64 {
    let text = fs::read_to_string(case.join("tol.json")).unwrap_or_default();
    let value = text.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest.split([',', '}']).next().unwrap());
    value.map_or(default, |v| v.trim().parse().unwrap())
}

fn tensors(case: &Path, kind: &str) -> Option<Vec<Tensor>> {
    let path = |i: usize| case.join(format!("test_data_set_0/{kind}_{i}.pb"));
    let files = (0..).map(path).take_while(|p| p.exists());
    files.map(|p| read_tensor(&fs::read(p).unwrap()).ok()).collect()
}

/// Two units in the last place of narrow floats. The suite computes in them too, so its numbers are no
/// nearer to the exact ones than tinyc's: element 12 of test_attention_4d_causal_fp16 is 0.46919 in f64,
/// the suite has 0.46948, tinyc 0.46899.
fn last_places(dtype: DType) -> f64 {
    match dtype {
        DType::BF16 => 2.0 / 128.0,
        DType::F16 => 2.0 / 1024.0,
        _ => 0.0,
    }
}

fn differs(have: &Tensor, want: &Tensor, relative: f64, absolute: f64) -> Option<String> {
    if have.ty() != want.ty() {
        return Some(format!("{} instead of {}", have.ty(), want.ty()));
    }
    let relative = relative.max(last_places(want.dtype()));
    let close = |h: f64, w: f64| h == w || h.is_nan() && w.is_nan() || (h - w).abs() <= absolute + relative * w.abs();
    let (have, want) = (have.to_f64s(), want.to_f64s());
    let worst = have.iter().zip(&want).position(|(&h, &w)| !close(h, w))?;
    Some(format!("element {worst} is {} instead of {}", have[worst], want[worst]))
}

fn run(case: &Path) -> Outcome {
    let options =
        ImportOptions { name: "case".into(), dims: BTreeMap::new(), external: &|file| fs::read(case.join(file)) };
    let graph = match import(&fs::read(case.join("model.onnx")).unwrap(), &options) {
        Ok(imported) => imported.graph,
        Err(report) => {
            return Outcome::Refused(report.diagnostics.first().map_or("", |d| d.code.id).to_owned());
        }
    };
    let (Some(inputs), Some(want)) = (tensors(case, "input"), tensors(case, "output")) else {
        return Outcome::Refused("data".into());
    };
    let have = match Evaluator.compile(&graph).and_then(|r| r.run(&inputs)) {
        Ok(have) => have,
        Err(report) => return Outcome::Wrong(report.to_string()),
    };
    let (relative, absolute) = (tolerance(case, "rtol", RELATIVE), tolerance(case, "atol", ABSOLUTE));
    if have.len() != want.len() {
        return Outcome::Wrong(format!("{} outputs instead of {}", have.len(), want.len()));
    }
    match have.iter().zip(&want).find_map(|(h, w)| differs(h, w, relative, absolute)) {
        Some(difference) => Outcome::Wrong(difference),
        None => Outcome::Passed,
    }
}

/// Folders of cases below a folder.
fn cases(path: &Path) -> Vec<PathBuf> {
    if path.join("model.onnx").exists() {
        return vec![path.to_owned()];
    }
    let mut folders: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders.iter().flat_map(|f| cases(f)).collect()
}

#[test]
fn what_is_evaluated_is_right() {
    let Some(suite) = std::env::var_os("TINYC_ONNX_SUITE") else {
        eprintln!("skipped: TINYC_ONNX_SUITE names no folder of ONNX backend tests");
        return;
    };
    let (mut passed, mut refused, mut wrong) = (0, BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for case in cases(Path::new(&suite)) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        match run(&case) {
            Outcome::Passed => passed += 1,
            Outcome::Refused(code) => refused.entry(code).or_default().push(name),
            Outcome::Wrong(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    println!("{passed} passed, {} wrong", wrong.len());
    for (code, names) in &refused {
        println!("{} refused with {code}, such as {}", names.len(), names[..names.len().min(SHOWN)].join(" "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 0, "no case passed");
}
