//! Value ranges: bounds that hold for the elements of tensors, for one channel each.
//!
//! A [`Range`] bounds numbers, in an order in which -0.0 lies before 0.0, so a range of one number is
//! one bit pattern. A [`Ranges`] holds one for each index of one axis, the *channels*: axis 1 of what
//! convolutions make, the last axis of what matrix products make, and where transposes and reshapes
//! take that axis. [`transfer`] gives ranges of an operator's results from those of its operands; it
//! asks for types, attributes and constants, not for a graph, so that any analysis may call it.
//!
//! Bounds are rounded outward. They hold for every order of summation, with and without fused
//! multiply-add: elementwise arithmetic is bounded with directed rounding, which encloses rounded and
//! unrounded intermediate results alike, and sums of products by the error bound of `sums`. They take
//! in infinities, and NaNs unless [`Nans`] excludes them.

mod expr;
mod flow;
mod moves;
mod scalar;
mod sums;
#[cfg(test)]
mod tests;
mod transfer;

pub use flow::{Known, of_graph};
pub(crate) use moves::{kept_axis, reshaped};
pub use transfer::{Operand, transfer};

use scalar::{larger, smaller};
use std::cmp::Reverse;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// Numbers from `lo` to `hi`, and NaN where `nan` says so.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub lo: f64,
    pub hi: f64,
    pub nan: bool,
}

/// Equal bits: 0.0 differs from -0.0.
impl PartialEq for Range {
    fn eq(&self, b: &Range) -> bool {
        (self.lo.to_bits(), self.hi.to_bits(), self.nan) == (b.lo.to_bits(), b.hi.to_bits(), b.nan)
    }
}

impl Eq for Range {}

impl Range {
    /// Every float.
    pub const ANY: Range = Range { lo: f64::NEG_INFINITY, hi: f64::INFINITY, nan: true };

    pub const fn new(lo: f64, hi: f64) -> Range {
        Range { lo, hi, nan: false }
    }

    pub fn point(v: f64) -> Range {
        if v.is_nan() { Range::ANY } else { Range::new(v, v) }
    }

    /// What an element of the type may be.
    pub fn of(dtype: DType) -> Range {
        let (lo, hi) = dtype.range();
        if dtype.is_float() { Range::ANY } else { Range::new(lo, hi) }
    }

    pub fn contains(&self, v: f64) -> bool {
        if v.is_nan() { self.nan } else { self.lo.total_cmp(&v).is_le() && v.total_cmp(&self.hi).is_le() }
    }

    /// Neither infinities nor NaNs.
    pub fn is_finite(&self) -> bool {
        self.lo.is_finite() && self.hi.is_finite() && !self.nan
    }

    /// 0.0 and -0.0 only.
    pub fn is_zero(&self) -> bool {
        self.lo == 0.0 && self.hi == 0.0 && !self.nan
    }

    /// The one finite number that elements are, to the bit.
    pub fn constant(&self) -> Option<f64> {
        (self.is_finite() && self.lo.to_bits() == self.hi.to_bits()).then_some(self.lo)
    }

    /// The largest magnitude.
    pub fn magnitude(&self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// What lies in either, or between them.
    pub fn hull(self, b: Range) -> Range {
        Range { lo: smaller(self.lo, b.lo), hi: larger(self.hi, b.hi), nan: self.nan || b.nan }
    }

    /// What lies in both; `self` where nothing does, for then no such element exists.
    pub fn intersect(self, b: Range) -> Range {
        let both = Range { lo: larger(self.lo, b.lo), hi: smaller(self.hi, b.hi), nan: self.nan && b.nan };
        if both.lo.total_cmp(&both.hi).is_le() { both } else { self }
    }
}

/// Whether what is computed may be a NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nans {
    /// Inputs may be NaNs, and so may what infinities and zeros make.
    #[default]
    Kept,
    /// None is: where a network computes one, ranges say nothing of it. Then a product with zero is zero,
    /// whatever the other factor.
    Excluded,
}

