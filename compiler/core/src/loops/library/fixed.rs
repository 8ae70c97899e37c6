//! Rounding of fixed-point numbers.

use super::super::ir::{Binary, Expr};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition};

fn int(v: i64) -> Expr {
    Expr::int(Scalar::I32, v)
}

/// `rounding_shift(x, e)`: gemmlowp's RoundingDivideByPOT. What is cut off is compared with one half, or, of
/// negative numbers, with the next larger one, so that they round downward from there.
pub fn rounding_shift() -> Definition {
    let mut d = Define::new(&[Ty::I32, Ty::I32]);
    let (x, e) = (d.param(0), d.param(1));
    let mask = d.bind("mask", (int(1) << e.clone()) - int(1));
    let negative = Expr::binary(Binary::UShr, x.clone(), int(31));
    let half = d.bind("half", (mask.clone() >> int(1)) + negative);
    let up = half.lt(x.clone() & mask).select(int(1), int(0));
    d.finish((x >> e) + up)
}

#[cfg(test)]
mod tests {
    use super::super::super::columns::{Column, eval};
    use super::super::super::ir::Local;
    use super::super::Library;
    use super::*;

    #[test]
    fn quotients_are_rounded_away_from_zero_where_two_are_nearest() {
        let mut x: Vec<i32> = (-300..300).collect();
        x.extend((0..31).flat_map(|e| [1, 3].map(|k: i32| k.wrapping_shl(e))).flat_map(|v| [v - 1, v, v + 1]));
        x.extend([i32::MAX, i32::MIN, i32::MIN + 1, i32::MAX - 1]);
        for e in 0..32 {
            let locals = [0, 1].map(|id| Expr::Local(Local { id, ty: Ty::I32 }));
            let columns = [Column::I32(x.clone()), Column::I32(vec![e; x.len()])];
            let Column::I32(y) = eval(&Library::RoundingShift.call(locals), &columns) else {
                unreachable!("an i32 function")
            };
            for (&x, y) in x.iter().zip(y) {
                // f64 rounds halves away from zero too, and holds these quotients.
                assert_eq!(f64::from(y), (f64::from(x) / f64::from(e).exp2()).round(), "{x} by 2^{e}");
            }
        }
    }
}
