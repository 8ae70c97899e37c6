//! Sums of integers over axes. Bytes are widened as they are read (`widens`), so no wide copy of them lies
//! in memory.

use super::{Builder, Task};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::{Expr, Index, Scalar};
use tinyc_core::op::OpId;
use tinyc_core::types::DType;

/// Whether a node widens bytes for nothing but sums.
pub fn widens(graph: &Graph, id: NodeId) -> bool {
    let widened = |id: NodeId| match &graph.node(id).kind {
        Kind::Op(OpId::cast, _) => graph.operands(id).first().copied().flatten(),
        _ => None,
    };
    let Some(bytes) = widened(id) else { return false };
    let is = |id: NodeId, types: &[DType]| graph.node(id).ty.tensor().is_some_and(|t| types.contains(&t.dtype));
    let sums = |user: NodeId| matches!(&graph.node(user).kind, Kind::Op(OpId::reduce_sum, _));
    let output = graph.outputs().iter().any(|o| o.node == id);
    !output && is(id, &[DType::I32]) && is(bytes, &[DType::I8, DType::U8]) && graph.users(id).into_iter().all(sums)
}

pub fn build(b: &mut Builder<'_>, task: &Task<'_>) -> String {
    let x = b.view(task, 0).expect("a sum has an operand");
    let y = b.output(task, 0);
    let rank = x.rank();
    let axes: Vec<usize> = task.attrs.ints("axes").iter().map(|a| a.rem_euclid(rank as i64) as usize).collect();
    let extents = |reduced: bool| -> Vec<usize> {
        x.shape().iter().enumerate().map(|(d, &n)| if axes.contains(&d) == reduced { n } else { 1 }).collect()
    };
    let keep = task.attrs.bool("keep");
    b.l.nest(&extents(false), |l, at| {
        let zero = Expr::int(Scalar::I32, 0);
        let sum = l.reduce("sum", zero, &extents(true), |_, k, sum| {
            let from: Vec<Index> = at.iter().zip(k).map(|(i, k)| i.clone() + k.clone()).collect();
            sum + x.read(&from)
        });
        let to: Vec<Index> = (0..rank).filter(|d| keep || !axes.contains(d)).map(|d| at[d].clone()).collect();
        y.write(l, &to, to.len().saturating_sub(1), 1, Some(sum));
    });
    "sums".into()
}
