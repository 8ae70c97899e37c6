//! Irregular networks as planning problems: made up, but wired as published ones are.
//!
//! Each is decided by its number alone. Knows the planner's searches, not graphs or operators.

use std::collections::BTreeMap;
use tinyc_codegen::plan::offsets;
use tinyc_codegen::plan::order::{Buffer, Node, Problem, Reuse, reuses};
use tinyc_core::random::Random;

/// How a network is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Branches within branches, joined again.
    SeriesParallel,
    /// Each node sums some earlier ones (RandWire: Xie et al. 2019).
    RandomlyWired,
    /// Modules of parallel chains that are concatenated.
    Inception,
    /// Each layer reads all layers before it (DenseNet: Huang et al. 2017).
    Dense,
    /// Cells of pairwise sums (DARTS: Liu et al. 2019).
    Cells,
    /// An encoder whose values a decoder reads in reverse (U-Net: Ronneberger et al. 2015), several outputs.
    Skips,
}

pub const FAMILIES: [Family; 6] =
    [Family::SeriesParallel, Family::RandomlyWired, Family::Inception, Family::Dense, Family::Cells, Family::Skips];

struct Net {
    r: Random,
    p: Problem,
}

impl Net {
    /// A layer of its own size: a convolution, say, now and then with scratch.
    fn layer(&mut self, reads: &[usize], size: usize) -> usize {
        let scratch = if self.r.below(10) == 0 { 16 * self.r.below(64) } else { 0 };
        self.push(Node { reads: reads.to_vec(), scratch, ..Node::default() }, size)
    }

    /// A sum, which may lie where any of its operands lies.
    fn sum(&mut self, reads: &[usize]) -> usize {
        let y = self.p.buffers.len();
        let size = self.p.buffers[reads[0]].size;
        let equal = reads.iter().filter(|&&b| self.p.buffers[b].size == size);
        let reuses = equal.map(|&read| Reuse { written: y, read, saved: size }).collect();
        self.push(Node { reads: reads.to_vec(), reuses, ..Node::default() }, size)
    }

    fn concat(&mut self, reads: &[usize]) -> usize {
        let size = reads.iter().map(|&b| self.p.buffers[b].size).sum();
        self.push(Node { reads: reads.to_vec(), ..Node::default() }, size)
    }

    fn push(&mut self, mut node: Node, size: usize) -> usize {
        let y = self.p.buffers.len();
        self.p.buffers.push(Buffer { size, ..Buffer::default() });
        node.writes = vec![y];
        self.p.nodes.push(node);
        y
    }

    fn size(&mut self) -> usize {
        16 * (1 + self.r.below(256))
    }

    fn branches(&mut self, from: usize, depth: usize) -> usize {
        let mut x = from;
        for _ in 0..1 + self.r.below(2) {
            let size = self.size();
            x = self.layer(&[x], size);
        }
        if depth > 0 {
            let parts: Vec<usize> = (0..2 + self.r.below(2)).map(|_| self.branches(x, depth - 1)).collect();
            x = self.concat(&parts);
        }
        let size = self.size();
        self.layer(&[x], size)
    }

    fn randomly_wired(&mut self, from: usize, nodes: usize) -> usize {
        let size = self.size();
        let first = self.layer(&[from], size);
        let mut values = vec![first];
        for _ in 0..nodes {
            let near = values.len().min(6);
            let mut reads: Vec<usize> = (0..1 + self.r.below(3)).map(|_| self.r.below(near)).collect();
            reads.sort_unstable();
            reads.dedup();
            let reads: Vec<usize> = reads.iter().map(|&d| values[values.len() - 1 - d]).collect();
            let x = if reads.len() > 1 { self.sum(&reads) } else { reads[0] };
            values.push(self.layer(&[x], size));
        }
        let read: Vec<usize> = self.p.nodes.iter().flat_map(|n| n.reads.iter().copied()).collect();
        let ends: Vec<usize> = values.into_iter().filter(|v| !read.contains(v)).collect();
        self.concat(&ends)
    }

    fn inception(&mut self, from: usize) -> usize {
        let mut parts = Vec::new();
        for _ in 0..3 + self.r.below(3) {
            let mut x = from;
            for _ in 0..1 + self.r.below(4) {
                let size = self.size();
                x = self.layer(&[x], size);
            }
            parts.push(x);
        }
        self.concat(&parts)
    }

