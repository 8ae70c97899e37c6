//! Ranges of expressions of the loop IR: what elementwise operators say of their values.
//!
//! One range an element of a column, for all channels at once. Library functions are monotone up to
//! their stated error, so their values at both ends bound them. Knows no operator.

use super::Range;
use super::scalar::{self, Real, full, larger, signed, smaller, unsigned};
use tinyc_core::loops::columns::{self, Column};
use tinyc_core::loops::{Binary, Cast, Compare, Const, Expr, Library, Local, Scalar, Ty, Unary};

/// The ranges of an expression over locals, whose columns hold `n` ranges each.
pub fn eval(e: &Expr, locals: &[Vec<Range>], n: usize) -> Vec<Range> {
    let one = |e: &Expr| eval(e, locals, n);
    let map = |e: &Expr, f: &dyn Fn(Range) -> Range| one(e).into_iter().map(f).collect();
    let zip = |a: &Expr, b: &Expr, f: &dyn Fn(Range, Range) -> Range| {
        one(a).into_iter().zip(one(b)).map(|(a, b)| f(a, b)).collect()
    };
    match e {
        Expr::Const(c, _) => vec![constant(*c); n],
        Expr::Local(l) => locals[l.id as usize].clone(),
        Expr::Unary(op, a) => {
            let s = a.ty().scalar;
            map(a, &|a| unary(*op, a, s))
        }
        Expr::Binary(op, a, b) => {
            let s = a.ty().scalar;
            zip(a, b, &|a, b| binary(*op, a, b, s))
        }
        Expr::Compare(op, a, b) => {
            let s = a.ty().scalar;
            zip(a, b, &|a, b| compare(*op, a, b, s))
        }
        Expr::Select(c, x, y) => {
            let holds = one(c);
            let then = eval(x, &restricted(c, true, locals, n), n);
            let otherwise = eval(y, &restricted(c, false, locals, n), n);
            let choose = |(c, (x, y)): (&Range, (Range, Range))| match (c.lo > 0.0, c.hi < 1.0) {
                (true, _) => x,
                (_, true) => y,
                _ => x.hull(y),
            };
            holds.iter().zip(then.into_iter().zip(otherwise)).map(choose).collect()
        }
        Expr::Cast(op, to, a) => {
            let from = a.ty().scalar;
            map(a, &|a| cast(*op, a, from, to.scalar))
        }
        Expr::Call(f, args) => call(*f, args.iter().map(one).collect(), n),
        Expr::Index(..) | Expr::Load(_) | Expr::Splat(..) | Expr::Lanes(_) | Expr::Lane(..) | Expr::Reduce(..) => {
            vec![full(e.ty().scalar); n]
        }
    }
}

fn constant(c: Const) -> Range {
    match (c.as_float(), c.as_int()) {
        (Some(v), _) => Range::point(v),
        (None, Some(v)) => scalar::integer(v as f64, v as f64, c.scalar),
        (None, None) => full(c.scalar),
    }
}

fn unary(op: Unary, a: Range, s: Scalar) -> Range {
    match op {
        Unary::Neg if s.is_float() => scalar::neg(a),
        Unary::Neg => scalar::integer(-a.hi, -a.lo, s),
        Unary::Not if s == Scalar::I1 => Range::new(1.0 - a.hi, 1.0 - a.lo),
        Unary::Not => scalar::integer(-a.hi - 1.0, -a.lo - 1.0, s),
    }
}

