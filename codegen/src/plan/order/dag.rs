//! Which nodes must wait for which, and how many bytes are in use as nodes run.

use super::{Node, Problem, Reuse};

/// A problem with the tables that running through it needs.
pub(super) struct Dag<'a> {
    pub problem: &'a Problem,
    /// The buffers that each node reads or writes, each once.
    pub touches: Vec<Vec<usize>>,
    /// How many nodes touch each buffer.
    touchers: Vec<u32>,
    pub before: Vec<Vec<usize>>,
    pub after: Vec<Vec<usize>>,
}

impl<'a> Dag<'a> {
    pub fn new(problem: &'a Problem) -> Dag<'a> {
        let n = problem.nodes.len();
        let mut touches = Vec::with_capacity(n);
        let mut touchers = vec![0; problem.buffers.len()];
        let mut writers = vec![Vec::new(); problem.buffers.len()];
        for (i, node) in problem.nodes.iter().enumerate() {
            let mut t: Vec<usize> = node.reads.iter().chain(&node.writes).copied().collect();
            t.sort_unstable();
            t.dedup();
            t.iter().for_each(|&b| touchers[b] += 1);
            touches.push(t);
            node.writes.iter().for_each(|&b| writers[b].push(i));
        }
        let mut before = Vec::with_capacity(n);
        let mut after = vec![Vec::new(); n];
        for (i, node) in problem.nodes.iter().enumerate() {
            let mut b: Vec<usize> = node.reads.iter().flat_map(|&r| &writers[r]).copied().collect();
            b.sort_unstable();
            b.dedup();
            b.retain(|&w| w != i);
            debug_assert!(b.iter().all(|&w| w < i), "nodes are given in an order in which they can run");
            b.iter().for_each(|&w| after[w].push(i));
            before.push(b);
        }
        Dag { problem, touches, touchers, before, after }
    }

    pub fn len(&self) -> usize {
        self.touches.len()
    }

    /// Bytes in use before the first node and after the last one.
    pub fn outside(&self) -> usize {
        let b = &self.problem.buffers;
        let start: usize = b.iter().filter(|b| b.at_start).map(|b| b.size).sum();
        let end: usize = b.iter().filter(|b| b.at_end).map(|b| b.size).sum();
        start.max(end)
    }

    fn size(&self, buffer: usize) -> usize {
        self.problem.buffers[buffer].size
    }

    fn node(&self, i: usize) -> &Node {
        &self.problem.nodes[i]
    }
}

/// Bytes in use while a node runs and after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub during: usize,
    pub after: usize,
}

/// Where a run through the nodes stands.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Nodes that have not run, of those that touch each buffer.
    left: Vec<u32>,
    /// Nodes that have not run, of those before each node.
    waiting: Vec<u32>,
    /// Nodes that can run now, in ascending order.
    pub ready: Vec<usize>,
    /// Bytes in use.
    pub live: usize,
    pub done: usize,
}

impl Cursor {
    pub fn new(dag: &Dag<'_>) -> Cursor {
        let mut c = Cursor::default();
        c.rewind(dag);
        c
    }

    /// Back to where nothing has run.
    pub fn rewind(&mut self, dag: &Dag<'_>) {
        self.left.clone_from(&dag.touchers);
        self.waiting.clear();
        self.waiting.extend(dag.before.iter().map(|b| b.len() as u32));
        self.ready.clear();
        self.ready.extend((0..dag.len()).filter(|&i| dag.before[i].is_empty()));
        let used = |(b, &n): (&super::Buffer, &u32)| if b.at_start && (n > 0 || b.at_end) { b.size } else { 0 };
        self.live = dag.problem.buffers.iter().zip(&dag.touchers).map(used).sum();
        self.done = 0;
    }

    pub fn copy(&mut self, other: &Cursor) {
        self.left.clone_from(&other.left);
        self.waiting.clone_from(&other.waiting);
        self.ready.clone_from(&other.ready);
        self.live = other.live;
        self.done = other.done;
    }

