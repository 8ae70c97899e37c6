//! Printing graphs.

use super::lex::{is_name, quote};
use crate::graph::{Graph, Kind, NodeId};
use crate::tensor::{Data, Tensor};
use crate::types::DType;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

/// Constants of at most this many elements are printed inside of the text.
pub const INLINE: usize = 16;

/// A printed graph.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    /// The constants that the text calls `data(0)`, `data(1)`, ...
    pub data: Vec<Arc<Tensor>>,
}

/// A readable name for every node, unique in the graph: the value's ONNX name with other characters
/// than letters, digits and `_` replaced, else operator and number (`conv.3`).
pub fn names(graph: &Graph) -> BTreeMap<NodeId, String> {
    let mut names = BTreeMap::new();
    let mut used: HashSet<String> = HashSet::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for id in order(graph) {
        let node = graph.node(id);
        let (base, separator) = match (&node.value, &node.kind) {
            (Some(v), _) => (sanitize(v), "_"),
            (None, Kind::Input(_)) => ("input".to_owned(), "."),
            (None, Kind::Const(_)) => ("const".to_owned(), "."),
            (None, Kind::Op(op, _)) => (op.name().to_owned(), "."),
            (None, Kind::Get(_)) => ("get".to_owned(), "."),
        };
        let mut name = base.clone();
        while separator == "." && name == base || used.contains(&name) {
            let n = counts.entry(base.clone()).or_insert(usize::from(separator == "_"));
            *n += 1;
            name = format!("{base}{separator}{n}");
        }
        used.insert(name.clone());
        names.insert(id, name);
    }
    names
}

fn sanitize(name: &str) -> String {
    let name: String = name.chars().map(|c| if is_name(c) { c } else { '_' }).collect();
    match name.trim_start_matches('_') {
        "" => "value".to_owned(),
        name => name.to_owned(),
    }
}

/// Operands before users; where a cycle prevents that, in the order they were made.
fn order(graph: &Graph) -> Vec<NodeId> {
    graph.topological().unwrap_or_else(|| graph.ids().collect())
}

pub fn print(graph: &Graph) -> Text {
    let names = names(graph);
    let mut data: Vec<Arc<Tensor>> = Vec::new();
    let mut index: HashMap<*const Tensor, usize> = HashMap::new();
    let mut text = String::new();
    let plain = !graph.name.is_empty()
        && graph.name.chars().all(is_name)
        && !graph.name.starts_with(|c: char| c.is_ascii_digit());
    let name = if plain { graph.name.clone() } else { quote(&graph.name) };
    text.push_str(&format!("graph @{name} {{\n"));
    for id in order(graph) {
        let node = graph.node(id);
        let mut line = format!("  %{} = ", names[&id]);
        match &node.kind {
            Kind::Input(_) => line.push_str("input"),
            Kind::Const(t) if t.data().len() <= INLINE => line.push_str(&format!("const {}", literal(t.data()))),
            Kind::Const(t) => {
                let i = *index.entry(Arc::as_ptr(t)).or_insert_with(|| {
                    data.push(t.clone());
                    data.len() - 1
                });
                line.push_str(&format!("const data({i})"));
            }
            Kind::Op(op, attrs) => {
                line.push_str(op.name());
                for (i, o) in graph.operands(id).iter().enumerate() {
                    let o = o.map_or("_".to_owned(), |o| format!("%{}", names[&o]));
                    line.push_str(&format!("{}{o}", if i > 0 { ", " } else { " " }));
                }
                if !attrs.is_empty() {
                    line.push_str(&format!(" {attrs}"));
                }
            }
            Kind::Get(i) => {
                line.push_str(&format!("get {i}"));
                for o in graph.operands(id).into_iter().flatten() {
                    line.push_str(&format!(" %{}", names[&o]));
                }
            }
        }
        line.push_str(&format!(" : {}", node.ty));
        line.push_str(&remark(graph, id, &names[&id]));
        text.push_str(&line);
        text.push('\n');
    }
    for o in graph.outputs() {
        text.push_str(&format!("  output %{} ; {}\n", names[&o.node], quote(&o.name)));
    }
    text.push_str("}\n");
    Text { text, data }
}

