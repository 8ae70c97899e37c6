//! Importing models made by hand from the message structs.

use super::proto::*;
use super::{ImportOptions, Imported, import};
use crate::diag::Report;
use crate::types::DType;
use std::collections::BTreeMap;
use std::io;

fn no_files(_: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::NotFound.into())
}

fn read(model: &ModelProto) -> Result<Imported, Report> {
    import(&model.to_bytes(), &ImportOptions { name: "m".into(), dims: BTreeMap::new(), external: &no_files })
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&d| DimensionProto { dim_value: Some(d), ..Default::default() }).collect();
    let tensor = TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor), ..Default::default() }) }
}

fn node(op_type: &str, input: &[&str], output: &[&str]) -> NodeProto {
    let strings = |v: &[&str]| v.iter().map(|&s| s.to_owned()).collect();
    NodeProto { op_type: op_type.into(), input: strings(input), output: strings(output), ..Default::default() }
}

fn model(node: Vec<NodeProto>) -> ModelProto {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(GraphProto {
            node,
            input: vec![value("x", &[2, 3])],
            output: vec![value("y", &[3, 2])],
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn nodes_are_read_in_dependency_order() {
    let m = model(vec![
        node("Transpose", &["b"], &["y"]),
        node("Identity", &["a"], &["b"]),
        node("Dropout", &["x"], &["a", ""]),
    ]);
    let g = read(&m).unwrap().graph;
    let y = g.node(g.outputs()[0].node);
    assert_eq!(y.ty.to_string(), "f32[3,2]");
    assert_eq!(y.value.as_deref(), Some("y"));
    assert_eq!(y.origins, ["#0".into()]);
}

#[test]
fn shapes_are_constants() {
    let m = model(vec![
        node("Transpose", &["x"], &["t"]),
        node("Shape", &["t"], &["s"]),
        node("Reshape", &["x", "s"], &["y"]),
    ]);
    let g = read(&m).unwrap().graph;
    assert_eq!(g.node(g.outputs()[0].node).tensor().dtype, DType::F32);
}

#[test]
fn everything_unsupported_is_told_at_once() {
    let m = model(vec![node("Foo", &["x"], &["a"]), node("Bar", &["a"], &["b"]), node("Transpose", &["b"], &["y"])]);
    let report = read(&m).err().unwrap();
    assert_eq!(report.errors(), 2);
    assert!(report.to_string().contains("Bar is not supported"), "{report}");
}
