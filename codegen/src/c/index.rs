//! Index arithmetic as C text. Its type is chosen for each function so that nothing in it overflows.

use super::body::{Body, Text, prec};
use super::unit::Support;
use std::collections::BTreeMap;
use tinyc_core::loops::{Access, Atom, CallArg, Expr, Function, Index, IndexVar, Scalar, Stmt};

impl Body<'_, '_> {
    /// The value of an index, of type [`Body::index_type`].
    pub fn index(&mut self, i: &Index) -> Text {
        if let Some(c) = i.as_constant() {
            return self.index_constant(c);
        }
        let mut sum = String::new();
        let terms = i.terms().iter().filter(|(_, k)| *k > 0).chain(i.terms().iter().filter(|(_, k)| *k < 0));
        let mut last = 0;
        for (atom, k) in terms {
            let text = self.atom(atom);
            let term = match k.unsigned_abs() {
                1 => text.at_least(if *k < 0 || !sum.is_empty() { prec::MUL } else { prec::ADD }),
                n => format!("{} * {n}", text.at_least(prec::MUL)),
            };
            last = if k.unsigned_abs() == 1 { text.prec } else { prec::MUL };
            match (sum.is_empty(), *k < 0) {
                (true, false) => sum = term,
                (true, true) => {
                    sum = format!("-{}", if k.unsigned_abs() == 1 { text.at_least(prec::UNARY) } else { term });
                }
                (false, false) => sum = format!("{sum} + {term}"),
                (false, true) => sum = format!("{sum} - {term}"),
            }
        }
        match i.offset() {
            0 => {}
            c if c > 0 => sum = format!("{sum} + {c}"),
            c => sum = format!("{sum} - {}", c.unsigned_abs()),
        }
        let single = i.terms().len() == 1 && i.offset() == 0;
        Text::new(sum, if single && i.terms()[0].1 > 0 { last } else { prec::ADD })
    }

    fn index_constant(&mut self, c: i64) -> Text {
        Text::new(c.to_string(), if c < 0 { prec::UNARY } else { prec::PRIMARY })
    }

    fn atom(&mut self, atom: &Atom) -> Text {
        match atom {
            Atom::Var(v) => Text::new(self.var_name(*v), prec::PRIMARY),
            Atom::Div(i, d) => self.rounded(i, *d, Support::FloorDiv(self.index_type), "/"),
            Atom::Mod(i, d) => match self.index_range(i) {
                (lo, hi) if lo >= 0 && hi < *d => self.index(i),
                _ => self.rounded(i, *d, Support::FloorMod(self.index_type), "%"),
            },
            Atom::Min(a, b) => self.index_call(Support::Min(self.index_type), a, b),
            Atom::Max(a, b) => self.index_call(Support::Max(self.index_type), a, b),
            Atom::Product(a, b) => {
                let (a, b) = (self.index(a), self.index(b));
                Text::new(format!("{} * {}", a.at_least(prec::MUL), b.at_least(prec::UNARY)), prec::MUL)
            }
            Atom::Table(t, i) => {
                let name = self.unit.table(t);
                let i = self.index(i).text;
                self.widened(format!("{name}[{i}]"))
            }
            Atom::Data(e, bound) => {
                let scalar = e.ty().scalar;
                let value = self.value(e);
                let name = self.unit.support(Support::Clamp(if scalar == Scalar::I64 { scalar } else { Scalar::I32 }));
                self.widened(format!("{name}({value}, {})", bound - 1))
            }
        }
    }

    /// A primary expression of at most 32 bits.
    fn widened(&self, text: String) -> Text {
        match self.index_type {
            Scalar::I64 => Text::new(format!("(int64_t){text}"), prec::UNARY),
            _ => Text::new(text, prec::PRIMARY),
        }
    }

    fn rounded(&mut self, i: &Index, d: i64, general: Support, operator: &str) -> Text {
        let nonnegative = self.index_range(i).0 >= 0;
        let i = self.index(i);
        if nonnegative {
            return Text::new(format!("{} {operator} {d}", i.at_least(prec::MUL)), prec::MUL);
        }
        let name = self.unit.support(general);
        Text::new(format!("{name}({}, {d})", i.text), prec::PRIMARY)
    }

