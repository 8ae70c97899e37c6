//! Models and command lines that are wrong: code, message and exit status of each, from case files.
//!
//! Every code of the table has a case, or a reason why not.
//!
//! `UPDATE_CASES=1` writes what comes out into the files, to be read before it is committed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tinyc::npz;
use tinyc_core::diag::{CODES, Code};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};
use tinyc_testsuite::case::{self, Case};
use tinyc_testsuite::command::tinyc;
use tinyc_testsuite::onnx_text;

/// Bytes of the model file.
fn model(case: &Case) -> Vec<u8> {
    let mut bytes = match (case.section("model"), case.section("bytes")) {
        (Some(text), None) => {
            onnx_text::parse(text).unwrap_or_else(|e| panic!("{}: {e}", case.path.display())).to_bytes()
        }
        (None, Some(text)) => text.as_bytes().to_vec(),
        _ => panic!("{}: needs a section model or bytes", case.path.display()),
    };
    if let Some(n) = case.setting("truncate") {
        bytes.truncate(n.parse().unwrap());
    }
    bytes
}

/// Files beside the model: `name byte byte ...` in hexadecimal.
fn files(case: &Case) -> BTreeMap<String, Vec<u8>> {
    let file = |text: &str| {
        let mut words = text.split(' ');
        let name = words.next().unwrap().to_owned();
        (name, words.map(|b| u8::from_str_radix(b, 16).unwrap()).collect())
    };
    case.settings("file").map(file).collect()
}

/// Files of samples beside the model: `npz: FILE`, and with `NAME TYPE[EXTENTS] NUMBER NUMBER ...` an array in it.
fn samples(case: &Case) -> BTreeMap<String, Vec<u8>> {
    let mut arrays: BTreeMap<String, Vec<(String, Tensor)>> = BTreeMap::new();
    for text in case.settings("npz") {
        let words: Vec<&str> = text.split(' ').collect();
        let file = arrays.entry(words[0].to_owned()).or_default();
        if let [name, ty, numbers @ ..] = &words[1..] {
            let (dtype, extents) = ty.trim_end_matches(']').split_once('[').unwrap();
            let extents: Vec<usize> = extents.split(',').map(|d| d.parse().unwrap()).collect();
            let numbers: Vec<f64> = numbers.iter().map(|n| n.parse().unwrap()).collect();
            let array = Tensor::of(extents, numbers).cast(DType::from_name(dtype).unwrap());
            file.push(((*name).to_owned(), array));
        }
    }
    let bytes = |arrays: &[(String, Tensor)]| {
        let arrays: Vec<(String, Vec<Tensor>)> = arrays.iter().map(|(name, a)| (name.clone(), rows(a))).collect();
        npz::bytes(arrays.iter().map(|(name, rows)| (name.clone(), rows.iter().collect()))).unwrap()
    };
    arrays.iter().map(|(name, arrays)| (name.clone(), bytes(arrays))).collect()
}

/// The parts of an array along its first axis.
fn rows(array: &Tensor) -> Vec<Tensor> {
    let (n, shape) = (array.data().len() / array.shape()[0], Shape::new(&array.shape()[1..]));
    let row = |r: usize| Tensor::new(shape.clone(), array.data().gather(r * n..(r + 1) * n)).unwrap();
    (0..array.shape()[0]).map(row).collect()
}

/// Codes without a case, with the reason and the test that shows them: file, and name where the file
/// holds other tests as well.
const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    ("E0301", "no model breaks an invariant unless tinyc has a defect", "graphs.rs", ""),
    ("E0302", "the command reads no graphs in text form", "graphs.rs", ""),
    ("E0402", "no plan is wrong unless tinyc has a defect", "../../codegen/src/validate/tests.rs", ""),
    ("E0404", "no model of a file has nodes that are none of ONNX", "../../compiler/core/src/onnx/export_tests.rs", ""),
    ("E0601", "needs a C compiler", "cli.rs", "verify_compares_with_evaluation_and_data"),
    ("W0007", "needs samples", "commands.rs", "ranges_of_inputs_are_stated_and_checked"),
    ("W0004", "only where the compiler of a target is missing", "commands.rs", "flash_without_a_compiler"),
    ("E9001", "nothing is an internal error unless tinyc has a defect", "mutations/main.rs", ""),
];

/// Exit status and stderr of the command on the case's model, run in a folder of its own. The command is
/// `DIR/model.onnx -o DIR/m.c` with the case's `args`, or the case's `command` with its folder for `DIR`;
/// one that fails must leave no file behind.
fn run(case: &Case) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("model.onnx"), model(case)).unwrap();
    let mut beside = files(case);
    beside.extend(samples(case));
    for (name, bytes) in &beside {
        fs::write(path(name), bytes).unwrap();
    }
    let output = case.setting("output").unwrap_or("m.c");
    let args = case.setting("args").map_or(String::new(), |a| format!(" {a}"));
    let compile = format!("DIR/model.onnx -o DIR/{output}{args}");
    let command = case.setting("command").unwrap_or(&compile);
    let run = tinyc(command.split(' ').map(|a| a.replace("DIR", &folder.path().display().to_string())));
    let count = fs::read_dir(folder.path()).unwrap().count();
    let made = if run.status == 0 { 2 } else { 0 };
    assert_eq!(count, 1 + beside.len() + made, "{}: files in the folder", case.path.display());
    (run.status, run.stderr.replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn every_case_gives_its_message_and_status() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    for case in case::all("errors").unwrap() {
        let case = case.unwrap();
        let (status, stderr) = run(&case);
        if update {
            fs::write(&case.path, case.with_section("stderr", &stderr)).unwrap();
        }
        let exit: u8 = case.setting("exit").unwrap().parse().unwrap();
        if exit != status || !update && case.section("stderr") != Some(stderr.as_str()) {
            wrong.push(format!("{}: exit {status} with\n{stderr}", case.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_has_a_case_or_a_reason() {
    let cases: Vec<_> = case::all("errors").unwrap().into_iter().map(Result::unwrap).collect();
    let shown = |id: &str| cases.iter().any(|c| c.section("stderr").is_some_and(|s| s.contains(&format!("[{id}]"))));
    let mut wrong = Vec::new();
    for code in CODES {
        match (shown(code.id), ELSEWHERE.iter().find(|e| e.0 == code.id)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => wrong.push(format!("{code}: has a case and a reason why not")),
            (false, None) => wrong.push(format!("{code}: has no case in testsuite/cases/errors")),
        }
    }
    for (id, _, file, test) in ELSEWHERE {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)).unwrap();
        if Code::find(id).is_none() || !text.contains(&format!("fn {test}")) {
            wrong.push(format!("{id}: there is no such code, or no test {test} in {file}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
