//! Reductions over axes: one scalar step decides evaluation and lowering.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{column, in_f32};
use crate::graph::NodeId;
use crate::loops::{Cast, Expr, Index, Local, Lower, Scalar, View, columns};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Types};
use crate::tensor::Tensor;
use crate::types::{DType, Shape, TensorType};

/// Goes over the elements in row-major order.
pub struct Reduction {
    pub facts: Facts,
    pub accepts: require::Accepts,
    /// What the reduction of nothing is.
    pub init: fn(DType) -> Expr,
    /// From the value so far and the next element.
    pub step: fn(DType, Expr, Expr) -> Expr,
    /// From the last value and the number of elements.
    pub finish: Option<fn(Expr, Expr) -> Expr>,
    /// The step adds a product.
    pub products: bool,
}

pub const AXES: AttrSpec = AttrSpec::ints("axes", "axes that are reduced").operand(1);
pub const KEEP: AttrSpec = AttrSpec::bool("keep", "reduced axes stay, with extent 1").named("keepdims");

/// No element is smaller.
pub fn smallest(d: DType) -> Expr {
    let scalar = Scalar::of(d).unwrap_or(Scalar::F32);
    match d {
        _ if scalar.is_float() => Expr::number(scalar, f64::NEG_INFINITY),
        _ if d.is_signed_int() => Expr::int(scalar, i64::MIN >> (64 - scalar.bits())),
        _ => Expr::int(scalar, 0),
    }
}

/// No element is larger.
pub fn largest(d: DType) -> Expr {
    let scalar = Scalar::of(d).unwrap_or(Scalar::F32);
    match d {
        _ if scalar.is_float() => Expr::number(scalar, f64::INFINITY),
        _ if d.is_signed_int() => Expr::int(scalar, i64::MAX >> (64 - scalar.bits())),
        DType::Bool => Expr::int(scalar, 1),
        _ => Expr::int(scalar, -1),
    }
}

/// Which axes are reduced.
fn reduced(op: &str, attrs: &Attrs, x: &TensorType) -> Result<Vec<bool>, OpError> {
    let axes = require::axes(op, x, attrs.ints("axes"))?;
    Ok((0..x.shape.rank()).map(|d| axes.contains(&d)).collect())
}

/// The shape of `x` where only axes with `reduced == which` have their extents, others 1.
fn part(x: &[usize], reduced: &[bool], which: bool) -> Vec<usize> {
    x.iter().zip(reduced).map(|(&n, &r)| if r == which { n } else { 1 }).collect()
}

impl Op for Reduction {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::dtype(self.name(), "x", x, self.accepts)?;
        let reduced = reduced(self.name(), attrs, x)?;
        let kept = part(&x.shape, &reduced, false);
        let stays = |d: &usize| attrs.bool("keep") || !reduced[*d];
        Ok(vec![TensorType::new(x.dtype, (0..kept.len()).filter(stays).map(|d| kept[d]).collect::<Vec<_>>())])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let [Some(x)] = x else { unreachable!("operand count is checked") };
            let ty = self.infer(attrs, &[Some(&x.ty())])?.remove(0);
            let reduced = reduced(self.name(), attrs, &x.ty())?;
            let strides = x.shape().strides();
            let kept: Vec<usize> = index::offsets(&part(x.shape(), &reduced, false), &strides).collect();
            let steps = index::offsets(&part(x.shape(), &reduced, true), &strides);
            let init = (self.init)(x.dtype());
            let local = |id| Expr::from(Local { id, ty: init.ty() });
            let step = (self.step)(x.dtype(), local(0), local(1));
            let elements = |at: usize| column::of(&x.data().gather(kept.iter().map(|k| k + at)));
            let mut y = columns::fold(&step, column::constant(&init, kept.len()), steps.map(elements));
            if let Some(finish) = self.finish {
                y = columns::eval(&finish(local(0), count(x.dtype(), x.shape(), &reduced)), &[y]);
            }
            Ok(vec![column::tensor(y, &ty)])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let reduced = reduced(self.name(), attrs, &TensorType::new(x.dtype, x.shape()))?;
        l.nest(&part(&x.shape(), &reduced, false), |l, at| {
            let value = l.reduce("value", (self.init)(x.dtype), &part(&x.shape(), &reduced, true), |_, k, value| {
                let from: Vec<Index> = at.iter().zip(k).map(|(i, k)| i.clone() + k.clone()).collect();
                (self.step)(x.dtype, value, x.read(&from))
            });
            let value = match self.finish {
                Some(finish) => finish(value, count(x.dtype, &x.shape(), &reduced)),
                None => value,
            };
            let to: Vec<Index> =
                at.iter().zip(&reduced).filter(|(_, r)| attrs.bool("keep") || !**r).map(|(i, _)| i.clone()).collect();
            l.push(y[0].write(&to, value));
        });
        Ok(())
    }

    fn macs(&self, _attrs: &Attrs, x: &Types<'_>, _y: &[TensorType]) -> u64 {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        if self.products { x.elements() as u64 } else { 0 }
    }
}