    fn dense(&mut self, from: usize, layers: usize) -> usize {
        let size = self.size();
        let mut all = vec![from];
        for _ in 0..layers {
            let x = self.concat(&all);
            let x = self.layer(&[x], 4 * size);
            all.push(self.layer(&[x], size));
        }
        self.concat(&all)
    }

    fn cell(&mut self, a: usize, b: usize, nodes: usize) -> usize {
        let size = self.size();
        let mut values = vec![self.layer(&[a], size), self.layer(&[b], size)];
        for _ in 0..nodes {
            let mut pair = Vec::new();
            for _ in 0..2 {
                let x = values[self.r.below(values.len())];
                pair.push(if self.r.below(4) == 0 { x } else { self.layer(&[x], size) });
            }
            values.push(self.sum(&pair));
        }
        self.concat(&values[2..])
    }

    fn skips(&mut self, from: usize, levels: usize) -> usize {
        let mut size = 4096;
        let mut x = from;
        let mut saved = Vec::new();
        for _ in 0..levels {
            x = self.layer(&[x], size);
            x = self.layer(&[x], size);
            saved.push(x);
            size = (size / 2 / 16).max(1) * 16;
            x = self.layer(&[x], size);
        }
        for s in saved.into_iter().rev() {
            let size = self.p.buffers[s].size;
            let up = self.layer(&[x], size);
            let both = self.concat(&[up, s]);
            x = self.layer(&[both], size);
            if self.r.below(3) == 0 {
                let head = self.layer(&[x], 16);
                self.p.buffers[head].at_end = true;
            }
        }
        x
    }
}

/// Network `i`: its family, and the problem. Every fifth is small enough to try all orders.
pub fn network(i: u64) -> (Family, Problem) {
    let family = FAMILIES[i as usize % FAMILIES.len()];
    let small = i.is_multiple_of(5);
    let mut n = Net { r: Random::new(i), p: Problem::default() };
    let (size, at_start) = (n.size(), n.r.below(2) == 0);
    n.p.buffers.push(Buffer { size: if at_start { size } else { 0 }, at_start, at_end: false });
    let mut x = n.layer(&[0], size);
    let more = if small { 0 } else { n.r.below(4) };
    x = match family {
        Family::SeriesParallel => n.branches(x, if small { 1 } else { 2 + more / 2 }),
        Family::RandomlyWired => n.randomly_wired(x, if small { 7 } else { 16 + 8 * more }),
        Family::Inception if small => n.inception(x),
        Family::Inception => (0..2 + more).fold(x, |x, _| n.inception(x)),
        Family::Dense => n.dense(x, if small { 4 } else { 6 + 2 * more }),
        Family::Cells if small => n.cell(x, x, 3),
        Family::Cells => {
            let mut last = x;
            for _ in 0..2 + more {
                (last, x) = (x, n.cell(last, x, 4));
            }
            x
        }
        Family::Skips => n.skips(x, if small { 2 } else { 4 + more }),
    };
    n.p.buffers[x].at_end = true;
    (family, n.p)
}

/// The bytes to be placed when the nodes run in this order: buffers that share are one. Steps are
/// numbered from 1, so that inputs are in use from step 0 on.
pub fn lifetimes(p: &Problem, order: &[usize]) -> Vec<offsets::Buffer> {
    let mut slot: Vec<usize> = (0..p.buffers.len()).collect();
    for r in reuses(p, order) {
        slot[r.written] = slot[r.read];
    }
    let mut slots: BTreeMap<usize, offsets::Buffer> = BTreeMap::new();
    let mut scratch = Vec::new();
    let mut touch = |b: usize, step: usize| {
        let size = p.buffers[b].size;
        let s = slots.entry(slot[b]).or_insert(offsets::Buffer { size, align: 4, first: step, last: step });
        (s.first, s.last) = (s.first.min(step), s.last.max(step));
    };
    for (b, buffer) in p.buffers.iter().enumerate() {
        if buffer.at_start {
            touch(b, 0);
        }
        if buffer.at_end {
            touch(b, order.len() + 1);
        }
    }
    for (t, &n) in order.iter().enumerate() {
        p.nodes[n].reads.iter().chain(&p.nodes[n].writes).for_each(|&b| touch(b, t + 1));
        scratch.push(offsets::Buffer { size: p.nodes[n].scratch, align: 4, first: t + 1, last: t + 1 });
    }
    slots.into_values().chain(scratch).filter(|b| b.size > 0).collect()
}
