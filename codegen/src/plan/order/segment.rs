//! A stretch of the graph whose order can be chosen on its own, and what is known of it.

use super::bound::bound;
use super::dag::{Cursor, Dag};
use super::search::{Found, Search, greedy};
use super::{Buffer, Node, Problem, Reuse};

/// Nodes that run after all before them and before all after them.
pub(super) struct Segment {
    /// Their numbers in the whole graph.
    nodes: Vec<usize>,
    /// The nodes by themselves.
    problem: Problem,
    /// Bytes in use all along that none of them touches.
    base: usize,
    /// No order has a lower peak.
    pub bound: usize,
    pub peak: usize,
    /// The best order found.
    best: Vec<usize>,
}

impl Segment {
    /// Cuts before and after each node that is before or after every other one. All later nodes come
    /// after node `i` if each has some node before it that is `i` or later still; and the other way
    /// round.
    pub fn cut(dag: &Dag<'_>) -> Vec<Segment> {
        let n = dag.len();
        let mut is_cut = vec![true; n];
        // One more than the least, over the later nodes, of the last node before each.
        let mut least = n;
        for i in (0..n).rev() {
            is_cut[i] &= least > i;
            least = least.min(dag.before[i].last().map_or(0, |&b| b + 1));
        }
        let mut most = 0;
        for (i, cut) in is_cut.iter_mut().enumerate() {
            *cut &= most <= i;
            most = most.max(dag.after[i].first().map_or(n, |&a| a));
        }
        let mut cursor = Cursor::new(dag);
        let mut segments = Vec::new();
        let mut start = 0;
        while start < n {
            let mut end = start + 1;
            while !is_cut[start] && end < n && !is_cut[end] {
                end += 1;
            }
            segments.push(Segment::of(dag, start, end, &mut cursor));
            start = end;
        }
        segments
    }

    /// Nodes `start..end`; `cursor` stands before them, and is moved behind them.
    fn of(dag: &Dag<'_>, start: usize, end: usize, cursor: &mut Cursor) -> Segment {
        let nodes: Vec<usize> = (start..end).collect();
        let mut touched: Vec<usize> = nodes.iter().flat_map(|&n| &dag.touches[n]).copied().collect();
        touched.sort_unstable();
        touched.dedup();
        let started: Vec<bool> = touched.iter().map(|&b| cursor.is_started(dag, b)).collect();
        let live = cursor.live;
        let peak = nodes.iter().map(|&n| cursor.run(dag, n).during).max().unwrap_or(0);
        let sizes = |b: usize| dag.problem.buffers[b].size;
        let own: usize = touched.iter().zip(&started).filter(|(_, s)| **s).map(|(&b, _)| sizes(b)).sum();
        let base = live - own;
        let mut segment =
            Segment { best: (0..nodes.len()).collect(), nodes, problem: Problem::default(), base, bound: peak, peak };
        if segment.nodes.len() > 1 {
            let buffers = touched.iter().zip(&started).map(|(&b, &at_start)| {
                let at_end = !cursor.is_over(dag, b);
                Buffer { size: sizes(b), at_start, at_end }
            });
            let local = |b: &usize| touched.binary_search(b).expect("all that the nodes touch is there");
            let reuse = |r: &Reuse| Reuse { written: local(&r.written), read: local(&r.read), saved: r.saved };
            let node = |&n: &usize| {
                let n = &dag.problem.nodes[n];
                Node {
                    reads: n.reads.iter().map(local).collect(),
                    writes: n.writes.iter().map(local).collect(),
                    scratch: n.scratch,
                    reuses: n.reuses.iter().map(reuse).collect(),
                }
            };
            segment.problem = Problem { buffers: buffers.collect(), nodes: segment.nodes.iter().map(node).collect() };
            segment.bound = base + bound(&Dag::new(&segment.problem));
        }
        segment
    }

    /// The nodes of the whole graph in the best order found.
    pub fn order(&self) -> impl Iterator<Item = usize> {
        self.best.iter().map(|&i| self.nodes[i])
    }

    fn keep(&mut self, found: Option<Found>) {
        if let Some(f) = found
            && self.base + f.peak < self.peak
        {
            self.peak = self.base + f.peak;
            self.best = f.order;
        }
    }

    /// Tries cheap orders until the peak is no more than `enough`.
    pub fn try_heuristics(&mut self, enough: usize) {
        if self.peak > enough {
            let found = greedy(&Dag::new(&self.problem));
            self.keep(Some(found));
        }
        if self.peak > enough {
            let backward = reversed(&self.problem);
            let found = greedy(&Dag::new(&backward));
            let order: Vec<usize> = found.order.iter().rev().map(|&i| self.nodes.len() - 1 - i).collect();
            let peak = super::peak(&self.problem, &order);
            self.keep(Some(Found { order, peak }));
        }
    }

    /// Lowers the peak to `enough`, or raises the bound to the peak, with up to `limit` states.
    pub fn search(&mut self, enough: usize, limit: usize, states: &mut usize) {
        let problem = std::mem::take(&mut self.problem);
        let dag = Dag::new(&problem);
        let enough = enough.saturating_sub(self.base);
        let mut search = Search::new(&dag, enough, limit.saturating_sub(*states));
        let beam = search.beam(self.peak - self.base);
        self.keep(beam);
        if self.peak > enough + self.base {
            let (found, least) = search.exact(self.peak - self.base);
            self.keep(found);
            // What the search treats as enough is no bound.
            if least > enough {
                self.bound = self.bound.max(self.base + least);
            }
        }
        *states += search.made;
        self.problem = problem;
    }
}

/// The same problem with time running backwards; node `i` becomes the `i`-th from the end.
fn reversed(problem: &Problem) -> Problem {
    let turn = |b: &Buffer| Buffer { size: b.size, at_start: b.at_end, at_end: b.at_start };
    let swap = |n: &Node| Node {
        reads: n.writes.clone(),
        writes: n.reads.clone(),
        scratch: n.scratch,
        reuses: n.reuses.iter().map(|r| Reuse { written: r.read, read: r.written, saved: r.saved }).collect(),
    };
    Problem {
        buffers: problem.buffers.iter().map(turn).collect(),
        nodes: problem.nodes.iter().rev().map(swap).collect(),
    }
}
