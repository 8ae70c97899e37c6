//! Integers less their zero points, as operators on quantized operands read them.

use super::quantization::widened;
use super::{index, require};
use crate::diag::{Code, OpError};
use crate::loops::{Expr, Index, View};
use crate::onnx::{NodeWriter, Written};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

/// Element types of operands.
pub fn narrow(d: DType) -> bool {
    matches!(d, DType::I8 | DType::U8)
}

/// Checks an operand and its zero point, which is one for all or one for each position of `axis`.
pub fn check(op: &str, (name, x): (&str, &TensorType), zero: Option<&TensorType>, axis: usize) -> Result<(), OpError> {
    require::dtype(op, name, x, narrow)?;
    let Some(zero) = zero else { return Ok(()) };
    let zero_name = format!("{name}_zero");
    require::same_dtype(op, (name, x), (&zero_name, zero))?;
    let along = |d: usize| d + x.shape.rank() == axis + zero.shape.rank() || zero.shape[d] == 1;
    let fits = zero.shape.broadcast(&x.shape).as_ref() == Some(&x.shape);
    if !fits || !(0..zero.shape.rank()).all(along) {
        let message = format!(
            "{op}: {zero_name} is {zero}, neither one for all of {name}, {x}, nor one for each position of axis {axis}"
        );
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    Ok(())
}

/// Operand `i`, a zero point, as ONNX has it: a scalar or a vector.
pub fn written(w: &mut NodeWriter<'_>, i: usize) -> Option<Written> {
    let shape: Vec<usize> = w.ty(i)?.shape.iter().copied().filter(|&n| n != 1).collect();
    w.reshaped(i, &shape)
}

/// The differences as i32.
pub fn evaluate(x: &Tensor, zero: Option<&Tensor>) -> Tensor {
    let wide = |t: &Tensor| t.to_i64s().unwrap_or_default();
    let mut all = wide(x);
    if let Some(zero) = zero {
        let zeros = wide(zero);
        all.iter_mut().zip(index::broadcast(zero.shape(), x.shape())).for_each(|(x, i)| *x -= zeros[i]);
    }
    Tensor::of(x.shape().clone(), all.into_iter().map(|v| v as i32).collect())
}

/// An operand and the zero points under its shape. Operands that are not narrow integers are read as they are.
#[derive(Clone)]
pub struct Centered {
    pub x: View,
    pub zero: Option<View>,
}

impl Centered {
    pub fn new(x: &View, zero: Option<&View>) -> Centered {
        Centered { x: x.clone(), zero: zero.map(|z| z.broadcast(&x.shape())) }
    }

    /// The same with both views changed alike.
    pub fn map(&self, f: impl Fn(&View) -> View) -> Centered {
        Centered { x: f(&self.x), zero: self.zero.as_ref().map(f) }
    }

    pub fn read(&self, at: &[Index]) -> Expr {
        let wide = |v: &View| if narrow(v.dtype) { widened(v.dtype, v.read(at)) } else { v.read(at) };
        match &self.zero {
            None => wide(&self.x),
            Some(zero) => wide(&self.x) - wide(zero),
        }
    }
}
