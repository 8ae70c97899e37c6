//! The searches over states: greedy, beam, and exact.
//!
//! All of them *settle*: a node that can run within the peak reached so far and leaves no more bytes
//! in use than before runs at once. Nothing is lost: in any order that runs it later, it can be moved
//! to the front, and no step in between gets worse, since what it frees it frees at any time, and
//! what it needs others may have in use already, but never the other way round. (Bytes in use as a
//! function of the set of nodes that have run is submodular.) What is left to choose is only which
//! node raises the bytes in use next.

use super::dag::{Cursor, Dag, Set};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

/// An order and its peak.
pub(super) struct Found {
    pub order: Vec<usize>,
    pub peak: usize,
}

/// A set of nodes that have run, and how.
struct State {
    set: Rc<Set>,
    peak: usize,
    live: usize,
    done: usize,
    parent: Option<usize>,
    /// The nodes that ran after the parent state.
    ran: Vec<usize>,
}

/// Runs what costs nothing.
fn settle(dag: &Dag<'_>, cursor: &mut Cursor, peak: usize, ran: &mut Vec<usize>) {
    let free = |c: &Cursor| {
        c.ready.iter().copied().find(|&i| {
            let step = c.step(dag, i);
            step.during <= peak && step.after <= c.live
        })
    };
    while let Some(i) = free(cursor) {
        cursor.run(dag, i);
        ran.push(i);
    }
}

/// Always the node that raises the peak least, then the one that leaves the fewest bytes in use.
pub(super) fn greedy(dag: &Dag<'_>) -> Found {
    let mut cursor = Cursor::new(dag);
    let mut order = Vec::with_capacity(dag.len());
    let mut peak = 0;
    loop {
        settle(dag, &mut cursor, peak, &mut order);
        let cost = |&i: &usize| {
            let step = cursor.step(dag, i);
            (step.during.max(peak), step.after, i)
        };
        let Some((p, _, i)) = cursor.ready.iter().map(cost).min() else { break };
        peak = p;
        cursor.run(dag, i);
        order.push(i);
    }
    Found { order, peak }
}

pub(super) struct Search<'a> {
    dag: &'a Dag<'a>,
    /// A peak that is as good as any lower one.
    enough: usize,
    limit: usize,
    /// States made so far, as many times as 64 goes into the number of nodes.
    pub made: usize,
    states: Vec<State>,
    cursor: Cursor,
    child: Cursor,
}

/// States kept for each number of nodes run, and nodes tried from each, by the beam.
const BEAM: usize = 16;
/// Above this many nodes the beam narrows.
const WIDE: usize = 500;

