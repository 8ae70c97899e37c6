//! The one meaning of every scalar operation, as the head of `ir` states it.
//!
//! The interpreter wants functions over bits, the columnwise evaluator wants loops that vectorize, and
//! the checker wants to know what is defined at all. So each operation is a type that implements
//! [`Fn1`] or [`Fn2`], and the tables here hand that type to a visitor. An operation that is missing
//! from a table is not defined for the scalar type.

use super::columns::Column;
use super::ir::{Binary, Cast, Compare, Reduce, Unary};
use super::ty::Scalar;

/// A Rust type that holds a scalar.
pub trait Value: Copy + Default + Send + Sync + 'static {
    const SCALAR: Scalar;
    /// The bits in the low end, zeros above.
    fn bits(self) -> u64;
    fn of_bits(bits: u64) -> Self;
    /// The elements of a column of this type.
    fn slice(column: &Column) -> Option<&[Self]>;
    fn vec(column: &mut Column) -> Option<&mut Vec<Self>>;
}

macro_rules! values {
    ($($t:ty, $scalar:ident, |$x:ident| $bits:expr, |$b:ident| $of_bits:expr;)*) => {
        $(impl Value for $t {
            const SCALAR: Scalar = Scalar::$scalar;
            #[inline(always)]
            fn bits(self) -> u64 { let $x = self; $bits }
            #[inline(always)]
            fn of_bits($b: u64) -> $t { $of_bits }
            fn slice(column: &Column) -> Option<&[$t]> {
                if let Column::$scalar(v) = column { Some(v) } else { None }
            }
            fn vec(column: &mut Column) -> Option<&mut Vec<$t>> {
                if let Column::$scalar(v) = column { Some(v) } else { None }
            }
        })*
    };
}

values! {
    bool, I1, |x| u64::from(x), |b| b & 1 != 0;
    i8, I8, |x| u64::from(x as u8), |b| b as i8;
    i16, I16, |x| u64::from(x as u16), |b| b as i16;
    i32, I32, |x| u64::from(x as u32), |b| b as i32;
    i64, I64, |x| x as u64, |b| b as i64;
    f32, F32, |x| u64::from(x.to_bits()), |b| f32::from_bits(b as u32);
    f64, F64, |x| x.to_bits(), |b| f64::from_bits(b);
}

/// A function of one scalar.
pub trait Fn1 {
    type In: Value;
    type Out: Value;
    fn apply(a: Self::In) -> Self::Out;
}

/// A function of two scalars of one type.
pub trait Fn2 {
    type In: Value;
    type Out: Value;
    fn apply(a: Self::In, b: Self::In) -> Self::Out;
}

/// Is given the function that an operation means.
pub trait Visit1 {
    type Out;
    fn visit<F: Fn1>(self) -> Self::Out;
}

/// Is given the function that an operation means.
pub trait Visit2 {
    type Out;
    fn visit<F: Fn2>(self) -> Self::Out;
}

macro_rules! visit {
    ($v:expr, $in:ty => $out:ty, |$a:ident| $body:expr) => {{
        struct F;
        impl Fn1 for F {
            type In = $in;
            type Out = $out;
            #[inline(always)]
            fn apply($a: $in) -> $out {
                $body
            }
        }
        Some($v.visit::<F>())
    }};
    ($v:expr, $in:ty => $out:ty, |$a:ident, $b:ident| $body:expr) => {{
        struct F;
        impl Fn2 for F {
            type In = $in;
            type Out = $out;
            #[inline(always)]
            fn apply($a: $in, $b: $in) -> $out {
                $body
            }
        }
        Some($v.visit::<F>())
    }};
}

pub fn unary<V: Visit1>(op: Unary, scalar: Scalar, v: V) -> Option<V::Out> {
    macro_rules! int {
        ($t:ty) => {
            match op {
                Unary::Neg => visit!(v, $t => $t, |a| a.wrapping_neg()),
                Unary::Not => visit!(v, $t => $t, |a| !a),
            }
        };
    }
    match (scalar, op) {
        (Scalar::I1, Unary::Not) => visit!(v, bool => bool, |a| !a),
        (Scalar::I8, _) => int!(i8),
        (Scalar::I16, _) => int!(i16),
        (Scalar::I32, _) => int!(i32),
        (Scalar::I64, _) => int!(i64),
        (Scalar::F32, Unary::Neg) => visit!(v, f32 => f32, |a| -a),
        (Scalar::F64, Unary::Neg) => visit!(v, f64 => f64, |a| -a),
        (Scalar::I1, Unary::Neg) | (Scalar::F32 | Scalar::F64, Unary::Not) => None,
    }
}

