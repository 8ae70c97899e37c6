//! Changes that keep the model well-formed and make it mean something else: operators, attributes,
//! operands, extents, element types.

use tinyc_core::onnx::imports;
use tinyc_core::onnx::proto::*;
use tinyc_core::random::Random;

/// Extents and attribute values at which things change.
const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    -2,
    5,
    17,
    64,
    1000,
    4096,
    65_535,
    100_000,
    1 << 20,
    1 << 24,
    (1 << 28) + 1,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 32,
    1 << 40,
    i64::MAX,
    i64::MIN,
];

const ATTRIBUTES: &[&str] = &[
    "axis",
    "axes",
    "perm",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "group",
    "auto_pad",
    "ceil_mode",
    "alpha",
    "epsilon",
    "transA",
    "transB",
    "keepdims",
    "to",
    "value",
    "shape",
    "start",
    "end",
    "mode",
    "count_include_pad",
    "allowzero",
];

fn pick<'a, T>(list: &'a [T], r: &mut Random) -> Option<&'a T> {
    (!list.is_empty()).then(|| &list[r.below(list.len())])
}

fn pick_mut<'a, T>(list: &'a mut [T], r: &mut Random) -> Option<&'a mut T> {
    if list.is_empty() { None } else { Some(&mut list[r.below(list.len())]) }
}

fn number(r: &mut Random) -> i64 {
    NUMBERS[r.below(NUMBERS.len())]
}

/// Changes one thing. `None` where the model lacks what the change is for.
pub fn change(model: &mut ModelProto, r: &mut Random) -> Option<()> {
    let graph = model.graph.as_mut()?;
    match r.below(15) {
        0 | 14 => operator(pick_mut(&mut graph.node, r)?, r),
        1 | 2 => rewire(graph, r)?,
        3 => attribute(pick_mut(&mut graph.node, r)?, r),
        4 => extent(pick_mut(&mut graph.input, r)?, r)?,
        5 => extent(pick_mut(&mut graph.output, r)?, r)?,
        6 => tensor(pick_mut(&mut graph.initializer, r)?, r),
        7 => {
            let node = pick_mut(&mut graph.node, r)?;
            let tensors = node.attribute.iter_mut().filter_map(|a| a.t.as_mut());
            tensor(pick_mut(&mut tensors.collect::<Vec<_>>(), r)?, r);
        }
        8 if graph.node.is_empty() => return None,
        8 => drop(graph.node.remove(r.below(graph.node.len()))),
        9 => chain(graph, r)?,
        10 => {
            let lists = [&mut graph.input, &mut graph.output];
            let list = lists.into_iter().nth(r.below(2))?;
            let value = pick(list, r)?.clone();
            list.push(value);
        }
        11 => {
            let opset = pick_mut(&mut model.opset_import, r)?;
            opset.version = 6 + r.below(20) as i64;
        }
        12 => wide(graph, r)?,
        _ => {
            let f = pick_mut(&mut model.functions, r)?;
            operator(pick_mut(&mut f.node, r)?, r);
        }
    }
    Some(())
}

fn operator(node: &mut NodeProto, r: &mut Random) {
    let all: Vec<_> = imports().collect();
    let import = all[r.below(all.len())];
    node.op_type = import.op_type.to_owned();
    node.domain = import.domain.to_owned();
    if r.below(2) == 0 {
        node.attribute.clear();
    }
}

/// Lets a node or an output read, or a node define, another value.
fn rewire(graph: &mut GraphProto, r: &mut Random) -> Option<()> {
    let mut names: Vec<String> = graph.node.iter().flat_map(|n| n.output.iter().chain(&n.input)).cloned().collect();
    names.extend(graph.input.iter().map(|i| i.name.clone()));
    names.extend(graph.initializer.iter().map(|t| t.name.clone()));
    names.push(String::new());
    let name = pick(&names, r)?.clone();
    match r.below(6) {
        0 => pick_mut(&mut graph.output, r)?.name = name,
        1 => *pick_mut(&mut pick_mut(&mut graph.node, r)?.output, r)? = name,
        2 => pick_mut(&mut graph.node, r)?.input.push(name),
        _ => *pick_mut(&mut pick_mut(&mut graph.node, r)?.input, r)? = name,
    }
    Some(())
}

