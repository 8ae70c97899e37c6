//! Ranges of all values of a graph, operands before users.

use super::{Nans, Operand, Range, Ranges, transfer};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;

/// What is known of nodes.
#[derive(Debug, Default)]
pub struct Known {
    /// What that relies on.
    pub nans: Nans,
    /// The ranges of each node's results.
    pub results: HashMap<NodeId, Vec<Ranges>>,
}

/// The ranges of each node's results, given those of inputs by name. Integer inputs have the range of
/// their type, float inputs without a given one may hold anything that `nans` lets them.
pub fn of_graph(graph: &Graph, inputs: &BTreeMap<String, (f64, f64)>, nans: Nans) -> Known {
    let mut known = Known { nans, results: HashMap::new() };
    for id in graph.topological().unwrap_or_default() {
        let node = graph.node(id);
        let ranges = match &node.kind {
            Kind::Input(name) => {
                let ty = node.tensor();
                vec![match inputs.get(name).filter(|_| ty.dtype.is_float()) {
                    Some(&(lo, hi)) => Ranges::whole(ty, both_zeros(lo, hi)),
                    None => nans.restrict(Ranges::any(ty)),
                }]
            }
            Kind::Const(t) => vec![Ranges::of_constant(t)],
            Kind::Get(i) => graph
                .operands(id)
                .first()
                .copied()
                .flatten()
                .map(|x| known.results[&x][*i].clone())
                .into_iter()
                .collect(),
            Kind::Op(op, attrs) => {
                let operands = graph.operands(id);
                let operand = |o: NodeId| Operand {
                    ty: graph.node(o).tensor(),
                    ranges: &known.results[&o][0],
                    constant: constant(graph, o).map(|t| &**t),
                };
                let operands: Vec<Option<Operand<'_>>> = operands.into_iter().map(|o| o.map(operand)).collect();
                transfer(*op, attrs, &operands, node.ty.parts(), nans)
            }
        };
        known.results.insert(id, ranges);
    }
    known
}

/// Numbers that compare as between the ends: zeros of both signs where one is.
fn both_zeros(lo: f64, hi: f64) -> Range {
    Range::new(if lo == 0.0 { -0.0 } else { lo }, if hi == 0.0 { 0.0 } else { hi })
}

/// The tensor of a node that is constant.
pub(crate) fn constant(graph: &Graph, id: NodeId) -> Option<&Arc<Tensor>> {
    match &graph.node(id).kind {
        Kind::Const(t) => Some(t),
        _ => None,
    }
}
