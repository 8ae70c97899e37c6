//! Inputs that hold anything, and what a network computes of them.

use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, NodeId};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;

/// Floats of all magnitudes, zeros of both signs, infinities, and NaNs where they are asked for; of integers
/// small ones. Two inputs of three are finite, so that not every network computes a NaN.
pub fn inputs(graph: &Graph, nans: bool, r: &mut Random) -> Vec<Tensor> {
    let tensor = |&id: &NodeId| {
        let ty = graph.node(id).tensor();
        let wild = r.below(3) == 0;
        let values = (0..ty.elements()).map(|_| match r.below(40) {
            _ if !ty.dtype.is_float() => r.below(5) as f64,
            0 if wild => f64::INFINITY,
            1 if wild => f64::NEG_INFINITY,
            2 if wild && nans => f64::NAN,
            3..6 => -0.0,
            6 => f64::from(r.signed()) * 3e38,
            7..20 => f64::from(r.signed()) * 1e10,
            _ => f64::from(r.signed()),
        });
        Tensor::of::<f64>(ty.shape.clone(), values.collect()).cast(ty.dtype)
    };
    graph.inputs().iter().map(tensor).collect()
}

/// The first result of every node.
pub fn values(graph: &Graph, x: &[Tensor]) -> Vec<(NodeId, Tensor)> {
    let mut values = Vec::new();
    let mut see = |id: NodeId, results: &[Tensor]| values.extend(results.first().map(|t| (id, t.clone())));
    Evaluator.compile(graph).and_then(|runner| runner.trace(x, &mut see)).expect("networks made up compute");
    values
}

pub fn has_nan(t: &Tensor) -> bool {
    t.dtype().is_float() && t.to_f64s().iter().any(|v| v.is_nan())
}
