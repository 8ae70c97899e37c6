//! What rewriting and compression ask of code generation: prices. Implemented by `tinyc-codegen`.

use crate::graph::{Graph, NodeId};

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
    /// `None`: the target has no kernel for the node, so a graph with it is illegal.
    fn layer(&self, graph: &Graph, node: NodeId) -> Option<LayerCost>;

    /// Lowers and plans the graph.
    fn exact(&self, graph: &Graph) -> Result<GraphCost, crate::diag::Report>;
}