impl<'a> Search<'a> {
    pub fn new(dag: &'a Dag<'a>, enough: usize, limit: usize) -> Search<'a> {
        let (cursor, child) = (Cursor::new(dag), Cursor::new(dag));
        Search { dag, enough, limit, made: 0, states: Vec::new(), cursor, child }
    }

    /// Forgets all states but the first.
    fn restart(&mut self) -> usize {
        self.states.clear();
        self.child.rewind(self.dag);
        self.child_state(None, self.enough, Vec::new())
    }

    /// The state that `self.child` reaches once settled.
    fn child_state(&mut self, parent: Option<usize>, peak: usize, mut ran: Vec<usize>) -> usize {
        settle(self.dag, &mut self.child, peak, &mut ran);
        let mut set = parent.map_or_else(|| Set::empty(self.dag.len()), |p| (*self.states[p].set).clone());
        ran.iter().for_each(|&i| set.insert(i));
        let (live, done) = (self.child.live, self.child.done);
        self.states.push(State { set: set.into(), peak, live, done, parent, ran });
        self.made += self.dag.len().div_ceil(64);
        self.states.len() - 1
    }

    /// States one choice further whose peak is less than `below`: of the `most` best nodes.
    fn expand(&mut self, id: usize, below: usize, most: usize) -> Vec<usize> {
        let State { ref set, peak, live, .. } = self.states[id];
        self.cursor.jump(self.dag, set, live);
        let step = |&i: &usize| {
            let s = self.cursor.step(self.dag, i);
            (s.during.max(peak), s.after, i)
        };
        let mut choices: Vec<_> = self.cursor.ready.iter().map(step).filter(|c| c.0 < below).collect();
        choices.sort_unstable();
        choices.truncate(most);
        let mut made = Vec::with_capacity(choices.len());
        for (peak, _, i) in choices {
            self.child.copy(&self.cursor);
            self.child.run(self.dag, i);
            made.push(self.child_state(Some(id), peak, vec![i]));
        }
        made
    }

    fn found(&self, id: usize) -> Found {
        let mut order = Vec::with_capacity(self.dag.len());
        let mut at = Some(id);
        while let Some(i) = at {
            order.extend(self.states[i].ran.iter().rev());
            at = self.states[i].parent;
        }
        order.reverse();
        // The state counts what is enough as its peak; the order's own may be lower.
        let mut cursor = Cursor::new(self.dag);
        let peak = order.iter().map(|&i| cursor.run(self.dag, i).during).max().unwrap_or(0);
        Found { order, peak }
    }

    /// An order with a peak less than `below`, of the states that looked best at each length.
    pub fn beam(&mut self, below: usize) -> Option<Found> {
        let n = self.dag.len();
        let width = (BEAM * WIDE / n).min(BEAM).min(self.limit / 4 / (n * BEAM));
        let root = self.restart();
        let mut lengths = vec![Vec::new(); n + 1];
        lengths[self.states[root].done].push(root);
        for length in 0..n {
            let mut ids = std::mem::take(&mut lengths[length]);
            ids.sort_by_key(|&i| (self.states[i].peak, self.states[i].live, i));
            let mut kept: Vec<usize> = Vec::with_capacity(width);
            for id in ids {
                if kept.len() < width && kept.iter().all(|&k| self.states[k].set != self.states[id].set) {
                    kept.push(id);
                }
            }
            for id in kept {
                for child in self.expand(id, below, BEAM) {
                    lengths[self.states[child].done].push(child);
                }
            }
        }
        let best = lengths[n].iter().min_by_key(|&&i| (self.states[i].peak, i));
        best.map(|&id| self.found(id))
    }

    /// An order with a peak less than `below`, if there is one and work suffices, and a peak below
    /// which no order comes. States are visited in the order of their peaks, so the first complete
    /// one is best, and what is left when work runs out is a bound.
    pub fn exact(&mut self, mut below: usize) -> (Option<Found>, usize) {
        let n = self.dag.len();
        let root = self.restart();
        let mut best: HashMap<Rc<Set>, usize> = HashMap::new();
        let mut queue = BinaryHeap::new();
        let mut complete = None;
        let key = |s: &State, id: usize| (Reverse(s.peak), s.done, Reverse(s.live), Reverse(id));
        queue.push(key(&self.states[root], root));
        while let Some((Reverse(peak), .., Reverse(id))) = queue.pop() {
            if peak >= below {
                break;
            }
            if self.states[id].done == n {
                return (Some(self.found(id)), peak);
            }
            if best.get(&self.states[id].set).is_some_and(|&p| p < peak) {
                continue;
            }
            if self.made >= self.limit {
                return (complete.map(|id| self.found(id)), peak);
            }
            for child in self.expand(id, below, usize::MAX) {
                let s = &self.states[child];
                if s.done == n && s.peak < below {
                    below = s.peak;
                    complete = Some(child);
                }
                let known = best.entry(s.set.clone()).or_insert(usize::MAX);
                if s.peak < *known {
                    *known = s.peak;
                    queue.push(key(s, child));
                }
            }
        }
        (complete.map(|id| self.found(id)), below)
    }
}
