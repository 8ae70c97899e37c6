//! From graph to model file: the way back of `import`.
//!
//! Inputs and outputs keep their names and types, other values their ONNX names where they have one that
//! is not taken, nodes the names of those that they came from. Nodes are written in topological order, so
//! the same graph gives the same bytes. How an operator becomes ONNX nodes stands beside the operator.

use super::proto::{GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto};
use super::types::declared;
use super::writer::{Body, NodeWriter, Operand, Written};
use crate::diag::{Code, Diagnostic, Report, Site};
use crate::graph::{Graph, Kind, NodeId, Output};
use crate::types::TensorType;
use std::collections::{BTreeSet, HashMap};

/// Version of the operators in files that tinyc writes: the oldest that has all that they need
/// (quantization to 16 bits), for the sake of older runtimes.
pub const EXPORT_OPSET: i64 = 21;

/// Version of the format in which that one appeared.
const IR_VERSION: i64 = 10;

/// No protocol buffer may be larger.
const MAX_BYTES: usize = i32::MAX as usize;

/// Writes the graph as an ONNX model. The verifier has found no fault with it.
pub fn export(graph: &Graph) -> Result<Vec<u8>, Report> {
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "tinyc".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: EXPORT_OPSET }],
        graph: Some(Exporter::default().run(graph)?),
        functions: Vec::new(),
    };
    encode(&model, MAX_BYTES)
}

pub(super) fn encode(model: &ModelProto, limit: usize) -> Result<Vec<u8>, Report> {
    let bytes = model.bytes();
    if bytes <= limit {
        return Ok(model.to_bytes());
    }
    let message = format!("the model takes {bytes} bytes as ONNX, but one file holds at most {limit}");
    Err(Diagnostic::error(Code::NoOnnx, message).into())
}

#[derive(Default)]
struct Exporter {
    body: Body,
    /// Results of the nodes so far.
    results: HashMap<NodeId, Vec<Written>>,
    report: Report,
}

impl Exporter {
    fn run(mut self, graph: &Graph) -> Result<GraphProto, Report> {
        let inputs = graph.inputs().iter().filter_map(|&id| match &graph.node(id).kind {
            Kind::Input(name) => Some((name.as_str(), graph.node(id).tensor())),
            _ => None,
        });
        let input: Vec<ValueInfoProto> = inputs.map(|(name, ty)| port(name, ty)).collect();
        for i in &input {
            self.body.values.reserve(&i.name);
        }
        // Names of results that are outputs; of other outputs the name is that of a copy.
        let mut named: HashMap<NodeId, &str> = HashMap::new();
        for o in graph.outputs() {
            if self.body.values.reserve(&o.name) && matches!(graph.node(o.node).kind, Kind::Op(..)) {
                named.entry(o.node).or_insert(&o.name);
            }
        }
        let live = graph.live();
        let order = graph.topological().expect("the graph has no cycle");
        for id in order.into_iter().filter(|id| live.contains(id)) {
            let results = self.node(graph, id, named.get(&id).copied());
            self.results.insert(id, results);
        }
        graph.outputs().iter().for_each(|o| self.output(o));
        if self.report.has_errors() {
            return Err(self.report);
        }
        let mut body = self.body;
        let read: BTreeSet<&String> = body.nodes.iter().flat_map(|n| &n.input).collect();
        body.initializers.retain(|t| read.contains(&t.name));
        Ok(GraphProto {
            name: graph.name.clone(),
            node: body.nodes,
            initializer: body.initializers,
            input,
            output: graph.outputs().iter().map(|o| port(&o.name, graph.node(o.node).tensor())).collect(),
            ..Default::default()
        })
    }

    /// Names of a node's results, the first being `want` where that is given.
    fn node(&mut self, graph: &Graph, id: NodeId, want: Option<&str>) -> Vec<Written> {
        let node = graph.node(id);
        let operands = graph.operands(id);
        let (op, attrs) = match &node.kind {
            Kind::Input(name) => return vec![name.as_str().into()],
            Kind::Const(t) => return vec![self.body.constant(node.value.as_deref().unwrap_or("const"), t)],
            Kind::Get(i) => {
                let tuple = operands.first().copied().flatten().expect("a projection has an operand");
                return vec![self.results[&tuple][*i].clone()];
            }
            Kind::Op(op, attrs) => (*op, attrs),
        };
        let operand = |o: NodeId| Operand {
            name: self.results[&o][0].clone(),
            ty: graph.node(o).tensor(),
            value: match &graph.node(o).kind {
                Kind::Const(t) => Some(t),
                _ => None,
            },
        };
        let name = if node.origins.is_empty() { op.name().to_owned() } else { node.origins.join("+") };
        let first = self.body.nodes.len();
        let operands: Vec<_> = operands.into_iter().map(|o| o.map(operand)).collect();
        let own: Vec<Written> = operands.iter().flatten().map(|o| o.name.clone()).collect();
        let results = node.ty.parts();
        let mut writer = NodeWriter { body: &mut self.body, name: &name, op, attrs, operands, results };
        let mut written = match writer.write() {
            Ok(written) => written,
            Err(e) => {
                let site = Site { node: name, op_type: op.name().to_owned(), opset: None };
                self.report.push(e.diagnostic().at(site));
                return vec![Written::from(""); results.len()];
            }
        };
        let Some(result) = written.first_mut().filter(|r| !own.contains(r)) else { return written };
        let name = match (want, &node.value) {
            (Some(name), _) => name.into(),
            (None, Some(value)) if self.body.values.reserve(value) => value.clone(),
            _ => return written,
        };
        rename(&mut self.body, first, result, &name);
        *result = name;
        written
    }

    /// An output that no node's result is called after is a copy.
    fn output(&mut self, output: &Output) {
        let from = self.results[&output.node][0].to_string();
        if from != output.name {
            self.body.node(&output.name, "Identity", vec![from], &output.name);
        }
    }
}

/// Gives a value another name in the nodes from `first` on.
fn rename(body: &mut Body, first: usize, from: &str, to: &str) {
    let nodes = &mut body.nodes[first..];
    let names = nodes.iter_mut().flat_map(|n| n.input.iter_mut().chain(&mut n.output));
    names.filter(|n| *n == from).for_each(|n| to.clone_into(n));
}

fn port(name: &str, ty: &TensorType) -> ValueInfoProto {
    ValueInfoProto { name: name.to_owned(), r#type: Some(declared(ty)) }
}
