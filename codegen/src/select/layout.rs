//! Physical layouts: the order of a value's axes in memory, and which operators are views.
//!
//! Convolutions and pools read and write channels last, so that the channels of one pixel are
//! neighbours. Everything else keeps the order of what it reads. What must be row-major (outputs, and
//! reshapes that mix axes, unless `flatten` can do without) is asked of whoever computes it.

use super::flatten::{flat, only_summed};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::{Buf, View};
use tinyc_core::op::OpId;
use tinyc_core::types::TensorType;

/// The view of a dense buffer whose axes lie in memory in `order`, outermost first. `None` for element
/// types that no C type holds.
pub fn dense(ty: &TensorType, order: &[usize]) -> Option<View> {
    let shape: Vec<usize> = order.iter().map(|&d| ty.shape[d]).collect();
    let view = View::dense(Buf(0), ty.dtype, &shape)?;
    let mut back = vec![0; order.len()];
    for (position, &d) in order.iter().enumerate() {
        back[d] = position;
    }
    Some(view.permuted(&back))
}

pub fn channels_last(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(2..rank).chain([1]).collect()
}

/// Whether elements lie one behind the other in the order of the coordinates, from the first on.
pub fn is_row_major(view: &View) -> bool {
    let elements: usize = view.shape().iter().product();
    view.offset == 0 && view.reshaped(&[elements]).is_some_and(|v| elements <= 1 || v.axes[0].stride == 1)
}

/// The axes of a view as they lie in memory.
pub fn order(view: &View) -> Vec<usize> {
    let mut order: Vec<usize> = (0..view.rank()).collect();
    // Axes of one element lie nowhere: they stay where they are between the others.
    let mut real: Vec<usize> = order.iter().copied().filter(|&d| view.axes[d].extent > 1).collect();
    real.sort_by_key(|&d| (std::cmp::Reverse(view.axes[d].stride.abs()), d));
    let places: Vec<usize> = order.iter().copied().filter(|&d| view.axes[d].extent > 1).collect();
    for (place, d) in places.into_iter().zip(real) {
        order[place] = d;
    }
    order
}

/// The result of an operator that only names the elements of its first operand anew.
pub fn alias(graph: &Graph, id: NodeId, x: &View) -> Option<View> {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return None };
    if *op == OpId::transpose {
        return Some(x.permuted(&attrs.extents("perm")));
    }
    if op.op().is_alias() { x.reshaped(&graph.node(id).tensor().shape) } else { None }
}

/// The order of axes in memory that the readers of a value need it in, if they cannot read it where it
/// lies as `view` says.
pub fn wanted(graph: &Graph, id: NodeId, view: &View) -> Option<Vec<usize>> {
    let row_major = || (0..view.rank()).collect();
    if graph.outputs().iter().any(|o| o.node == id) {
        return Some(row_major());
    }
    graph.users(id).into_iter().find_map(|user| {
        let Kind::Op(op, attrs) = &graph.node(user).kind else { return None };
        if *op == OpId::transpose {
            let perm = attrs.extents("perm");
            let order = wanted(graph, user, &view.permuted(&perm))?;
            return Some(order.into_iter().map(|d| perm[d]).collect());
        }
        if !op.op().is_alias() {
            return None;
        }
        let shape = &graph.node(user).tensor().shape;
        // Row-major elements have names under every shape. Where the reshaped value is a view and its
        // readers need an order, row-major means the same under both shapes, and another order of the
        // new axes need not be an order of these, so none is asked for.
        let needs_order = match view.reshaped(shape) {
            Some(reshaped) => wanted(graph, user, &reshaped).is_some(),
            None => !(only_summed(graph, user) && flat(view, shape).is_some()),
        };
        needs_order.then(row_major)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::types::DType;

    fn ty(shape: &[usize]) -> TensorType {
        TensorType::new(DType::F32, shape.to_vec())
    }

    #[test]
    fn channels_last_is_a_view_with_other_strides() {
        let v = dense(&ty(&[1, 3, 4, 5]), &channels_last(4)).unwrap();
        let strides: Vec<i64> = v.axes.iter().map(|a| a.stride).collect();
        assert_eq!((v.shape(), strides), (vec![1, 3, 4, 5], vec![60, 1, 15, 3]));
        assert_eq!(order(&v), [0, 2, 3, 1]);
        assert_eq!(order(&dense(&ty(&[2, 3, 4]), &[1, 2, 0]).unwrap()), [1, 2, 0]);
        assert!(!is_row_major(&v) && is_row_major(&v.permuted(&[0, 2, 3, 1])));
    }

    #[test]
    fn reshapes_are_views_where_axes_stay_together() {
        let v = dense(&ty(&[1, 3, 4, 5]), &channels_last(4)).unwrap();
        let merged = v.reshaped(&[3, 20]).unwrap();
        assert_eq!(merged.axes.iter().map(|a| a.stride).collect::<Vec<_>>(), [1, 3]);
        let split = v.reshaped(&[3, 2, 2, 1, 5]).unwrap();
        assert_eq!(split.axes.iter().map(|a| a.stride).collect::<Vec<_>>(), [1, 30, 15, 0, 3]);
        assert!(v.reshaped(&[60]).is_none() && v.reshaped(&[4, 15]).is_none());
        let pixel = dense(&ty(&[1, 3, 1, 1]), &channels_last(4)).unwrap();
        assert!(is_row_major(&pixel) && is_row_major(&pixel.reshaped(&[3]).unwrap()));
    }
}
