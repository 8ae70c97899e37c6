//! Sequences in which a graph may run.

use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::graph::{Graph, NodeId};

/// Sequences of the live nodes, operands first: the graph's own, and the depth-first one that at
/// every node computes the operand first which needs most beyond what it leaves behind (the optimum
/// for trees: Sethi and Ullman, 1970).
pub fn candidates(graph: &Graph, topological: Vec<NodeId>) -> Vec<Vec<NodeId>> {
    let live = graph.live();
    let own: Vec<NodeId> = topological.into_iter().filter(|id| live.contains(id)).collect();
    let deep = depth_first(graph, &own);
    if deep == own { vec![own] } else { vec![own, deep] }
}

fn depth_first(graph: &Graph, topological: &[NodeId]) -> Vec<NodeId> {
    let operands = heaviest_first(graph, topological);
    let mut seen = BTreeSet::new();
    let mut order = Vec::with_capacity(topological.len());
    let mut stack: Vec<(NodeId, usize)> = Vec::new();
    for root in graph.inputs().iter().copied().chain(graph.outputs().iter().map(|o| o.node)) {
        if seen.insert(root) {
            stack.push((root, 0));
        }
        while let Some((id, next)) = stack.last_mut() {
            match operands[id].get(*next) {
                Some(&o) => {
                    *next += 1;
                    if seen.insert(o) {
                        stack.push((o, 0));
                    }
                }
                None => {
                    order.push(*id);
                    stack.pop();
                }
            }
        }
    }
    order
}

/// Operands of each node, the one with the largest excess of need over size first.
fn heaviest_first(graph: &Graph, topological: &[NodeId]) -> BTreeMap<NodeId, Vec<NodeId>> {
    let bytes = |id: NodeId| graph.node(id).ty.parts().iter().map(|t| t.bytes()).sum::<usize>();
    let mut need: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut ordered = BTreeMap::new();
    for &id in topological {
        let mut operands: Vec<NodeId> = graph.operands(id).into_iter().flatten().collect();
        operands.sort_by_key(|o| std::cmp::Reverse(need[o].saturating_sub(bytes(*o))));
        let (mut held, mut most) = (0usize, 0usize);
        for o in &operands {
            most = most.max(held.saturating_add(need[o]));
            held = held.saturating_add(bytes(*o));
        }
        need.insert(id, most.max(held.saturating_add(bytes(id))));
        ordered.insert(id, operands);
    }
    ordered
}