impl Nans {
    /// The ranges of an input or a result, under this assumption.
    fn restrict(self, mut ranges: Ranges) -> Ranges {
        if self == Nans::Excluded {
            ranges.each.iter_mut().for_each(|r| r.nan = false);
        }
        ranges
    }
}

/// Ranges of a tensor: one for each index of `axis`, or one for all elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    axis: usize,
    /// As many as the axis is long, or one.
    each: Vec<Range>,
}

/// Axes that are longer are bounded as a whole.
const LONGEST: usize = 1 << 16;

impl Ranges {
    /// What is known of a tensor of which nothing is.
    pub fn any(ty: &TensorType) -> Ranges {
        Ranges::whole(ty, Range::of(ty.dtype))
    }

    /// The same range for all elements. The axis is 1, or 0 where there is none.
    pub fn whole(ty: &TensorType, range: Range) -> Ranges {
        Ranges { axis: usize::from(ty.shape.rank() > 1), each: vec![range] }
    }

    /// Those of a constant: along its only axis that is longer than 1, else along axis 1.
    pub fn of_constant(t: &Tensor) -> Ranges {
        let mut long = (0..t.shape().rank()).filter(|&d| t.shape()[d] > 1);
        let axis = match (long.next(), long.next()) {
            (Some(d), None) => d,
            _ => usize::from(t.shape().rank() > 1),
        };
        Ranges::along(t, axis)
    }

    /// The ranges of a constant for each index of an axis.
    pub fn along(t: &Tensor, axis: usize) -> Ranges {
        let n = t.shape().get(axis).copied().unwrap_or(1);
        let inner: usize = t.shape().iter().skip(axis + 1).product();
        let exact = !matches!(t.dtype(), DType::I64 | DType::U64);
        let range = |v: &f64| if exact || v.abs() < scalar::EXACT { Range::point(*v) } else { Range::of(t.dtype()) };
        let mut each = vec![Range::new(f64::INFINITY, f64::NEG_INFINITY); if n > LONGEST { 1 } else { n }];
        let mut at = 0;
        for run in t.to_f64s().chunks(inner.max(1)) {
            each[at] = run.iter().map(range).fold(each[at], Range::hull);
            at = if at + 1 == each.len() { 0 } else { at + 1 };
        }
        // Of no elements, any number is a bound.
        each.iter_mut().filter(|r| r.lo > r.hi).for_each(|r| *r = Range::point(0.0));
        Ranges::new(axis, each)
    }

    pub(crate) fn new(axis: usize, mut each: Vec<Range>) -> Ranges {
        if each.len() > LONGEST || each.is_empty() {
            each = vec![each.into_iter().reduce(Range::hull).unwrap_or(Range::point(0.0))];
        }
        Ranges { axis, each }
    }

    /// The axis whose indices are the channels.
    pub fn axis(&self) -> usize {
        self.axis
    }

    /// The range of a channel.
    pub fn at(&self, channel: usize) -> Range {
        if self.each.len() == 1 { self.each[0] } else { self.each[channel] }
    }

    /// The range of all elements.
    pub fn all(&self) -> Range {
        self.each.iter().copied().reduce(Range::hull).unwrap_or(Range::ANY)
    }

    /// One range for each of the `n` indices of an axis.
    pub fn along_axis(&self, axis: usize, n: usize) -> Vec<Range> {
        if self.axis == axis && self.each.len() == n { self.each.clone() } else { vec![self.all(); n] }
    }

    /// Whether channels are told apart.
    pub fn by_channel(&self) -> bool {
        self.each.len() > 1
    }

    /// What is known when both hold. Where they tell channels of different axes apart, those of the
    /// smaller axis stay.
    pub fn intersect(&self, b: &Ranges) -> Ranges {
        let rank = |r: &Ranges| (r.by_channel(), Reverse(r.axis));
        let (a, b) = if rank(self) >= rank(b) { (self, b) } else { (b, self) };
        let other = |i: usize| if a.axis == b.axis { b.at(i) } else { b.all() };
        Ranges { axis: a.axis, each: a.each.iter().enumerate().map(|(i, r)| r.intersect(other(i))).collect() }
    }
}
