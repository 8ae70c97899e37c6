//! Extraction: one choice for each class that is needed, such that the sum of their prices is least.
//!
//! The sum is over the DAG: what two choices share is paid once. Solved exactly by reductions
//! (`reduce`), a split into parts that cannot influence each other (`parts`), and branch and bound in
//! each part (`search`) within a limit that counts steps; where the limit ends it, the best choice found
//! stands, with a lower bound. The start is the choice by tree cost (Knuth, "A generalization of
//! Dijkstra's algorithm", 1977), which is never cyclic.
//!
//! Knows numbers only: no e-graph, no operators.

mod bits;
mod parts;
mod reduce;
mod search;
#[cfg(test)]
mod tests;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// Compared from left to right: what should not be there, estimated cycles in sixteenths, bytes of constants, bytes of values,
/// number of nodes, number of those that are new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price {
    pub unwanted: u64,
    pub cycles: u64,
    pub weights: u64,
    pub values: u64,
    pub nodes: u64,
    pub new: u64,
}

impl Price {
    pub fn whole_cycles(&self) -> u64 {
        self.cycles / 16
    }
}

impl Add for Price {
    type Output = Price;

    fn add(self, other: Price) -> Price {
        Price {
            unwanted: self.unwanted.saturating_add(other.unwanted),
            cycles: self.cycles.saturating_add(other.cycles),
            weights: self.weights.saturating_add(other.weights),
            values: self.values.saturating_add(other.values),
            nodes: self.nodes.saturating_add(other.nodes),
            new: self.new.saturating_add(other.new),
        }
    }
}

/// Each count by itself, none below 0: for parts of a sum.
impl Sub for Price {
    type Output = Price;

    fn sub(self, other: Price) -> Price {
        Price {
            unwanted: self.unwanted.saturating_sub(other.unwanted),
            cycles: self.cycles.saturating_sub(other.cycles),
            weights: self.weights.saturating_sub(other.weights),
            values: self.values.saturating_sub(other.values),
            nodes: self.nodes.saturating_sub(other.nodes),
            new: self.new.saturating_sub(other.new),
        }
    }
}

impl Sum for Price {
    fn sum<I: Iterator<Item = Price>>(prices: I) -> Price {
        prices.fold(Price::default(), Add::add)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cycles, {} B of constants", self.whole_cycles(), self.weights)
    }
}

/// One form of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub price: Price,
    /// The classes that it reads, each once.
    pub needs: Vec<usize>,
    /// The caller's number for it.
    pub tag: usize,
}

/// Classes with their choices, and the classes that must be there.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    pub classes: Vec<Vec<Choice>>,
    pub roots: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// By class the tag of its choice, nothing for what is not needed.
    pub chosen: Vec<Option<usize>>,
    pub price: Price,
    /// No solution costs less.
    pub bound: Price,
    /// Steps of the search.
    pub steps: u64,
}

#[cfg(test)]
impl Solution {
    pub fn is_proven(&self) -> bool {
        self.price == self.bound
    }
}

/// The cheapest choices found within `limit` steps; `None` when a root has no form that ends.
pub fn solve(problem: &Problem, limit: u64) -> Option<Solution> {
    let reduced = reduce::reduce(problem)?;
    let start = search::by_tree_cost(&reduced)?;
    let mut pick = start.clone();
    let (mut steps, mut gap) = (0, Price::default());
    for part in parts::parts(&reduced) {
        let found = search::part(&reduced, &part, &start, limit.saturating_sub(steps));
        steps += found.steps;
        gap = gap + found.gap;
        found.pick.into_iter().for_each(|(class, choice)| pick[class] = Some(choice));
    }
    let chosen = needed(&reduced, &pick);
    let price = total(&reduced, &chosen);
    let tags = |c: usize| chosen[c].map(|i| reduced.problem.classes[c][i].tag);
    let bound = price - gap;
    Some(Solution { chosen: (0..problem.classes.len()).map(tags).collect(), price, bound, steps })
}

/// The picks that the roots lead to.
fn needed(reduced: &reduce::Reduced, pick: &[Option<usize>]) -> Vec<Option<usize>> {
    let classes = &reduced.problem.classes;
    let mut chosen = vec![None; classes.len()];
    let mut stack = reduced.problem.roots.clone();
    while let Some(c) = stack.pop() {
        if chosen[c].is_none() {
            chosen[c] = pick[c];
            stack.extend(pick[c].iter().flat_map(|&i| &classes[c][i].needs));
        }
    }
    chosen
}

fn total(reduced: &reduce::Reduced, chosen: &[Option<usize>]) -> Price {
    let picked = chosen.iter().enumerate().filter_map(|(c, i)| Some((c, (*i)?)));
    picked.map(|(c, i)| reduced.problem.classes[c][i].price).sum()
}
