//! Offsets: where in the arena each buffer lies, so that the arena is as small as possible.
//!
//! The search is exact within a work limit that counts nodes, so it gives the same answer on every
//! machine. It follows the ideas of Moffitt, "MiniMalloc: A Lightweight Memory Allocator for
//! Hardware-Accelerated Machine Learning" (ASPLOS 2023): buffers are placed bottom up, each where
//! what lies below it lets it, and whatever leaves room for a buffer underneath is not tried.
//! Relies on nothing but the numbers given; knows neither graphs nor programs.

mod first_fit;
mod instance;
mod search;
#[cfg(test)]
mod tests;

use super::proof::Proof;
use first_fit::best_first_fit;
use instance::{Component, Instance};
use search::{Answer, Search};

/// Some bytes that are in use from step `first` to step `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub size: usize,
    /// The offset is a multiple of it; at least 1.
    pub align: usize,
    pub first: usize,
    pub last: usize,
}

/// Two buffers that may overlap although they are in use at the same time, as long as one lies far
/// enough above the other: either `b` at least `b_above` over `a`, or `a` at least `a_above` over `b`
/// (distances of their first bytes, at most the size of the lower one).
///
/// Buffers that share exactly are one buffer and are merged before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub a: usize,
    pub b: usize,
    pub b_above: usize,
    pub a_above: usize,
}

/// Where the buffers lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub offsets: Vec<usize>,
    /// Size of the arena.
    pub bytes: usize,
    /// No placement is smaller than this.
    pub bound: usize,
    pub proof: Proof,
    /// Buffers placed while searching; where more than 64 others are open, as many times as 64 goes
    /// into their number.
    pub nodes: usize,
}

/// Placements tried by default before the search gives up.
pub const NODES: usize = 30_000;

/// The smallest placement that `limit` nodes of search find.
pub fn place(buffers: &[Buffer], pairs: &[Pair], limit: usize) -> Placement {
    let instance = Instance::new(buffers, pairs);
    let mut offsets = vec![0; buffers.len()];
    let mut components = instance.components();
    let mut bound = components.iter().map(|c| c.bound).max().unwrap_or(0);
    let mut nodes = 0;
    for c in &mut components {
        c.bytes = best_first_fit(&instance, &c.ids, bound, &mut offsets, &mut nodes);
    }
    // The largest first: what it needs, the others may use without a search.
    components.sort_by_key(|c| std::cmp::Reverse(c.bytes));
    let mut enough = bound;
    for c in &mut components {
        if c.bytes > enough {
            let mut search = Search::new(&instance, limit.saturating_sub(nodes));
            shrink(c, enough, &mut search, &mut offsets);
            nodes += search.nodes;
        }
        bound = bound.max(c.bound);
        enough = enough.max(c.bytes);
    }
    let bytes = components.iter().map(|c| c.bytes).max().unwrap_or(0);
    Placement { offsets, bytes, bound, proof: Proof::of(bytes, bound), nodes }
}

/// Lowers the bytes of a component to `enough`, or raises its bound to them, by asking for one
/// capacity after the other: the least possible one, which often fits, then by bisection.
fn shrink(c: &mut Component, enough: usize, search: &mut Search<'_>, offsets: &mut [usize]) {
    let mut low = c.bound.max(enough);
    let mut capacity = low;
    while low < c.bytes {
        match search.fit(&c.ids, capacity) {
            Answer::Fits => {
                c.bytes = search.top(&c.ids);
                for &id in &c.ids {
                    offsets[id] = search.offsets[id];
                }
            }
            Answer::Never { least } => {
                // Raising to `least` may pass the bytes found: then they are optimal.
                c.bound = c.bound.max(least.min(c.bytes));
                low = low.max(c.bound);
            }
            Answer::OutOfWork => low = capacity + 1,
        }
        capacity = low + c.bytes.saturating_sub(low + 1) / 2;
    }
}
