//! Rows of matrix products in the order of memory.
//!
//! A reshape that flattens axes into the rows of a product has no view where they lie in memory in
//! another order. But a sum may be taken in any order: products with constant weights read the elements
//! as they lie, over weights whose rows are in that order too, and nobody has to write them row-major.

use super::function::Source;
use super::{Home, InMemory, Select, layout};
use std::sync::Arc;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::View;
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::Shape;

/// Whether all that reads a value are products that sum over its last axis and constant weights.
pub fn only_summed(graph: &Graph, id: NodeId) -> bool {
    let users = graph.users(id);
    let is_output = graph.outputs().iter().any(|o| o.node == id);
    !is_output && !users.is_empty() && users.into_iter().all(|user| sums(graph, user, id))
}

fn sums(graph: &Graph, product: NodeId, x: NodeId) -> bool {
    let Kind::Op(op, attrs) = &graph.node(product).kind else { return false };
    let along_rows = match op {
        OpId::gemm => !attrs.bool("trans_a"),
        OpId::matmul | OpId::matmul_integer => true,
        _ => false,
    };
    let is_matrix =
        |&w: &NodeId| matches!(graph.node(w).kind, Kind::Const(_)) && graph.node(w).tensor().shape.rank() == 2;
    let operands = graph.operands(product);
    let [Some(first), Some(weights), rest @ ..] = &operands[..] else { return false };
    along_rows && *first == x && is_matrix(weights) && !rest.contains(&Some(x))
}

/// A value under a shape whose last axis holds what trailing axes of the value hold, in the order of
/// memory; and for each position there, the row-major one.
pub fn flat(x: &View, shape: &[usize]) -> Option<(View, Vec<usize>)> {
    let own = x.shape();
    let (&inner, outer) = shape.split_last()?;
    let splits = |d: &usize| {
        own[*d..].iter().product::<usize>() == inner && own[..*d].iter().product::<usize>() == outer.iter().product()
    };
    let first = (0..=own.len()).find(splits)?;
    let flattened: Vec<usize> = layout::order(x).into_iter().filter(|&d| d >= first).collect();
    let axes: Vec<usize> = (0..first).chain(flattened.iter().copied()).collect();
    let view = x.permuted(&axes).reshaped(shape)?;
    let strides = Shape::new(&own[first..]).strides();
    let turned = Shape::new(flattened.iter().map(|&d| own[d]).collect::<Vec<_>>());
    let position = |at: Vec<usize>| at.iter().zip(&flattened).map(|(i, d)| i * strides[d - first]).sum();
    Some((view, turned.coordinates().map(position).collect()))
}

impl Select<'_> {
    /// The elements of a reshape that are only summed, where no view has them in their order.
    pub(super) fn flat(&mut self, id: NodeId, op: OpId) -> Option<InMemory> {
        if !op.op().is_alias() || !only_summed(self.graph, id) {
            return None;
        }
        let x = self.graph.operands(id).first().copied().flatten()?;
        let value = self.values.get(&x)?.first()?.clone()?;
        let (view, rows) = flat(&value.view, &self.graph.node(id).tensor().shape)?;
        self.flattened.insert(id, rows);
        Some(InMemory { view, ..value })
    }

    /// Gives a product that sums over such elements the rows of its weights in their order.
    pub(super) fn turn_weights(&mut self, product: NodeId, operands: &mut [Option<Source>]) {
        let x = self.graph.operands(product).first().copied().flatten();
        let Some(rows) = x.and_then(|x| self.flattened.get(&x)) else { return };
        let weights = operands[1].as_mut().expect("a product has two operands");
        let w = weights.constant.as_ref().expect("only constant weights are turned");
        let Kind::Op(op, attrs) = &self.graph.node(product).kind else { unreachable!("products are operators") };
        let (by_columns, columns) = (*op == OpId::gemm && attrs.bool("trans_b"), w.shape()[1]);
        let from = |i: usize| match by_columns {
            true => i / columns * columns + rows[i % columns],
            false => rows[i / columns] * columns + i % columns,
        };
        let turned = Tensor::new(w.shape().clone(), w.data().gather((0..w.data().len()).map(from)));
        let turned = Arc::new(turned.expect("as many elements as before"));
        let name = format!("{}.rows", self.names[&product]);
        let home = Home::Const(turned.clone());
        weights.value = self.fresh(name, &weights.ty, None, home).expect("weights had a type that C has");
        weights.constant = Some(turned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::types::{DType, TensorType};

    fn view(shape: &[usize], order: &[usize]) -> View {
        layout::dense(&TensorType::new(DType::F32, shape.to_vec()), order).unwrap()
    }

    fn strides(v: &View) -> Vec<i64> {
        v.axes.iter().map(|a| a.stride).collect()
    }

    #[test]
    fn rows_are_read_as_they_lie() {
        let (image, rows) = flat(&view(&[2, 2, 1, 3], &[0, 2, 3, 1]), &[2, 6]).unwrap();
        assert_eq!((strides(&image), rows), (vec![6, 1], vec![0, 3, 1, 4, 2, 5]));
        // Rows next to each other, and axes between which they lie.
        let (columns, rows) = flat(&view(&[2, 3, 4], &[2, 1, 0]), &[2, 12]).unwrap();
        assert_eq!((strides(&columns), &rows[..5]), (vec![1, 2], &[0, 4, 8, 1, 5][..]));
        assert_eq!(flat(&view(&[2, 3, 4], &[1, 0, 2]), &[2, 12]), None);
        // Axes that the shape cuts.
        assert_eq!(flat(&view(&[4, 3, 2], &[0, 2, 1]), &[2, 12]), None);
        assert_eq!(flat(&view(&[4, 3, 2], &[0, 2, 1]), &[4, 6]).unwrap().1, [0, 2, 4, 1, 3, 5]);
    }
}
