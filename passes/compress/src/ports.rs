//! Integers as inputs and outputs: where a network quantizes its input first, the input is the integers; where
//! it dequantizes at the end, so is the output.

use crate::pairs::stand_in;
use std::collections::BTreeMap;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape, Type};

/// How integers of an input or output stand for real numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Port {
    pub scale: f32,
    pub zero: i32,
    pub dtype: DType,
}

impl Port {
    /// The integers for real numbers, and back.
    pub fn quantize(&self, reals: &Tensor) -> Tensor {
        self.map(OpId::quantize, Attrs::new().with_dtype("to", self.dtype), reals)
    }

    pub fn dequantize(&self, integers: &Tensor) -> Tensor {
        self.map(OpId::dequantize, Attrs::new(), integers)
    }

    fn map(&self, op: OpId, attrs: Attrs, x: &Tensor) -> Tensor {
        let scale = Tensor::of(Shape::scalar(), vec![self.scale]);
        let zero = Tensor::of(Shape::scalar(), vec![self.zero]).cast(self.dtype);
        let y = op.op().eval(&attrs, &[Some(x), Some(&scale), Some(&zero)]);
        y.expect("scalars map floats and integers of any shape").remove(0)
    }
}

/// Inputs and outputs of integers, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ports {
    pub inputs: BTreeMap<String, Port>,
    pub outputs: BTreeMap<String, Port>,
    /// Inputs and outputs of floats that have no scale.
    pub left: Vec<String>,
}

impl Ports {
    /// A sample of real numbers as a network with these ports takes it.
    pub fn sample(&self, graph: &Graph, reals: &[Tensor]) -> Vec<Tensor> {
        let port = |id: &NodeId| match &graph.node(*id).kind {
            Kind::Input(name) => self.inputs.get(name),
            _ => None,
        };
        let input = |(id, real): (&NodeId, &Tensor)| port(id).map_or_else(|| real.clone(), |p| p.quantize(real));
        graph.inputs().iter().zip(reals).map(input).collect()
    }
}

/// A pair's scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mapping {
    port: Port,
    scale: NodeId,
    zero: Option<NodeId>,
}

/// Makes integers of all inputs and outputs that have a scale.
pub fn to_integers(graph: &mut Graph) -> Result<Ports, Report> {
    let mut ports = Ports::default();
    let failed = |e: tinyc_core::diag::OpError| Report::from(e.diagnostic());
    for id in graph.inputs().to_vec() {
        let Kind::Input(name) = graph.node(id).kind.clone() else { continue };
        if !graph.node(id).tensor().dtype.is_float() {
            continue;
        }
        let Some(mapping) = ahead(graph, id) else {
            ports.left.push(format!("input {name:?}"));
            continue;
        };
        let aside = stand_in(graph, id);
        let mut ty = graph.node(id).tensor().clone();
        ty.dtype = mapping.port.dtype;
        graph.node_mut(id).ty = Type::Tensor(ty);
        let operands = [Some(id), Some(mapping.scale), mapping.zero];
        let real = graph.add_op(OpId::dequantize, Attrs::new(), &operands, Vec::new()).map_err(failed)?;
        graph.replace_uses(aside, real);
        graph.remove(aside);
        ports.inputs.insert(name, mapping.port);
    }
    for at in 0..graph.outputs().len() {
        let output = graph.outputs()[at].clone();
        if !graph.node(output.node).ty.tensor().is_some_and(|t| t.dtype.is_float()) {
            continue;
        }
        let Some(mapping) = behind(graph, output.node) else {
            ports.left.push(format!("output {:?}", output.name));
            continue;
        };
        let to = Attrs::new().with_dtype("to", mapping.port.dtype);
        let operands = [Some(output.node), Some(mapping.scale), mapping.zero];
        let origins = graph.node(output.node).origins.clone();
        let integers = graph.add_op(OpId::quantize, to, &operands, origins).map_err(failed)?;
        graph.set_output(at, integers);
        ports.outputs.insert(output.name, mapping.port);
    }
    Ok(ports)
}

/// Operators that give elements of their first operand, each as it is.
fn moves(op: OpId) -> bool {
    matches!(op, OpId::reshape | OpId::transpose | OpId::slice)
}

/// The one scale with which all that reads a value quantizes it, before or after its elements have been moved.
fn ahead(graph: &Graph, id: NodeId) -> Option<Mapping> {
    let mut found: Option<Mapping> = None;
    if graph.outputs().iter().any(|o| o.node == id) {
        return None;
    }
    for user in graph.users(id) {
        let Kind::Op(op, attrs) = &graph.node(user).kind else { return None };
        let mapping = match op {
            OpId::quantize => mapping(graph, user, attrs.dtype("to"))?,
            op if moves(*op) => ahead(graph, user)?,
            _ => return None,
        };
        if found.is_some_and(|f| f.port != mapping.port) {
            return None;
        }
        found = Some(mapping);
    }
    found
}

/// The scale of the integers that a value was before its elements were moved.
fn behind(graph: &Graph, id: NodeId) -> Option<Mapping> {
    let Kind::Op(op, _) = &graph.node(id).kind else { return None };
    let x = graph.operands(id).first().copied().flatten()?;
    match op {
        OpId::dequantize => mapping(graph, id, graph.node(x).tensor().dtype),
        op if moves(*op) => behind(graph, x),
        _ => None,
    }
}

/// What the integers that a `dequantize` reads stand for, where they have one scale.
pub(crate) fn port(graph: &Graph, dequantize: NodeId) -> Option<Port> {
    let integers = graph.operands(dequantize).first().copied().flatten()?;
    mapping(graph, dequantize, graph.node(integers).tensor().dtype).map(|m| m.port)
}

/// The scalar constants of a `quantize` or `dequantize` between floats and integers of 8 or 16 bits.
fn mapping(graph: &Graph, id: NodeId, dtype: DType) -> Option<Mapping> {
    let operands = graph.operands(id);
    let number = |o: Option<NodeId>| match o.map(|o| &graph.node(o).kind) {
        Some(Kind::Const(t)) if t.data().len() == 1 => Some(t.to_f64s()[0]),
        _ => None,
    };
    let zero = operands.get(2).copied().flatten();
    let port =
        Port { scale: number(operands[1])? as f32, zero: if zero.is_some() { number(zero)? as i32 } else { 0 }, dtype };
    (dtype.bytes() <= 2).then_some(Mapping { port, scale: operands[1]?, zero })
}