fn binary(op: Binary, a: Range, b: Range, s: Scalar) -> Range {
    let float = s.is_float();
    match op {
        Binary::Add => scalar::add(a, b, s),
        Binary::Sub => scalar::sub(a, b, s),
        Binary::Mul => scalar::mul(a, b, s),
        Binary::Div if float => scalar::div(a, b, s),
        Binary::Div => scalar::div(signed(a, s), signed(b, s), s),
        Binary::UDiv => scalar::div(unsigned(a, s), unsigned(b, s), s),
        Binary::Min | Binary::Max if float => scalar::choose(a, b, op == Binary::Min),
        Binary::Min | Binary::Max => scalar::choose(signed(a, s), signed(b, s), op == Binary::Min),
        Binary::UMin | Binary::UMax => scalar::choose(unsigned(a, s), unsigned(b, s), op == Binary::UMin),
        // As a product, which wraps alike.
        Binary::Shl if b.lo == b.hi && (0.0..f64::from(s.bits())).contains(&b.lo) => {
            scalar::mul(a, Range::point(b.lo.exp2()), s)
        }
        Binary::And if s == Scalar::I1 => Range::new(a.lo * b.lo, a.hi * b.hi),
        Binary::Or if s == Scalar::I1 => Range::new(a.lo.max(b.lo), a.hi.max(b.hi)),
        _ => full(s),
    }
}

/// What a comparison gives: 0, 1 or either.
fn compare(op: Compare, a: Range, b: Range, s: Scalar) -> Range {
    let (a, b) = match op {
        _ if s.is_float() => (a, b),
        Compare::ULt | Compare::ULe | Compare::Eq | Compare::Ne => (unsigned(a, s), unsigned(b, s)),
        Compare::Lt | Compare::Le => (signed(a, s), signed(b, s)),
    };
    let nan = a.nan || b.nan;
    let same = a.lo == a.hi && b.lo == b.hi && a.lo == b.lo;
    let apart = a.hi < b.lo || b.hi < a.lo;
    let (always, never) = match op {
        Compare::Eq => (same && !nan, apart),
        Compare::Ne => (apart, same && !nan),
        Compare::Lt | Compare::ULt => (a.hi < b.lo && !nan, a.lo >= b.hi),
        Compare::Le | Compare::ULe => (a.hi <= b.lo && !nan, a.lo > b.hi),
    };
    Range::new(f64::from(u8::from(always)), f64::from(u8::from(!never)))
}

/// The locals where a comparison of floats came out as `holds`.
fn restricted(condition: &Expr, holds: bool, locals: &[Vec<Range>], n: usize) -> Vec<Vec<Range>> {
    let mut locals = locals.to_vec();
    let Expr::Compare(op @ (Compare::Lt | Compare::Le), a, b) = condition else { return locals };
    let strict = (*op == Compare::Lt) == holds;
    if !a.ty().scalar.is_float() {
        return locals;
    }
    // The lesser side has no larger numbers than the other has, and the other no smaller ones.
    let (less, more) = if holds { (a, b) } else { (b, a) };
    let (small, large) = (eval(less, &locals, n), eval(more, &locals, n));
    let s = a.ty().scalar;
    // Zeros of both signs where equal numbers stay.
    let below = |limit: f64| if strict { Real(limit, -1.0).down(s) } else { limit + 0.0 };
    let above = |limit: f64| if strict { Real(limit, 1.0).up(s) } else { -(-limit + 0.0) };
    let mut narrow = |side: &Expr, bound: &dyn Fn(usize) -> Range| {
        if let Expr::Local(Local { id, .. }) = side {
            for (i, r) in locals[*id as usize].iter_mut().enumerate() {
                let nan = r.nan;
                // That a comparison holds says that there is no NaN, that it does not says nothing.
                *r = Range { nan: !holds && nan, ..r.intersect(bound(i)) };
            }
        }
    };
    let other_nan = |r: &Range| !holds && r.nan;
    narrow(less, &|i| {
        if other_nan(&large[i]) { Range::ANY } else { Range::new(f64::NEG_INFINITY, below(large[i].hi)) }
    });
    narrow(more, &|i| if other_nan(&small[i]) { Range::ANY } else { Range::new(above(small[i].lo), f64::INFINITY) });
    locals
}

