//! Schedules: fast functions for the operators where the time goes, one file a family.
//!
//! A schedule writes loops over the same views as the plain lowering and computes the same sums in
//! another order. `dot` is convolution and matrix product, `depthwise` convolution channel by channel,
//! `pool` pooling, `block` the micro-kernels of integer products, `elementwise` everything that goes element by element. All see images as
//! `(n, h, w, c)`, whatever the strides. What a machine can hold decides on the tile (`tile`).

pub mod block;
mod depthwise;
mod dot;
mod elementwise;
mod output;
mod pool;
mod rows;
mod tile;

pub use output::{Link, Output, Term};
pub use tile::Machine;

use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::OpError;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::{Buf, Const, Expr, Lower, Scalar, View};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// An operand as a schedule sees it.
#[derive(Clone, Debug)]
pub struct Operand {
    pub ty: TensorType,
    pub view: View,
    pub constant: Option<Arc<Tensor>>,
}

impl Operand {
    /// The value, where it is a constant scalar.
    pub fn scalar(&self) -> Option<Expr> {
        let constant = self.constant.as_ref().filter(|t| t.data().len() == 1)?;
        let bytes = constant.data().to_le_bytes();
        let mut bits = [0; 8];
        bits[..bytes.len()].copy_from_slice(&bytes);
        Some(Expr::Const(Const { scalar: Scalar::of(self.ty.dtype)?, bits: u64::from_le_bytes(bits) }, 1))
    }
}

/// What one step has to compute.
pub struct Task<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    pub x: Vec<Option<Operand>>,
    pub y: Output,
}

/// Makes the values of a constant.
pub type Values<'a> = &'a dyn Fn() -> Vec<f32>;

/// A function under construction, and where its parameters come from.
pub struct Builder<'a> {
    pub l: Lower,
    /// Makes a parameter of an operand.
    pub operand: &'a mut dyn FnMut(&mut Lower, usize) -> Buf,
    /// Makes a parameter of so many floats that are constant. Their values are not asked for where only
    /// the function is wanted.
    pub constant: &'a mut dyn FnMut(&mut Lower, &str, usize, Values<'_>) -> Buf,
}

impl Builder<'_> {
    /// Operand `i` of the task as a parameter.
    pub fn view(&mut self, task: &Task<'_>, i: usize) -> Option<View> {
        let operand = task.x.get(i)?.as_ref()?;
        let buffer = (self.operand)(&mut self.l, i);
        Some(View { buffer, ..operand.view.clone() })
    }

    /// Operand `i` under the shape of the result.
    pub fn term(&mut self, task: &Task<'_>, i: usize, shape: &[usize]) -> Option<Term> {
        match task.x.get(i)?.as_ref()?.scalar() {
            Some(c) => Some(Term::Constant(c)),
            None => self.view(task, i).map(|v| Term::View(v.broadcast(shape))),
        }
    }

    /// A dense constant of `len` floats.
    pub fn packed(&mut self, name: &str, len: usize, data: Values<'_>) -> View {
        let buffer = (self.constant)(&mut self.l, name, len, data);
        View::dense(buffer, DType::F32, &[len]).expect("C has floats")
    }
}

/// The value of an operator that computes each element from elements at the same place: local `i` for
/// operand `i`.
pub fn elementwise(op: OpId, attrs: &Attrs, x: &[Option<&TensorType>]) -> Option<Expr> {
    let types: Vec<DType> = x.iter().map(|t| t.map(|t| t.dtype)).collect::<Option<_>>()?;
    let held = types.iter().all(|&d| Scalar::of(d).is_some());
    if held { op.op().value(attrs, &types) } else { None }
}

/// Whether a node computes each element from elements at the same place.
pub fn is_elementwise(graph: &Graph, id: NodeId) -> bool {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return false };
    elementwise(*op, attrs, &types(graph, id)).is_some()
}

fn types(graph: &Graph, id: NodeId) -> Vec<Option<&TensorType>> {
    graph.operands(id).into_iter().map(|o| graph.node(o?).ty.tensor()).collect()
}

/// Whether the node has a schedule, to which elementwise operators can be added.
pub fn takes_chain(graph: &Graph, id: NodeId) -> bool {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return false };
    let operands = graph.operands(id);
    let is_const =
        |i: usize| operands.get(i).copied().flatten().is_some_and(|o| matches!(graph.node(o).kind, Kind::Const(_)));
    family(*op, attrs, &types(graph, id), &is_const).is_some() || is_elementwise(graph, id)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Conv,
    Depthwise,
    Product,
    Pool,
}

fn family(op: OpId, attrs: &Attrs, x: &[Option<&TensorType>], is_const: &dyn Fn(usize) -> bool) -> Option<Family> {
    let first = (*x.first()?)?;
    if first.dtype != DType::F32 {
        return None;
    }
    let rank = first.shape.rank();
    match op {
        OpId::conv if (3..=4).contains(&rank) && is_const(1) => {
            let w = (*x.get(1)?)?;
            match attrs.int("group") as usize {
                1 => Some(Family::Conv),
                g if g == first.shape[1] && g == w.shape[0] => Some(Family::Depthwise),
                _ => None,
            }
        }
        OpId::gemm if attrs.float("alpha") == 1.0 && attrs.float("beta") == 1.0 => Some(Family::Product),
        OpId::matmul if rank >= 2 && (*x.get(1)?)?.shape.rank() >= 2 => Some(Family::Product),
        OpId::max_pool | OpId::average_pool if (3..=4).contains(&rank) => Some(Family::Pool),
        _ => None,
    }
}

/// Builds the task's function in `b`; `None` where no family takes the operator. The schedule, in a few
/// words.
pub fn schedule(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Option<Result<String, OpError>> {
    let types: Vec<Option<&TensorType>> = task.x.iter().map(|o| o.as_ref().map(|o| &o.ty)).collect();
    let is_const = |i: usize| task.x.get(i).is_some_and(|o| o.as_ref().is_some_and(|o| o.constant.is_some()));
    let family = family(task.op, task.attrs, &types, &is_const);
    Some(match family {
        Some(Family::Conv) => dot::conv(b, task, machine),
        Some(Family::Product) => dot::product(b, task, machine),
        Some(Family::Depthwise) => depthwise::build(b, task, machine),
        Some(Family::Pool) => pool::build(b, task, machine),
        None => {
            let value = elementwise(task.op, task.attrs, &types)?;
            elementwise::build(b, task, value)
        }
    })
}
