//! Ranges of sums of products.
//!
//! For `n` products and a summand added in any order, each operation rounded or products fused,
//! `|computed - exact| <= gamma_n * sum |a_i b_i| + n * eta` with `gamma_n = n u / (1 - n u)`, unit
//! roundoff `u` and half the smallest subnormal number `eta` (Higham, "Accuracy and Stability of
//! Numerical Algorithms", 2002, section 3.1 and equation 2.8). Terms that are zero add no error, so a sum
//! of nothing else is exact.
//!
//! Rounding is monotone: in the same order, a sum is no larger than the one of the largest numbers that its
//! terms may be. So each end is bounded by itself, by the sum of its terms and their error, however far the
//! other one is off. A sum of terms of one sign has that sign. Bounds are themselves summed in f64, which two
//! more roundings in `n` make up for, for f64 a factor of two.

use super::moves::{is_all_padding, kept_axis};
use super::scalar::{self, EXACT, Real};
use super::transfer::{Operand, stored};
use super::{Range, Ranges};
use tinyc_core::attrs::Attrs;
use tinyc_core::loops::Scalar;
use tinyc_core::ops::reach::Reach;
use tinyc_core::ops::window;
use tinyc_core::types::{DType, TensorType};

type Operands<'a> = [Option<Operand<'a>>];

/// The largest numbers that the terms of a sum may be.
struct End {
    sum: f64,
    /// Of magnitudes.
    total: f64,
    /// Terms other than zero, without the summand.
    terms: usize,
    /// Whether no summand is above zero.
    below: bool,
}

impl End {
    fn new(start: f64) -> End {
        End { sum: start, total: start.abs(), terms: 0, below: start <= 0.0 }
    }

    fn add(&mut self, term: f64, times: usize) {
        if term != 0.0 {
            self.sum += term * times as f64;
            self.total += term.abs() * times as f64;
            self.terms += times;
            self.below &= term < 0.0;
        }
    }

    /// What the computed sum is not above.
    fn bound(&self, s: Scalar, largest: f64) -> f64 {
        if self.terms == 0 {
            return self.sum;
        }
        let (u, eta, rounds) = match s {
            Scalar::F32 => (f64::from(f32::EPSILON) / 2.0, 2f64.powi(-150), 1.0),
            _ => (f64::EPSILON / 2.0, 5e-324, 2.0),
        };
        let n = (self.terms + 2) as f64;
        let error = rounds * (n * u / (1.0 - n * u) * self.total + n * eta);
        // Partial sums may be as large as the sum of magnitudes: beyond the type they are infinite.
        let bounded = n * u < 0.25 && self.total + error < largest / 2.0;
        let bound = if bounded { Real(self.sum + error, 1.0).up(s) } else { f64::INFINITY };
        if self.below { bound.min(0.0) } else { bound }
    }
}

/// A sum of products that grows term by term.
pub(super) struct Sum {
    start: Range,
    hi: End,
    /// Of the negated sum.
    lo: End,
    /// Whether a term may be a NaN.
    nan: bool,
}

impl Sum {
    /// Begins with the summand, +0.0 where there is none.
    pub(super) fn new(start: Range) -> Sum {
        Sum { start, hi: End::new(start.hi), lo: End::new(-start.lo), nan: start.nan }
    }

    /// Adds `times` products of a number from each range.
    pub(super) fn add(&mut self, x: Range, w: Range, times: usize) {
        if w.lo == w.hi && w.lo != 0.0 && w.is_finite() {
            // Weights, of which there are many.
            let (lo, hi) = if w.lo > 0.0 { (x.lo, x.hi) } else { (x.hi, x.lo) };
            self.nan |= x.nan;
            self.hi.add(hi * w.lo, times);
            self.lo.add(-lo * w.lo, times);
            return;
        }
        self.nan |= scalar::makes_nan(x, w);
        // Infinite ends stand for numbers however large: zero times those.
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let corners = [product(x.lo, w.lo), product(x.lo, w.hi), product(x.hi, w.lo), product(x.hi, w.hi)];
        self.hi.add(corners.into_iter().fold(f64::NEG_INFINITY, f64::max), times);
        self.lo.add(-corners.into_iter().fold(f64::INFINITY, f64::min), times);
    }

