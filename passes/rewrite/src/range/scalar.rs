//! Arithmetic on ranges of scalars of the loop IR, rounded outward.
//!
//! Floats: results are computed in f64 with what is left over, so that a bound moves by one unit in the
//! last place of the scalar type exactly when it is not representable there. Integers are held as f64
//! below [`EXACT`], beyond that they may be anything; a range stands for its numbers modulo
//! `2^bits`, and [`signed`] and [`unsigned`] say which of those an operation sees.

use super::Range;
use tinyc_core::loops::Scalar;

/// Integers up to here are f64s.
pub const EXACT: f64 = 9_007_199_254_740_992.0;

/// By the order in which -0.0 comes before 0.0.
pub fn smaller(a: f64, b: f64) -> f64 {
    if b.total_cmp(&a).is_lt() { b } else { a }
}

pub fn larger(a: f64, b: f64) -> f64 {
    if b.total_cmp(&a).is_gt() { b } else { a }
}

/// A real number: its nearest f64, and what is left over, of which only the sign matters. A NaN there
/// says that the sign is unknown.
#[derive(Clone, Copy)]
pub struct Real(pub f64, pub f64);

/// Products and quotients below lose bits of what is left over.
const TINY: f64 = 1e-280;

impl Real {
    fn add(a: f64, b: f64) -> Real {
        let s = a + b;
        if !s.is_finite() {
            return Real::beyond(s, a.is_finite() && b.is_finite());
        }
        // Knuth's two-sum.
        let c = s - a;
        Real(s, (a - (s - c)) + (b - c))
    }

    fn mul(a: f64, b: f64) -> Real {
        let p = a * b;
        if p.is_nan() && !a.is_nan() && !b.is_nan() {
            // An end that is infinite stands for numbers however large: zero times those.
            return Real(0.0 * a.signum() * b.signum(), 0.0);
        }
        if !p.is_finite() {
            return Real::beyond(p, a.is_finite() && b.is_finite());
        }
        let tiny = p.abs() < TINY && a != 0.0 && b != 0.0;
        Real(p, if tiny { f64::NAN } else { a.mul_add(b, -p) })
    }

    fn div(a: f64, b: f64) -> Real {
        let q = a / b;
        if !q.is_finite() || b.is_infinite() {
            return Real::beyond(q, a.is_finite() && b.is_finite());
        }
        let rest = -q.mul_add(b, -a);
        let tiny = (q.abs() < TINY || a.abs() < TINY) && a != 0.0;
        Real(q, if tiny { f64::NAN } else { if b < 0.0 { -rest } else { rest } })
    }

    /// A result that is not finite: too large, or exactly that.
    fn beyond(v: f64, overflows: bool) -> Real {
        if overflows { Real(v.signum() * f64::MAX, v.signum()) } else { Real(v, 0.0) }
    }

    /// The largest number of the type that is not above.
    pub fn down(self, s: Scalar) -> f64 {
        let Real(v, rest) = self;
        let above = |r: f64| r > v || r == v && (rest < 0.0 || rest.is_nan());
        match s {
            Scalar::F32 if above(f64::from(v as f32)) => f64::from((v as f32).next_down()),
            Scalar::F32 => f64::from(v as f32),
            _ if above(v) => v.next_down(),
            _ => v,
        }
    }

    /// The smallest number of the type that is not below.
    pub fn up(self, s: Scalar) -> f64 {
        -Real(-self.0, -self.1).down(s)
    }
}

pub fn neg(a: Range) -> Range {
    Range { lo: -a.hi, hi: -a.lo, nan: a.nan }
}

pub fn add(a: Range, b: Range, s: Scalar) -> Range {
    if !s.is_float() {
        return integer(a.lo + b.lo, a.hi + b.hi, s);
    }
    let opposite =
        a.lo == f64::NEG_INFINITY && b.hi == f64::INFINITY || a.hi == f64::INFINITY && b.lo == f64::NEG_INFINITY;
    let end =
        |v: Real, round: fn(Real, Scalar) -> f64, otherwise: f64| if v.0.is_nan() { otherwise } else { round(v, s) };
    Range {
        lo: end(Real::add(a.lo, b.lo), Real::down, f64::NEG_INFINITY),
        hi: end(Real::add(a.hi, b.hi), Real::up, f64::INFINITY),
        nan: a.nan || b.nan || opposite,
    }
}

