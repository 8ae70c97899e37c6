//! Ranges of sums of products.
//!
//! For `n` products and a summand added in any order, each operation rounded or products fused,
//! `|computed - exact| <= gamma_n * sum |a_i b_i| + n * eta` with `gamma_n = n u / (1 - n u)`, unit
//! roundoff `u` and half the smallest subnormal number `eta` (Higham, "Accuracy and Stability of
//! Numerical Algorithms", 2002, section 3.1 and equation 2.8). Terms that are zero add no error, so a sum
//! of nothing else is exact; and a sum of terms of one sign has that sign. Bounds are themselves summed
//! in f64, which two more roundings in `n` make up for, for f64 a factor of two.

use super::moves::{is_all_padding, kept_axis};
use super::scalar::{self, EXACT, Real};
use super::transfer::{Operand, stored};
use super::{Range, Ranges};
use tinyc_core::attrs::Attrs;
use tinyc_core::loops::Scalar;
use tinyc_core::ops::window;
use tinyc_core::types::{DType, TensorType};

type Operands<'a> = [Option<Operand<'a>>];

/// A sum of products that grows term by term. Infinite terms are for the caller to rule out.
pub(super) struct Sum {
    lo: f64,
    hi: f64,
    /// Of magnitudes.
    total: f64,
    /// Terms that may be other than zero.
    terms: usize,
    /// Whether no summand is below zero, and whether none is above.
    signs: [bool; 2],
    start: Range,
}

impl Sum {
    /// Begins with the summand, +0.0 where there is none.
    pub(super) fn new(start: Range) -> Sum {
        let signs = [start.lo >= 0.0, start.hi <= 0.0];
        Sum { lo: start.lo, hi: start.hi, total: start.magnitude(), terms: 0, signs, start }
    }

    /// Adds `times` products of a number from each range.
    pub(super) fn add(&mut self, x: Range, w: Range, times: usize) {
        if x.is_zero() || w.is_zero() {
            return;
        }
        let corners = [x.lo * w.lo, x.lo * w.hi, x.hi * w.lo, x.hi * w.hi];
        let lo = corners.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.lo += lo * times as f64;
        self.hi += hi * times as f64;
        self.total += lo.abs().max(hi.abs()) * times as f64;
        self.terms += times;
        self.signs = [self.signs[0] && lo >= 0.0, self.signs[1] && hi <= 0.0];
    }

    /// Bounds of the sum, which `dtype` computes in.
    pub(super) fn range(&self, dtype: DType) -> Range {
        let any = Range::of(dtype);
        let Some(s) = Scalar::of(dtype) else { return any };
        if self.terms == 0 {
            // -0.0 plus zeros of either sign.
            return if self.start.contains(-0.0) { self.start.hull(Range::point(0.0)) } else { self.start };
        }
        if !s.is_float() {
            let fits = self.total < EXACT && any.lo <= self.lo && self.hi <= any.hi;
            return if fits { Range::new(self.lo, self.hi) } else { any };
        }
        let (u, eta, rounds) = match s {
            Scalar::F32 => (f64::from(f32::EPSILON) / 2.0, 2f64.powi(-150), 1.0),
            _ => (f64::EPSILON / 2.0, 5e-324, 2.0),
        };
        let n = (self.terms + 2) as f64;
        let off = rounds * (n * u / (1.0 - n * u) * self.total + n * eta);
        // Partial sums may be as large as the sum of magnitudes: beyond the type they are infinite.
        let bounded = n * u < 0.25 && self.total + off < dtype.range().1 / 2.0;
        if !bounded {
            return any;
        }
        let lo = Real(self.lo - off, -1.0).down(s).max(if self.signs[0] { 0.0 } else { f64::NEG_INFINITY });
        let hi = Real(self.hi + off, 1.0).up(s).min(if self.signs[1] { 0.0 } else { f64::INFINITY });
        // Zeros of either sign.
        Range::new(if lo == 0.0 { -0.0 } else { lo }, if hi == 0.0 { 0.0 } else { hi })
    }
}

