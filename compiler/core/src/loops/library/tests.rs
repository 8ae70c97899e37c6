//! Sweeps that prove the stated error bounds, against f64.

use super::super::columns::{Column, eval};
use super::super::ir::{Expr, Local};
use super::super::ty::Ty;
use super::Library;

/// All exponents and signs with pseudo-random mantissas, dense small ranges, and special values.
fn sweep() -> Vec<f32> {
    let mut v = vec![0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0, -1.0, f32::MAX, f32::MIN];
    let mut state = 1u32;
    for high in 0..512u32 {
        for _ in 0..1000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            v.push(f32::from_bits(high << 23 | state >> 9));
        }
        v.extend([0, 1, 0x7f_ffff, 0x40_0000, 0x35_04f2, 0x35_04f3, 0x35_04f4].map(|m| f32::from_bits(high << 23 | m)));
    }
    // Where results neither overflow nor vanish.
    v.extend((0..400_000u32).map(|n| (n as f32 - 200_000.0) * (110.0 / 200_000.0)));
    v.extend((0..400_000u32).map(|n| (n as f32 - 200_000.0) * (5.0 / 200_000.0)));
    v.extend((0..1000u32).map(|n| n as f32 * 0.5 - 250.0));
    v
}

fn call(f: Library, args: &[Vec<f32>]) -> Vec<f32> {
    let locals: Vec<Expr> = (0..args.len() as u32).map(|id| Expr::Local(Local { id, ty: Ty::F32 })).collect();
    let columns: Vec<Column> = args.iter().cloned().map(Column::F32).collect();
    let Column::F32(y) = eval(&f.call(locals), &columns) else { unreachable!("an f32 function") };
    y
}

/// Distance from the exact value in units of the last place of f32 at it.
fn ulps(got: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == rounded {
        // Signs of zeros count; a correctly rounded result is at most half a unit off.
        return if got.is_sign_positive() == rounded.is_sign_positive() { 0.5 } else { f64::INFINITY };
    }
    if got.is_infinite() || exact.is_infinite() {
        return f64::INFINITY;
    }
    let exponent = exact.abs().log2().floor().clamp(-126.0, 127.0);
    (f64::from(got) - exact).abs() / (exponent - 23.0).exp2()
}

fn worst(f: Library, exact: fn(f64) -> f64) -> f64 {
    let x = sweep();
    let y = call(f, std::slice::from_ref(&x));
    let (mut worst, mut at) = (0.0, 0.0);
    for (&x, &y) in x.iter().zip(&y) {
        let e = ulps(y, exact(f64::from(x)));
        if e > worst {
            (worst, at) = (e, x);
        }
    }
    println!("{}: {worst:.3} ULP at {at:e}", f.name());
    worst
}

#[test]
fn exp_is_within_its_bound() {
    assert!(worst(Library::ExpF32, f64::exp) < 1.0);
}

#[test]
fn log_is_within_its_bound() {
    assert!(worst(Library::LogF32, f64::ln) < 0.8);
}

#[test]
fn tanh_is_within_its_bound() {
    assert!(worst(Library::TanhF32, f64::tanh) < 1.25);
}

#[test]
fn erf_is_within_its_bound() {
    assert!(worst(Library::ErfF32, erf) < 1.25);
}

/// By the series at small arguments and the continued fraction of erfc at large ones.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() || a > 6.0 {
        return if a.is_nan() { x } else { x.signum() };
    }
    if a < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while f64::abs(term) > 1e-18 * f64::abs(sum) {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..200).rev().fold(a, |t, k| a + f64::from(k) / 2.0 / t);
    (1.0 - (-a * a).exp() / fraction * std::f64::consts::FRAC_2_SQRT_PI / 2.0).copysign(x)
}

#[test]
fn sqrt_is_correctly_rounded() {
    let x = sweep();
    for (&x, &y) in x.iter().zip(&call(Library::SqrtF32, std::slice::from_ref(&x))) {
        assert!(
            y == x.sqrt() && y.is_sign_negative() == x.sqrt().is_sign_negative() || y.is_nan() && x.sqrt().is_nan(),
            "{x:e}: {y:e}"
        );
    }
}

#[test]
fn rounding_is_exact() {
    let x = sweep();
    let is = |f: Library, exact: fn(f32) -> f32| {
        for (&x, &y) in x.iter().zip(&call(f, std::slice::from_ref(&x))) {
            let want = exact(x);
            assert!(y.to_bits() == want.to_bits() || y.is_nan() && want.is_nan(), "{}({x:e}): {y:e}", f.name());
        }
    };
    is(Library::TruncF32, f32::trunc);
    is(Library::FloorF32, f32::floor);
    is(Library::CeilF32, f32::ceil);
    is(Library::RoundEvenF32, f32::round_ties_even);
}

#[test]
fn pow_is_within_its_bound() {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        -3.0,
        0.5,
        -0.5,
        1.5,
        -2.5,
        1e-40,
        -1e-40,
        1e30,
        -1e30,
        16_777_215.0,
        16_777_216.0,
        -16_777_217.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        0.999_999_94,
        1.000_000_1,
    ];
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for a in special {
        for b in special {
            x.push(a);
            y.push(b);
        }
    }
    let wide = sweep();
    let n = wide.len();
    // Any base with exponents of moderate size, so that the result stays in range, and any exponent.
    for (i, &a) in wide.iter().enumerate().step_by(3) {
        for b in [wide[n - 1 - i % 1000] * 0.1, wide[(i * 7919 + 13) % n], (i % 21) as f32 - 10.0] {
            x.push(a);
            y.push(b);
        }
    }
    let z = call(Library::PowF32, &[x.clone(), y.clone()]);
    let mut worst = 0.0;
    for i in 0..z.len() {
        let e = ulps(z[i], f64::from(x[i]).powf(f64::from(y[i])));
        assert!(e <= 0.51, "{:e}^{:e}: {:e}, {e} ULP", x[i], y[i], z[i]);
        worst = f64::max(worst, e);
    }
    println!("pow_f32: {worst:.3} ULP");
}
