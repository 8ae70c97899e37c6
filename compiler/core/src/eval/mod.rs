//! Reference evaluation of graphs.
//!
//! Deterministic: the same bits on every machine (no fused multiply-add, fixed summation order), so
//! constants folded through it are the same everywhere.

pub mod column;
pub mod conv;
pub mod gemm;
mod number;
mod run;

pub use number::{Number, in_f32, slice};
pub use run::Evaluator;

use crate::graph::{Graph, Kind, NodeId};
use crate::tensor::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Value of a node that depends on constants only.
pub fn constant(graph: &Graph, id: NodeId) -> Option<Arc<Tensor>> {
    let mut known = BTreeMap::new();
    constant_in(graph, id, &mut known)
}

fn constant_in(graph: &Graph, id: NodeId, known: &mut BTreeMap<NodeId, Option<Arc<Tensor>>>) -> Option<Arc<Tensor>> {
    if let Some(v) = known.get(&id) {
        return v.clone();
    }
    let value = match &graph.node(id).kind {
        Kind::Const(t) => Some(t.clone()),
        Kind::Input(_) => None,
        Kind::Get(i) => {
            let tuple = graph.operands(id)[0]?;
            results(graph, tuple, known).and_then(|r| r.into_iter().nth(*i)).map(Arc::new)
        }
        Kind::Op(..) => results(graph, id, known).and_then(|r| r.into_iter().next()).map(Arc::new),
    };
    known.insert(id, value.clone());
    value
}

fn results(graph: &Graph, id: NodeId, known: &mut BTreeMap<NodeId, Option<Arc<Tensor>>>) -> Option<Vec<Tensor>> {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return None };
    let mut operands = Vec::new();
    for o in graph.operands(id) {
        operands.push(match o {
            None => None,
            Some(o) => Some(constant_in(graph, o, known)?),
        });
    }
    let x: Vec<_> = operands.iter().map(|t| t.as_deref()).collect();
    op.op().eval(attrs, &x).ok()
}