    fn index_call(&mut self, f: Support, a: &Index, b: &Index) -> Text {
        let name = self.unit.support(f);
        let (a, b) = (self.index(a).text, self.index(b).text);
        Text::new(format!("{name}({a}, {b})"), prec::PRIMARY)
    }

    /// The element index of an access and the conditions of its guards that can fail.
    pub fn access(&mut self, a: &Access) -> (Text, Vec<String>) {
        let mut conditions = Vec::new();
        for d in &a.dims {
            let Some(bound) = d.bound else { continue };
            let (lo, hi) = self.index_range(&d.index);
            let i = self.index(&d.index).at_least(prec::ADD);
            if lo < 0 {
                conditions.push(format!("{i} >= 0"));
            }
            if hi >= bound {
                conditions.push(format!("{i} < {bound}"));
            }
        }
        (self.index(&a.flat()), conditions)
    }
}

/// The index type of a function: 32 bits unless something in it may need more.
pub fn index_type(f: &Function, params: &[(i64, i64)]) -> Scalar {
    let mut walk = Walk { ranges: BTreeMap::new(), largest: 0 };
    for (i, r) in params.iter().enumerate() {
        walk.ranges.insert(IndexVar(i as u32), *r);
        walk.largest = walk.largest.max(r.0.unsigned_abs().into()).max(r.1.unsigned_abs().into());
    }
    walk.block(&f.body);
    if walk.largest <= i32::MAX as u128 { Scalar::I32 } else { Scalar::I64 }
}

/// Finds the largest magnitude that any part of any index reaches.
struct Walk {
    ranges: BTreeMap<IndexVar, (i64, i64)>,
    largest: u128,
}

impl Walk {
    fn block(&mut self, block: &[Stmt]) {
        for s in block {
            match s {
                Stmt::Let(_, e) | Stmt::Set(_, e) => self.expr(e),
                Stmt::Store(s) => {
                    self.access(&s.access);
                    self.expr(&s.value);
                    s.mask.iter().for_each(|m| self.expr(m));
                }
                Stmt::For(f) => {
                    self.index(&f.lo);
                    self.index(&(f.hi.clone() + f.step));
                    let r = loop_range(&f.lo, &f.hi, &|v| self.ranges.get(&v).copied().unwrap_or_default());
                    self.ranges.insert(f.var, r);
                    self.block(&f.body);
                }
                Stmt::Call(_, args) => {
                    for a in args {
                        match a {
                            CallArg::Buffer(_, i) | CallArg::Index(i) => self.index(i),
                        }
                    }
                }
            }
        }
    }

    fn expr(&mut self, e: &Expr) {
        match e {
            Expr::Index(i, _) => self.index(i),
            Expr::Load(l) => {
                self.access(&l.access);
                l.otherwise.iter().chain(&l.mask).for_each(|e| self.expr(e));
            }
            _ => e.children().into_iter().for_each(|e| self.expr(e)),
        }
    }

    fn access(&mut self, a: &Access) {
        a.dims.iter().for_each(|d| self.index(&d.index));
        self.index(&a.flat());
    }

    fn index(&mut self, i: &Index) {
        let mut total = u128::from(i.offset().unsigned_abs());
        for (atom, k) in i.terms() {
            match atom {
                Atom::Data(e, _) => self.expr(e),
                _ => atom.parts().for_each(|i| self.index(i)),
            }
            let (lo, hi) = Index::atom(atom.clone()).range(&|v| self.ranges.get(&v).copied().unwrap_or_default());
            total += u128::from(k.unsigned_abs()) * u128::from(lo.unsigned_abs().max(hi.unsigned_abs()));
        }
        self.largest = self.largest.max(total);
    }
}

/// Encloses the values of a loop's variable.
pub fn loop_range(lo: &Index, hi: &Index, var: &dyn Fn(IndexVar) -> (i64, i64)) -> (i64, i64) {
    let (first, _) = lo.range(var);
    let (_, end) = hi.range(var);
    (first, first.max(end - 1))
}