/// What sums of narrow floats are computed in.
fn computed(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// All ranges, if none holds an infinity or a NaN: with those, any product may be a NaN.
fn finite(x: &Operand<'_>, axis: usize, n: usize) -> Option<Vec<Range>> {
    let ranges = x.along(axis, n);
    let ranges = if ranges.len() == n { ranges } else { vec![*ranges.first()?; n] };
    ranges.iter().all(Range::is_finite).then_some(ranges)
}

/// For each tap of a window, row-major: whether it lies inside of the input for some window, and
/// whether it does for all.
fn taps(windows: &[window::Window]) -> Vec<(bool, bool)> {
    windows.iter().fold(vec![(true, true)], |outer, w| {
        let inside = |k: usize| {
            let mut at = (0..w.output).map(|o| w.input_at(o, k).is_some());
            (at.clone().any(|i| i), at.all(|i| i))
        };
        let axis: Vec<(bool, bool)> = (0..w.kernel).map(inside).collect();
        outer.iter().flat_map(|o| axis.iter().map(move |a| (o.0 && a.0, o.1 && a.1))).collect()
    })
}

pub fn conv(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(x), Some(w), rest @ ..] = x else { return None };
    let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
    let windows = window::windows("conv", x.ty, &kernel, attrs, false).ok()?;
    let weights = numbers(w)?;
    let (outputs, channels) = (w.ty.shape[0], w.ty.shape[1]);
    let bias = match rest.first().copied().flatten() {
        Some(b) => finite(&b, 0, outputs)?,
        None => vec![Range::point(0.0); outputs],
    };
    let inside = finite(x, 1, x.ty.shape[1])?;
    let padded: Vec<Range> = inside.iter().map(|r| r.hull(Range::point(0.0))).collect();
    let taps = taps(&windows);
    let group = outputs / (attrs.int("group") as usize).max(1);
    let range = |o: usize| {
        let mut sum = Sum::new(bias[o]);
        let first = o / group.max(1) * channels;
        let weights = weights[o * channels * taps.len()..].chunks(taps.len().max(1));
        for (c, weights) in (first..first + channels).zip(weights) {
            for (&w, &(some, all)) in weights.iter().zip(&taps) {
                if some {
                    sum.add(if all { inside[c] } else { padded[c] }, Range::new(w, w), 1);
                }
            }
        }
        stored(sum.range(computed(y.dtype)), y.dtype)
    };
    Some(Ranges::new(1, (0..outputs).map(range).collect()))
}

/// The elements of a constant, if they are finite and f64s.
fn numbers(w: &Operand<'_>) -> Option<Vec<f64>> {
    let numbers = w.constant?.to_f64s();
    let exact = |v: &f64| v.is_finite() && (w.ty.dtype.is_float() || v.abs() < EXACT);
    numbers.iter().all(exact).then_some(numbers)
}

pub fn gemm(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(a), Some(b), rest @ ..] = x else { return None };
    let (k_of_a, k_of_b) = (usize::from(!attrs.bool("trans_a")), usize::from(attrs.bool("trans_b")));
    let (k, n) = (a.ty.shape[k_of_a], y.shape[1]);
    let xs = finite(a, k_of_a, k)?;
    let weight = weights(b, k_of_b, 1 - k_of_b, k, n)?;
    let c = match rest.first().copied().flatten() {
        Some(c) => {
            let each = match c.ty.shape.rank().checked_sub(1) {
                Some(axis) => c.along(axis, n),
                None => vec![c.ranges.all()],
            };
            Some(if each.len() == n { each } else { vec![each[0]; n] })
        }
        None => None,
    };
    let scalar = Scalar::of(computed(y.dtype))?;
    let scaled = |r: Range, by: &str| match attrs.float(by) {
        1.0 => r,
        v => scalar::mul(r, Range::point(v.into()), scalar),
    };
    let range = |j: usize| {
        let mut sum = Sum::new(Range::point(0.0));
        (0..k).for_each(|p| sum.add(xs[p], weight(p, j), 1));
        let product = scaled(sum.range(computed(y.dtype)), "alpha");
        let value = c.as_ref().map_or(product, |c| scalar::add(product, scaled(c[j], "beta"), scalar));
        stored(value, y.dtype)
    };
    Some(Ranges::new(1, (0..n).map(range).collect()))
}

