//! Elementary functions in f32 without libm.
//!
//! Argument reductions and formulas after Muller, "Elementary Functions", and the classical libraries
//! (fdlibm, Cephes) where named. Polynomials are minimax fits with coefficients rounded to f32,
//! lowest degree first. Nothing relies on fused multiply-add. The bounds in the documentation of
//! [`Library`](super::Library) are proven by the sweeps in `tests`.

use super::super::ir::{Cast, Expr, Unary};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition, Library};

fn c(v: f32) -> Expr {
    Expr::f32(v)
}

fn d(v: f64) -> Expr {
    Expr::f64(v)
}

fn i(v: i64) -> Expr {
    Expr::int(Scalar::I32, v)
}

fn bits(x: Expr) -> Expr {
    x.cast(Cast::Bits, Ty::I32)
}

fn float(x: Expr) -> Expr {
    x.cast(Cast::Bits, Ty::F32)
}

fn abs(x: Expr) -> Expr {
    float(bits(x) & i(0x7fff_ffff))
}

fn sign_bit(x: Expr) -> Expr {
    bits(x) & i(i64::from(i32::MIN))
}

/// `magnitude`, which is not negative, with the sign of `x`.
fn with_sign(magnitude: Expr, x: Expr) -> Expr {
    float(bits(magnitude) | sign_bit(x))
}

/// Horner's scheme, lowest degree first.
fn polynomial<const N: usize>(x: &Expr, coefficients: [Expr; N]) -> Expr {
    let mut high_first = coefficients.into_iter().rev();
    let top = high_first.next().expect("polynomials have a coefficient");
    high_first.fold(top, |p, k| p * x.clone() + k)
}

/// Cody-Waite reduction x = n ln2 + r, |r| <= ln2 / 2; e^r = 1 + r + r^2 p(r); scaled by 2^n in two
/// factors so that subnormal results round once.
pub fn exp_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    // From -104 on the result rounds to zero, from 89 on to infinity. NaN passes both.
    let x = f.bind("x_clamped", f.param(0).max(c(-104.0)).min(c(89.0)));
    let scaled = f.bind("scaled", x.clone() * c(std::f32::consts::LOG2_E));
    let half = scaled.clone().lt(c(0.0)).select(c(-0.5), c(0.5));
    let n = f.bind("n", (scaled + half).cast(Cast::FpToSi, Ty::I32));
    let nf = f.bind("nf", n.clone().cast(Cast::SiToFp, Ty::F32));
    // The high part of ln2 has 9 bits, so its product with n is exact.
    let r = f.bind("r", (x - nf.clone() * c(0.693_359_4)) + nf * c(2.121_944_4e-4));
    let p = [0.5, 0.166_666_66, 0.041_666_456, 0.008_333_569, 0.001_393_593_4, 0.000_197_426_91];
    let p = polynomial(&r, p.map(c));
    let y = f.bind("y", p * (r.clone() * r.clone()) + r + c(1.0));
    let n1 = f.bind("n1", n.clone() >> i(1));
    let power = |n: Expr| float((n + i(127)) << i(23));
    f.finish(y * power(n1.clone()) * power(n - n1))
}

/// x = 2^k m, m in sqrt(1/2)..sqrt(2); with f = m - 1, s = f / (2 + f):
/// ln m = f - f^2/2 + s (f^2/2 + R(s^2)) (fdlibm), ln2 in two parts.
pub fn log_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    let x = f.param(0);
    let tiny = f.bind("tiny", x.clone().lt(c(f32::MIN_POSITIVE)));
    let scaled = tiny.clone().select(x.clone() * c(33_554_432.0), x.clone());
    // Shifts the borders of the binades from powers of two to sqrt(1/2) times them.
    let sqrt_half = 0x3f35_04f3;
    let b = f.bind("b", bits(scaled) + i(0x3f80_0000 - sqrt_half));
    let k = (b.clone() >> i(23)) - tiny.select(i(127 + 25), i(127));
    let k = f.bind("k", k.cast(Cast::SiToFp, Ty::F32));
    let m = float((b & i(0x007f_ffff)) + i(sqrt_half));
    let g = f.bind("f", m - c(1.0));
    let s = f.bind("s", g.clone() / (g.clone() + c(2.0)));
    let z = f.bind("z", s.clone() * s.clone());
    let r = z.clone() * polynomial(&z, [0.666_666_6, 0.400_009_72, 0.284_987_93, 0.242_788_33].map(c));
    let h = f.bind("half_square", g.clone() * g.clone() * c(0.5));
    let low = s * (h.clone() + r) + k.clone() * c(9.058_001e-6);
    let y = f.bind("y", low - h + g + k * c(0.693_138_1));
    let infinity = x.clone().equal(c(f32::INFINITY));
    let y = infinity.select(c(f32::INFINITY), y);
    let y = c(0.0).le(x.clone()).select(y, c(f32::NAN));
    f.finish(x.clone().equal(c(0.0)).select(c(f32::NEG_INFINITY), y))
}

