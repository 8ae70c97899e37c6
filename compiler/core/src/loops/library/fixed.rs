//! Products and quotients of fixed-point numbers, rounded as gemmlowp does (Jacob et al., "Quantization and training
//! of neural networks for efficient integer-arithmetic-only inference", CVPR 2018, appendix B).

use super::super::ir::{Binary, Cast, Expr};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition};

fn int(v: i64) -> Expr {
    Expr::int(Scalar::I32, v)
}

/// `doubling_high_mul(x, y)`: gemmlowp's SaturatingRoundingDoublingHighMul, of numbers that are not both the least.
pub fn doubling_high_mul() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32]);
    let wide = |i| d.param(i).cast(Cast::SExt, Ty::I64);
    let product = wide(0) * wide(1) + Expr::int(Scalar::I64, 1 << 30);
    let high = (product >> Expr::int(Scalar::I64, 31)).cast(Cast::Trunc, Ty::I32);
    d.finish(high)
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

    fn call(f: Library, x: &[i32], y: i32) -> Vec<i32> {
        let locals = [0, 1].map(|id| Expr::Local(Local { id, ty: Ty::I32 }));
        let columns = [Column::I32(x.to_vec()), Column::I32(vec![y; x.len()])];
        match eval(&f.call(locals), &columns) {
            Column::I32(y) => y,
            _ => unreachable!("an i32 function"),
        }
    }

    #[test]
    fn products_are_rounded_upward_where_two_are_nearest() {
        let x = [0, 1, -1, 3, -3, 1 << 30, -(1 << 30), i32::MAX, i32::MIN, 12_345_678, -987_654_321];
        for y in [1 << 30, i32::MAX, 1_500_000_001, -(1 << 30), 1, i32::MIN + 1] {
            for (&x, got) in x.iter().zip(call(Library::DoublingHighMul, &x, y)) {
                let exact = i128::from(x) * i128::from(y) * 2;
                assert_eq!(i128::from(got), (exact + (1 << 31)).div_euclid(1 << 32), "{x} by {y}");
            }
        }
    }

    #[test]
    fn quotients_are_rounded_away_from_zero_where_two_are_nearest() {
        let mut x: Vec<i32> = (-300..300).collect();
        x.extend((0..31).flat_map(|e| [1, 3].map(|k: i32| k.wrapping_shl(e))).flat_map(|v| [v - 1, v, v + 1]));
        x.extend([i32::MAX, i32::MIN, i32::MIN + 1, i32::MAX - 1]);
        for e in 0..32 {
            for (&x, y) in x.iter().zip(call(Library::RoundingShift, &x, e)) {
                // f64 rounds halves away from zero too, and holds these quotients.
                assert_eq!(f64::from(y), (f64::from(x) / f64::from(e).exp2()).round(), "{x} by 2^{e}");
            }
        }
    }
}
