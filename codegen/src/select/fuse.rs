//! Which operators run in one step: a root, and the chain of elementwise operators behind it.
//!
//! An elementwise operator joins the step of the operand that is computed last, if nothing else reads
//! that operand, the shapes agree, and the step's function can compute more on the way out. So a bias,
//! an activation and the addition at the end of a residual block run where the convolution writes.

use crate::kernels;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::graph::{Graph, Kind, NodeId};

#[derive(Debug, Default)]
pub struct Groups {
    /// From each node of a chain to its root.
    roots: BTreeMap<NodeId, NodeId>,
    /// Nodes whose value is read in the chain only.
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
            if !kernels::is_elementwise(graph, id) {
                continue;
            }
            let joins = |x: &NodeId| {
                let (x, y) = (graph.node(*x), graph.node(id));
                let (Some(x), Some(y)) = (x.ty.tensor(), y.ty.tensor()) else { return false };
                x.shape == y.shape && x.dtype.is_float() && y.dtype.is_float()
            };
            let operands: BTreeSet<NodeId> = graph.operands(id).into_iter().flatten().collect();
            let root = |x: &NodeId| groups.roots.get(x).copied().unwrap_or(*x);
            let over = operands
                .into_iter()
                .filter(|x| readers[x] == 1 && matches!(graph.node(*x).kind, Kind::Op(..)))
                .filter(|x| joins(x) && kernels::takes_chain(graph, root(x)))
                .max_by_key(|x| position[x]);
            if let Some(x) = over {
                let root = root(&x);
                groups.inside.insert(x);
                groups.roots.insert(id, root);
            }
        }
        groups
    }

    /// Whether the node runs in another node's step: that of the last of its chain.
    pub fn is_inside(&self, id: NodeId) -> bool {
        self.inside.contains(&id)
    }

    /// The root of the chain that ends in `id`.
    fn root(&self, id: NodeId) -> NodeId {
        self.roots.get(&id).copied().unwrap_or(id)
    }

    /// The nodes of the chain that ends in `tail`, the root first.
    pub fn chain(&self, graph: &Graph, tail: NodeId) -> Vec<NodeId> {
        let root = self.root(tail);
        let mut chain = vec![tail];
        while chain[chain.len() - 1] != root {
            let last = chain[chain.len() - 1];
            let inner =
                graph.operands(last).into_iter().flatten().find(|o| self.inside.contains(o) && self.root(*o) == root);
            chain.push(inner.expect("a chain leads to its root"));
        }
        chain.reverse();
        chain
    }
}
