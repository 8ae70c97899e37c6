//! Arithmetic on elements, generic over their type: integers wrap, floats are never fused.

use crate::diag::OpError;
use crate::tensor::{Element, Tensor};
use crate::types::DType;

/// An element type that sums of products are computed in.
pub trait Number: Element + Default {
    const ZERO: Self;
    fn plus(self, b: Self) -> Self;
    fn times(self, b: Self) -> Self;
    /// `v`, truncated for integers.
    fn of(v: f32) -> Self;

    /// `self + a * b`, rounded twice.
    #[inline(always)]
    fn mac(self, a: Self, b: Self) -> Self {
        self.plus(a.times(b))
    }
}

macro_rules! numbers {
    ($($t:ty: $zero:literal, $plus:expr, $times:expr;)*) => {
        $(impl Number for $t {
            const ZERO: $t = $zero;
            #[inline(always)]
            fn plus(self, b: $t) -> $t {
                $plus(self, b)
            }
            #[inline(always)]
            fn times(self, b: $t) -> $t {
                $times(self, b)
            }
            fn of(v: f32) -> $t {
                v as $t
            }
        })*
    };
}

numbers! {
    f32: 0.0, |a, b| a + b, |a, b| a * b;
    f64: 0.0, |a, b| a + b, |a, b| a * b;
    i32: 0, i32::wrapping_add, i32::wrapping_mul;
    u32: 0, u32::wrapping_add, u32::wrapping_mul;
    i64: 0, i64::wrapping_add, i64::wrapping_mul;
    u64: 0, u64::wrapping_add, u64::wrapping_mul;
}

/// Evaluates `$body` with `$t` the element type of the first of `$x`, one of those listed, as `infer`
/// has checked.
#[macro_export]
macro_rules! with_number {
    ($x:expr, [$($t:ident)*], $T:ident => $body:expr) => {
        match $x[0].map($crate::tensor::Tensor::dtype) {
            $(Some(<$t as $crate::tensor::Element>::DTYPE) => {
                type $T = $t;
                $body
            })*
            other => unreachable!("infer lets no {other:?} through"),
        }
    };
}

/// The elements, of the type that `infer` has checked.
pub fn slice<T: Element>(t: &Tensor) -> &[T] {
    t.as_slice().unwrap_or_else(|| unreachable!("infer has checked that {} holds {}", t.ty(), T::DTYPE))
}

/// Evaluates in f32 and rounds the results, where operands are f16 or bf16.
pub fn in_f32(
    x: &[Option<&Tensor>],
    eval: impl FnOnce(&[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError>,
) -> Result<Vec<Tensor>, OpError> {
    let narrow = match x.iter().flatten().map(|t| t.dtype()).find(|d| matches!(d, DType::F16 | DType::BF16)) {
        None => return eval(x),
        Some(narrow) => narrow,
    };
    let wide: Vec<Option<Tensor>> = x.iter().map(|t| t.map(|t| converted(t, narrow, DType::F32))).collect();
    let wide: Vec<Option<&Tensor>> = wide.iter().map(Option::as_ref).collect();
    Ok(eval(&wide)?.iter().map(|t| converted(t, DType::F32, narrow)).collect())
}

fn converted(t: &Tensor, from: DType, to: DType) -> Tensor {
    if t.dtype() == from { t.cast(to) } else { t.clone() }
}