pub fn matmul(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(a), Some(b)] = x else { return None };
    let (rank_a, rank_b) = (a.ty.shape.rank(), b.ty.shape.rank());
    let k = *a.ty.shape.last()?;
    // A vector on the right leaves no axis.
    let n = if rank_b == 1 { 1 } else { b.ty.shape[rank_b - 1] };
    let xs = finite(a, rank_a - 1, k)?;
    let weight = weights(b, rank_b.max(2) - 2, rank_b - 1, k, n)?;
    let range = |j: usize| {
        let mut sum = Sum::new(Range::point(0.0));
        (0..k).for_each(|p| sum.add(xs[p], weight(p, j), 1));
        stored(sum.range(computed(y.dtype)), y.dtype)
    };
    let axis = y.shape.rank().saturating_sub(1);
    let each: Vec<Range> = (0..n).map(range).collect();
    Some(if rank_b == 1 { Ranges::whole(y, *each.first()?) } else { Ranges::new(axis, each) })
}

/// The range of the right operand of a product at `(k, j)`: over all batches of a constant, else of all
/// elements.
fn weights(
    b: &Operand<'_>,
    k_axis: usize,
    n_axis: usize,
    k: usize,
    n: usize,
) -> Option<impl Fn(usize, usize) -> Range> {
    let table = match b.constant {
        None => finite(b, 0, 1)?,
        Some(_) => {
            let strides = b.ty.shape.strides();
            let mut table: Vec<Option<Range>> = vec![None; k * n];
            for (i, w) in numbers(b)?.into_iter().enumerate() {
                let at = |axis: usize, extent: usize| i / strides[axis] % extent;
                let at = at(k_axis, k) * n + if k_axis == n_axis { 0 } else { at(n_axis, n) };
                table[at] = Some(table[at].map_or(Range::point(w), |r| r.hull(Range::point(w))));
            }
            table.into_iter().map(|r| r.unwrap_or(Range::point(0.0))).collect()
        }
    };
    Some(move |p: usize, j: usize| if table.len() == 1 { table[0] } else { table[p * n + j] })
}

/// Sums over windows; zeros of the padding add nothing. The number of taps that a sum is divided by is
/// at least that of those inside.
pub fn average_pool(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let windows = window::windows("average_pool", x.ty, attrs.ints("kernel"), attrs, attrs.bool("ceil")).ok()?;
    let taps: usize = windows.iter().map(|w| w.kernel).product();
    let all_inside = windows.iter().all(|w| (0..w.output).all(|o| (0..w.kernel).all(|k| w.input_at(o, k).is_some())));
    let zeros = is_all_padding(&windows) || attrs.bool("count_padding") && !all_inside;
    let mean = |r: &Range| {
        let mean = mean(*r, taps, y.dtype);
        if zeros { mean.hull(Range::point(0.0)) } else { mean }
    };
    let each = finite_each(x)?;
    Some(match x.ranges.axis() {
        axis @ 0..2 => Ranges::new(axis, each.iter().map(mean).collect()),
        _ => Ranges::whole(y, mean(&x.ranges.all())),
    })
}

/// One range a channel, or one for all, if all are finite.
fn finite_each(x: &Operand<'_>) -> Option<Vec<Range>> {
    let n = x.ty.shape.get(x.ranges.axis()).copied().unwrap_or(1);
    let each = x.along(x.ranges.axis(), n);
    each.iter().all(Range::is_finite).then_some(each)
}

/// The mean of up to `n` numbers from a range: rounding moves each sum by less than that of their number.
fn mean(r: Range, n: usize, dtype: DType) -> Range {
    let mut sum = Sum::new(Range::point(0.0));
    sum.add(r, Range::point(1.0), n);
    let bounds = sum.range(computed(dtype));
    let (Some(s), true) = (Scalar::of(computed(dtype)), bounds.is_finite()) else { return Range::of(dtype) };
    if sum.terms == 0 {
        return Range::point(0.0);
    }
    // What rounding adds to a sum of n, over n, is no less than what it adds to one of fewer, over those.
    stored(scalar::div(bounds, Range::point(n as f64), s), dtype)
}

pub fn reduce(attrs: &Attrs, x: &Operands<'_>, y: &TensorType, is_mean: bool) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let n = x.ty.elements().checked_div(y.elements()).filter(|&n| n > 0)?;
    let of = |r: &Range| {
        if is_mean {
            return mean(*r, n, y.dtype);
        }
        let mut sum = Sum::new(Range::point(0.0));
        sum.add(*r, Range::point(1.0), n);
        stored(sum.range(computed(y.dtype)), y.dtype)
    };
    let each = finite_each(x)?;
    Some(match kept_axis(attrs, x.ty, x.ranges.axis()) {
        Some(axis) => Ranges::new(axis, each.iter().map(of).collect()),
        None => Ranges::whole(y, of(&x.ranges.all())),
    })
}
