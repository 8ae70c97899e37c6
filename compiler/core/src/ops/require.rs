//! What operators require of operands, with the messages when it does not hold.

use crate::diag::{Code, OpError};
use crate::types::{DType, TensorType};
use std::ops::RangeInclusive;

/// Whether an element type is one that an operator takes.
pub type Accepts = fn(DType) -> bool;

pub fn number(d: DType) -> bool {
    d != DType::Bool
}

pub fn signed(d: DType) -> bool {
    d.is_float() || d.is_signed_int()
}

/// What ONNX multiplies matrices of.
pub fn product(d: DType) -> bool {
    d.is_float() || d.is_int() && d.bytes() >= 4
}

/// What indices are.
pub fn position(d: DType) -> bool {
    matches!(d, DType::I32 | DType::I64)
}

/// Floats that the library's functions take; f16 and bf16 are computed in f32 and rounded.
pub fn f32_or_narrower(d: DType) -> bool {
    d.is_float() && d != DType::F64
}

pub fn dtype(op: &str, operand: &str, ty: &TensorType, accepts: Accepts) -> Result<(), OpError> {
    if accepts(ty.dtype) {
        return Ok(());
    }
    let names: Vec<_> = DType::ALL.into_iter().filter(|&d| accepts(d)).map(DType::name).collect();
    let message = format!("{op}: {operand} is {ty}, but its element type must be {}", names.join(", "));
    Err(OpError::new(Code::TypeMismatch, message))
}

/// Two operands have one element type.
pub fn same_dtype(op: &str, a: (&str, &TensorType), b: (&str, &TensorType)) -> Result<(), OpError> {
    if a.1.dtype == b.1.dtype {
        return Ok(());
    }
    let message = format!("{op}: {} is {} and {} is {}, but their element types must agree", a.0, a.1, b.0, b.1);
    Err(OpError::new(Code::TypeMismatch, message))
}

pub fn rank(op: &str, operand: &str, ty: &TensorType, ranks: RangeInclusive<usize>) -> Result<(), OpError> {
    if ranks.contains(&ty.shape.rank()) {
        return Ok(());
    }
    let (lo, hi) = (ranks.start(), ranks.end());
    let want = match hi {
        _ if lo == hi => format!("{lo}"),
        &usize::MAX => format!("{lo} or more"),
        _ => format!("{lo} to {hi}"),
    };
    let message = format!("{op}: {operand} is {ty}, of rank {}, but must have rank {want}", ty.shape.rank());
    Err(OpError::new(Code::Rank, message))
}

/// An axis of `ty`, counted from the end when negative.
pub fn axis(op: &str, ty: &TensorType, axis: i64) -> Result<usize, OpError> {
    ty.shape.axis(axis).ok_or_else(|| {
        let rank = ty.shape.rank();
        OpError::new(Code::BadAxis, format!("{op}: axis {axis} is not in -{rank}..{rank}, the axes of {ty}"))
    })
}

/// Distinct axes of `ty`, in their order.
pub fn axes(op: &str, ty: &TensorType, given: &[i64]) -> Result<Vec<usize>, OpError> {
    let mut axes = given.iter().map(|&a| axis(op, ty, a)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    match axes.windows(2).find(|w| w[0] == w[1]) {
        Some(w) => Err(OpError::new(Code::BadAxis, format!("{op}: axis {} is given twice in {given:?}", w[0]))),
        None => Ok(axes),
    }
}

/// An attribute has one value for each axis of an operand.
pub fn one_an_axis<T>(op: &str, attribute: &str, values: &[T], ty: &TensorType) -> Result<(), OpError> {
    if values.len() == ty.shape.rank() {
        return Ok(());
    }
    let message = format!("{op}: {attribute} has {} values, but {ty} has {} axes", values.len(), ty.shape.rank());
    Err(OpError::new(Code::ShapeMismatch, message))
}

/// An operand has exactly this shape.
pub fn shape(op: &str, operand: &str, ty: &TensorType, shape: &[usize], why: &str) -> Result<(), OpError> {
    if *ty.shape == *shape {
        return Ok(());
    }
    let want = crate::types::Shape::new(shape);
    let message = format!("{op}: {operand} is {ty}, but must have shape {want}: {why}");
    Err(OpError::new(Code::ShapeMismatch, message))
}