/// What stands after the type: ` ; "conv1", "bn1" as "value"`.
fn remark(graph: &Graph, id: NodeId, name: &str) -> String {
    let node = graph.node(id);
    let mut quoted: Vec<String> = node.origins.iter().map(|o| quote(o)).collect();
    let mut value = node.value.as_deref().filter(|v| *v != name);
    if let Kind::Input(name) = &node.kind {
        quoted = vec![quote(name)];
        value = value.filter(|v| v != name);
    }
    let mut text = quoted.join(", ");
    if let Some(v) = value {
        let space = if text.is_empty() { "" } else { " " };
        text.push_str(&format!("{space}as {}", quote(v)));
    }
    if text.is_empty() { text } else { format!(" ; {text}") }
}

/// `[1,2,3]`; floats in the fewest digits that read back as the same bits, NaNs as
/// their bits.
fn literal(data: &Data) -> String {
    let mut text = String::from("[");
    for i in 0..data.len() {
        let comma = if i > 0 { "," } else { "" };
        let written = match data {
            Data::Bool(v) => write!(text, "{comma}{}", v[i]),
            Data::I8(v) => write!(text, "{comma}{}", v[i]),
            Data::U8(v) => write!(text, "{comma}{}", v[i]),
            Data::I16(v) => write!(text, "{comma}{}", v[i]),
            Data::U16(v) => write!(text, "{comma}{}", v[i]),
            Data::I32(v) => write!(text, "{comma}{}", v[i]),
            Data::U32(v) => write!(text, "{comma}{}", v[i]),
            Data::I64(v) => write!(text, "{comma}{}", v[i]),
            Data::U64(v) => write!(text, "{comma}{}", v[i]),
            Data::F16(v) if v[i].is_nan() => write!(text, "{comma}{:#x}", v[i].to_bits()),
            Data::BF16(v) if v[i].is_nan() => write!(text, "{comma}{:#x}", v[i].to_bits()),
            Data::F64(v) if v[i].is_nan() => write!(text, "{comma}{:#x}", v[i].to_bits()),
            Data::F16(v) => write!(text, "{comma}{:?}", v[i].to_f32()),
            Data::BF16(v) => write!(text, "{comma}{:?}", v[i].to_f32()),
            Data::F32(v) => write!(text, "{comma}{}", crate::attrs::F32::from(v[i])),
            Data::F64(v) => write!(text, "{comma}{:?}", v[i]),
        };
        written.expect("a String takes all text");
    }
    text.push(']');
    text
}

/// One element of a [`literal`], read back into `data`; false when it is none of that type.
pub(super) fn read_element(data: &mut Data, text: &str) -> bool {
    let bits = |digits: usize| {
        let hex = text.strip_prefix("0x").filter(|t| t.len() <= digits)?;
        u64::from_str_radix(hex, 16).ok()
    };
    macro_rules! push {
        ($v:expr, $value:expr) => {
            match $value {
                Some(x) => {
                    $v.push(x);
                    true
                }
                None => false,
            }
        };
    }
    match data {
        Data::Bool(v) => push!(v, text.parse().ok()),
        Data::I8(v) => push!(v, text.parse().ok()),
        Data::U8(v) => push!(v, text.parse().ok()),
        Data::I16(v) => push!(v, text.parse().ok()),
        Data::U16(v) => push!(v, text.parse().ok()),
        Data::I32(v) => push!(v, text.parse().ok()),
        Data::U32(v) => push!(v, text.parse().ok()),
        Data::I64(v) => push!(v, text.parse().ok()),
        Data::U64(v) => push!(v, text.parse().ok()),
        Data::F16(v) => match bits(4) {
            Some(b) => push!(v, Some(half::f16::from_bits(b as u16))),
            None => push!(v, text.parse().ok().map(half::f16::from_f32)),
        },
        Data::BF16(v) => match bits(4) {
            Some(b) => push!(v, Some(half::bf16::from_bits(b as u16))),
            None => push!(v, text.parse().ok().map(half::bf16::from_f32)),
        },
        Data::F32(v) => push!(v, read_f32(text)),
        Data::F64(v) => match bits(16) {
            Some(b) => push!(v, Some(f64::from_bits(b))),
            None => push!(v, text.parse().ok()),
        },
    }
}

/// What `Display` of [`crate::attrs::F32`] writes, read back.
pub(super) fn read_f32(text: &str) -> Option<f32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok().map(f32::from_bits),
        None => text.parse().ok(),
    }
}

/// No elements yet.
pub(super) fn empty(dtype: DType) -> Data {
    Data::zeros(dtype, 0)
}
