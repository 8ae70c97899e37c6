//! Scales of quantized values in rules: real factors as multipliers of `requantize`, and the proof that no sum
//! exceeds 32 bits.

use crate::rule::{Bindings, Match};
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// Multipliers of `requantize`.
pub struct Scaling {
    shift: u32,
    multipliers: Vec<f64>,
}

impl Scaling {
    /// For factors of sums whose magnitude is at most `bound`; `None` if one of them leaves 32 bits.
    pub fn of(factors: &[f64], bound: f64) -> Option<Scaling> {
        let largest = factors.iter().fold(0.0, |a: f64, f| a.max(f.abs()));
        let whole = 2f64.powi(32);
        let multiplier = |f: f64, shift: u32| (f / 2f64.powi(shift as i32) * whole).round_ties_even();
        let fits = |v: f64| v.abs() < 2f64.powi(31);
        let shift = (0..32).find(|&shift| fits(multiplier(largest, shift)))?;
        let multipliers: Vec<f64> = factors.iter().map(|&f| multiplier(f, shift)).collect();
        fits(bound * 2f64.powi(shift as i32)).then_some(Scaling { shift, multipliers })
    }

    /// The multipliers `?m`, in a shape or, where all are one, as a scalar, and the attributes `?r` towards the
    /// integers of `?q` around `?zy`.
    pub fn bind(&self, m: &Match<'_>, shape: Vec<usize>) -> Option<Bindings> {
        let to = m.attrs("?q").dtype("to");
        let (lo, hi) = to.range();
        let attrs = Attrs::new().with_dtype("to", to).with_int("shift", self.shift.into());
        let attrs = attrs.with_int("zero", zero(m, "?zy")? as i64).with_int("lo", lo as i64).with_int("hi", hi as i64);
        let all_one = self.multipliers.windows(2).all(|p| p[0] == p[1]);
        let multipliers = match self.multipliers.first().filter(|_| all_one) {
            Some(&one) => Tensor::of::<f64>(Shape::scalar(), vec![one]),
            None => Tensor::of::<f64>(shape, self.multipliers.clone()),
        };
        Some(Bindings::default().attrs("?r", attrs).tensor("?m", multipliers.cast(DType::I32)))
    }
}

pub fn narrow(d: DType) -> bool {
    matches!(d, DType::I8 | DType::U8)
}

/// The one element of a constant, where it is positive.
pub fn positive(m: &Match<'_>, name: &str) -> Option<f64> {
    one(m, name).filter(|v| *v > 0.0)
}

/// The one element of a constant.
pub fn one(m: &Match<'_>, name: &str) -> Option<f64> {
    m.constant(name).filter(|t| t.data().len() == 1).and_then(|_| m.number(name))
}

/// The scale of a value of 8 bits, positive and one for all, and the zero point.
pub fn scale(m: &Match<'_>, x: &str, scale: &str, point: &str) -> Option<Scale> {
    let dtype = m.dtype(x).filter(|d| narrow(*d))?;
    Some(Scale { scale: positive(m, scale)?, zero: zero(m, point)?, dtype })
}

/// The real number `scale * (q - zero)` for each integer `q`.
pub struct Scale {
    pub scale: f64,
    pub zero: f64,
    pub dtype: DType,
}

impl Scale {
    /// The largest distance of an integer from the zero point.
    pub fn farthest(&self) -> f64 {
        let (lowest, highest) = self.dtype.range();
        (lowest - self.zero).abs().max((highest - self.zero).abs())
    }
}

/// A number in every place of 32 bits.
pub fn int(v: f64) -> Tensor {
    Tensor::of::<f64>(Shape::scalar(), vec![v]).cast(DType::I32)
}

/// The attributes of a cast to 32 bits.
pub fn widening() -> Attrs {
    Attrs::new().with_dtype("to", DType::I32)
}

/// Sums of integers times real factors, in steps of the result, with as many bits behind the point as fit.
pub struct Fixed {
    bits: u32,
}

impl Fixed {
    /// For sums whose magnitude is at most `bound` steps, whatever part of the summands has been added; `None` if
    /// not even two bits fit.
    pub fn of(bound: f64) -> Option<Fixed> {
        // Half a unit of each factor, times an integer, twice: the sum is of two at most.
        let fits = |bits: &u32| (bound + 1.0) * 2f64.powi(*bits as i32) + 512.0 < 2f64.powi(31);
        (2..=24).rev().find(fits).map(|bits| Fixed { bits })
    }

    pub fn number(&self, steps: f64) -> f64 {
        (steps * 2f64.powi(self.bits as i32)).round_ties_even()
    }

    /// As [`Scaling::bind`].
    pub fn bind(&self, m: &Match<'_>) -> Option<Bindings> {
        let multiplier = 2f64.powi(32 - self.bits as i32);
        Scaling { shift: 0, multipliers: vec![multiplier] }.bind(m, Vec::new())
    }
}

/// The one zero point; 0 where there is none.
pub fn zero(m: &Match<'_>, name: &str) -> Option<f64> {
    if m.is_absent(name) { Some(0.0) } else { m.number(name) }
}

/// A constant of the weights that is one for all, or one for each position of an axis: `n` numbers.
pub fn along(m: &Match<'_>, name: &str, axis: usize, n: usize) -> Option<Vec<f64>> {
    if let Some(v) = m.number(name) {
        return Some(vec![v; n]);
    }
    let (shape, rank) = (m.shape(name)?, m.shape("?w")?.rank());
    let there = axis.checked_sub(rank - shape.rank())?;
    (shape[there] == n && shape.elements() == n).then(|| m.numbers(name))?
}

/// A constant that is one for all columns, or one for each: `n` numbers.
pub fn row(m: &Match<'_>, name: &str, n: usize) -> Option<Vec<f64>> {
    if let Some(v) = m.number(name) {
        return Some(vec![v; n]);
    }
    let shape = m.shape(name)?;
    (shape.last() == Some(&n) && shape.elements() == n).then(|| m.numbers(name))?
}