fn attribute(node: &mut NodeProto, r: &mut Random) {
    let have = node.attribute.len();
    if have == 0 || r.below(3) == 0 {
        let name = ATTRIBUTES[r.below(ATTRIBUTES.len())].to_owned();
        let ints = (0..r.below(5)).map(|_| number(r)).collect();
        let r#type = if r.below(2) == 0 { attribute_type::INT } else { attribute_type::INTS };
        node.attribute.push(AttributeProto { name, r#type, i: number(r), ints, ..Default::default() });
        return;
    }
    let a = &mut node.attribute[r.below(have)];
    match r.below(5) {
        0 => a.r#type = r.below(15) as i32,
        1 => a.f = [f32::NAN, f32::INFINITY, 0.0, -1.0, 1e38][r.below(5)],
        2 => a.i = number(r),
        3 if !a.ints.is_empty() => {
            let n = a.ints.len();
            a.ints[r.below(n)] = number(r);
        }
        3 => a.s = [&b""[..], b"VALID", b"SAME_UPPER", b"\xff\xfe"][r.below(4)].to_vec(),
        _ if r.below(2) == 0 => drop(a.ints.pop()),
        _ => a.ints.push(number(r)),
    }
}

fn dims(dims: &mut Vec<i64>, r: &mut Random) {
    let n = dims.len();
    match r.below(5) {
        0 => dims.insert(r.below(n + 1), number(r)),
        _ if n == 0 => dims.push(number(r)),
        1 => drop(dims.remove(r.below(n))),
        2 => dims.swap(r.below(n), r.below(n)),
        _ => {
            let value = number(r);
            dims[r.below(n)] = value;
        }
    }
}

/// Changes the extents or the element type of an input or output.
fn extent(value: &mut ValueInfoProto, r: &mut Random) -> Option<()> {
    let ty = value.r#type.as_mut()?.tensor_type.as_mut()?;
    if r.below(4) == 0 {
        ty.elem_type = r.below(18) as i32;
        return Some(());
    }
    let shape = ty.shape.as_mut()?;
    let mut extents: Vec<i64> = shape.dim.iter().map(|d| d.dim_value.unwrap_or(2)).collect();
    dims(&mut extents, r);
    let dim = |v: i64| DimensionProto { dim_value: Some(v), ..Default::default() };
    shape.dim = extents.into_iter().map(dim).collect();
    Some(())
}

fn tensor(t: &mut TensorProto, r: &mut Random) {
    match r.below(6) {
        0 => t.data_type = r.below(18) as i32,
        1 => t.raw_data.truncate(r.below(t.raw_data.len() + 1)),
        2 => match pick_mut(&mut t.int64_data, r) {
            Some(v) => *v = number(r),
            None => t.data_location = 1,
        },
        // Extents swapped: the elements still fill the tensor, what reads it does not fit.
        3 if t.dims.len() > 1 => {
            let n = t.dims.len();
            t.dims.swap(r.below(n), r.below(n));
        }
        _ => dims(&mut t.dims, r),
    }
}

/// A long chain of one operator behind a value, to an output.
fn chain(graph: &mut GraphProto, r: &mut Random) -> Option<()> {
    const OPERATORS: [&str; 6] = ["Relu", "Identity", "Transpose", "Add", "Softmax", "Neg"];
    let mut at = pick(&pick(&graph.node, r)?.output, r)?.clone();
    let op = OPERATORS[r.below(OPERATORS.len())];
    for i in 0..r.below(400) {
        let next = format!("chain.{i}");
        let input = vec![at.clone(); if op == "Add" { 2 } else { 1 }];
        graph.node.push(NodeProto { op_type: op.into(), input, output: vec![next.clone()], ..Default::default() });
        at = next;
    }
    graph.output.push(ValueInfoProto { name: at, r#type: None });
    Some(())
}

/// Many nodes side by side, all read at the end.
fn wide(graph: &mut GraphProto, r: &mut Random) -> Option<()> {
    let from = pick(&pick(&graph.node, r)?.output, r)?.clone();
    let names: Vec<String> = (0..2 + r.below(60)).map(|i| format!("wide.{i}")).collect();
    for name in &names {
        let node = NodeProto { op_type: "Sigmoid".into(), input: vec![from.clone()], ..Default::default() };
        graph.node.push(NodeProto { output: vec![name.clone()], ..node });
    }
    let node = NodeProto { op_type: "Sum".into(), input: names, output: vec!["wide".into()], ..Default::default() };
    graph.node.push(node);
    graph.output.push(ValueInfoProto { name: "wide".into(), r#type: None });
    Some(())
}
