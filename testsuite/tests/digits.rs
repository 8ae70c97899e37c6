//! The example's network and data files fit together: what the reference evaluation says of the
//! held-out digits is what onnxruntime said when they were written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::tensor::Tensor;

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

#[test]
fn as_many_digits_are_right_as_in_onnxruntime() {
    let header = fs::read_to_string(file("digits_eval.h")).unwrap();
    let (labels, pixels) = (array(&header, "digits_eval_labels["), array(&header, "digits_eval_pixels["));
    assert_eq!(labels.len(), number(&header, "DIGITS_EVAL_COUNT"));
    assert_eq!(pixels.len(), labels.len() * 64);

    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: "digits".to_owned(), dims: BTreeMap::new(), external: &none };
    let model = fs::read(file("digits.onnx")).unwrap();
    let graph = import(&model, &options).unwrap_or_else(|e| panic!("{e}")).graph;
    let runner = Evaluator.compile(&graph).unwrap();
    let right = pixels.chunks(64).zip(&labels).filter(|(pixels, label)| {
        let image = pixels.iter().map(|&p| f32::from(p) / 16.0).collect();
        let logits = runner.run(&[Tensor::of([1, 1, 8, 8], image)]).unwrap().remove(0).to_f64s();
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        best == Some(usize::from(**label))
    });
    assert_eq!(right.count(), number(&header, "DIGITS_EVAL_CORRECT"));
}
