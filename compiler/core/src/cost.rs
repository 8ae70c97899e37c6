//! What rewriting and compression ask of code generation: prices. Implemented by `tinyc-codegen`.

use crate::attrs::Attrs;
use crate::graph::{Graph, Kind, NodeId};
use crate::op::OpId;
use crate::types::TensorType;

/// What an operator reads.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub ty: &'a TensorType,
    pub constant: bool,
    /// Another operator computes it, and nothing else reads it.
    pub own: bool,
}

/// One operator and what it reads: all that its price depends on.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    pub operands: &'a [Option<Source<'a>>],
    pub results: &'a [TensorType],
}

/// Price of a node. Inputs, constants and projections cost nothing.
pub fn of_node(cost: &dyn Cost, graph: &Graph, node: NodeId) -> Option<LayerCost> {
    let Kind::Op(op, attrs) = &graph.node(node).kind else { return Some(LayerCost::default()) };
    let mut operands = Vec::new();
    for o in graph.operands(node) {
        operands.push(match o {
            None => None,
            Some(o) => Some(Source {
                ty: graph.node(o).ty.tensor()?,
                constant: matches!(graph.node(o).kind, Kind::Const(_)),
                // Nothing joins a copy.
                own: matches!(graph.node(o).kind, Kind::Op(op, _) if op != OpId::slice) && graph.users(o).len() == 1,
            }),
        });
    }
    cost.layer(&Layer { op: *op, attrs, operands: &operands, results: graph.node(node).ty.parts() })
}

/// Price of one node on the target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerCost {
    /// Estimated cycles of one run.
    pub cycles: f64,
    /// Bytes of constants that the kernel reads.
    pub weight_bytes: usize,
    /// Bytes of arena beyond operands and results.
    pub scratch: usize,
}

/// Price of a whole network on the target. RAM and constants are exact to the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GraphCost {
    /// Arena, inputs and outputs in bytes.
    pub ram: usize,
    pub constants: usize,
    /// Upper bound in bytes, until a cross compiler has measured it.
    pub code_bound: usize,
    /// Estimated cycles of one run.
    pub cycles: f64,
}

pub trait Cost {
    /// `None`: the target has no kernel for the operator, so a graph with it is illegal.
    fn layer(&self, layer: &Layer<'_>) -> Option<LayerCost>;

    /// Lowers and plans the graph.
    fn exact(&self, graph: &Graph) -> Result<GraphCost, crate::diag::Report>;
}
