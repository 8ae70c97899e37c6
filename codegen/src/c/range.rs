//! Intervals of integer expressions, by which the printer leaves out casts and checks that cannot
//! matter.

use super::body::Body;
use tinyc_core::loops::{Binary, Cast, Expr, Index, Scalar};

/// A closed interval.
pub type Range = (i128, i128);

/// All values of the type, as signed; truth values are 0 and 1.
pub fn of_type(s: Scalar) -> Range {
    match s {
        Scalar::I1 => (0, 1),
        s => (-(1 << (s.bits() - 1)), (1 << (s.bits() - 1)) - 1),
    }
}

pub fn fits(r: Range, s: Scalar) -> bool {
    let t = of_type(s);
    t.0 <= r.0 && r.1 <= t.1
}

fn wrapped(r: Range, s: Scalar) -> Range {
    if fits(r, s) { r } else { of_type(s) }
}

/// The exact interval of an operation before it wraps; `None` where it is not followed.
pub fn raw(op: Binary, a: Range, b: Range) -> Option<Range> {
    Some(match op {
        Binary::Add => (a.0 + b.0, a.1 + b.1),
        Binary::Sub => (a.0 - b.1, a.1 - b.0),
        Binary::Mul => {
            let p = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
            (p.into_iter().min()?, p.into_iter().max()?)
        }
        _ => return None,
    })
}

impl Body<'_, '_> {
    /// Encloses the values of a scalar integer expression, as signed.
    pub fn range(&self, e: &Expr) -> Range {
        let s = e.ty().scalar;
        match e {
            Expr::Const(c, _) => c.as_int().map_or(of_type(s), |v| {
                let v = i128::from(v);
                if s == Scalar::I1 { (v & 1, v & 1) } else { (v, v) }
            }),
            Expr::Local(l) => self.local_range(l.id).unwrap_or(of_type(s)),
            Expr::Index(i, _) => {
                let (lo, hi) = self.index_range(i);
                wrapped((lo.into(), hi.into()), s)
            }
            Expr::Binary(op, a, b) => self.range_binary(*op, a, b, s),
            Expr::Select(_, a, b) => {
                let (a, b) = (self.range(a), self.range(b));
                (a.0.min(b.0), a.1.max(b.1))
            }
            Expr::Cast(c, _, a) if !a.ty().scalar.is_float() && !s.is_float() => {
                let from = a.ty().scalar;
                let r = self.range(a);
                match c {
                    Cast::SExt if from == Scalar::I1 => (-1, 0),
                    Cast::SExt => r,
                    Cast::ZExt if r.0 >= 0 => r,
                    Cast::ZExt => (0, (1 << from.bits()) - 1),
                    _ => wrapped(r, s),
                }
            }
            _ => of_type(s),
        }
    }

    fn range_binary(&self, op: Binary, a: &Expr, b: &Expr, s: Scalar) -> Range {
        if s == Scalar::I1 || s.is_float() {
            return of_type(s);
        }
        let (a, b) = (self.range(a), self.range(b));
        let amount = (b.0 == b.1).then_some((b.0 & i128::from(s.bits() - 1)) as u32);
        match (op, amount) {
            (Binary::Min, _) => (a.0.min(b.0), a.1.min(b.1)),
            (Binary::Max, _) => (a.0.max(b.0), a.1.max(b.1)),
            (Binary::Shr, Some(n)) => (a.0 >> n, a.1 >> n),
            (Binary::UShr, Some(n)) if a.0 >= 0 => (a.0 >> n, a.1 >> n),
            (Binary::UShr, Some(n)) if n > 0 => (0, ((1i128 << s.bits()) - 1) >> n),
            (Binary::And, _) if b.0 >= 0 => (0, b.1),
            (Binary::And, _) if a.0 >= 0 => (0, a.1),
            _ => raw(op, a, b).map_or(of_type(s), |r| wrapped(r, s)),
        }
    }

    /// Encloses the values of an index.
    pub fn index_range(&self, i: &Index) -> (i64, i64) {
        i.range(&|v| self.var_range(v))
    }
}