/// Correctly rounded, in integers: x = M 2^(2k) with M of 47 or 48 bits. Newton's iteration for
/// 1/sqrt in floats gives a first root; the exact remainder corrects it and decides the rounding.
pub fn sqrt_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    let x = f.param(0);
    let tiny = f.bind("tiny", x.clone().lt(c(f32::MIN_POSITIVE)));
    let b = f.bind("b", bits(tiny.clone().select(x.clone() * c(16_777_216.0), x.clone())));
    let e = f.bind("e", (b.clone() >> i(23)) - i(127));
    let odd = f.bind("odd", e.clone() & i(1));
    let fraction = f.bind("fraction", b & i(0x007f_ffff));
    // In 1..4.
    let t = f.bind("t", float(fraction.clone() | ((odd.clone() + i(127)) << i(23))));
    let mut y = f.bind("y0", float(i(0x5f37_59df) - (bits(t.clone()) >> i(1))));
    for name in ["y1", "y2"] {
        let square = y.clone() * y.clone();
        y = f.bind(name, y * (c(1.5) - c(0.5) * t.clone() * square));
    }
    let wide = |x: Expr| x.cast(Cast::SExt, Ty::I64);
    let square = wide(fraction | i(0x0080_0000)) << (wide(odd) + Expr::int(Scalar::I64, 23));
    let square = f.bind("square", square);
    let root = f.bind("root0", (t * y.clone() * c(8_388_608.0)).cast(Cast::FpToSi, Ty::I32));
    let rest = f.bind("rest0", square.clone() - wide(root.clone()) * wide(root.clone()));
    // rest / (2 root)
    let more = rest.cast(Cast::SiToFp, Ty::F32) * (y * c(5.960_464_5e-8));
    let root = f.bind("root1", root + more.cast(Cast::FpToSi, Ty::I32));
    let rest = f.bind("rest1", square - wide(root.clone()) * wide(root.clone()));
    let up = wide(root.clone()).lt(rest.clone()).select(i(1), i(0));
    let down = rest.le(-wide(root.clone())).select(i(1), i(0));
    let root = f.bind("root", root + up - down);
    let exponent = (e >> i(1)) + tiny.select(i(127 - 12), i(127));
    let y = float((exponent << i(23)) + (root - i(0x0080_0000)));
    let y = c(0.0).lt(x.clone()).select(y, c(f32::NAN));
    let itself = x.clone().equal(c(0.0)) | x.clone().equal(c(f32::INFINITY));
    f.finish(itself.select(x, y))
}

/// Near zero x + x^3 p(x^2), elsewhere 1 - 2 / (e^(2|x|) + 1).
pub fn tanh_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    let x = f.param(0);
    let a = f.bind("a", abs(x.clone()));
    let z = f.bind("z", a.clone() * a.clone());
    let p = polynomial(&z, [-0.333_332_8, 0.133_314_06, -0.053_736_515, 0.020_628_167, -0.005_692_296].map(c));
    let near = f.bind("near", a.clone() + a.clone() * (z * p));
    let e = f.bind("e", Library::ExpF32.call([a.clone() + a.clone()]));
    let far = f.bind("far", c(1.0) - c(2.0) / (e + c(1.0)));
    f.finish(with_sign(a.lt(c(0.625)).select(near, far), x))
}

/// Near zero x + x p(x^2), elsewhere 1 - e^(-|x| q(|x|)), which is 1 from 4 on.
pub fn erf_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    let x = f.param(0);
    let a = f.bind("a", abs(x.clone()).min(c(4.0)));
    let z = f.bind("z", a.clone() * a.clone());
    let p = [0.128_379_15, -0.376_124_92, 0.112_817_68, -0.026_764_402, 0.004_989_52, -0.000_597_079_4];
    let near = f.bind("near", x.clone() + x.clone() * polynomial(&z, p.map(c)));
    let q =
        [1.128_656_4, 0.635_118_84, 0.106_291_24, -0.023_809_44, 0.003_665_109_9, -0.000_328_433_15, 1.179_922_5e-5];
    let exponent = -(a.clone() * polynomial(&a, q.map(c)));
    let far = f.bind("far", c(1.0) - Library::ExpF32.call([exponent]));
    f.finish(a.lt(c(0.927_5)).select(near, with_sign(far, x)))
}