/// How many elements become one.
fn count(dtype: DType, x: &[usize], reduced: &[bool]) -> Expr {
    let n: usize = part(x, reduced, true).iter().product();
    Expr::int(Scalar::I32, n as i64).cast(Cast::SiToFp, super::elementwise::constant(dtype, 0.0).ty())
}

/// The axes that an ONNX reduction names, all without a name; opset `since` made them an operand.
fn axes(n: &mut NodeReader<'_>, since: i64) -> Result<Vec<i64>, OpError> {
    let x = n.ty(0)?;
    let noop = n.int("noop_with_empty_axes")?.unwrap_or(0) != 0;
    let axes = n.ints_or_operand("axes", since, 1)?.unwrap_or_default();
    Ok(if axes.is_empty() && !noop { (0..x.shape.rank() as i64).collect() } else { axes })
}

pub fn read(n: &mut NodeReader<'_>, op: OpId, since: i64) -> Result<Vec<NodeId>, OpError> {
    let axes = axes(n, since)?;
    let keep = n.int("keepdims")?.unwrap_or(1) != 0;
    let x = n.required(0)?;
    Ok(vec![reduce(n, op, x, axes, keep)?])
}

/// Without axes ONNX reduces over all of them, unless told not to.
pub fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let noop = w.attrs().ints("axes").is_empty().then_some(("noop_with_empty_axes", Value::Int(1)));
    Ok(vec![w.same_with(noop)])
}

/// Adds a reduction.
pub fn reduce(n: &mut NodeReader<'_>, op: OpId, x: NodeId, axes: Vec<i64>, keep: bool) -> Result<NodeId, OpError> {
    n.emit(op, Attrs::new().with_ints("axes", axes).with_bool("keep", keep), &[Some(x)])
}

/// ONNX ReduceLogSumExp: `log(sum of exp(x - m)) + m` where `m` is the largest element.
pub fn read_log_sum_exp(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let axes = axes(n, 18)?;
    let keep = n.int("keepdims")?.unwrap_or(1) != 0;
    let x = n.required(0)?;
    let m = reduce(n, OpId::reduce_max, x, axes.clone(), true)?;
    let distance = n.emit(OpId::sub, Attrs::new(), &[Some(x), Some(m)])?;
    let powers = n.emit(OpId::exp, Attrs::new(), &[Some(distance)])?;
    let sum = reduce(n, OpId::reduce_log_sum, powers, axes.clone(), keep)?;
    let m = if keep { m } else { reduce(n, OpId::reduce_max, x, axes, false)? };
    Ok(vec![n.emit(OpId::add, Attrs::new(), &[Some(sum), Some(m)])?])
}

/// ONNX LpNormalization: elements over their norm along an axis, 0 over 0 being 0.
pub fn read_lp_normalization(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let axis = n.int("axis")?.unwrap_or(-1);
    let op = match n.int("p")?.unwrap_or(2) {
        1 => OpId::reduce_l1,
        2 => OpId::reduce_l2,
        p => return Err(OpError::new(Code::BadAttribute, format!("p is {p}, but must be 1 or 2"))),
    };
    let axis = require::axis(op.name(), &x, axis)? as i64;
    let x_id = n.required(0)?;
    let norm = reduce(n, op, x_id, vec![axis], true)?;
    // The smallest normal number in place of a norm of 0 changes no other one to speak of.
    let least = n.add_const(Tensor::of::<f32>(Shape::scalar(), vec![f32::MIN_POSITIVE]).cast(x.dtype));
    let norm = n.emit(OpId::max, Attrs::new(), &[Some(norm), Some(least)])?;
    Ok(vec![n.emit(OpId::div, Attrs::new(), &[Some(x_id), Some(norm)])?])
}
