//! The example holds together: of the held-out digits, the reference evaluation and the example's own
//! C program get as many right as onnxruntime did when its data were written.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc_codegen::c::{self, Options};
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::validate::validate;
use tinyc_codegen::{Io, generate};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc::{self, Folder};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/digits").join(name)
}

/// The numbers between the braces behind `name`.
fn array(header: &str, name: &str) -> Vec<u8> {
    let from = header.find(name).unwrap_or_else(|| panic!("{name} is in the header"));
    let braces = header[from..].split_once('{').unwrap().1.split_once('}').unwrap().0;
    braces.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
}

fn number(header: &str, name: &str) -> usize {
    let line = header.lines().find_map(|l| l.strip_prefix(&format!("#define {name} ")));
    line.unwrap_or_else(|| panic!("{name} is in the header")).parse().unwrap()
}

fn network() -> Graph {
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: "digits".to_owned(), dims: BTreeMap::new(), external: &none };
    let model = fs::read(file("digits.onnx")).unwrap();
    import(&model, &options).unwrap_or_else(|e| panic!("{e}")).graph
}

#[test]
fn as_many_digits_are_right_as_in_onnxruntime() {
    let header = fs::read_to_string(file("digits_eval.h")).unwrap();
    let (labels, pixels) = (array(&header, "digits_eval_labels["), array(&header, "digits_eval_pixels["));
    assert_eq!(labels.len(), number(&header, "DIGITS_EVAL_COUNT"));
    assert_eq!(pixels.len(), labels.len() * 64);

    let graph = network();
    let runner = Evaluator.compile(&graph).unwrap();
    let right = pixels.chunks(64).zip(&labels).filter(|(pixels, label)| {
        let image = pixels.iter().map(|&p| f32::from(p) / 16.0).collect();
        let logits = runner.run(&[Tensor::of([1, 1, 8, 8], image)]).unwrap().remove(0).to_f64s();
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        best == Some(usize::from(**label))
    });
    assert_eq!(right.count(), number(&header, "DIGITS_EVAL_CORRECT"));
}

/// `main.c` fails by itself when a digit more is wrong than in onnxruntime.
#[test]
fn the_program_runs_without_a_warning() {
    let graph = network();
    let target = Target::find("generic").unwrap();
    let made = generate(&graph, target, Io::Caller, Schedules::Fast).unwrap_or_else(|e| panic!("{e}"));
    let program = made.program;
    validate(&program).unwrap_or_else(|e| panic!("{e}"));
    let options = Options {
        target,
        io: Io::Caller,
        hook: false,
        selftest: None,
        header_name: "digits.h".to_owned(),
        weights: c::Weights::Arrays,
        model_hash: String::new(),
        input_ranges: Default::default(),
        scales: Default::default(),
        share: false,
    };
    let emitted = c::print(&program, &options);
    let folder = Folder::new();
    folder.write("digits.h", &emitted.header);
    let source = folder.write("digits.c", &emitted.source);
    for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
        let binary = folder.path().join(compiler);
        let mut command = Command::new(compiler);
        command.args(cc::WARNINGS).arg("-O2").arg("-I").arg(folder.path()).arg("-I").arg(file("."));
        let made = command.arg(file("main.c")).arg(&source).arg("-o").arg(&binary).output().unwrap();
        assert!(made.status.success(), "{compiler}: {}", String::from_utf8_lossy(&made.stderr));
        let run = Command::new(&binary).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{compiler}: {stdout}{stderr}");
        assert!(stdout.contains("accuracy") && stdout.contains("arena"), "{stdout}");
    }
}
