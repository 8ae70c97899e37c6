//! Index arithmetic: affine sums over loop indices, with a few atoms that are not affine.
//!
//! Kept canonical (terms sorted and merged), so equal indices compare equal and printers get them
//! simplified. All indices but [`Atom::Data`] are known without running the network.

use super::ir::Expr;
use std::ops::{Add, Mul, Neg, Sub};
use std::sync::Arc;

/// A loop index or an integer parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexVar(pub u32);

impl IndexVar {
    /// In a view's [`Map`](super::view::Map): the coordinate along axis `d`.
    pub fn coordinate(d: usize) -> IndexVar {
        IndexVar(u32::MAX - d as u32)
    }
}

/// A part of an index that arithmetic does not look into.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom {
    Var(IndexVar),
    /// Floor of the quotient; the divisor is positive.
    Div(Index, i64),
    /// Remainder in `0..divisor`; the divisor is positive.
    Mod(Index, i64),
    Min(Index, Index),
    Max(Index, Index),
    /// The smaller factor first. Neither is constant.
    Product(Index, Index),
    /// Entry of a constant table.
    Table(Arc<[i32]>, Index),
    /// A value that input data decides, clamped to `0..bound`. Never in loop bounds.
    Data(Box<Expr>, i64),
}

impl Atom {
    /// The indices that it computes with.
    pub fn parts(&self) -> impl Iterator<Item = &Index> {
        let (a, b) = match self {
            Atom::Var(_) | Atom::Data(..) => (None, None),
            Atom::Div(i, _) | Atom::Mod(i, _) | Atom::Table(_, i) => (Some(i), None),
            Atom::Min(a, b) | Atom::Max(a, b) | Atom::Product(a, b) => (Some(a), Some(b)),
        };
        a.into_iter().chain(b)
    }
}

/// `constant + sum(factor * atom)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Index {
    /// Sorted by atom, factors not zero.
    terms: Vec<(Atom, i64)>,
    constant: i64,
}

impl Index {
    pub fn constant(c: i64) -> Index {
        Index { terms: Vec::new(), constant: c }
    }

    pub fn atom(a: Atom) -> Index {
        Index { terms: vec![(a, 1)], constant: 0 }
    }

    pub fn terms(&self) -> &[(Atom, i64)] {
        &self.terms
    }

    /// The constant summand.
    pub fn offset(&self) -> i64 {
        self.constant
    }

    /// The value, when it is a constant.
    pub fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// Floor division by a positive constant.
    pub fn floor_div(self, d: i64) -> Index {
        assert!(d > 0, "index divisor {d}");
        match self.as_constant() {
            _ if d == 1 => self,
            Some(c) => Index::constant(c.div_euclid(d)),
            None => Index::atom(Atom::Div(self, d)),
        }
    }

    /// Remainder in `0..d`.
    pub fn modulo(self, d: i64) -> Index {
        assert!(d > 0, "index divisor {d}");
        match self.as_constant() {
            Some(c) => Index::constant(c.rem_euclid(d)),
            None => Index::atom(Atom::Mod(self, d)),
        }
    }

