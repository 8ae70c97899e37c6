//! The example holds together: of the held-out digits, the reference evaluation and the example's own
//! C program get as many right as onnxruntime did when its data were written.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::tinyc;

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
    let value = line.unwrap_or_else(|| panic!("{name} is in the header")).split(' ').next().unwrap();
    value.trim_end_matches('u').parse().unwrap()
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

/// `main.c` fails by itself when a digit more is wrong than in onnxruntime; in integers two may be.
#[test]
fn the_program_runs_without_a_warning() {
    let (model, calib) = (file("digits.onnx").display().to_string(), file("calib.npz").display().to_string());
    let folder = Folder::new();
    let source = folder.path().join("digits.c").display().to_string();
    let mut arena = Vec::new();
    for quantize in [&[][..], &["--quantize", "int8", "--calib", &calib]] {
        let command = [&[&model, "-o", &source, "--name", "digits"][..], quantize].concat();
        let run = tinyc(command);
        assert_eq!(run.status, 0, "{}", run.stderr);
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
        arena.push(number(&fs::read_to_string(folder.path().join("digits.h")).unwrap(), "DIGITS_ARENA_BYTES"));
    }
    assert!(arena[1] * 3 < arena[0], "integers take less than a third of the arena: {arena:?}");
}