fn cast(op: Cast, a: Range, from: Scalar, to: Scalar) -> Range {
    match op {
        Cast::Trunc if to == Scalar::I1 => unsigned(a, to),
        Cast::Trunc => scalar::integer(a.lo, a.hi, to),
        Cast::ZExt => unsigned(a, from),
        Cast::SExt => signed(a, from),
        Cast::SiToFp => rounded(signed(a, from), to),
        Cast::UiToFp => rounded(unsigned(a, from), to),
        Cast::FpToSi | Cast::FpToUi => {
            let all = if op == Cast::FpToSi { signed(full(to), to) } else { unsigned(full(to), to) };
            let end = |v: f64| v.trunc().clamp(all.lo, all.hi) + 0.0;
            let r = Range::new(end(a.lo), end(a.hi));
            if a.nan { r.hull(Range::point(0.0)) } else { r }
        }
        Cast::FpCast => rounded(a, to),
        Cast::Bits => full(to),
    }
}

/// Rounded to a float type, outward. Integers that f64 does not hold are inside of rounded ends.
fn rounded(a: Range, to: Scalar) -> Range {
    Range { lo: Real(a.lo, 0.0).down(to), hi: Real(a.hi, 0.0).up(to), nan: a.nan }
}

/// Ends move outward by this many units in the last place: the errors at an end and at a number
/// between the ends, each below 1.25.
const ULPS: usize = 3;

fn call(f: Library, args: Vec<Vec<Range>>, n: usize) -> Vec<Range> {
    use Library::{CeilF32, ErfF32, ExpF32, FloorF32, LogF32, PowF32, RoundEvenF32, SqrtF32, TanhF32, TruncF32};
    match f {
        // Powers are not negative.
        ExpF32 => monotone(f, &args[0], ULPS).into_iter().map(|r| Range { lo: larger(r.lo, -0.0), ..r }).collect(),
        TanhF32 | ErfF32 => monotone(f, &args[0], ULPS),
        TruncF32 | FloorF32 | CeilF32 | RoundEvenF32 => monotone(f, &args[0], 0),
        LogF32 | SqrtF32 => {
            let ulps = if f == LogF32 { ULPS } else { 0 };
            let from_zero = |r: &Range| Range { lo: larger(r.lo, -0.0), ..*r };
            let ranges = monotone(f, &args[0].iter().map(from_zero).collect::<Vec<_>>(), ulps);
            let checked = |(r, x): (Range, &Range)| match (x.lo < 0.0, x.hi < 0.0) {
                (_, true) => Range::ANY,
                (below, _) => Range { nan: r.nan || below, ..r },
            };
            ranges.into_iter().zip(&args[0]).map(checked).collect()
        }
        PowF32 => pow(&args[0], &args[1]),
        Library::Smmlar => (0..n).map(|i| high_product(args[0][i], args[1][i], 32, args[2][i])).collect(),
        Library::DoublingHighMul => {
            (0..n).map(|i| high_product(args[0][i], args[1][i], 31, Range::point(0.0))).collect()
        }
        Library::RoundingShift => (0..n).map(|i| divided(args[0][i], args[1][i])).collect(),
        Library::Ssat8 => saturated(&args[0], 8),
        Library::Ssat16 => saturated(&args[0], 16),
        _ => vec![full(f.result(&[]).scalar); n],
    }
}

/// `x * y / 2^bits + a`, of two nearest quotients the larger one: monotone in `x` and in `y`.
fn high_product(x: Range, y: Range, bits: u32, a: Range) -> Range {
    let (x, y) = (signed(x, Scalar::I32), signed(y, Scalar::I32));
    let high = |x: f64, y: f64| ((x as i128 * y as i128 + (1 << (bits - 1))) >> bits) as f64;
    let corners = [high(x.lo, y.lo), high(x.lo, y.hi), high(x.hi, y.lo), high(x.hi, y.hi)];
    let (lo, hi) =
        (corners.into_iter().fold(f64::INFINITY, f64::min), corners.into_iter().fold(f64::NEG_INFINITY, f64::max));
    scalar::integer(lo + a.lo, hi + a.hi, Scalar::I32)
}