/// 2^(y log2 |x|) in f64, rounded once; the sign and the special cases of C99 F.9.4.4.
pub fn pow_f32() -> Definition {
    let mut f = Define::new(&[Ty::F32, Ty::F32]);
    let (x, y) = (f.param(0), f.param(1));
    let l = |v: i64| Expr::int(Scalar::I64, v);
    let double = |x: Expr| x.cast(Cast::Bits, Ty::F64);
    let a = f.bind("a", abs(x.clone()));
    // |x| = 2^k m with m in sqrt(1/2)..sqrt(2); subnormal numbers of f32 are normal in f64.
    let sqrt_half = std::f64::consts::FRAC_1_SQRT_2.to_bits() as i64;
    let b = a.clone().cast(Cast::FpCast, Ty::F64).cast(Cast::Bits, Ty::I64);
    let b = f.bind("b", b + l(1.0f64.to_bits() as i64 - sqrt_half));
    let k = ((b.clone() >> l(52)) - l(1023)).cast(Cast::SiToFp, Ty::F64);
    let m = f.bind("m", double((b & l((1 << 52) - 1)) + l(sqrt_half)));
    // log2 m = 2 / ln2 (s + s^3/3 + s^5/5 + ...)
    let s = f.bind("s", (m.clone() - d(1.0)) / (m + d(1.0)));
    let z = f.bind("z", s.clone() * s.clone());
    let series = polynomial(&z, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0].map(|n: f64| d(1.0 / n)));
    let log = k + s * series * d(2.0 * std::f64::consts::LOG2_E);
    // Infinity and NaN are their own logarithms.
    let log = a.clone().lt(c(f32::INFINITY)).select(log, a.clone().cast(Cast::FpCast, Ty::F64));
    let log = f.bind("log", a.clone().equal(c(0.0)).select(d(f64::NEG_INFINITY), log));
    // Beyond these the result is 0 or infinite.
    let t = y.clone().cast(Cast::FpCast, Ty::F64) * log;
    let t = f.bind("t", t.max(d(-160.0)).min(d(130.0)));
    let half = t.clone().lt(d(0.0)).select(d(-0.5), d(0.5));
    let n = f.bind("n", (t.clone() + half).cast(Cast::FpToSi, Ty::I32));
    let u = (t - n.clone().cast(Cast::SiToFp, Ty::F64)) * d(std::f64::consts::LN_2);
    let u = f.bind("u", u);
    let mut factorial = 1.0;
    let exp = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0].map(|n: f64| {
        factorial *= n.max(1.0);
        d(1.0 / factorial)
    });
    let power = double((n.cast(Cast::SExt, Ty::I64) + l(1023)) << l(52));
    let size = f.bind("size", (polynomial(&u, exp) * power).cast(Cast::FpCast, Ty::F32));
    let one = a.clone().equal(c(1.0)) & y.clone().equal(y.clone());
    let size = f.bind("size_or_one", one.select(c(1.0), size));
    // From 2^24 on floats are even integers.
    let large = f.bind("large", c(16_777_216.0).le(abs(y.clone())));
    let whole = f.bind("whole", y.clone().cast(Cast::FpToSi, Ty::I32));
    let odd = (whole.clone() & i(1)).equal(i(1));
    let integer = large.clone() | whole.cast(Cast::SiToFp, Ty::F32).equal(y.clone());
    let integer = f.bind("integer", integer);
    let odd = integer.clone() & odd & large.unary(Unary::Not);
    let signed = odd.select(float(bits(size.clone()) ^ sign_bit(x.clone())), size);
    let no_root = x.clone().lt(c(0.0)) & a.lt(c(f32::INFINITY)) & integer.unary(Unary::Not);
    let result = no_root.select(c(f32::NAN), signed);
    f.finish((x.equal(c(1.0)) | y.equal(c(0.0))).select(c(1.0), result))
}

/// Rounding functions work on i32 below 2^23; from there on floats are integers.
fn rounded(to: impl FnOnce(&mut Define, &Expr, &Expr, Expr) -> Expr) -> Definition {
    let mut f = Define::new(&[Ty::F32]);
    let x = f.param(0);
    let n = f.bind("n", x.clone().cast(Cast::FpToSi, Ty::I32));
    let t = f.bind("t", n.clone().cast(Cast::SiToFp, Ty::F32));
    let y = to(&mut f, &x, &t, n);
    // The sign matters where the result is zero; elsewhere it is already right.
    let y = with_sign(y, x.clone());
    let small = abs(x.clone()).lt(c(8_388_608.0));
    f.finish(small.select(y, x))
}

pub fn trunc_f32() -> Definition {
    rounded(|_, _, t, _| t.clone())
}

pub fn floor_f32() -> Definition {
    rounded(|_, x, t, _| t.clone() - x.clone().lt(t.clone()).select(c(1.0), c(0.0)))
}

pub fn ceil_f32() -> Definition {
    rounded(|_, x, t, _| t.clone() + t.clone().lt(x.clone()).select(c(1.0), c(0.0)))
}

pub fn round_even_f32() -> Definition {
    rounded(|f, x, t, n| {
        let rest = f.bind("rest", abs(x.clone() - t.clone()));
        let odd = (n & i(1)).equal(i(1));
        let away = c(0.5).lt(rest.clone()) | (rest.equal(c(0.5)) & odd);
        t.clone() + away.select(with_sign(c(1.0), x.clone()), c(0.0))
    })
}