pub fn binary<V: Visit2>(op: Binary, scalar: Scalar, v: V) -> Option<V::Out> {
    macro_rules! int {
        ($t:ty, $u:ty) => {
            match op {
                Binary::Add => visit!(v, $t => $t, |a, b| a.wrapping_add(b)),
                Binary::Sub => visit!(v, $t => $t, |a, b| a.wrapping_sub(b)),
                Binary::Mul => visit!(v, $t => $t, |a, b| a.wrapping_mul(b)),
                Binary::Div => visit!(v, $t => $t, |a, b| if b == 0 { 0 } else { a.wrapping_div(b) }),
                Binary::UDiv => visit!(v, $t => $t, |a, b| (a as $u).checked_div(b as $u).unwrap_or(0) as $t),
                Binary::Rem => visit!(v, $t => $t, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }),
                Binary::URem => visit!(v, $t => $t, |a, b| (a as $u).checked_rem(b as $u).unwrap_or(0) as $t),
                Binary::And => visit!(v, $t => $t, |a, b| a & b),
                Binary::Or => visit!(v, $t => $t, |a, b| a | b),
                Binary::Xor => visit!(v, $t => $t, |a, b| a ^ b),
                Binary::Shl => visit!(v, $t => $t, |a, b| a.wrapping_shl(b as u32)),
                Binary::Shr => visit!(v, $t => $t, |a, b| a.wrapping_shr(b as u32)),
                Binary::UShr => visit!(v, $t => $t, |a, b| (a as $u).wrapping_shr(b as u32) as $t),
                Binary::Min => visit!(v, $t => $t, |a, b| a.min(b)),
                Binary::UMin => visit!(v, $t => $t, |a, b| (a as $u).min(b as $u) as $t),
                Binary::Max => visit!(v, $t => $t, |a, b| a.max(b)),
                Binary::UMax => visit!(v, $t => $t, |a, b| (a as $u).max(b as $u) as $t),
            }
        };
    }
    macro_rules! float {
        ($t:ty) => {
            match op {
                Binary::Add => visit!(v, $t => $t, |a, b| a + b),
                Binary::Sub => visit!(v, $t => $t, |a, b| a - b),
                Binary::Mul => visit!(v, $t => $t, |a, b| a * b),
                Binary::Div => visit!(v, $t => $t, |a, b| a / b),
                Binary::Min => visit!(v, $t => $t, |a, b| if b < a { b } else { a }),
                Binary::Max => visit!(v, $t => $t, |a, b| if a < b { b } else { a }),
                _ => None,
            }
        };
    }
    match scalar {
        Scalar::I1 => match op {
            Binary::And => visit!(v, bool => bool, |a, b| a & b),
            Binary::Or => visit!(v, bool => bool, |a, b| a | b),
            Binary::Xor => visit!(v, bool => bool, |a, b| a ^ b),
            _ => None,
        },
        Scalar::I8 => int!(i8, u8),
        Scalar::I16 => int!(i16, u16),
        Scalar::I32 => int!(i32, u32),
        Scalar::I64 => int!(i64, u64),
        Scalar::F32 => float!(f32),
        Scalar::F64 => float!(f64),
    }
}

pub fn compare<V: Visit2>(op: Compare, scalar: Scalar, v: V) -> Option<V::Out> {
    macro_rules! int {
        ($t:ty, $u:ty) => {
            match op {
                Compare::Eq => visit!(v, $t => bool, |a, b| a == b),
                Compare::Ne => visit!(v, $t => bool, |a, b| a != b),
                Compare::Lt => visit!(v, $t => bool, |a, b| a < b),
                Compare::Le => visit!(v, $t => bool, |a, b| a <= b),
                Compare::ULt => visit!(v, $t => bool, |a, b| (a as $u) < b as $u),
                Compare::ULe => visit!(v, $t => bool, |a, b| a as $u <= b as $u),
            }
        };
    }
    macro_rules! float {
        ($t:ty) => {
            match op {
                Compare::Eq => visit!(v, $t => bool, |a, b| a == b),
                Compare::Ne => visit!(v, $t => bool, |a, b| a != b),
                Compare::Lt => visit!(v, $t => bool, |a, b| a < b),
                Compare::Le => visit!(v, $t => bool, |a, b| a <= b),
                Compare::ULt | Compare::ULe => None,
            }
        };
    }
    match scalar {
        Scalar::I1 => match op {
            Compare::Eq => visit!(v, bool => bool, |a, b| a == b),
            Compare::Ne => visit!(v, bool => bool, |a, b| a != b),
            _ => None,
        },
        Scalar::I8 => int!(i8, u8),
        Scalar::I16 => int!(i16, u16),
        Scalar::I32 => int!(i32, u32),
        Scalar::I64 => int!(i64, u64),
        Scalar::F32 => float!(f32),
        Scalar::F64 => float!(f64),
    }
}