    /// Whether no term makes the bounds wider.
    pub(super) fn is_widest(&self) -> bool {
        self.hi.sum == f64::INFINITY && self.lo.sum == f64::INFINITY
    }

    /// Bounds of the sum, which `dtype` computes in.
    pub(super) fn range(&self, dtype: DType) -> Range {
        let any = Range::of(dtype);
        let Some(s) = Scalar::of(dtype) else { return any };
        if self.lo.terms == 0 && self.hi.terms == 0 {
            // -0.0 plus zeros of either sign.
            let start = Range { nan: self.nan, ..self.start };
            return if start.contains(-0.0) { start.hull(Range::point(0.0)) } else { start };
        }
        if !s.is_float() {
            let (lo, hi) = (-self.lo.sum, self.hi.sum);
            let fits = self.lo.total.max(self.hi.total) < EXACT && any.lo <= lo && hi <= any.hi;
            return if fits { Range::new(lo, hi) } else { any };
        }
        let largest = dtype.range().1;
        let (lo, hi) = (-self.lo.bound(s, largest), self.hi.bound(s, largest));
        // Infinities of both signs may meet.
        let nan = self.nan || lo == f64::NEG_INFINITY && hi == f64::INFINITY;
        // Zeros of either sign.
        Range { lo: if lo == 0.0 { -0.0 } else { lo }, hi: if hi == 0.0 { 0.0 } else { hi }, nan }
    }
}

/// What sums of narrow floats are computed in.
fn computed(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// The range at each of the `n` indices of an axis.
fn each(x: &Operand<'_>, axis: usize, n: usize) -> Vec<Range> {
    let ranges = x.along(axis, n);
    if ranges.len() == n { ranges } else { vec![ranges[0]; n] }
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
    let outputs = w.ty.shape[0];
    let bias = match rest.first().copied().flatten() {
        Some(b) => each(&b, 0, outputs),
        None => vec![Range::point(0.0); outputs],
    };
    convolution(attrs, (x.ty, w.ty, y), &each(x, 1, x.ty.shape[1]), &numbers(w)?, &bias)
}

pub fn conv_integer(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(x), Some(w), zeros @ ..] = x else { return None };
    let outputs = w.ty.shape[0];
    let (inside, zeros) = (centered(x, 1, zero(zeros, 0))?, zero_points(zero(zeros, 1), outputs)?);
    let taps = w.ty.elements() / outputs.max(1);
    let weights: Vec<f64> = numbers(w)?.iter().enumerate().map(|(i, w)| w - zeros[i / taps.max(1)]).collect();
    convolution(attrs, (x.ty, w.ty, y), &inside, &weights, &vec![Range::point(0.0); outputs])
}

/// One of the zero points, if it is there.
fn zero<'a>(zeros: &'a Operands<'_>, i: usize) -> Option<&'a Operand<'a>> {
    zeros.get(i)?.as_ref()
}

/// What differs from a zero point, at each index of an axis.
fn centered(x: &Operand<'_>, axis: usize, zero: Option<&Operand<'_>>) -> Option<Vec<Range>> {
    let zero = zero_points(zero, 1)?[0];
    Some(each(x, axis, x.ty.shape[axis]).into_iter().map(|r| Range::new(r.lo - zero, r.hi - zero)).collect())
}

/// Constant zero points, one for each of `n`.
fn zero_points(zero: Option<&Operand<'_>>, n: usize) -> Option<Vec<f64>> {
    let Some(zero) = zero else { return Some(vec![0.0; n]) };
    let all = numbers(zero)?;
    if all.len() == 1 { Some(vec![all[0]; n]) } else { Some(all).filter(|all| all.len() == n) }
}

