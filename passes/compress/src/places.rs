//! Where integers stand: which values of a network get a scale, and which of them share one.
//!
//! A pair of `quantize` and `dequantize` goes behind each step that computes, its activation included, so that
//! everything an integer kernel does lies between two pairs. What only moves elements has the scale of its
//! operand, and all that a `concat` joins have one scale.

use crate::roles::{Role, activations, is_float, role};
use crate::scale::Scale;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;

/// Values of one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Those that are computed, and so rounded; the others are moved.
    pub roots: Vec<NodeId>,
    /// What the operator says of its results, whatever the samples.
    pub fixed: Option<Scale>,
}

#[derive(Debug)]
pub struct Places {
    pub groups: Vec<Group>,
    of: BTreeMap<NodeId, usize>,
    roles: BTreeMap<NodeId, Role>,
}

impl Places {
    /// Of a network of floats. What `keep` holds runs in floats. With `ports` inputs and outputs are integers too.
    pub fn of(graph: &Graph, keep: &BTreeSet<NodeId>, ports: bool) -> Places {
        let live = graph.live();
        let order: Vec<NodeId> = graph.topological().unwrap_or_default();
        let order: Vec<NodeId> = order.into_iter().filter(|id| live.contains(id)).collect();
        let role = |&id: &NodeId| (id, if keep.contains(&id) { Role::Floats } else { role(graph, id) });
        let roles: BTreeMap<NodeId, Role> = order.iter().map(role).collect();
        let mut places = Places { groups: Vec::new(), of: BTreeMap::new(), roles };
        let quantized = places.quantized(graph, &order, ports);
        places.group(graph, &order, &quantized);
        places
    }

    pub fn role(&self, id: NodeId) -> Role {
        self.roles.get(&id).copied().unwrap_or(Role::Floats)
    }

    /// The group of a value, if it has a scale.
    pub fn group_of(&self, id: NodeId) -> Option<usize> {
        self.of.get(&id).copied()
    }

    /// The values that get integers; those in front of their activation are among them.
    fn quantized(&self, graph: &Graph, order: &[NodeId], ports: bool) -> BTreeSet<NodeId> {
        let port = |id: NodeId| {
            let is_input = matches!(graph.node(id).kind, Kind::Input(_));
            is_float(graph, id) && (is_input || graph.outputs().iter().any(|o| o.node == id))
        };
        let mut found: BTreeSet<NodeId> = order.iter().copied().filter(|&id| ports && port(id)).collect();
        loop {
            let before = found.len();
            for &id in order.iter().filter(|&&id| is_float(graph, id) && !matches!(graph.node(id).kind, Kind::Const(_)))
            {
                let pulled = || {
                    graph.users(id).iter().any(|u| match self.role(*u) {
                        Role::Computes => true,
                        Role::Moves | Role::Clamps => found.contains(u),
                        Role::Floats => false,
                    })
                };
                let given = match self.role(id) {
                    Role::Computes => true,
                    Role::Moves | Role::Clamps => activations(graph, id).iter().any(|o| found.contains(o)),
                    Role::Floats => false,
                };
                if given || pulled() {
                    found.insert(id);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// Whether the value goes to its activation alone, which limits it before it is rounded.
    fn is_absorbed(&self, graph: &Graph, id: NodeId) -> bool {
        let users = graph.users(id);
        let output = graph.outputs().iter().any(|o| o.node == id);
        let computed = match self.role(id) {
            Role::Computes => true,
            Role::Clamps => activations(graph, id).iter().all(|&o| self.is_absorbed(graph, o)),
            _ => false,
        };
        computed && !output && users.len() == 1 && users.iter().all(|u| self.role(*u) == Role::Clamps)
    }

    fn group(&mut self, graph: &Graph, order: &[NodeId], quantized: &BTreeSet<NodeId>) {
        let mut joined: Vec<Vec<NodeId>> = Vec::new();
        let mut at: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut roots = BTreeSet::new();
        for &id in order.iter().filter(|id| quantized.contains(id) && !self.is_absorbed(graph, **id)) {
            let mine = joined.len();
            joined.push(vec![id]);
            at.insert(id, mine);
            let shares = match self.role(id) {
                Role::Moves => true,
                Role::Clamps => activations(graph, id).iter().all(|&o| at.contains_key(&o)),
                Role::Computes | Role::Floats => false,
            };
            if !shares {
                roots.insert(id);
                continue;
            }
            for other in activations(graph, id) {
                let Some(&other) = at.get(&other) else { continue };
                let moved = if other == at[&id] { Vec::new() } else { std::mem::take(&mut joined[other]) };
                let home = at[&id];
                at.extend(moved.iter().map(|m| (*m, home)));
                joined[home].extend(moved);
            }
        }
        joined.retain(|g| !g.is_empty());
        for mut members in joined {
            members.sort();
            let roots: Vec<NodeId> = members.iter().copied().filter(|m| roots.contains(m)).collect();
            self.of.extend(members.iter().map(|m| (*m, self.groups.len())));
            let mut fixed: Vec<Option<Scale>> = roots.iter().map(|r| known(graph, *r)).collect();
            fixed.dedup();
            let fixed = if let [one] = fixed[..] { one } else { None };
            self.groups.push(Group { roots, fixed });
        }
    }
}

/// The scale of what lies in 0..1 or -1..1 by what it is.
fn known(graph: &Graph, id: NodeId) -> Option<Scale> {
    let Kind::Op(op, _) = &graph.node(id).kind else { return None };
    match op {
        OpId::softmax | OpId::sigmoid | OpId::hard_sigmoid => Some(Scale { scale: 1.0 / 256.0, zero: -128 }),
        OpId::tanh => Some(Scale { scale: 1.0 / 128.0, zero: 0 }),
        _ => None,
    }
}
