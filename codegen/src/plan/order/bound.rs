//! A lower bound of the peak that holds for every order.

use super::dag::{Dag, Set};

/// Above this many nodes only what each node touches itself is counted.
const MAX_NODES: usize = 3000;

/// Most bytes that must be in use at once: while a node runs, what it touches, and every buffer that
/// a node before it and a node after it touch.
pub(super) fn bound(dag: &Dag<'_>) -> usize {
    let n = dag.len();
    let p = dag.problem;
    let related = n <= MAX_NODES;
    let mut before: Vec<Set> = Vec::new();
    let mut after: Vec<Set> = vec![Set::empty(n); if related { n } else { 0 }];
    let mut touchers = vec![Vec::new(); p.buffers.len()];
    for (i, touches) in dag.touches.iter().enumerate() {
        touches.iter().for_each(|&b| touchers[b].push(i));
    }
    if related {
        for i in 0..n {
            before.push(closure(&dag.before[i], &before, n));
        }
        for i in (0..n).rev() {
            after[i] = closure(&dag.after[i], &after, n);
        }
    }
    let held = |node: usize, buffer: usize| {
        let b = &p.buffers[buffer];
        dag.touches[node].binary_search(&buffer).is_err()
            && (b.at_start || touchers[buffer].iter().any(|&t| before[node].contains(t)))
            && (b.at_end || touchers[buffer].iter().any(|&t| after[node].contains(t)))
    };
    (0..n)
        .map(|i| {
            let node = &p.nodes[i];
            let all = if related { p.buffers.len() } else { 0 };
            let held = (0..all).filter(|&b| held(i, b));
            let live: usize = held.chain(dag.touches[i].iter().copied()).map(|b| p.buffers[b].size).sum();
            let most = |w: usize| node.reuses.iter().filter(|r| r.written == w).map(|r| r.saved).max().unwrap_or(0);
            let saved: usize = node.writes.iter().map(|&w| most(w)).sum();
            (live + node.scratch).saturating_sub(saved)
        })
        .max()
        .unwrap_or(0)
}

/// The neighbours and all that they reach, which `reach` holds already.
fn closure(neighbours: &[usize], reach: &[Set], nodes: usize) -> Set {
    let mut set = Set::empty(nodes);
    for &b in neighbours {
        set.insert(b);
        set.extend(&reach[b]);
    }
    set
}