    pub fn min(self, other: Index) -> Index {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Index::constant(a.min(b)),
            _ => Index::atom(Atom::Min(self, other)),
        }
    }

    pub fn max(self, other: Index) -> Index {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Index::constant(a.max(b)),
            _ => Index::atom(Atom::Max(self, other)),
        }
    }

    /// The product of two indices.
    pub fn times(self, other: Index) -> Index {
        match (self.as_constant(), other.as_constant()) {
            (Some(c), _) => other * c,
            (_, Some(c)) => self * c,
            _ if other < self => Index::atom(Atom::Product(other, self)),
            _ => Index::atom(Atom::Product(self, other)),
        }
    }

    /// Entry of a constant table.
    pub fn lookup(table: Arc<[i32]>, at: Index) -> Index {
        Index::atom(Atom::Table(table, at))
    }

    /// A computed value clamped to `0..bound`.
    pub fn data(value: Expr, bound: i64) -> Index {
        Index::atom(Atom::Data(Box::new(value), bound.max(1)))
    }

    /// Replaces variables, and expressions inside of data-dependent atoms.
    pub fn substitute(&self, var: &dyn Fn(IndexVar) -> Option<Index>, expr: &dyn Fn(&Expr) -> Expr) -> Index {
        let s = |i: &Index| i.substitute(var, expr);
        self.terms.iter().fold(Index::constant(self.constant), |sum, (atom, k)| {
            let new = match atom {
                Atom::Var(v) => var(*v).unwrap_or_else(|| Index::atom(atom.clone())),
                Atom::Div(i, d) => s(i).floor_div(*d),
                Atom::Mod(i, d) => s(i).modulo(*d),
                Atom::Min(a, b) => s(a).min(s(b)),
                Atom::Max(a, b) => s(a).max(s(b)),
                Atom::Product(a, b) => s(a).times(s(b)),
                Atom::Table(t, i) => Index::lookup(t.clone(), s(i)),
                Atom::Data(e, bound) => Index::data(expr(e), *bound),
            };
            sum + new * *k
        })
    }

    /// Value for given variables; `data` decides data-dependent atoms.
    pub fn eval(&self, var: &dyn Fn(IndexVar) -> i64, data: &mut dyn FnMut(&Expr) -> i64) -> i64 {
        let mut sum = self.constant;
        for (atom, k) in &self.terms {
            let v = match atom {
                Atom::Var(v) => var(*v),
                Atom::Div(i, d) => i.eval(var, data).div_euclid(*d),
                Atom::Mod(i, d) => i.eval(var, data).rem_euclid(*d),
                Atom::Min(a, b) => a.eval(var, data).min(b.eval(var, data)),
                Atom::Max(a, b) => a.eval(var, data).max(b.eval(var, data)),
                Atom::Product(a, b) => a.eval(var, data) * b.eval(var, data),
                Atom::Table(t, i) => i64::from(t[i.eval(var, data) as usize]),
                Atom::Data(e, bound) => data(e).clamp(0, *bound - 1),
            };
            sum += k * v;
        }
        sum
    }

    /// Smallest and largest value when each variable lies in the given closed interval. Exact for
    /// affine indices over independent variables, otherwise an enclosure.
    pub fn range(&self, var: &dyn Fn(IndexVar) -> (i64, i64)) -> (i64, i64) {
        let mut sum = (self.constant, self.constant);
        for (atom, k) in &self.terms {
            let (lo, hi) = match atom {
                Atom::Var(v) => var(*v),
                Atom::Div(i, d) => {
                    let (lo, hi) = i.range(var);
                    (lo.div_euclid(*d), hi.div_euclid(*d))
                }
                Atom::Mod(i, d) => match i.range(var) {
                    (lo, hi) if lo.div_euclid(*d) == hi.div_euclid(*d) => (lo.rem_euclid(*d), hi.rem_euclid(*d)),
                    _ => (0, *d - 1),
                },
                Atom::Min(a, b) => {
                    let (a, b) = (a.range(var), b.range(var));
                    (a.0.min(b.0), a.1.min(b.1))
                }
                Atom::Max(a, b) => {
                    let (a, b) = (a.range(var), b.range(var));
                    (a.0.max(b.0), a.1.max(b.1))
                }
                Atom::Product(a, b) => product(a.range(var), b.range(var)),
                Atom::Table(t, i) => {
                    let (lo, hi) = i.range(var);
                    let entries = t.get(lo.max(0) as usize..=hi.max(0) as usize).unwrap_or(t);
                    let lo = entries.iter().min().copied().unwrap_or(0);
                    let hi = entries.iter().max().copied().unwrap_or(0);
                    (i64::from(lo), i64::from(hi))
                }
                Atom::Data(_, bound) => (0, *bound - 1),
            };
            let (a, b) = (k * lo, k * hi);
            sum = (sum.0 + a.min(b), sum.1 + a.max(b));
        }
        sum
    }

    /// Calls `f` with the values of all atoms that input data decides, those within others too.
    pub fn each_data(&self, f: &mut dyn FnMut(&Expr)) {
        for (atom, _) in &self.terms {
            match atom {
                Atom::Data(e, _) => f(e),
                _ => atom.parts().for_each(|i| i.each_data(f)),
            }
        }
    }

    /// Whether input data decides it.
    pub fn depends_on_data(&self) -> bool {
        let mut any = false;
        self.each_data(&mut |_| any = true);
        any
    }
}

/// Encloses the products of the values of two intervals.
pub fn product(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    let corners = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)].map(|(x, y)| x.saturating_mul(y));
    corners[1..].iter().fold((corners[0], corners[0]), |(lo, hi), c| (lo.min(*c), hi.max(*c)))
}

impl Add for Index {
    type Output = Index;
    fn add(mut self, other: Index) -> Index {
        self.constant += other.constant;
        for (atom, k) in other.terms {
            match self.terms.binary_search_by(|(a, _)| a.cmp(&atom)) {
                Ok(i) => {
                    self.terms[i].1 += k;
                    if self.terms[i].1 == 0 {
                        self.terms.remove(i);
                    }
                }
                Err(i) => self.terms.insert(i, (atom, k)),
            }
        }
        self
    }
}

impl Mul<i64> for Index {
    type Output = Index;
    fn mul(mut self, k: i64) -> Index {
        if k == 0 {
            return Index::default();
        }
        self.constant *= k;
        for t in &mut self.terms {
            t.1 *= k;
        }
        self
    }
}

impl Neg for Index {
    type Output = Index;
    fn neg(self) -> Index {
        self * -1
    }
}

impl Sub for Index {
    type Output = Index;
    fn sub(self, other: Index) -> Index {
        self + -other
    }
}

impl Add<i64> for Index {
    type Output = Index;
    fn add(mut self, c: i64) -> Index {
        self.constant += c;
        self
    }
}

impl Sub<i64> for Index {
    type Output = Index;
    fn sub(self, c: i64) -> Index {
        self + -c
    }
}

impl From<i64> for Index {
    fn from(c: i64) -> Index {
        Index::constant(c)
    }
}

impl From<usize> for Index {
    fn from(c: usize) -> Index {
        Index::constant(c as i64)
    }
}

impl From<IndexVar> for Index {
    fn from(v: IndexVar) -> Index {
        Index::atom(Atom::Var(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var(i: u32) -> Index {
        IndexVar(i).into()
    }

    #[test]
    fn sums_are_canonical() {
        let a = var(1) * 3 + var(0) - var(1) * 2 + 4;
        assert_eq!(a, var(0) + var(1) + 4);
        assert_eq!((var(0) - var(0)).as_constant(), Some(0));
        assert_eq!(var(1).times(var(0)), var(0).times(var(1)));
        assert_eq!(var(1).times(3usize.into()), var(1) * 3);
    }

    #[test]
    fn range_encloses_eval() {
        let i = (var(0) * 2 - var(1) + 1).modulo(3) + var(0).floor_div(2).max(var(1))
            - (var(1) - 4).min(var(0))
            - var(0).times(var(1) - 3) * 2;
        let (lo, hi) = i.range(&|v| if v.0 == 0 { (0, 5) } else { (-2, 7) });
        for a in 0..=5 {
            for b in -2..=7 {
                let v = i.eval(&|v| if v.0 == 0 { a } else { b }, &mut |_| 0);
                assert!((lo..=hi).contains(&v), "{v} not in {lo}..={hi}");
            }
        }
    }
}
