//! The order in which to read nodes: operands before users, otherwise as in the file.

use super::proto::NodeProto;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

pub struct Order {
    /// Indices of all nodes that depend on no cycle, operands before users.
    pub sorted: Vec<usize>,
    /// All others, in the order of the file.
    pub rest: Vec<usize>,
    /// Nodes each of which reads a result of the one before it, the first one of the last; empty when
    /// there is no cycle.
    pub cycle: Vec<usize>,
}

pub fn order(nodes: &[NodeProto]) -> Order {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (i, n) in nodes.iter().enumerate() {
        for name in n.output.iter().filter(|o| !o.is_empty()) {
            producer.entry(name).or_insert(i);
        }
    }
    let operands = |i: usize| nodes[i].input.iter().filter_map(|name| producer.get(name.as_str()).copied());
    let mut users = vec![Vec::new(); nodes.len()];
    let mut missing = vec![0usize; nodes.len()];
    for (i, missing) in missing.iter_mut().enumerate() {
        for o in operands(i) {
            users[o].push(i);
            *missing += 1;
        }
    }
    let mut ready: BinaryHeap<_> = (0..nodes.len()).filter(|&i| missing[i] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse(i)) = ready.pop() {
        sorted.push(i);
        for &u in &users[i] {
            missing[u] -= 1;
            if missing[u] == 0 {
                ready.push(Reverse(u));
            }
        }
    }
    let rest: Vec<usize> = (0..nodes.len()).filter(|&i| missing[i] > 0).collect();
    // Every node of the rest has an operand in the rest, so walking operands must come back.
    let mut cycle = Vec::new();
    let mut seen = HashMap::new();
    let mut at = rest.first().copied();
    while let Some(i) = at {
        if let Some(first) = seen.insert(i, cycle.len()) {
            cycle.drain(..first);
            cycle.reverse();
            break;
        }
        cycle.push(i);
        at = operands(i).find(|&o| missing[o] > 0);
    }
    Order { sorted, rest, cycle }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(edges: &[(&[&str], &str)]) -> Vec<NodeProto> {
        let strings = |v: &[&str]| v.iter().map(|&s| s.to_owned()).collect();
        edges
            .iter()
            .map(|(x, y)| NodeProto { input: strings(x), output: strings(&[y]), ..NodeProto::default() })
            .collect()
    }

    #[test]
    fn sorted_files_keep_their_order() {
        let o = order(&nodes(&[(&["x"], "b"), (&["x"], "a"), (&["a", "b"], "y")]));
        assert_eq!(o.sorted, [0, 1, 2]);
        assert!(o.rest.is_empty() && o.cycle.is_empty());
    }

    #[test]
    fn users_come_after_their_operands() {
        let o = order(&nodes(&[(&["a", "a"], "y"), (&["x"], "a"), (&["x"], "b")]));
        assert_eq!(o.sorted, [1, 0, 2]);
    }

    #[test]
    fn a_cycle_is_found_behind_what_only_depends_on_it() {
        let o = order(&nodes(&[(&["b"], "y"), (&["x", "c"], "a"), (&["a"], "b"), (&["b"], "c"), (&["x"], "z")]));
        assert_eq!(o.sorted, [4]);
        assert_eq!(o.rest, [0, 1, 2, 3]);
        assert_eq!(o.cycle, [3, 1, 2]);
    }
}
