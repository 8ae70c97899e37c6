//! Models as the crate onnx-protobuf reads them, and a decoder of tensors of its own (the crate's
//! `as_value` reads no raw data).
//!
//! Messages are taken apart without `..`: a field that is not compared says `_`, and why. What a model
//! holds of the schema beyond the crate's version of it is an error.

use super::{Lines, each};
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::type_proto::{Tensor, Value};
use onnx_protobuf::*;
use protobuf::SpecialFields;
use std::ops::{Range, RangeInclusive};

pub fn read(bytes: &[u8]) -> Lines {
    let mut l = Lines::default();
    model(&mut l, "model", &ModelProto::parse_from_bytes(bytes).unwrap());
    l
}

/// Location and range of the bytes of every external initializer; 26 bytes in the file.
pub fn external(bytes: &[u8]) -> Vec<(String, Range<usize>)> {
    let model = ModelProto::parse_from_bytes(bytes).unwrap();
    let part = |t: &TensorProto| {
        let entry = |key: &str| t.external_data.iter().find(|e| e.key == key).map(|e| e.value.clone());
        let number = |key: &str| entry(key).map(|v| v.parse::<usize>().unwrap());
        let offset = number("offset").unwrap_or(0);
        (entry("location").unwrap(), offset..number("length").map_or(26, |n| offset + n))
    };
    model.graph.initializer.iter().map(part).collect()
}

fn known(path: &str, special: &SpecialFields) {
    let unknown: Vec<u32> = special.unknown_fields().iter().map(|(number, _)| number).collect();
    assert!(unknown.is_empty(), "{path} has fields {unknown:?} that onnx-protobuf does not know");
}

fn model(l: &mut Lines, path: &str, m: &ModelProto) {
    let ModelProto {
        ir_version,
        opset_import,
        graph: main,
        functions,
        producer_name,
        producer_version,
        // About the model, nothing that it computes.
        domain: _,
        model_version: _,
        doc_string: _,
        metadata_props: _,
        training_info: _,
        special_fields,
    } = m;
    known(path, special_fields);
    l.int(path, "ir_version", *ir_version);
    l.text(path, "producer_name", producer_name);
    l.text(path, "producer_version", producer_version);
    each(l, &format!("{path}.opset_import"), opset_import, opset);
    main.iter().for_each(|g| graph(l, &format!("{path}.graph"), g));
    each(l, &format!("{path}.functions"), functions, function);
}

fn opset(l: &mut Lines, path: &str, o: &OperatorSetIdProto) {
    let OperatorSetIdProto { domain, version, special_fields } = o;
    known(path, special_fields);
    l.text(path, "domain", domain);
    l.int(path, "version", *version);
}

fn graph(l: &mut Lines, path: &str, g: &GraphProto) {
    let GraphProto {
        node: nodes,
        name,
        initializer,
        sparse_initializer,
        input,
        output,
        // Types of intermediate values: tinyc infers its own. Quantization: it reads the nodes.
        value_info: _,
        quantization_annotation: _,
        doc_string: _,
        metadata_props: _,
        special_fields,
    } = g;
    known(path, special_fields);
    l.put(path, "is", "set");
    l.text(path, "name", name);
    each(l, &format!("{path}.node"), nodes, node);
    each(l, &format!("{path}.initializer"), initializer, tensor);
    each(l, &format!("{path}.sparse_initializer"), sparse_initializer, sparse);
    each(l, &format!("{path}.input"), input, value);
    each(l, &format!("{path}.output"), output, value);
}

fn node(l: &mut Lines, path: &str, n: &NodeProto) {
    let NodeProto {
        input,
        output,
        name,
        op_type,
        domain,
        overload,
        attribute: attributes,
        doc_string: _,
        metadata_props: _,
        special_fields,
    } = n;
    known(path, special_fields);
    l.texts(path, "input", input);
    l.texts(path, "output", output);
    l.text(path, "name", name);
    l.text(path, "op_type", op_type);
    l.text(path, "domain", domain);
    l.text(path, "overload", overload);
    each(l, &format!("{path}.attribute"), attributes, attribute);
}