pub fn sub(a: Range, b: Range, s: Scalar) -> Range {
    add(a, neg(b), s)
}

/// The range of an operation that is monotone in each operand, from its values at the corners.
fn corners(a: Range, b: Range, s: Scalar, op: fn(f64, f64) -> Real) -> Range {
    let mut hull: Option<Range> = None;
    for (x, y) in [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)] {
        let v = op(x, y);
        if v.0.is_nan() {
            return Range::ANY;
        }
        let corner = Range::new(v.down(s), v.up(s));
        hull = Some(hull.map_or(corner, |h| h.hull(corner)));
    }
    hull.unwrap_or(Range::ANY)
}

fn has_zero(a: Range) -> bool {
    a.lo <= 0.0 && 0.0 <= a.hi
}

/// Whether a product may be a NaN.
pub fn makes_nan(a: Range, b: Range) -> bool {
    let infinite = |r: Range| r.magnitude().is_infinite();
    a.nan || b.nan || has_zero(a) && infinite(b) || infinite(a) && has_zero(b)
}

pub fn mul(a: Range, b: Range, s: Scalar) -> Range {
    let r = corners(a, b, if s.is_float() { s } else { Scalar::F64 }, Real::mul);
    if !s.is_float() {
        return integer(r.lo, r.hi, s);
    }
    Range { nan: r.nan || makes_nan(a, b), ..r }
}

pub fn div(a: Range, b: Range, s: Scalar) -> Range {
    if has_zero(b) {
        return full(s);
    }
    let r = corners(a, b, if s.is_float() { s } else { Scalar::F64 }, Real::div);
    if s.is_float() { Range { nan: r.nan || a.nan || b.nan, ..r } } else { integer(r.lo.trunc(), r.hi.trunc(), s) }
}

/// `b < a ? b : a`, or `a < b ? b : a`, on what the operation sees. A NaN in `a` stays, one in `b` gives `a`.
pub fn choose(a: Range, b: Range, smallest: bool) -> Range {
    let pick = |x: f64, y: f64| if smallest && y < x || !smallest && x < y { y } else { x };
    let zero = |r: f64, sign: f64| if r == 0.0 && (a.contains(sign) || b.contains(sign)) { sign } else { r };
    let r = Range { lo: zero(pick(a.lo, b.lo), -0.0), hi: zero(pick(a.hi, b.hi), 0.0), nan: a.nan };
    if b.nan { Range { nan: a.nan, ..r.hull(a) } } else { r }
}

/// Everything that the type holds.
pub fn full(s: Scalar) -> Range {
    match s {
        Scalar::F32 | Scalar::F64 => Range::ANY,
        Scalar::I1 => Range::new(0.0, 1.0),
        _ => Range::new(-modulus(s) / 2.0, modulus(s) / 2.0 - 1.0),
    }
}

fn modulus(s: Scalar) -> f64 {
    2f64.powi(s.bits() as i32)
}

/// Integers from `lo` to `hi`, which wrap.
pub fn integer(lo: f64, hi: f64, s: Scalar) -> Range {
    let fits = lo.abs() < EXACT && hi.abs() < EXACT && hi - lo < modulus(s);
    if fits { Range::new(lo + 0.0, hi + 0.0) } else { full(s) }
}

/// The numbers as an operation on signed integers sees them.
pub fn signed(r: Range, s: Scalar) -> Range {
    let half = modulus(s) / 2.0;
    within(r, -half, half - 1.0, s).unwrap_or_else(|| full(s))
}

/// The numbers as an operation on unsigned integers sees them.
pub fn unsigned(r: Range, s: Scalar) -> Range {
    let last = modulus(s) - 1.0;
    within(r, 0.0, last, s).unwrap_or(Range::new(0.0, last))
}

fn within(r: Range, lo: f64, hi: f64, s: Scalar) -> Option<Range> {
    let shifts = [0.0, modulus(s), -modulus(s)];
    shifts.into_iter().map(|by| Range::new(r.lo + by, r.hi + by)).find(|r| lo <= r.lo && r.hi <= hi)
}
