//! How often loops turn.
//!
//! Bounds may depend on the indices of outer loops. The number of turns is then a mean over the values of
//! the indices that decide on it, which the outer loops pass through in fact, so that the product of all
//! means around a statement is the number of times that it runs.

use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::loops::{Atom, For, Index, IndexVar, Stmt};

/// Values of indices looked at for one loop at most. Beyond them, the mean is that of the first ones.
const LIMIT: usize = 1 << 14;

/// Mean number of turns of a loop inside of `outer`, outermost first. `known`: parameters.
pub fn mean(l: &For, outer: &[&For], known: &BTreeMap<IndexVar, i64>) -> f64 {
    if let (Some(lo), Some(hi)) = (l.lo.as_constant(), l.hi.as_constant()) {
        return turns(lo, hi, l.step) as f64;
    }
    let decisive = decisive(l, outer);
    let mut count = Count { l, loops: &decisive, values: known.clone(), times: 0, turns: 0 };
    count.run(0);
    if count.times == 0 { 0.0 } else { count.turns as f64 / count.times as f64 }
}

/// Turns of a loop, and operations in all of them, up to which compilers write them one after the other
/// (gcc's parameters max-completely-peel-times and max-completely-peeled-insns).
const TURNS: i64 = 16;
const OPERATIONS: usize = 200;

/// Whether compilers write the turns one after the other, without counting.
pub fn is_unrolled(l: &For) -> bool {
    let (Some(lo), Some(hi)) = (l.lo.as_constant(), l.hi.as_constant()) else { return false };
    let plain = |s: &Stmt| matches!(s, Stmt::Let(..) | Stmt::Set(..) | Stmt::Store(_));
    let n = turns(lo, hi, l.step);
    // About every second node is an operation, the others are its operands.
    n <= TURNS && l.body.iter().all(plain) && super::block(&l.body) / 2 * n as usize <= OPERATIONS
}

fn turns(lo: i64, hi: i64, step: i64) -> i64 {
    ((hi - lo).max(0) + step - 1) / step
}

/// The outer loops whose indices decide on the bounds of `l`, and those whose own number of turns such
/// an index decides on.
fn decisive<'a>(l: &For, outer: &[&'a For]) -> Vec<&'a For> {
    let mut wanted = bounds(l);
    let mut found = 0;
    while found < wanted.len() {
        found = wanted.len();
        for o in outer {
            let own = bounds(o);
            if wanted.contains(&o.var) || !own.is_disjoint(&wanted) {
                wanted.extend(own);
                wanted.insert(o.var);
            }
        }
    }
    outer.iter().copied().filter(|o| wanted.contains(&o.var)).collect()
}

/// The indices that a loop's bounds depend on.
fn bounds(l: &For) -> BTreeSet<IndexVar> {
    let mut out = BTreeSet::new();
    variables(&l.lo, &mut out);
    variables(&l.hi, &mut out);
    out
}

fn variables(i: &Index, out: &mut BTreeSet<IndexVar>) {
    for (atom, _) in i.terms() {
        match atom {
            Atom::Var(v) => drop(out.insert(*v)),
            _ => atom.parts().for_each(|i| variables(i, out)),
        }
    }
}

struct Count<'a> {
    l: &'a For,
    loops: &'a [&'a For],
    values: BTreeMap<IndexVar, i64>,
    times: usize,
    turns: i64,
}

impl Count<'_> {
    fn at(&self, i: &Index) -> i64 {
        let value = |v| self.values.get(&v).copied().unwrap_or(0);
        i.eval(&value, &mut |_| unreachable!("no bound depends on input data"))
    }

    fn run(&mut self, depth: usize) {
        let Some(l) = self.loops.get(depth) else {
            self.times += 1;
            self.turns += turns(self.at(&self.l.lo), self.at(&self.l.hi), self.l.step);
            return;
        };
        let (mut i, hi) = (self.at(&l.lo), self.at(&l.hi));
        while i < hi && self.times < LIMIT {
            self.values.insert(l.var, i);
            self.run(depth + 1);
            i += l.step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::loops::{Lower, Stmt};
    use tinyc_core::random::Random;

    /// Loops in each other whose bounds depend on any of those around them.
    fn nest(l: &mut Lower, r: &mut Random, vars: &mut Vec<Index>) {
        for _ in 0..1 + r.below(2) {
            let mut bound = |most: usize| {
                let outer = vars.get(r.below(vars.len() + 2)).cloned();
                let least = Index::from(r.below(most));
                outer.map_or(least.clone(), |v| (v * (1 + r.below(2) as i64)).floor_div(2).min(least))
            };
            let (lo, hi) = (bound(2), bound(4) + 2);
            l.repeat_by("i", lo, hi, 1 + r.below(2) as i64, |l, i| {
                vars.push(i);
                if vars.len() < 5 {
                    nest(l, r, vars);
                }
                vars.pop();
            });
        }
    }

    /// Bodies run of each loop, by running them and by means.
    fn compare(block: &[Stmt], outer: &mut Vec<For>, times: f64, values: &[BTreeMap<IndexVar, i64>], bent: &mut usize) {
        for s in block {
            let Stmt::For(l) = s else { continue };
            let loops: Vec<&For> = outer.iter().collect();
            let mean = times * mean(l, &loops, &BTreeMap::new());
            let mut inside = Vec::new();
            for v in values {
                let at = |i: &Index| i.eval(&|x| v[&x], &mut |_| 0);
                let turn = |i: i64| v.iter().map(|(k, v)| (*k, *v)).chain([(l.var, i)]).collect();
                inside.extend((at(&l.lo)..at(&l.hi)).step_by(l.step as usize).map(turn));
            }
            assert!((mean - inside.len() as f64).abs() < 1e-6 * mean.max(1.0), "{mean} and {}", inside.len());
            *bent += usize::from(l.hi.as_constant().is_none());
            outer.push(l.clone());
            compare(&l.body, outer, mean, &inside, bent);
            outer.pop();
        }
    }

    #[test]
    fn means_multiply_to_what_runs() {
        let mut bent = 0;
        for seed in 0..300 {
            let (mut r, mut l) = (Random::new(seed), Lower::new("nest"));
            nest(&mut l, &mut r, &mut Vec::new());
            let outside = [BTreeMap::new()];
            compare(&l.finish().body, &mut Vec::new(), 1.0, &outside, &mut bent);
        }
        assert!(bent > 1000, "{bent}");
    }
}
