//! `fold-constants`, through the reference evaluation, whose bits are the same on every machine.
//!
//! An operator that makes much of little (expand, tile, range) is cheaper to run than to store: it
//! stays when its results exceed its operands by more than [`GROWTH`] bytes, but for `dequantize`, whose reader
//! wants all of it at once. So does what is left when
//! [`WORK`] is used up: a short model can describe constants that take hours to compute. `dequantize` of a
//! constant stays where rules may follow: it says which integers the numbers stand for.

use crate::append;
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId, Origins};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

const GROWTH: usize = 64 * 1024;

/// Scalar operations that one run of the pass spends.
const WORK: u64 = 1 << 24;

/// `quantized`: constants that stand for numbers are kept.
pub fn run(graph: &mut Graph, quantized: bool) -> usize {
    // Ids of removed nodes are used again, so nodes go only when all have been seen.
    let mut folded = Vec::new();
    let mut left = WORK;
    for id in graph.topological().unwrap_or_default() {
        if quantized && matches!(graph.node(id).kind, Kind::Op(OpId::dequantize, _)) {
            continue;
        }
        let Some(results) = results(graph, id, &mut left) else { continue };
        let mut before = Origins::new();
        for o in graph.operands(id).into_iter().flatten() {
            append(&mut before, &graph.node(o).origins);
        }
        let several = graph.node(id).ty.tensor().is_none();
        let readers = if several { graph.users(id).into_iter().collect() } else { vec![id] };
        for reader in readers {
            let node = graph.node(reader);
            let part = if let Kind::Get(i) = node.kind { i } else { 0 };
            let mut origins = before.clone();
            append(&mut origins, &node.origins);
            let value = node.value.clone();
            let constant = graph.add_const(results[part].clone(), value);
            graph.node_mut(constant).origins = origins;
            graph.replace_uses(reader, constant);
            folded.extend((reader != id).then_some(reader));
        }
        folded.push(id);
    }
    let changes = folded.iter().filter(|id| matches!(graph.node(**id).kind, Kind::Op(..))).count();
    folded.iter().for_each(|id| graph.remove(*id));
    changes
}

/// The results of an operator on constants, if they are to be stored.
fn results(graph: &Graph, id: NodeId, left: &mut u64) -> Option<Vec<Arc<Tensor>>> {
    let node = graph.node(id);
    let Kind::Op(op, attrs) = &node.kind else { return None };
    let mut operands: Vec<Option<&Tensor>> = Vec::new();
    for o in graph.operands(id) {
        operands.push(match o.map(|o| &graph.node(o).kind) {
            None => None,
            Some(Kind::Const(t)) => Some(t),
            Some(_) => return None,
        });
    }
    evaluate(*op, attrs, &operands, node.ty.parts(), left)
}

/// The results of an operator, unless they exceed its operands by too many bytes or take more work than is
/// `left`.
pub fn evaluate(
    op: OpId,
    attrs: &Attrs,
    operands: &[Option<&Tensor>],
    parts: &[TensorType],
    left: &mut u64,
) -> Option<Vec<Arc<Tensor>>> {
    let types: Vec<Option<TensorType>> = operands.iter().map(|t| t.map(Tensor::ty)).collect();
    let types: Vec<Option<&TensorType>> = types.iter().map(Option::as_ref).collect();
    let had: usize = types.iter().flatten().map(|t| t.bytes()).sum();
    let makes: usize = parts.iter().map(TensorType::bytes).sum();
    let work = op.op().work(attrs, &types, parts);
    if makes > had + GROWTH && op != OpId::dequantize || work > *left {
        return None;
    }
    *left -= work;
    let results = op.op().eval(attrs, operands).ok()?;
    let typed = results.iter().map(Tensor::ty).eq(parts.iter().cloned());
    typed.then(|| results.into_iter().map(Arc::new).collect())
}

/// Whether no element is infinite or NaN.
pub fn is_finite(t: &Tensor) -> bool {
    !t.dtype().is_float() || t.to_f64s().into_iter().all(f64::is_finite)
}