/// Types of the image, of the weights and of the result; the image's channels, weights, and what each sum starts
/// from.
fn convolution(
    attrs: &Attrs,
    (x, w, y): (&TensorType, &TensorType, &TensorType),
    inside: &[Range],
    weights: &[f64],
    bias: &[Range],
) -> Option<Ranges> {
    let kernel: Vec<i64> = w.shape[2..].iter().map(|&k| k as i64).collect();
    let windows = window::windows("conv", x, &kernel, attrs, false).ok()?;
    let (outputs, channels) = (w.shape[0], w.shape[1]);
    let padded: Vec<Range> = inside.iter().map(|r| r.hull(Range::point(0.0))).collect();
    let taps = taps(&windows);
    let group = outputs / (attrs.int("group") as usize).max(1);
    let range = |o: usize| {
        let mut sum = Sum::new(bias[o]);
        let first = o / group.max(1) * channels;
        let weights = weights[o * channels * taps.len()..].chunks(taps.len().max(1));
        for (c, weights) in (first..first + channels).zip(weights) {
            if sum.is_widest() {
                break;
            }
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

/// By phase of the positions, which the same taps reach: the taps, row-major, and whether each of them
/// reaches all positions of the phase.
fn phases(windows: &[window::Window]) -> Vec<Vec<(usize, bool)>> {
    windows.iter().fold(vec![vec![(0, true)]], |outer, w| {
        let axis: Vec<Vec<(usize, bool)>> = Reach::of(w).each().collect();
        let both = |outer: &[(usize, bool)], axis: &[(usize, bool)]| {
            outer.iter().flat_map(|o| axis.iter().map(move |a| (o.0 * w.kernel + a.0, o.1 && a.1))).collect()
        };
        outer.iter().flat_map(|o| axis.iter().map(move |a| both(o, a))).collect()
    })
}

pub fn conv_transpose(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(x), Some(w), rest @ ..] = x else { return None };
    let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
    let phases = phases(&window::transposed("conv_transpose", x.ty, &kernel, attrs).ok()?);
    let weights = numbers(w)?;
    let (outputs, taps) = (w.ty.shape[1], w.ty.shape[2..].iter().product::<usize>());
    let bias = match rest.first().copied().flatten() {
        Some(b) => each(&b, 0, y.shape[1]),
        None => vec![Range::point(0.0); y.shape[1]],
    };
    let inside = each(x, 1, x.ty.shape[1]);
    let partly: Vec<Range> = inside.iter().map(|r| r.hull(Range::point(0.0))).collect();
    let channels = x.ty.shape[1] / (attrs.int("group") as usize).max(1);
    let range = |o: usize| {
        let of_phase = |phase: &Vec<(usize, bool)>| {
            let mut sum = Sum::new(bias[o]);
            for c in (o / outputs * channels..).take(channels) {
                for &(k, all) in phase {
                    let w = weights[(c * outputs + o % outputs) * taps + k];
                    sum.add(if all { inside[c] } else { partly[c] }, Range::new(w, w), 1);
                }
            }
            stored(sum.range(computed(y.dtype)), y.dtype)
        };
        phases.iter().map(of_phase).reduce(|a, b| a.hull(b))
    };
    Some(Ranges::new(1, (0..y.shape[1]).map(range).collect::<Option<_>>()?))
}

/// The elements of a constant, if they are finite and f64s.
fn numbers(w: &Operand<'_>) -> Option<Vec<f64>> {
    let numbers = w.constant?.to_f64s();
    let exact = |v: &f64| v.is_finite() && (w.ty.dtype.is_float() || v.abs() < EXACT);
    numbers.iter().all(exact).then_some(numbers)
}

pub fn gemm(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(a), Some(b), rest @ ..] = x else { return None };
    let (axis, n) = (usize::from(!attrs.bool("trans_a")), y.shape[1]);
    let xs = each(a, axis, a.ty.shape[axis]);
    let products = columns(&xs, b, attrs.bool("trans_b"), n, computed(y.dtype))?;
    let c = rest.first().copied().flatten().map(|c| match c.ty.shape.rank().checked_sub(1) {
        Some(axis) => each(&c, axis, n),
        None => vec![c.ranges.all(); n],
    });
    let scalar = Scalar::of(computed(y.dtype))?;
    let scaled = |r: Range, by: &str| match attrs.float(by) {
        1.0 => r,
        v => scalar::mul(r, Range::point(v.into()), scalar),
    };
    let range = |j: usize| {
        let product = scaled(products[j], "alpha");
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
    let xs = each(a, rank_a - 1, k);
    let products = columns(&xs, b, false, n, computed(y.dtype))?;
    let axis = y.shape.rank().saturating_sub(1);
    let each: Vec<Range> = products.into_iter().map(|r| stored(r, y.dtype)).collect();
    Some(if rank_b == 1 { Ranges::whole(y, *each.first()?) } else { Ranges::new(axis, each) })
}

/// Of two matrices, where weights have the zero point 0.
pub fn matmul_integer(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let [Some(a), Some(b), zeros @ ..] = x else { return None };
    let plain = a.ty.shape.rank() == 2 && b.ty.shape.rank() == 2;
    if !plain || zero_points(zero(zeros, 1), 1)? != [0.0] {
        return None;
    }
    let products = columns(&centered(a, 1, zero(zeros, 0))?, b, false, b.ty.shape[1], y.dtype)?;
    Some(Ranges::new(1, products.into_iter().map(|r| stored(r, y.dtype)).collect()))
}

/// For each of the `n` columns of the right operand of a product, the sum of its numbers times those of the
/// left one: of all batches of a constant, else of all elements. `turned` says that columns are stored in rows.
fn columns(xs: &[Range], b: &Operand<'_>, turned: bool, n: usize, dtype: DType) -> Option<Vec<Range>> {
    let zero = Range::point(0.0);
    if b.constant.is_none() {
        let mut sum = Sum::new(zero);
        xs.iter().for_each(|x| sum.add(*x, b.ranges.all(), 1));
        return Some(vec![sum.range(dtype); n]);
    }
    let k = xs.len();
    let length = if turned { k } else { n }.max(1);
    let batch = |w: &[f64]| -> Vec<Range> {
        let mut sums: Vec<Sum> = (0..n).map(|_| Sum::new(zero)).collect();
        for (i, row) in w.chunks(length).enumerate() {
            for (j, &w) in row.iter().enumerate() {
                let (k, column) = if turned { (j, i) } else { (i, j) };
                if !sums[column].is_widest() {
                    sums[column].add(xs[k], Range::new(w, w), 1);
                }
            }
        }
        sums.iter().map(|s| s.range(dtype)).collect()
    };
    let hull = |a: Vec<Range>, b: Vec<Range>| a.into_iter().zip(b).map(|(a, b)| a.hull(b)).collect();
    numbers(b)?.chunks((k * n).max(1)).map(batch).reduce(hull)
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
    Some(match x.ranges.axis() {
        axis @ 0..2 => Ranges::new(axis, x.ranges.each.iter().map(mean).collect()),
        _ => Ranges::whole(y, mean(&x.ranges.all())),
    })
}

/// The mean of up to `n` numbers from a range: rounding moves each sum by less than that of their number.
fn mean(r: Range, n: usize, dtype: DType) -> Range {
    let mut sum = Sum::new(Range::point(0.0));
    sum.add(r, Range::point(1.0), n);
    let Some(s) = Scalar::of(computed(dtype)) else { return Range::of(dtype) };
    // What rounding adds to a sum of n, over n, is no less than what it adds to one of fewer, over those.
    stored(scalar::div(sum.range(computed(dtype)), Range::point(n as f64), s), dtype)
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
    Some(match kept_axis(attrs, x.ty, x.ranges.axis()) {
        Some(axis) => Ranges::new(axis, x.ranges.each.iter().map(of).collect()),
        None => Ranges::whole(y, of(&x.ranges.all())),
    })
}