fn attribute(l: &mut Lines, path: &str, a: &AttributeProto) {
    let AttributeProto {
        name,
        ref_attr_name,
        doc_string: _,
        type_,
        f,
        i,
        s,
        t,
        g,
        sparse_tensor,
        floats,
        ints,
        strings,
        // Attributes of these types are refused, by their `type`.
        tp: _,
        tensors: _,
        graphs: _,
        sparse_tensors: _,
        type_protos: _,
        special_fields,
    } = a;
    known(path, special_fields);
    l.text(path, "name", name);
    l.text(path, "ref_attr_name", ref_attr_name);
    l.int(path, "type", type_.value());
    if f.to_bits() != 0 {
        l.floats(path, "f", &[*f]);
    }
    l.int(path, "i", *i);
    l.bytes_if_any(path, "s", s);
    t.iter().for_each(|t| tensor(l, &format!("{path}.t"), t));
    g.iter().for_each(|g| graph(l, &format!("{path}.g"), g));
    sparse_tensor.iter().for_each(|s| sparse(l, &format!("{path}.sparse_tensor"), s));
    l.floats(path, "floats", floats);
    l.ints(path, "ints", ints);
    strings.iter().enumerate().for_each(|(i, s)| l.bytes(path, &format!("strings[{i}]"), s));
}

fn tensor(l: &mut Lines, path: &str, t: &TensorProto) {
    let TensorProto {
        dims,
        data_type,
        segment,
        float_data,
        int32_data,
        int64_data,
        double_data,
        uint64_data,
        raw_data,
        // Tensors of strings are refused, by their `data_type`.
        string_data: _,
        name,
        external_data,
        data_location,
        doc_string: _,
        metadata_props: _,
        special_fields,
    } = t;
    known(path, special_fields);
    l.put(path, "is", "set");
    l.text(path, "name", name);
    l.ints(path, "dims", dims);
    l.int(path, "data_type", *data_type);
    if segment.is_some() {
        l.put(path, "segment", "set");
    }
    l.counts(
        path,
        &[
            ("float_data", float_data.len()),
            ("int32_data", int32_data.len()),
            ("int64_data", int64_data.len()),
            ("double_data", double_data.len()),
            ("uint64_data", uint64_data.len()),
            ("raw_data", raw_data.len()),
        ],
    );
    for (i, e) in external_data.iter().enumerate() {
        let StringStringEntryProto { key, value, special_fields } = e;
        known(path, special_fields);
        l.text(&format!("{path}.external_data[{i}]"), "key", key);
        l.text(&format!("{path}.external_data[{i}]"), "value", value);
    }
    l.int(path, "data_location", data_location.value());
    if data_location.value() == 0 {
        match elements(t) {
            Some(bytes) => l.bytes(path, "elements", &bytes),
            None => l.put(path, "elements", "not read"),
        }
    }
}

fn sparse(l: &mut Lines, path: &str, s: &SparseTensorProto) {
    let SparseTensorProto { values, indices, dims, special_fields } = s;
    known(path, special_fields);
    l.put(path, "is", "set");
    values.iter().for_each(|t| tensor(l, &format!("{path}.values"), t));
    indices.iter().for_each(|t| tensor(l, &format!("{path}.indices"), t));
    l.ints(path, "dims", dims);
}

fn value(l: &mut Lines, path: &str, v: &ValueInfoProto) {
    let ValueInfoProto { name, type_, doc_string: _, metadata_props: _, special_fields } = v;
    known(path, special_fields);
    l.text(path, "name", name);
    type_.iter().for_each(|t| ty(l, &format!("{path}.type"), t));
}

