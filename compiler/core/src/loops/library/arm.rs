//! Arm instructions by their portable meaning (Arm Architecture Reference Manual, Armv7-M and
//! Armv8.1-M).

use super::super::ir::{Cast, Expr};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition};

fn low16(x: Expr) -> Expr {
    x.cast(Cast::Trunc, Ty::I16).cast(Cast::SExt, Ty::I32)
}

fn high16(x: Expr) -> Expr {
    x >> Expr::int(Scalar::I32, 16)
}

/// `smlad(x, y, a)`: dual 16-bit multiply-accumulate.
pub fn smlad() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let (x, y, a) = (d.param(0), d.param(1), d.param(2));
    d.finish(a + low16(x.clone()) * low16(y.clone()) + high16(x) * high16(y))
}
