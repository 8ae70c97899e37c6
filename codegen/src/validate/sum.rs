//! Indices as the walk evaluates them: sums over numbered variables.

use std::sync::Arc;
use tinyc_core::loops::{Atom, Index, IndexVar, product};

/// Closed interval.
pub type Range = (i64, i64);

/// `constant + sum(factor * variable) + sum(factor * part)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    pub constant: i64,
    vars: Vec<(usize, i64)>,
    parts: Vec<(Part, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Div(Sum, i64),
    Mod(Sum, i64),
    Min(Sum, Sum),
    Max(Sum, Sum),
    Product(Sum, Sum),
    Table(Arc<[i32]>, Sum),
    /// Any value in `0..bound`.
    Data(i64),
}

/// What a read beside a table gives: no index, loop bound or address comes near.
const NOWHERE: i64 = i64::MIN / 4;

impl Sum {
    pub fn constant(c: i64) -> Sum {
        Sum { constant: c, ..Sum::default() }
    }

    pub fn var(v: usize) -> Sum {
        Sum { vars: vec![(v, 1)], ..Sum::default() }
    }

    /// The index, with a sum for each of its variables.
    pub fn of(index: &Index, var: &dyn Fn(IndexVar) -> Sum) -> Sum {
        let mut sum = Sum::constant(index.offset());
        let of = |i: &Index| Sum::of(i, var);
        for (atom, k) in index.terms() {
            let part = match atom {
                Atom::Var(v) => {
                    sum.add(&var(*v), *k);
                    continue;
                }
                Atom::Div(i, d) => Part::Div(of(i), *d),
                Atom::Mod(i, d) => Part::Mod(of(i), *d),
                Atom::Min(a, b) => Part::Min(of(a), of(b)),
                Atom::Max(a, b) => Part::Max(of(a), of(b)),
                Atom::Product(a, b) => Part::Product(of(a), of(b)),
                Atom::Table(t, i) => Part::Table(t.clone(), of(i)),
                Atom::Data(_, bound) => Part::Data(*bound),
            };
            sum.parts.push((part, *k));
        }
        sum
    }

    pub fn add(&mut self, other: &Sum, k: i64) {
        self.constant += k * other.constant;
        for (v, f) in &other.vars {
            match self.vars.iter_mut().find(|(w, _)| w == v) {
                Some((_, g)) => *g += k * f,
                None => self.vars.push((*v, k * f)),
            }
        }
        self.parts.extend(other.parts.iter().map(|(p, f)| (p.clone(), k * f)));
    }

    /// By how much the sum grows when this variable grows by one, if that is the same everywhere.
    pub fn slope(&self, var: usize) -> Option<i64> {
        let factor = self.vars.iter().find(|(v, _)| *v == var).map_or(0, |(_, k)| *k);
        self.parts.is_empty().then_some(factor)
    }

    pub fn depends_on_data(&self) -> bool {
        self.parts.iter().any(|(p, _)| match p {
            Part::Div(s, _) | Part::Mod(s, _) | Part::Table(_, s) => s.depends_on_data(),
            Part::Min(a, b) | Part::Max(a, b) | Part::Product(a, b) => a.depends_on_data() || b.depends_on_data(),
            Part::Data(_) => true,
        })
    }

    /// The value; sums that depend on data have none, and are never asked.
    pub fn eval(&self, env: &[i64]) -> i64 {
        let mut sum = self.constant;
        for (v, k) in &self.vars {
            sum += k * env[*v];
        }
        for (part, k) in &self.parts {
            let v = match part {
                Part::Div(s, d) => s.eval(env).div_euclid(*d),
                Part::Mod(s, d) => s.eval(env).rem_euclid(*d),
                Part::Min(a, b) => a.eval(env).min(b.eval(env)),
                Part::Max(a, b) => a.eval(env).max(b.eval(env)),
                Part::Product(a, b) => a.eval(env).saturating_mul(b.eval(env)),
                Part::Table(t, s) => match usize::try_from(s.eval(env)).ok().and_then(|i| t.get(i)) {
                    Some(entry) => i64::from(*entry),
                    None => return NOWHERE,
                },
                Part::Data(_) => unreachable!("the range is asked for where data decide"),
            };
            sum = sum.saturating_add(k.saturating_mul(v));
        }
        sum
    }

    /// An interval that holds every value for variables in their intervals.
    pub fn range(&self, env: &dyn Fn(usize) -> Range) -> Range {
        let mut sum = (self.constant, self.constant);
        let mut add = |(lo, hi): Range, k: i64| {
            let (a, b) = (k.saturating_mul(lo), k.saturating_mul(hi));
            sum = (sum.0.saturating_add(a.min(b)), sum.1.saturating_add(a.max(b)));
        };
        for (v, k) in &self.vars {
            add(env(*v), *k);
        }
        for (part, k) in &self.parts {
            let range = match part {
                Part::Div(s, d) => {
                    let (lo, hi) = s.range(env);
                    (lo.div_euclid(*d), hi.div_euclid(*d))
                }
                Part::Mod(s, d) => match s.range(env) {
                    (lo, hi) if lo.div_euclid(*d) == hi.div_euclid(*d) => (lo.rem_euclid(*d), hi.rem_euclid(*d)),
                    _ => (0, *d - 1),
                },
                Part::Min(a, b) => {
                    let (a, b) = (a.range(env), b.range(env));
                    (a.0.min(b.0), a.1.min(b.1))
                }
                Part::Max(a, b) => {
                    let (a, b) = (a.range(env), b.range(env));
                    (a.0.max(b.0), a.1.max(b.1))
                }
                Part::Product(a, b) => product(a.range(env), b.range(env)),
                Part::Table(t, s) => entries(t, s.range(env)),
                Part::Data(bound) => (0, *bound - 1),
            };
            add(range, *k);
        }
        sum
    }
}

/// Least and greatest entry of a table in an interval of positions.
fn entries(table: &[i32], (lo, hi): Range) -> Range {
    let (Ok(lo), Ok(hi)) = (usize::try_from(lo), usize::try_from(hi)) else { return (NOWHERE, -NOWHERE) };
    let Some(entries) = table.get(lo..=hi) else { return (NOWHERE, -NOWHERE) };
    let least = entries.iter().min().copied().unwrap_or(0);
    let greatest = entries.iter().max().copied().unwrap_or(0);
    (least.into(), greatest.into())
}