fn ty(l: &mut Lines, path: &str, t: &TypeProto) {
    let TypeProto { denotation: _, value, special_fields } = t;
    known(path, special_fields);
    l.put(path, "is", "set");
    // Of the types that are refused, it matters only which one it is.
    let refused = match value {
        None => return,
        Some(Value::TensorType(t)) => return tensor_type(l, &format!("{path}.tensor_type"), t),
        Some(Value::SequenceType(_)) => "sequence_type",
        Some(Value::MapType(_)) => "map_type",
        Some(Value::OptionalType(_)) => "optional_type",
        Some(Value::SparseTensorType(_)) => "sparse_tensor_type",
        Some(other) => panic!("{path}: {other:?}"),
    };
    l.put(path, refused, "set");
}

fn tensor_type(l: &mut Lines, path: &str, t: &Tensor) {
    let Tensor { elem_type, shape, special_fields } = t;
    known(path, special_fields);
    l.put(path, "is", "set");
    l.int(path, "elem_type", *elem_type);
    let Some(TensorShapeProto { dim, special_fields }) = shape.as_ref() else { return };
    let path = format!("{path}.shape");
    known(&path, special_fields);
    l.put(&path, "is", "set");
    each(l, &format!("{path}.dim"), dim, |l, path, d| {
        let Dimension { denotation: _, value, special_fields } = d;
        known(path, special_fields);
        l.put(path, "is", "set");
        match value {
            None => {}
            Some(dimension::Value::DimValue(v)) => l.put(path, "dim_value", v),
            Some(dimension::Value::DimParam(name)) => l.text(path, "dim_param", name),
            Some(other) => panic!("{path}: {other:?}"),
        }
    });
}

fn function(l: &mut Lines, path: &str, f: &FunctionProto) {
    let FunctionProto {
        name,
        input,
        output,
        attribute: attributes,
        attribute_proto,
        node: nodes,
        opset_import,
        domain,
        overload,
        doc_string: _,
        value_info: _,
        metadata_props: _,
        special_fields,
    } = f;
    known(path, special_fields);
    l.text(path, "name", name);
    l.texts(path, "input", input);
    l.texts(path, "output", output);
    l.texts(path, "attribute", attributes);
    each(l, &format!("{path}.attribute_proto"), attribute_proto, attribute);
    each(l, &format!("{path}.node"), nodes, node);
    each(l, &format!("{path}.opset_import"), opset_import, opset);
    l.text(path, "domain", domain);
    l.text(path, "overload", overload);
}

/// Little-endian elements, by the numbers of element types in onnx.proto; `None` for what tinyc has to
/// refuse.
fn elements(t: &TensorProto) -> Option<Vec<u8>> {
    let count = t.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
    // Small elements lie in 32 bits, and have to be in their own range.
    let small = |bytes: usize, range: RangeInclusive<i32>| -> Option<Vec<u8>> {
        let inside = t.int32_data.iter().all(|v| range.contains(v));
        inside.then(|| t.int32_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(bytes)).collect())
    };
    let (size, typed): (usize, Vec<u8>) = match t.data_type {
        1 => (4, t.float_data.iter().flat_map(|v| v.to_le_bytes()).collect()),
        2 => (1, small(1, 0..=255)?),
        3 => (1, small(1, -128..=127)?),
        4 | 10 | 16 => (2, small(2, 0..=65535)?),
        5 => (2, small(2, -32768..=32767)?),
        6 => (4, small(4, i32::MIN..=i32::MAX)?),
        9 => (1, t.int32_data.iter().map(|v| u8::from(*v != 0)).collect()),
        7 => (8, t.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect()),
        11 => (8, t.double_data.iter().flat_map(|v| v.to_le_bytes()).collect()),
        12 => (4, t.uint64_data.iter().flat_map(|v| (*v as u32).to_le_bytes()).collect()),
        13 => (8, t.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect()),
        _ => return None,
    };
    let bytes = if t.raw_data.is_empty() { typed } else { t.raw_data.clone() };
    (bytes.len() == count * size).then_some(bytes)
}
