//! Schedules: fast functions for the operators where the time goes, one file a family.
//!
//! A schedule writes loops over the same views as the plain lowering and computes the same sums in
//! another order. `dot` is convolution and matrix product, `dense` the same of integers by micro-kernels, `depthwise` convolution channel by channel, `channelwise` the same by micro-kernels of `planes`,
//! `pool` pooling, `block` the micro-kernels of integer products, `elementwise` everything that goes element by element. All see images as
//! `(n, h, w, c)`, whatever the strides. What a machine can hold decides on the tile (`tile`).

pub mod block;
pub mod channelwise;
mod dense;
mod depthwise;
mod dot;
mod elements;
mod elementwise;
mod folded;
mod gather;
mod output;
pub mod planes;
mod pool;
mod rows;
mod sums;
#[cfg(test)]
mod tests;
mod tile;

pub use output::{Link, Output, Term};
pub use sums::widens;
pub use tile::Machine;

use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::OpError;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::{Buf, Const, Expr, FnId, Function, Lower, Scalar, View};
use tinyc_core::op::OpId;
use tinyc_core::tensor::{Data, Tensor};
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
    /// The operators behind it.
    pub chain: Vec<Follower<'a>>,
    /// The result of the last of them.
    pub y: View,
}

/// An elementwise operator behind another one.
pub struct Follower<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    /// Local `i` stands for operand `i`.
    pub value: Expr,
    pub operands: Vec<Input>,
}

/// What an operator of a chain reads.
pub enum Input {
    /// As [`Term::Value`].
    Value(usize),
    Operand(Operand),
}

/// Makes the values of a constant.
pub type Values<'a> = &'a dyn Fn() -> Data;

/// What a function has a parameter for.
pub enum Parameter<'a> {
    /// Operand of the task.
    Operand(usize),
    /// Operand of a link of the chain.
    Link(usize, usize),
    Result,
    /// A constant of so many elements. Its values are not asked for where only the function is wanted.
    Constant(&'a str, DType, usize, Values<'a>),
    /// Memory that only the function itself uses.
    Scratch(&'a str, DType, usize),
}

/// A function under construction, and where its parameters come from.
pub struct Builder<'a> {
    pub l: Lower,
    /// Functions that it calls, by their numbers in its calls.
    pub callees: Vec<Function>,
    pub parameter: &'a mut dyn FnMut(&mut Lower, Parameter<'_>) -> Buf,
}

impl Builder<'_> {
    /// Operand `i` of the task as a parameter.
    pub fn view(&mut self, task: &Task<'_>, i: usize) -> Option<View> {
        let operand = task.x.get(i)?.as_ref()?;
        let buffer = (self.parameter)(&mut self.l, Parameter::Operand(i));
        Some(View { buffer, ..operand.view.clone() })
    }

    /// Operand `i` under the shape of the result.
    pub fn term(&mut self, task: &Task<'_>, i: usize, shape: &[usize]) -> Option<Term> {
        match task.x.get(i)?.as_ref()?.scalar() {
            Some(c) => Some(Term::Constant(c)),
            None => self.view(task, i).map(|v| Term::View(v.broadcast(shape))),
        }
    }

    /// A dense constant of `len` elements.
    pub fn packed(&mut self, name: &str, dtype: DType, len: usize, data: Values<'_>) -> View {
        let buffer = (self.parameter)(&mut self.l, Parameter::Constant(name, dtype, len, data));
        View::dense(buffer, dtype, &[len]).expect("schedules pack what C has")
    }

    /// Memory of `len` elements for the time that the function runs.
    pub fn scratch(&mut self, name: &str, dtype: DType, len: usize) -> View {
        let buffer = (self.parameter)(&mut self.l, Parameter::Scratch(name, dtype, len));
        View::dense(buffer, dtype, &[len]).expect("schedules work on what C has")
    }

    /// The result, and the chain from link `first` on, whose value 0 is what that link reads.
    pub fn output(&mut self, task: &Task<'_>, first: usize) -> Output {
        let shape = task.y.shape();
        let mut chain = Vec::new();
        for (k, link) in task.chain.iter().enumerate().skip(first) {
            let mut operands = Vec::new();
            for (i, o) in link.operands.iter().enumerate() {
                operands.push(match o {
                    Input::Value(v) => Term::Value(v - first),
                    Input::Operand(o) => o.scalar().map_or_else(
                        || {
                            let buffer = (self.parameter)(&mut self.l, Parameter::Link(k, i));
                            Term::View(View { buffer, ..o.view.clone() }.broadcast(&shape))
                        },
                        Term::Constant,
                    ),
                });
            }
            chain.push(Link { value: link.value.clone(), operands });
        }
        let buffer = (self.parameter)(&mut self.l, Parameter::Result);
        Output { view: View { buffer, ..task.y.clone() }, chain }
    }

    /// A function to call.
    pub fn callee(&mut self, function: Function) -> FnId {
        let known = self.callees.iter().position(|f| *f == function);
        let i = known.unwrap_or_else(|| {
            self.callees.push(function);
            self.callees.len() - 1
        });
        FnId(i as u32)
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
    Sums,
}

/// Whether an operator reads and writes images with channels last.
pub fn reads_images(op: OpId) -> bool {
    matches!(op, OpId::conv | OpId::conv_integer | OpId::max_pool | OpId::average_pool)
}

fn family(op: OpId, attrs: &Attrs, x: &[Option<&TensorType>], is_const: &dyn Fn(usize) -> bool) -> Option<Family> {
    let first = (*x.first()?)?;
    let rank = first.shape.rank();
    // One zero point of the first operand, and those of constants.
    let zeros = || {
        let zero = |i: usize| x.get(i).copied().flatten();
        zero(2).is_none_or(|z| z.elements() == 1 && is_const(2)) && (zero(3).is_none() || is_const(3)) && is_const(1)
    };
    match op {
        OpId::conv_integer if (3..=4).contains(&rank) && zeros() => match attrs.int("group") as usize {
            1 => Some(Family::Conv),
            g if g == first.shape[1] && g == (*x.get(1)?)?.shape[0] => Some(Family::Depthwise),
            _ => None,
        },
        OpId::matmul_integer if rank >= 2 && (*x.get(1)?)?.shape.rank() == 2 && zeros() => Some(Family::Product),
        OpId::max_pool if (3..=4).contains(&rank) && (first.dtype.is_signed_int() || first.dtype.is_unsigned_int()) => {
            Some(Family::Pool)
        }
        OpId::reduce_sum if first.dtype == DType::I32 => Some(Family::Sums),
        _ if first.dtype != DType::F32 => None,
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
        Some(Family::Conv | Family::Product) if dense::takes(&task, machine) => dense::build(b, task, machine),
        Some(Family::Conv) => dot::conv(b, task, machine),
        Some(Family::Product) => dot::product(b, task, machine),
        Some(Family::Depthwise) => {
            let planes = if dense::takes(&task, machine) { channelwise::build(b, &task, machine) } else { None };
            planes.map_or_else(|| depthwise::build(b, task, machine), Ok)
        }
        Some(Family::Sums) => Ok(sums::build(b, &task)),
        Some(Family::Pool) => pool::build(b, task, machine),
        None => {
            let value = elementwise(task.op, task.attrs, &types)?;
            elementwise::build(b, task, value)
        }
    })
}
