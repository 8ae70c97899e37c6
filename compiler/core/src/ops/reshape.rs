//! `reshape`: the same elements under another shape.

use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

use super::require;

static FACTS: Facts = Facts {
    name: "reshape",
    doc: "The elements of `x` in row-major order under the shape `shape`. ONNX Reshape, Flatten, Squeeze, Unsqueeze.",
    operands: &[once("x")],
    attrs: &[AttrSpec::ints("shape", "extents of the result").operand(1)],
    imports: &[
        onnx("Reshape", 5, read_reshape).written(write),
        onnx("Flatten", 1, read_flatten),
        onnx("Squeeze", 1, read_squeeze),
        onnx("Unsqueeze", 1, read_unsqueeze),
    ],
    examples: &["reshape f32[2,3] {shape: [3,2]} -> f32[3,2]", "reshape i64[1,4,5] {shape: [20]} -> i64[20]"],
};

pub struct Reshape;
pub static OP: Reshape = Reshape;

impl Op for Reshape {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let shape = Shape::new(attrs.extents("shape"));
        if attrs.ints("shape").iter().any(|&d| d < 0) || shape.checked_len() != x.shape.checked_len() {
            let message = format!("reshape: {} does not hold the {} elements of {}", shape, x.elements(), x);
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        Ok(vec![TensorType { dtype: x.dtype, shape }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        Ok((*x).clone().reshaped(attrs.extents("shape")).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let (mut flat_x, mut flat_y) = ([x.clone()], [y[0].clone()]);
        View::coalesce(&mut flat_x);
        View::coalesce(&mut flat_y);
        let ([x], [y]) = (flat_x, flat_y);
        l.nest(&y.shape(), |l, at| l.push(y.write(at, x.read(&super::index::same_element(&y, &x, at)))));
        Ok(())
    }

    fn is_alias(&self) -> bool {
        true
    }
}

/// ONNX Reshape: 0 keeps the operand's extent (unless `allowzero`), one -1 is computed.
fn read_reshape(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let want = n.constant_ints(1)?.ok_or_else(|| OpError::new(Code::Arity, "input 1 (shape) is missing"))?;
    let allow_zero = n.int("allowzero")?.unwrap_or(0) != 0;
    let mut shape = want.clone();
    for (i, d) in shape.iter_mut().enumerate() {
        if *d == 0 && !allow_zero {
            *d = *x.shape.get(i).ok_or_else(|| {
                OpError::new(
                    Code::ShapeMismatch,
                    format!("reshape: extent {i} of {want:?} copies from {x}, which has no axis {i}"),
                )
            })? as i64;
        }
    }
    if let Some(i) = shape.iter().position(|&d| d == -1) {
        let rest = shape.iter().filter(|&&d| d != -1).try_fold(1i64, |a, &d| a.checked_mul(d));
        match rest {
            Some(rest) if rest > 0 && x.elements() as i64 % rest == 0 => shape[i] = x.elements() as i64 / rest,
            _ => {
                let message =
                    format!("reshape: no extent for -1 in {want:?} holds the {} elements of {x}", x.elements());
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
    }
    emit(n, shape)
}

/// ONNX Flatten: a matrix, the axes before `axis` in its rows.
fn read_flatten(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let axis = n.int("axis")?.unwrap_or(1);
    let rank = x.shape.rank();
    // Unlike elsewhere, `axis` may be the rank itself.
    let split = if axis == rank as i64 { rank } else { require::axis("flatten", &x, axis)? };
    let extent = |dims: &[usize]| dims.iter().product::<usize>() as i64;
    emit(n, vec![extent(&x.shape[..split]), extent(&x.shape[split..])])
}

/// ONNX Squeeze: without axes all extents of 1 go.
fn read_squeeze(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let gone = match n.ints_or_operand("axes", 13, 1)? {
        None => (0..x.shape.rank()).filter(|&d| x.shape[d] == 1).collect(),
        Some(axes) => require::axes("squeeze", &x, &axes)?,
    };
    if let Some(&d) = gone.iter().find(|&&d| x.shape[d] != 1) {
        let message = format!("squeeze: axis {d} of {x} has extent {}, not 1", x.shape[d]);
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    let kept = (0..x.shape.rank()).filter(|d| !gone.contains(d));
    emit(n, kept.map(|d| x.shape[d] as i64).collect())
}

/// ONNX Unsqueeze: axes count in the result.
fn read_unsqueeze(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let axes =
        n.ints_or_operand("axes", 13, 1)?.ok_or_else(|| OpError::new(Code::Arity, "unsqueeze: axes are missing"))?;
    let result = TensorType::new(x.dtype, vec![1; x.shape.rank() + axes.len()]);
    let new = require::axes("unsqueeze", &result, &axes)?;
    let mut old = x.shape.iter();
    let extent = |d| if new.contains(&d) { Some(1) } else { old.next().map(|&n| n as i64) };
    emit(n, (0..result.shape.rank()).filter_map(extent).collect())
}

fn emit(n: &mut NodeReader<'_>, shape: Vec<i64>) -> Result<Vec<NodeId>, OpError> {
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(x)])?])
}

/// An extent of 0 means itself only where that is said.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let zero = w.attrs().ints("shape").contains(&0).then_some(("allowzero", Value::Int(1)));
    Ok(vec![w.same_with(zero)])
}
