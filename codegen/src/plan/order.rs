//! Order: which node runs when, so that the bytes in use at once are as few as possible.
//!
//! A *state* is the set of nodes that have run; how many bytes are in use depends on nothing else.
//! The best order is a path through these states whose highest point is lowest, found by dynamic
//! programming over sets as in Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of Irregularly
//! Wired Neural Networks for Edge Devices" (SERENITY, MLSys 2020) and Liberis and Lane, "Neural
//! networks on microcontrollers: saving memory at inference via operator reordering" (2019), but
//! best first, and with a rule that makes most choices unnecessary (see `search`). Before that, the
//! graph is cut at the nodes that come before or after every other node: between two of them, order
//! can be chosen on its own, so chains cost nothing.
//!
//! Relies on nothing but the numbers given; knows neither graphs nor programs. The work limit counts
//! states, so the answer is the same on every machine.

mod bound;
mod dag;
mod search;
mod segment;
#[cfg(test)]
mod tests;

use super::proof::Proof;
use dag::{Cursor, Dag};
use segment::Segment;
use std::cmp::Reverse;

/// Bytes in the arena, in use from before the first node that reads or writes them until after the
/// last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// 0 if it lies elsewhere and only orders the nodes.
    pub size: usize,
    /// In use from the start, as an input is.
    pub at_start: bool,
    /// In use to the end, as an output is.
    pub at_end: bool,
}

/// `written` may lie over `read`, which takes `saved` bytes less than both beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    pub written: usize,
    pub read: usize,
    pub saved: usize,
}

/// Something that runs in one step. It runs after all nodes that write what it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub reads: Vec<usize>,
    pub writes: Vec<usize>,
    /// Bytes in use in this step only.
    pub scratch: usize,
    /// What may be written over what, if nothing reads that later; most saved first.
    pub reuses: Vec<Reuse>,
}

/// Buffers and nodes, the nodes in an order in which they can run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    pub buffers: Vec<Buffer>,
    pub nodes: Vec<Node>,
}

/// An order of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub nodes: Vec<usize>,
    /// Most bytes in use at once.
    pub peak: usize,
    /// No order has a lower peak.
    pub bound: usize,
    pub proof: Proof,
    /// States made while searching.
    pub states: usize,
}

/// States made by default before the search gives up.
pub const STATES: usize = 100_000;

/// The order of the lowest peak that `limit` states of search find; never worse than the order given.
pub fn order(problem: &Problem, limit: usize) -> Order {
    let dag = Dag::new(problem);
    let outside = dag.outside();
    let mut segments = Segment::cut(&dag);
    let mut states = 0;
    let mut bound = segments.iter().map(|s| s.bound).max().unwrap_or(0).max(outside);
    for s in &mut segments {
        s.try_heuristics(bound);
    }
    // The highest first: below its peak, the others need no search.
    let mut by_peak: Vec<usize> = (0..segments.len()).collect();
    by_peak.sort_by_key(|&i| (Reverse(segments[i].peak), i));
    let mut enough = bound;
    for i in by_peak {
        let s = &mut segments[i];
        if s.peak > enough {
            s.search(enough, limit, &mut states);
        }
        bound = bound.max(s.bound);
        enough = enough.max(s.peak);
    }
    let nodes: Vec<usize> = segments.iter().flat_map(Segment::order).collect();
    let peak = segments.iter().map(|s| s.peak).max().unwrap_or(0).max(outside);
    debug_assert_eq!(peak, self::peak(problem, &nodes));
    Order { nodes, peak, bound, proof: Proof::of(peak, bound), states }
}

/// Most bytes in use at once in this order.
pub fn peak(problem: &Problem, order: &[usize]) -> usize {
    let dag = Dag::new(problem);
    let mut cursor = Cursor::new(&dag);
    let steps = order.iter().map(|&n| cursor.run(&dag, n).during).max();
    steps.unwrap_or(0).max(dag.outside())
}

/// Which buffers lie over others in this order.
pub fn reuses(problem: &Problem, order: &[usize]) -> Vec<Reuse> {
    let dag = Dag::new(problem);
    let mut cursor = Cursor::new(&dag);
    let mut all = Vec::new();
    for &n in order {
        all.extend(cursor.reuses(&dag, n));
        cursor.run(&dag, n);
    }
    all
}
