//! Which operators run in one step: a root, and the chain of elementwise operators behind it.
//!
//! An elementwise operator joins the step of an operand, if nothing else reads that operand, the shapes
//! agree, and the step's function can compute more on the way out. So a bias, an activation and the
//! addition at the end of a residual block run where the convolution writes. What another operand is
//! computed by from fewer bytes than it has runs there too: what is read is then the narrow integers,
//! not the wide ones that only the addition needs.

use crate::kernels;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::Scalar;

#[derive(Debug, Default)]
pub struct Groups {
    /// The nodes of each step that has several, by the last of them: the root first, the others in an
    /// order in which they can run.
    chains: BTreeMap<NodeId, Vec<NodeId>>,
    /// Nodes whose value is read in their step only.
    inside: BTreeSet<NodeId>,
}

impl Groups {
    /// `nodes` in an order in which they can run.
    pub fn new(graph: &Graph, nodes: &[NodeId]) -> Groups {
        let mut groups = Groups::default();
        let position: BTreeMap<NodeId, usize> = nodes.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let mut readers: BTreeMap<NodeId, usize> = BTreeMap::new();
        for &id in nodes {
            graph.operands(id).into_iter().flatten().for_each(|o| *readers.entry(o).or_default() += 1);
        }
        graph.outputs().iter().for_each(|o| *readers.entry(o.node).or_default() += 1);
        for &id in nodes {
            if !kernels::is_elementwise(graph, id) || kernels::widens(graph, id) {
                continue;
            }
            let joins = |x: &NodeId| {
                let (x, y) = (graph.node(*x), graph.node(id));
                let (Some(x), Some(y)) = (x.ty.tensor(), y.ty.tensor()) else { return false };
                x.shape == y.shape && Scalar::of(x.dtype).is_some() && Scalar::of(y.dtype).is_some()
            };
            let operands: BTreeSet<NodeId> = graph.operands(id).into_iter().flatten().collect();
            let own: Vec<NodeId> = operands
                .into_iter()
                .filter(|x| readers[x] == 1 && matches!(graph.node(*x).kind, Kind::Op(..)))
                .filter(|x| joins(x) && kernels::takes_chain(graph, groups.chain(*x)[0]))
                .collect();
            // Of several, that which is computed last, and rather what more than elements is computed from.
            let rank = |x: &&NodeId| (!kernels::is_elementwise(graph, groups.chain(**x)[0]), position[*x]);
            let Some(&over) = own.iter().max_by_key(rank) else { continue };
            let mut chain = groups.chain(over);
            groups.chains.remove(&over);
            for &x in own.iter().filter(|x| **x != over) {
                chain.extend(groups.moved(graph, x));
            }
            chain.push(id);
            groups.inside.insert(over);
            groups.chains.insert(id, chain);
        }
        groups
    }

    /// Whether the node runs in another node's step: that of the last of its chain.
    pub fn is_inside(&self, id: NodeId) -> bool {
        self.inside.contains(&id)
    }

    /// The nodes of the step that ends in `tail`, the root first.
    pub fn chain(&self, tail: NodeId) -> Vec<NodeId> {
        self.chains.get(&tail).cloned().unwrap_or_else(|| vec![tail])
    }

    /// Takes from the end of a step what its reader may as well compute, because it reads fewer bytes.
    fn moved(&mut self, graph: &Graph, tail: NodeId) -> Vec<NodeId> {
        let chain = self.chain(tail);
        let bytes = |id: &NodeId| graph.node(*id).ty.tensor().map_or(0, |t| t.bytes());
        // What the nodes from `cut` on read in memory; `None` where they read more of the chain than the
        // one value in front of them.
        let read = |cut: usize| {
            let mut read = BTreeSet::new();
            for id in &chain[cut..] {
                for o in graph.operands(*id).into_iter().flatten().filter(|o| !chain[cut..].contains(o)) {
                    let inner = chain[..cut].iter().position(|c| *c == o);
                    if inner.is_some_and(|i| i + 1 != cut) {
                        return None;
                    }
                    if !matches!(graph.node(o).kind, Kind::Const(_)) {
                        read.insert(o);
                    }
                }
            }
            Some(read.iter().map(bytes).sum::<usize>())
        };
        let first = usize::from(!kernels::is_elementwise(graph, chain[0]));
        let cuts = (first..chain.len()).rev().filter_map(|cut| Some((read(cut)?, cut)));
        let Some((_, cut)) = cuts.filter(|(read, _)| *read < bytes(&tail)).min_by_key(|(read, _)| *read) else {
            return Vec::new();
        };
        self.chains.remove(&tail);
        if cut > 0 {
            self.inside.remove(&chain[cut - 1]);
        }
        if cut > 1 {
            self.chains.insert(chain[cut - 1], chain[..cut].to_vec());
        }
        self.inside.extend(&chain[cut..]);
        chain[cut..].to_vec()
    }
}
