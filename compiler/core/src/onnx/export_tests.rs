//! Derived from the operators' examples: written as ONNX and read again, each computes the same.

use super::export::encode;
use super::proto::ModelProto;
use super::{EXPORT_OPSET, ImportOptions, NEWEST_OPSET, OLDEST_OPSET, export, import};
use crate::attrs::Attrs;
use crate::eval::Evaluator;
use crate::exec::Exec;
use crate::graph::{Graph, NodeId};
use crate::op::OpId;
use crate::ops::example::as_graph;
use crate::random::Random;
use crate::tensor::Tensor;
use crate::text;
use crate::types::{DType, TensorType};
use std::collections::BTreeMap;
use std::io;

fn again(graph: &Graph) -> (ModelProto, Graph) {
    let bytes = export(graph).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(bytes, export(graph).unwrap(), "the same graph gives the same bytes");
    let external = |_: &str| Err(io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: graph.name.clone(), dims: BTreeMap::new(), external: &external };
    let read = import(&bytes, &options).unwrap_or_else(|e| panic!("{e}"));
    (ModelProto::from_bytes(&bytes).unwrap(), read.graph)
}

fn run(graph: &Graph, inputs: &[Tensor]) -> Vec<Tensor> {
    Evaluator.compile(graph).and_then(|r| r.run(inputs)).unwrap_or_else(|e| panic!("{e}"))
}

/// Elements in the ranges of the example.
fn inputs(graph: &Graph, ranges: &[Option<(f64, f64)>]) -> Vec<Tensor> {
    let types = graph.inputs().iter().map(|&id| graph.node(id).tensor());
    let of = |(ty, (lo, hi)): (&TensorType, &(f64, f64))| {
        let mut random = Random::new(7);
        let mut next = || {
            if ty.dtype == DType::Bool {
                random.below(2) as f64
            } else {
                lo + (hi - lo) * f64::midpoint(1.0, random.signed().into())
            }
        };
        Tensor::of::<f64>(ty.shape.clone(), (0..ty.elements()).map(|_| next()).collect()).cast(ty.dtype)
    };
    types.zip(ranges.iter().flatten()).map(of).collect()
}

/// Operators that the pinned opset lacks are written as the formula in their file; its steps round where
/// the operator does not. Difference allowed, in units of the result.
const REWRITTEN: &[(OpId, f64)] = &[(OpId::swish, 4.0 * f32::EPSILON as f64)];

#[test]
fn examples_survive_the_way_through_onnx() {
    let mut written = 0;
    for op in OpId::ALL {
        for example in op.op().examples() {
            let (text, ranges) = as_graph(example);
            let graph = text::parse(&text, &[]).unwrap_or_else(|e| panic!("{example}\n{e}"));
            let inputs = inputs(&graph, &ranges);
            let (_, read) = again(&graph);
            let (want, have) = (run(&graph, &inputs), run(&read, &inputs));
            written += 1;
            match REWRITTEN.iter().find(|r| r.0 == *op) {
                None => assert!(want == have, "{example}\n{want:?}\n{have:?}"),
                Some((_, tolerance)) => {
                    for (w, h) in want[0].to_f64s().iter().zip(have[0].to_f64s()) {
                        assert!((w - h).abs() <= tolerance * w.abs(), "{example}: {w} and {h}");
                    }
                }
            }
        }
    }
    assert!(written > 150, "{written} examples");
}

/// Each operator has a form in the pinned opset, and is read from it.
#[test]
fn operators_without_a_form_of_their_own_are_in_the_pinned_opset() {
    assert!((OLDEST_OPSET..=NEWEST_OPSET).contains(&EXPORT_OPSET));
    for op in OpId::ALL {
        let imports = op.op().imports();
        let mut versions = imports.iter().filter(|i| i.op_type == imports[0].op_type);
        let covered = versions.any(|i| (i.since..=i.until).contains(&EXPORT_OPSET));
        assert!(covered || op.op().write().is_some(), "{}", op.name());
    }
}

#[test]
fn names_are_kept_and_unique() {
    let mut graph = Graph::new("m");
    let x = graph.add_input("in put", TensorType::new(DType::F32, [2, 3]));
    let w = graph.add_const(Tensor::of([3], vec![1f32, 2.0, 3.0]), None);
    let mut op = |op: OpId, operands: &[Option<NodeId>]| {
        let id = graph.add_op(op, Attrs::new(), operands, vec!["conv".into(), "bn".into()]).unwrap();
        // All the same, as calls of a function may leave them, and that of an output.
        graph.node_mut(id).value = Some("y".into());
        Some(id)
    };
    let a = op(OpId::mul, &[Some(x), Some(w)]);
    let b = op(OpId::mul, &[a, Some(w)]);
    let c = op(OpId::relu, &[b]).unwrap();
    for (name, id) in [("y", c), ("again", c), ("in", x), ("w", w)] {
        graph.add_output(name, id);
    }
    let (model, read) = again(&graph);
    let g = model.graph.unwrap();
    let names: Vec<&str> = g.node.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["conv+bn", "conv+bn_2", "conv+bn_3", "again", "in", "w"]);
    assert_eq!(g.input[0].name, "in put");
    assert_eq!(g.initializer.len(), 1, "a constant of several readers is written once");
    let outputs: Vec<&str> = read.outputs().iter().map(|o| o.name.as_str()).collect();
    assert_eq!(outputs, ["y", "again", "in", "w"]);
    let x = Tensor::of([2, 3], vec![1f32, -1.0, 2.0, 0.5, 3.0, -4.0]);
    assert_eq!(run(&graph, std::slice::from_ref(&x)), run(&read, &[x]));
    assert_eq!((model.producer_name.as_str(), model.opset_import[0].version), ("tinyc", EXPORT_OPSET));
}

#[test]
fn what_has_no_form_in_onnx_is_told() {
    let mut graph = Graph::new("m");
    let x = graph.add_input("x", TensorType::new(DType::F32, [4]));
    let attrs = Attrs::new()
        .with_ints("extents", [9])
        .with_floats("scales", [0.5])
        .with_word("mode", "nearest")
        .with_word("coordinates", "asymmetric")
        .with_word("rounding", "floor")
        .with_float("cubic", -0.75)
        .with_bool("exclude_outside", false)
        .with_bool("antialias", false)
        .with_floats("region", [])
        .with_float("outside", 0.0);
    let y = graph.add_op(OpId::resize, attrs, &[Some(x)], vec!["up".into()]).unwrap();
    graph.add_output("y", y);
    let error = export(&graph).unwrap_err().to_string();
    assert!(error.contains("E0404") && error.contains("node \"up\""), "{error}");
    let small = ModelProto { producer_name: "x".repeat(100), ..Default::default() };
    let error = encode(&small, 64).unwrap_err().to_string();
    assert!(error.contains("E0404") && error.contains("at most 64"), "{error}");
}
