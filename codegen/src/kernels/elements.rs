//! What convolutions and products multiply: floats, or integers less their zero points.

use super::dot::{constant, operand};
use super::{Builder, Machine, Task, Term};
use std::sync::Arc;
use tinyc_core::loops::{Cast, Expr, Scalar, Ty};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// Registers of a core that sums and factors may have.
const CORE: usize = 12;

/// What is multiplied.
#[derive(Clone, Copy, Debug)]
pub enum Elements {
    Floats,
    /// Bytes less a zero point, in 32 bits.
    Bytes {
        signed: bool,
        zero: i64,
    },
}

impl Elements {
    pub fn of(task: &Task<'_>) -> Elements {
        match operand(task, 0).ty.dtype {
            DType::F32 => Elements::Floats,
            dtype => Elements::Bytes { signed: dtype == DType::I8, zero: zero_point(task) },
        }
    }

    /// Integers that are scalars lie in the registers of the core.
    pub fn machine(self, machine: Machine) -> Machine {
        let integers = !matches!(self, Elements::Floats) && machine.lanes == 1;
        Machine { registers: if integers { machine.registers.min(CORE) } else { machine.registers }, ..machine }
    }

    pub fn scalar(self) -> Scalar {
        if matches!(self, Elements::Floats) { Scalar::F32 } else { Scalar::I32 }
    }

    /// The operand that sums start from, if there is one.
    pub fn bias(self, b: &mut Builder<'_>, task: &Task<'_>, shape: &[usize]) -> Option<Term> {
        if matches!(self, Elements::Floats) { b.term(task, 2, shape) } else { None }
    }

    /// An element as it is multiplied.
    pub fn value(self, x: Expr) -> Expr {
        match self {
            Elements::Floats => x,
            Elements::Bytes { signed, zero } => {
                let wide = x.cast(if signed { Cast::SExt } else { Cast::ZExt }, Ty::I32);
                if zero == 0 { wide } else { wide - Expr::int(Scalar::I32, zero) }
            }
        }
    }

    /// A weight, or a vector of some, as it is multiplied.
    pub fn weight(self, w: Expr) -> Expr {
        match self {
            Elements::Floats => w,
            Elements::Bytes { .. } => {
                let lanes = w.ty().lanes;
                w.cast(Cast::SExt, Ty::vector(Scalar::I32, lanes))
            }
        }
    }
}

/// The zero point of the integers that a task multiplies with constants.
pub fn zero_point(task: &Task<'_>) -> i64 {
    let zero = task.x.get(2).and_then(Option::as_ref).map(constant);
    zero.and_then(|z| z.to_i64s()?.first().copied()).unwrap_or(0)
}

/// The zero points of the weights, where one is not 0.
pub fn weight_zeros(task: &Task<'_>) -> Option<Arc<Tensor>> {
    let zeros = task.x.get(3).and_then(Option::as_ref).map(constant)?;
    zeros.to_f64s().iter().any(|&z| z != 0.0).then_some(zeros)
}

/// The weights, integers less their zero points.
pub fn weights(task: &Task<'_>) -> Arc<Tensor> {
    let w = constant(operand(task, 1));
    let zero = weight_zeros(task).filter(|_| w.dtype() != DType::F32);
    if zero.is_none() && matches!(w.dtype(), DType::F32 | DType::I8) {
        return w;
    }
    let mut all = w.to_i64s().expect("they are integers");
    if let Some(zero) = zero {
        all.iter_mut().zip(spread(&zero, w.shape())).for_each(|(w, zero)| *w -= zero);
    }
    Arc::new(Tensor::of(w.shape().clone(), all.into_iter().map(|w| w as i16).collect()))
}

/// The integers of a tensor under a shape that it broadcasts to.
pub fn spread(t: &Tensor, shape: &Shape) -> Vec<i64> {
    let (own, strides) = (t.shape(), t.shape().strides());
    let skip = shape.rank() - own.rank();
    let values = t.to_i64s().expect("they are integers");
    let at = |c: Vec<usize>| (0..own.rank()).map(|d| if own[d] == 1 { 0 } else { c[skip + d] * strides[d] }).sum();
    shape
        .coordinates()
        .map(|c| {
            let i: usize = at(c);
            values[i]
        })
        .collect()
}
