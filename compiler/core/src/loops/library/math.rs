//! Elementary functions in f32 without libm.

use super::super::ir::{Cast, Expr};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition};

fn c(v: f32) -> Expr {
    Expr::f32(v)
}

/// `exp_f32(x)`. Cody-Waite reduction x = n ln2 + r, |r| <= ln2/2, then a polynomial of degree 6 in
/// r (Remez), scaled by 2^n in two factors so that subnormal results are right.
pub fn exp_f32() -> Definition {
    let mut d = Define::new(&[Ty::F32]);
    let x = d.bind("x_clamped", d.param(0).max(c(-104.0)).min(c(89.0)));
    let scaled = d.bind("scaled", x.clone() * c(std::f32::consts::LOG2_E));
    let half = scaled.clone().lt(c(0.0)).select(c(-0.5), c(0.5));
    let n = d.bind("n", (scaled + half).cast(Cast::FpToSi, Ty::I32));
    let nf = d.bind("nf", n.clone().cast(Cast::SiToFp, Ty::F32));
    let r = d.bind("r", (x - nf.clone() * c(0.693_359_4)) + nf * c(2.121_944_4e-4));
    let p = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1]
        .into_iter()
        .map(c)
        .reduce(|p, k| p * r.clone() + k)
        .unwrap_or(c(0.5));
    let y = d.bind("y", p * (r.clone() * r.clone()) + r + c(1.0));
    let i = |v| Expr::int(Scalar::I32, v);
    let n1 = d.bind("n1", n.clone() >> i(1));
    let power = |n: Expr| ((n + i(127)) << i(23)).cast(Cast::Bits, Ty::F32);
    d.finish(y * power(n1.clone()) * power(n - n1))
}