pub fn cast<V: Visit1>(op: Cast, from: Scalar, to: Scalar, v: V) -> Option<V::Out> {
    use Scalar::{F32, F64, I1, I8, I16, I32, I64};
    macro_rules! trunc {
        ($($from:ident: $f:ty => $($to:ident: $t:ty),*;)*) => {
            match (from, to) {
                $($(($from, $to) => visit!(v, $f => $t, |a| a as $t),)*)*
                (I8, I1) => visit!(v, i8 => bool, |a| a & 1 != 0),
                (I16, I1) => visit!(v, i16 => bool, |a| a & 1 != 0),
                (I32, I1) => visit!(v, i32 => bool, |a| a & 1 != 0),
                (I64, I1) => visit!(v, i64 => bool, |a| a & 1 != 0),
                _ => None,
            }
        };
    }
    // Extensions: from a type through one that says the signedness.
    macro_rules! widen {
        ($via:ident => $($from:ident: $f:ty => $($to:ident: $t:ty),*;)*) => {
            match (from, to) {
                $($(($from, $to) => visit!(v, $f => $t, |a| $via(a) as $t),)*)*
                _ => None,
            }
        };
    }
    // Between floats and integers.
    macro_rules! fp {
        ($($from:ident: $f:ty => $($to:ident: $t:ty as $u:ty),*;)*) => {
            match (from, to) {
                $($(($from, $to) => visit!(v, $f => $t, |a| a as $u as $t),)*)*
                _ => None,
            }
        };
    }
    match op {
        Cast::Trunc => trunc! {
            I16: i16 => I8: i8;
            I32: i32 => I8: i8, I16: i16;
            I64: i64 => I8: i8, I16: i16, I32: i32;
        },
        Cast::ZExt => widen! { unsigned =>
            I1: bool => I8: i8, I16: i16, I32: i32, I64: i64;
            I8: i8 => I16: i16, I32: i32, I64: i64;
            I16: i16 => I32: i32, I64: i64;
            I32: i32 => I64: i64;
        },
        Cast::SExt => widen! { signed =>
            I1: bool => I8: i8, I16: i16, I32: i32, I64: i64;
            I8: i8 => I16: i16, I32: i32, I64: i64;
            I16: i16 => I32: i32, I64: i64;
            I32: i32 => I64: i64;
        },
        Cast::FpToSi => fp! {
            F32: f32 => I8: i8 as i8, I16: i16 as i16, I32: i32 as i32, I64: i64 as i64;
            F64: f64 => I8: i8 as i8, I16: i16 as i16, I32: i32 as i32, I64: i64 as i64;
        },
        Cast::FpToUi => fp! {
            F32: f32 => I8: i8 as u8, I16: i16 as u16, I32: i32 as u32, I64: i64 as u64;
            F64: f64 => I8: i8 as u8, I16: i16 as u16, I32: i32 as u32, I64: i64 as u64;
        },
        Cast::SiToFp => fp! {
            I8: i8 => F32: f32 as i8, F64: f64 as i8;
            I16: i16 => F32: f32 as i16, F64: f64 as i16;
            I32: i32 => F32: f32 as i32, F64: f64 as i32;
            I64: i64 => F32: f32 as i64, F64: f64 as i64;
        },
        Cast::UiToFp => fp! {
            I1: bool => F32: f32 as u8, F64: f64 as u8;
            I8: i8 => F32: f32 as u8, F64: f64 as u8;
            I16: i16 => F32: f32 as u16, F64: f64 as u16;
            I32: i32 => F32: f32 as u32, F64: f64 as u32;
            I64: i64 => F32: f32 as u64, F64: f64 as u64;
        },
        Cast::FpCast => match (from, to) {
            (F32, F64) => visit!(v, f32 => f64, |a| f64::from(a)),
            (F64, F32) => visit!(v, f64 => f32, |a| a as f32),
            _ => None,
        },
        Cast::Bits => match (from, to) {
            (I32, F32) => visit!(v, i32 => f32, |a| f32::from_bits(a as u32)),
            (F32, I32) => visit!(v, f32 => i32, |a| a.to_bits() as i32),
            (I64, F64) => visit!(v, i64 => f64, |a| f64::from_bits(a as u64)),
            (F64, I64) => visit!(v, f64 => i64, |a| a.to_bits() as i64),
            _ => None,
        },
    }
}

#[inline(always)]
fn unsigned<T: Value>(x: T) -> u64 {
    x.bits()
}

#[inline(always)]
fn signed<T: Value>(x: T) -> i64 {
    let shift = 64 - T::SCALAR.bits();
    ((x.bits() << shift) as i64) >> shift
}

impl Reduce {
    /// The operation that folds the lanes, lane 0 first.
    pub fn binary(self) -> Binary {
        match self {
            Reduce::Add => Binary::Add,
            Reduce::Min => Binary::Min,
            Reduce::Max => Binary::Max,
        }
    }
}

/// Functions over bits.
pub struct OnBits;

impl Visit1 for OnBits {
    type Out = fn(u64) -> u64;
    fn visit<F: Fn1>(self) -> Self::Out {
        |a| F::apply(F::In::of_bits(a)).bits()
    }
}

impl Visit2 for OnBits {
    type Out = fn(u64, u64) -> u64;
    fn visit<F: Fn2>(self) -> Self::Out {
        |a, b| F::apply(F::In::of_bits(a), F::In::of_bits(b)).bits()
    }
}

#[cfg(test)]
mod tests;
