//! The price of an operator before there is a graph: that of the function that selection would make.

use super::estimate::Estimate;
use super::walk;
use crate::kernels::{self, Machine};
use crate::select::function::{self, InMemory, Made, New, Source, Work};
use crate::select::layout::{channels_last, dense};
use crate::targets::Target;
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::cost::{Layer, LayerCost};
use tinyc_core::loops::{BufferParam, Expr, Ty};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// A view takes no time, but its absence is better.
const VIEW: f64 = 1.0;

/// Elements of a tile that read the same element of an operand that is broadcast: some pixels share the
/// bias of a channel. Tiles have 2 to 8 pixels.
const SHARED: f64 = 4.0;

/// Stands for the buffer of constants that a function reads as it packs them.
const PACKED: usize = usize::MAX;

/// Stands for the buffers that only the function uses.
const SCRATCH: usize = usize::MAX - 1;

/// All that a price depends on, beside the target.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    op: OpId,
    attrs: Attrs,
    /// Type, whether constant, whether own.
    operands: Vec<Option<(TensorType, bool, bool)>>,
    results: Vec<TensorType>,
}

impl Key {
    pub fn of(layer: &Layer<'_>) -> Key {
        Key {
            op: layer.op,
            attrs: layer.attrs.clone(),
            operands: layer.operands.iter().map(|o| o.map(|o| (o.ty.clone(), o.constant, o.own))).collect(),
            results: layer.results.to_vec(),
        }
    }
}

/// `None` where no function can be made.
pub fn price(target: &Target, machine: Machine, layer: &Layer<'_>) -> Option<LayerCost> {
    let types: Vec<Option<&TensorType>> = layer.operands.iter().map(|o| o.map(|o| o.ty)).collect();
    let held = |t: &TensorType| tinyc_core::loops::Scalar::of(t.dtype).is_some();
    if !types.iter().flatten().copied().chain(layer.results).all(held) {
        return None;
    }
    let value = kernels::elementwise(layer.op, layer.attrs, &types);
    let constants = layer.operands.iter().flatten().filter(|o| o.constant);
    let mut scratch = 0;
    let (cycles, weight_bytes) = if layer.op.op().is_alias() || layer.op == OpId::transpose {
        // Whoever computes the operand is asked for an order in memory that makes it a view.
        (VIEW, constants.map(|o| o.ty.bytes()).sum())
    } else if let (Some(value), Some(chain)) = (&value, chained(layer)) {
        // Scalars stand in the code.
        let stored = constants.filter(|o| o.ty.elements() > 1);
        let mut estimate = Estimate::new(target, &target.cycles, &[]);
        (link(&mut estimate, machine, layer, value, chain), stored.map(|o| o.ty.bytes()).sum())
    } else {
        let Made { function, callees, args, .. } = alone(machine, layer)?;
        let is_constant =
            |arg: usize| arg == PACKED || layer.operands.get(arg).is_some_and(|o| o.is_some_and(|o| o.constant));
        let parameters = function.buffers.iter().zip(&args).filter(|(_, arg)| is_constant(**arg));
        let bytes = |(p, _): (&BufferParam, &usize)| p.len * p.elem.bytes();
        let stored = parameters.map(bytes).sum();
        scratch = function.buffers.iter().zip(&args).filter(|(_, arg)| **arg == SCRATCH).map(bytes).sum();
        let mut estimate = Estimate::new(target, &target.cycles, &callees);
        (walk::function(&mut estimate, &function, &[]), stored)
    };
    Some(LayerCost { cycles, weight_bytes, scratch })
}

/// The operand whose step an elementwise operator joins.
fn chained(layer: &Layer<'_>) -> Option<usize> {
    let [y] = layer.results else { return None };
    let joins = |x: &tinyc_core::cost::Source<'_>| x.own && x.ty.shape == y.shape;
    layer.operands.iter().position(|o| o.as_ref().is_some_and(joins))
}

/// Arithmetic, and loads of the other operands, in vectors where a tile would hold some.
fn link(estimate: &mut Estimate<'_>, machine: Machine, layer: &Layer<'_>, value: &Expr, chain: usize) -> f64 {
    let y = &layer.results[0];
    let wide = y.shape.iter().skip(1).any(|&n| n >= machine.lanes);
    let lanes = if wide { machine.lanes as u16 } else { 1 };
    let operands = layer.operands.iter().flatten();
    let local = |(i, o): (usize, &tinyc_core::cost::Source<'_>)| {
        let ty = Ty::vector(tinyc_core::loops::Scalar::of(o.ty.dtype).expect("checked"), lanes);
        (Expr::Local(tinyc_core::loops::Local { id: i as u32, ty }), ty)
    };
    let (locals, types): (Vec<Expr>, Vec<Ty>) = operands.enumerate().map(local).unzip();
    let mut cycles = walk::expression(estimate, &value.vectorized(lanes, &locals));
    for (i, o) in layer.operands.iter().flatten().enumerate().filter(|(i, _)| *i != chain) {
        let scalar = o.constant && o.ty.elements() == 1;
        let share = if o.ty.elements() == y.elements() { 1.0 } else { SHARED };
        if !scalar {
            cycles += estimate.load(types[i]) / share;
        }
    }
    cycles * y.elements() as f64 / f64::from(lanes)
}

/// The function of the operator alone, called with its operands and results by their positions.
fn alone(machine: Machine, layer: &Layer<'_>) -> Option<Made> {
    let windows = kernels::reads_images(layer.op);
    let place = |buffer: usize, ty: &TensorType, image: bool| {
        let rank = ty.shape.rank();
        let order = if image && rank > 2 { channels_last(rank) } else { (0..rank).collect() };
        Some(InMemory { buffer, len: ty.elements(), view: dense(ty, &order)? })
    };
    let mut operands = Vec::new();
    for (i, o) in layer.operands.iter().enumerate() {
        operands.push(match o {
            None => None,
            Some(o) => Some(Source {
                name: String::new(),
                ty: o.ty.clone(),
                value: place(i, o.ty, windows && i == 0)?,
                // Zeros that nobody reads: packing is not asked for.
                constant: o.constant.then(|| Arc::new(Tensor::zeros(o.ty))),
            }),
        });
    }
    let first = operands.len();
    let results: Vec<InMemory> =
        layer.results.iter().enumerate().map(|(i, ty)| place(first + i, ty, windows)).collect::<Option<_>>()?;
    let work = Work { op: layer.op, attrs: layer.attrs, operands: &operands };
    let mut allocate = |_: &str, _: DType, _: usize, new: New<'_>| match new {
        New::Constant(_) => PACKED,
        New::Scratch => SCRATCH,
    };
    let scheduled = match &results[..] {
        [y] => function::scheduled(&work, &[], y, machine, &mut allocate),
        _ => None,
    };
    scheduled.unwrap_or_else(|| function::plain(&work, &results)).ok()
}
