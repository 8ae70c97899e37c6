//! Models as tinyc reads them. Every field of the structs in `tinyc_core::onnx::proto` is written.

use super::{Lines, each};
use tinyc_core::onnx::proto::*;
use tinyc_core::onnx::read_tensor_proto;

pub fn read(bytes: &[u8]) -> Lines {
    let mut l = Lines::default();
    let m = ModelProto::from_bytes(bytes).unwrap();
    l.int("model", "ir_version", m.ir_version);
    l.text("model", "producer_name", &m.producer_name);
    l.text("model", "producer_version", &m.producer_version);
    each(&mut l, "model.opset_import", &m.opset_import, opset);
    m.graph.iter().for_each(|g| graph(&mut l, "model.graph", g));
    each(&mut l, "model.functions", &m.functions, function);
    l
}

fn opset(l: &mut Lines, path: &str, o: &OperatorSetIdProto) {
    l.text(path, "domain", &o.domain);
    l.int(path, "version", o.version);
}

fn graph(l: &mut Lines, path: &str, g: &GraphProto) {
    l.put(path, "is", "set");
    l.text(path, "name", &g.name);
    each(l, &format!("{path}.node"), &g.node, node);
    each(l, &format!("{path}.initializer"), &g.initializer, tensor);
    each(l, &format!("{path}.sparse_initializer"), &g.sparse_initializer, sparse);
    each(l, &format!("{path}.input"), &g.input, value_info);
    each(l, &format!("{path}.output"), &g.output, value_info);
}

fn node(l: &mut Lines, path: &str, n: &NodeProto) {
    l.texts(path, "input", &n.input);
    l.texts(path, "output", &n.output);
    l.text(path, "name", &n.name);
    l.text(path, "op_type", &n.op_type);
    l.text(path, "domain", &n.domain);
    l.text(path, "overload", &n.overload);
    each(l, &format!("{path}.attribute"), &n.attribute, attribute);
}

fn attribute(l: &mut Lines, path: &str, a: &AttributeProto) {
    l.text(path, "name", &a.name);
    l.text(path, "ref_attr_name", &a.ref_attr_name);
    l.int(path, "type", a.r#type);
    if a.f.to_bits() != 0 {
        l.floats(path, "f", &[a.f]);
    }
    l.int(path, "i", a.i);
    l.bytes_if_any(path, "s", &a.s);
    a.t.iter().for_each(|t| tensor(l, &format!("{path}.t"), t));
    a.g.iter().for_each(|g| graph(l, &format!("{path}.g"), g));
    a.sparse_tensor.iter().for_each(|s| sparse(l, &format!("{path}.sparse_tensor"), s));
    l.floats(path, "floats", &a.floats);
    l.ints(path, "ints", &a.ints);
    a.strings.iter().enumerate().for_each(|(i, s)| l.bytes(path, &format!("strings[{i}]"), s));
}

fn tensor(l: &mut Lines, path: &str, t: &TensorProto) {
    l.put(path, "is", "set");
    l.text(path, "name", &t.name);
    l.ints(path, "dims", &t.dims);
    l.int(path, "data_type", t.data_type);
    if t.segment.is_some() {
        l.put(path, "segment", "set");
    }
    l.counts(
        path,
        &[
            ("float_data", t.float_data.len()),
            ("int32_data", t.int32_data.len()),
            ("int64_data", t.int64_data.len()),
            ("double_data", t.double_data.len()),
            ("uint64_data", t.uint64_data.len()),
            ("raw_data", t.raw_data.len()),
        ],
    );
    for (i, e) in t.external_data.iter().enumerate() {
        l.text(&format!("{path}.external_data[{i}]"), "key", &e.key);
        l.text(&format!("{path}.external_data[{i}]"), "value", &e.value);
    }
    l.int(path, "data_location", t.data_location);
    if t.data_location == 0 {
        match read_tensor_proto(t) {
            Ok(t) => l.bytes(path, "elements", &t.data().to_le_bytes()),
            Err(_) => l.put(path, "elements", "not read"),
        }
    }
}

fn sparse(l: &mut Lines, path: &str, s: &SparseTensorProto) {
    l.put(path, "is", "set");
    s.values.iter().for_each(|t| tensor(l, &format!("{path}.values"), t));
    s.indices.iter().for_each(|t| tensor(l, &format!("{path}.indices"), t));
    l.ints(path, "dims", &s.dims);
}

fn value_info(l: &mut Lines, path: &str, v: &ValueInfoProto) {
    l.text(path, "name", &v.name);
    v.r#type.iter().for_each(|t| ty(l, &format!("{path}.type"), t));
}

fn ty(l: &mut Lines, path: &str, t: &TypeProto) {
    l.put(path, "is", "set");
    if let Some(t) = &t.tensor_type {
        let path = format!("{path}.tensor_type");
        l.put(&path, "is", "set");
        l.int(&path, "elem_type", t.elem_type);
        if let Some(shape) = &t.shape {
            let path = format!("{path}.shape");
            l.put(&path, "is", "set");
            each(l, &format!("{path}.dim"), &shape.dim, |l, path, d| {
                l.put(path, "is", "set");
                d.dim_value.iter().for_each(|v| l.put(path, "dim_value", v));
                l.text(path, "dim_param", &d.dim_param);
            });
        }
    }
    for (field, kept) in [
        ("sequence_type", &t.sequence_type),
        ("map_type", &t.map_type),
        ("sparse_tensor_type", &t.sparse_tensor_type),
        ("optional_type", &t.optional_type),
    ] {
        if kept.is_some() {
            l.put(path, field, "set");
        }
    }
}

fn function(l: &mut Lines, path: &str, f: &FunctionProto) {
    l.text(path, "name", &f.name);
    l.texts(path, "input", &f.input);
    l.texts(path, "output", &f.output);
    l.texts(path, "attribute", &f.attribute);
    each(l, &format!("{path}.attribute_proto"), &f.attribute_proto, attribute);
    each(l, &format!("{path}.node"), &f.node, node);
    each(l, &format!("{path}.opset_import"), &f.opset_import, opset);
    l.text(path, "domain", &f.domain);
    l.text(path, "overload", &f.overload);
}