/// `x / 2^e`, rounded: monotone in `x`, and in `e` on either side of zero.
fn divided(x: Range, e: Range) -> Range {
    let x = signed(x, Scalar::I32);
    if !(0.0 <= e.lo && e.hi <= 31.0) {
        return full(Scalar::I32);
    }
    let quotient = |x: f64, e: f64| (x / e.exp2()).round();
    let ends = [quotient(x.lo, e.lo), quotient(x.lo, e.hi), quotient(x.hi, e.lo), quotient(x.hi, e.hi)];
    Range::new(ends[0].min(ends[1]), ends[2].max(ends[3]))
}

fn saturated(x: &[Range], bits: i32) -> Vec<Range> {
    let half = 2f64.powi(bits - 1);
    let end = |v: f64| v.clamp(-half, half - 1.0);
    x.iter().map(|r| signed(*r, Scalar::I32)).map(|r| Range::new(end(r.lo), end(r.hi))).collect()
}

fn values(f: Library, args: &[Vec<f32>]) -> Vec<f32> {
    let locals = (0..args.len() as u32).map(|id| Expr::Local(Local { id, ty: Ty::F32 }));
    let columns: Vec<Column> = args.iter().map(|v| Column::F32(v.clone())).collect();
    match columns::eval(&Expr::Call(f, locals.collect()), &columns) {
        Column::F32(v) => v,
        _ => unreachable!("functions of f32 are f32"),
    }
}

fn monotone(f: Library, x: &[Range], ulps: usize) -> Vec<Range> {
    let lo = values(f, &[x.iter().map(|r| Real(r.lo, 0.0).down(Scalar::F32) as f32).collect()]);
    let hi = values(f, &[x.iter().map(|r| Real(r.hi, 0.0).up(Scalar::F32) as f32).collect()]);
    lo.into_iter().zip(hi).zip(x).map(|((lo, hi), x)| widened(lo, hi, x.nan, ulps)).collect()
}

/// Ends moved outward; zeros of either sign.
fn widened(lo: f32, hi: f32, nan: bool, ulps: usize) -> Range {
    if lo.is_nan() || hi.is_nan() {
        return Range::ANY;
    }
    let lo = (0..ulps).fold(lo, |v, _| v.next_down());
    let hi = (0..ulps).fold(hi, |v, _| v.next_up());
    let zero = |v: f32, sign: f64| if v == 0.0 { sign } else { f64::from(v) };
    Range { lo: zero(lo, -0.0), hi: zero(hi, 0.0), nan }
}

/// Over positive bases, where powers are monotone in both operands.
fn pow(x: &[Range], y: &[Range]) -> Vec<Range> {
    let column = |r: &[Range], high: bool| -> Vec<f32> {
        r.iter()
            .map(|r| if high { Real(r.hi, 0.0).up(Scalar::F32) } else { Real(r.lo, 0.0).down(Scalar::F32) } as f32)
            .collect()
    };
    let corner = |a, b| values(Library::PowF32, &[column(x, a), column(y, b)]);
    let corners = [corner(false, false), corner(false, true), corner(true, false), corner(true, true)];
    let range = |i: usize| {
        if !(x[i].lo > 0.0 && x[i].is_finite() && y[i].is_finite()) {
            return Range::ANY;
        }
        let ends = corners.iter().map(|c| c[i]);
        let lo = ends.clone().fold(f32::INFINITY, |a, b| smaller(a.into(), b.into()) as f32);
        let hi = ends.fold(f32::NEG_INFINITY, |a, b| larger(a.into(), b.into()) as f32);
        widened(lo, hi, false, ULPS)
    };
    (0..x.len()).map(range).collect()
}
