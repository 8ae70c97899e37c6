//! Models and command lines that are wrong: code, message and exit status of each, from case files.
//!
//! `UPDATE_CASES=1` writes what comes out into the files, to be read before it is committed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
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

/// Exit status and stderr of the command on the case's model, run in a folder of its own. A case without
/// `args` compiles to `m.c`; one that fails must leave no file behind.
fn run(case: &Case) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    fs::write(path("model.onnx"), model(case)).unwrap();
    let beside = files(case);
    for (name, bytes) in &beside {
        fs::write(path(name), bytes).unwrap();
    }
    let output = case.setting("output").unwrap_or("m.c");
    let args = case.setting("args").into_iter().flat_map(|a| a.split(' ')).map(str::to_owned);
    let run = tinyc([text("model.onnx"), "-o".into(), text(output)].into_iter().chain(args));
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
