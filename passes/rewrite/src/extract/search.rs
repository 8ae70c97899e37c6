//! Branch and bound in one part, and the start by tree cost.

use super::reduce::{Reduced, least};
use super::{Choice, Price};
use std::collections::{BTreeMap, BTreeSet};

/// What a part costs, and how much less it might.
pub struct Found {
    pub pick: Vec<(usize, usize)>,
    pub gap: Price,
    pub steps: u64,
}

/// By class the choice of least tree cost, in which what is shared counts as often as it is read. Picks
/// follow the order in which costs become final, so they close no cycle.
pub fn by_tree_cost(reduced: &Reduced) -> Option<Vec<Option<usize>>> {
    let classes = &reduced.problem.classes;
    let mut cost: Vec<Option<Price>> = vec![None; classes.len()];
    let mut pick = vec![None; classes.len()];
    let mut readers: Vec<Vec<(usize, usize)>> = vec![Vec::new(); classes.len()];
    let mut waiting: Vec<Vec<usize>> = classes.iter().map(|v| v.iter().map(|c| c.needs.len()).collect()).collect();
    let mut ready: BTreeSet<(Price, usize, usize)> = BTreeSet::new();
    for (c, choices) in classes.iter().enumerate() {
        for (i, choice) in choices.iter().enumerate() {
            choice.needs.iter().for_each(|&n| readers[n].push((c, i)));
            if choice.needs.is_empty() {
                ready.insert((choice.price, c, i));
            }
        }
    }
    while let Some((price, c, i)) = ready.pop_first() {
        if cost[c].is_some() {
            continue;
        }
        cost[c] = Some(price);
        pick[c] = Some(i);
        for &(reader, j) in &readers[c] {
            waiting[reader][j] -= 1;
            if waiting[reader][j] == 0 && cost[reader].is_none() {
                let choice = &classes[reader][j];
                let sum = choice.needs.iter().filter_map(|&n| cost[n]).fold(choice.price, |a, b| a + b);
                ready.insert((sum, reader, j));
            }
        }
    }
    reduced.problem.roots.iter().all(|&r| pick[r].is_some()).then_some(pick)
}

struct Search<'a> {
    reduced: &'a Reduced,
    part: BTreeSet<usize>,
    /// Choices so far.
    pick: BTreeMap<usize, usize>,
    best: Option<(Price, BTreeMap<usize, usize>)>,
    steps: u64,
    limit: u64,
}

/// The cheapest choices of a part. What every solution has is needed; the rest where a choice needs it.
pub fn part(reduced: &Reduced, part: &[usize], start: &[Option<usize>], limit: u64) -> Found {
    let set: BTreeSet<usize> = part.iter().copied().collect();
    let needed: BTreeSet<usize> = part.iter().copied().filter(|&c| reduced.must.has(c)).collect();
    let mut search = Search { reduced, part: set, pick: BTreeMap::new(), best: None, steps: 0, limit };
    let bound: Price = needed.iter().map(|&c| least(&reduced.problem.classes[c])).sum();
    search.start(&needed, start);
    search.descend(Price::default(), needed, bound);
    let stopped = search.steps >= search.limit;
    let (price, pick) = search.best.unwrap_or_default();
    let gap = if stopped { price - bound } else { Price::default() };
    Found { pick: pick.into_iter().collect(), gap, steps: search.steps }
}

impl Search<'_> {
    fn choices(&self, c: usize) -> &[Choice] {
        &self.reduced.problem.classes[c]
    }

    /// The choice by tree cost as the first best one.
    fn start(&mut self, needed: &BTreeSet<usize>, start: &[Option<usize>]) {
        let mut pick = BTreeMap::new();
        let mut stack: Vec<usize> = needed.iter().copied().collect();
        let mut price = Price::default();
        while let Some(c) = stack.pop() {
            let Some(i) = start[c] else { return };
            if pick.insert(c, i).is_none() {
                let choice = &self.choices(c)[i];
                price = price + choice.price;
                stack.extend(choice.needs.iter().filter(|n| self.part.contains(n)));
            }
        }
        self.best = Some((price, pick));
    }

    /// `open` is needed and not decided; `bound` is `paid` and the least that `open` costs.
    fn descend(&mut self, paid: Price, open: BTreeSet<usize>, bound: Price) {
        if self.steps >= self.limit || self.is_no_better(bound) {
            return;
        }
        self.steps += 1;
        // Decide first where there is least to decide.
        let Some(&c) = open.iter().min_by_key(|&&c| (self.choices(c).len(), c)) else {
            self.best = Some((paid, self.pick.clone()));
            return;
        };
        let floor = least(self.choices(c));
        let mut branches: Vec<(Price, usize, BTreeSet<usize>)> = Vec::new();
        for (i, choice) in self.choices(c).iter().enumerate() {
            let mut more = BTreeSet::new();
            let mut bound = bound - floor + choice.price;
            for with in choice.needs.iter().flat_map(|&n| self.reduced.with[n].iter()) {
                let decided = with == c || open.contains(&with) || self.pick.contains_key(&with);
                if !decided && self.part.contains(&with) && more.insert(with) {
                    bound = bound + least(self.choices(with));
                }
            }
            branches.push((bound, i, more));
        }
        branches.sort_by_key(|(bound, i, _)| (*bound, *i));
        for (bound, i, more) in branches {
            if self.is_no_better(bound) {
                break;
            }
            self.pick.insert(c, i);
            if !self.closes_cycle(c) {
                let price = paid + self.choices(c)[i].price;
                let next = open.iter().copied().filter(|&o| o != c).chain(more).collect();
                self.descend(price, next, bound);
            }
            self.pick.remove(&c);
        }
    }

    fn is_no_better(&self, bound: Price) -> bool {
        self.best.as_ref().is_some_and(|(best, _)| bound >= *best)
    }

    /// Whether the choice just made for `c` leads back to `c` through choices made.
    fn closes_cycle(&self, c: usize) -> bool {
        let own = self.reduced.component[c];
        if !self.reduced.cyclic[own] {
            return false;
        }
        let mut stack = vec![c];
        let mut seen = BTreeSet::new();
        while let Some(at) = stack.pop() {
            let Some(&i) = self.pick.get(&at) else { continue };
            for &n in self.choices(at)[i].needs.iter().filter(|n| self.reduced.component[**n] == own) {
                if n == c {
                    return true;
                }
                if seen.insert(n) {
                    stack.push(n);
                }
            }
        }
        false
    }
}