    /// Whether no node that has run touched it, and it is not there from the start.
    fn is_new(&self, dag: &Dag<'_>, buffer: usize) -> bool {
        self.left[buffer] == dag.touchers[buffer] && !dag.problem.buffers[buffer].at_start
    }

    /// Whether nothing needs it after the node that touches it now.
    fn ends(&self, dag: &Dag<'_>, buffer: usize) -> bool {
        self.left[buffer] == 1 && !dag.problem.buffers[buffer].at_end
    }

    /// The bytes in use if `node` ran now.
    pub fn step(&self, dag: &Dag<'_>, node: usize) -> Step {
        let (mut new, mut ended) = (0, 0);
        for &b in &dag.touches[node] {
            if self.is_new(dag, b) {
                new += dag.size(b);
            }
            if self.ends(dag, b) {
                ended += dag.size(b);
            }
        }
        let mut during = self.live + new + dag.node(node).scratch;
        if !dag.node(node).reuses.is_empty() {
            during -= self.reuses(dag, node).iter().map(|r| r.saved).sum::<usize>();
        }
        Step { during, after: self.live + new - ended }
    }

    /// What lies over what if `node` ran now: each written buffer over the first that it may, in the
    /// order in which the node lists them.
    pub fn reuses(&self, dag: &Dag<'_>, node: usize) -> Vec<Reuse> {
        let mut taken: Vec<Reuse> = Vec::new();
        for &r in &dag.node(node).reuses {
            debug_assert!(r.saved <= dag.size(r.written).min(dag.size(r.read)), "no more than both have is saved");
            let free = !taken.iter().any(|t| t.written == r.written || t.read == r.read);
            // What nothing reads later ends at once, before it could take over another's bytes.
            let stays = self.is_new(dag, r.written) && !self.ends(dag, r.written);
            if free && stays && self.ends(dag, r.read) && !self.is_new(dag, r.read) {
                taken.push(r);
            }
        }
        taken
    }

    /// Runs a node that is ready.
    pub fn run(&mut self, dag: &Dag<'_>, node: usize) -> Step {
        let step = self.step(dag, node);
        let at = self.ready.binary_search(&node).expect("a node runs after those before it");
        self.ready.remove(at);
        for &b in &dag.touches[node] {
            self.left[b] -= 1;
        }
        for &a in &dag.after[node] {
            self.waiting[a] -= 1;
            if self.waiting[a] == 0 {
                let at = self.ready.partition_point(|&r| r < a);
                self.ready.insert(at, a);
            }
        }
        self.live = step.after;
        self.done += 1;
        step
    }

    /// To where exactly the nodes of `set` have run, which leaves `live` bytes in use.
    pub fn jump(&mut self, dag: &Dag<'_>, set: &Set, live: usize) {
        self.left.clone_from(&dag.touchers);
        self.waiting.clear();
        self.waiting.extend(dag.before.iter().map(|b| b.len() as u32));
        self.ready.clear();
        self.done = 0;
        for i in 0..dag.len() {
            if set.contains(i) {
                dag.touches[i].iter().for_each(|&b| self.left[b] -= 1);
                dag.after[i].iter().for_each(|&a| self.waiting[a] -= 1);
                self.done += 1;
            } else if self.waiting[i] == 0 {
                // All before it have smaller numbers, so nothing is subtracted any more.
                self.ready.push(i);
            }
        }
        self.live = live;
    }

    pub fn is_started(&self, dag: &Dag<'_>, buffer: usize) -> bool {
        !self.is_new(dag, buffer)
    }

    pub fn is_over(&self, dag: &Dag<'_>, buffer: usize) -> bool {
        self.left[buffer] == 0 && !dag.problem.buffers[buffer].at_end
    }
}

/// A set of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Set(Box<[u64]>);

impl Set {
    pub fn empty(nodes: usize) -> Set {
        Set(vec![0; nodes.div_ceil(64)].into())
    }

    pub fn contains(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 == 1
    }

    pub fn insert(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    pub fn extend(&mut self, other: &Set) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }
}
