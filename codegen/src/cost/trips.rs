//! How often loops turn.
//!
//! Bounds may depend on the indices of outer loops. The number of turns is then a mean over the values of
//! the indices that decide on it, which the outer loops pass through in fact, so that the product of all
//! means around a statement is the number of times that it runs.

use std::collections::BTreeMap;
use tinyc_core::loops::{Atom, For, Index, IndexVar};

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

fn turns(lo: i64, hi: i64, step: i64) -> i64 {
    ((hi - lo).max(0) + step - 1) / step
}

/// The outer loops whose indices decide on the bounds of `l`, and those whose own number of turns such
/// an index decides on.
fn decisive<'a>(l: &For, outer: &[&'a For]) -> Vec<&'a For> {
    let mut wanted: Vec<IndexVar> = Vec::new();
    bounds(l, &mut wanted);
    let mut found = 0;
    while found < wanted.len() {
        found = wanted.len();
        for o in outer {
            let mut own = Vec::new();
            bounds(o, &mut own);
            if wanted.contains(&o.var) || own.iter().any(|v| wanted.contains(v)) {
                wanted.extend(own);
                wanted.push(o.var);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
    }
    outer.iter().copied().filter(|o| wanted.contains(&o.var)).collect()
}

fn bounds(l: &For, out: &mut Vec<IndexVar>) {
    variables(&l.lo, out);
    variables(&l.hi, out);
}

fn variables(i: &Index, out: &mut Vec<IndexVar>) {
    for (atom, _) in i.terms() {
        match atom {
            Atom::Var(v) => out.push(*v),
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
