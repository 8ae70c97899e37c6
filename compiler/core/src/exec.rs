//! What rewriting and compression ask of execution: outputs for samples. Implemented by the evaluator.

use crate::diag::Report;
use crate::graph::{Graph, NodeId};
use crate::tensor::Tensor;

pub trait Exec {
    fn compile(&self, graph: &Graph) -> Result<Box<dyn Runner>, Report>;
}

/// A network ready to run, sample after sample.
pub trait Runner: Send + Sync {
    /// Outputs for one sample, inputs and outputs in the graph's order.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Report>;

    /// The same, and gives every node's results to `see` as they are computed.
    fn trace(&self, inputs: &[Tensor], see: &mut dyn FnMut(NodeId, &[Tensor])) -> Result<Vec<Tensor>, Report>;
}
