//! Channels that stay or go together.
//!
//! Every index of a value's channel axis is an atom. Operators that work channel by channel join the
//! atoms of operands and results into classes; a class is kept or goes as a whole.

use crate::range::Known;
use std::collections::HashMap;
use tinyc_core::graph::{Graph, Kind, NodeId};

/// Where the atoms of a value lie, and the axis that they are indices of.
#[derive(Clone, Copy)]
struct Span {
    axis: usize,
    first: usize,
    n: usize,
}

pub struct Classes {
    spans: HashMap<NodeId, Span>,
    /// Parent in the tree of the class; a root is its own.
    parents: Vec<usize>,
    /// Of roots: whether the class is kept.
    kept: Vec<bool>,
}

/// Channels of a network; those at hand have some ten thousand.
const MOST: usize = 1 << 20;

impl Classes {
    /// Each channel of each tensor that is computed, by itself and not kept; nothing where there are more
    /// than [`MOST`], which tensors without elements may declare.
    pub fn new(graph: &Graph, nodes: &[NodeId], known: &Known) -> Option<Classes> {
        let mut spans = HashMap::new();
        let mut next = 0usize;
        for &id in nodes {
            let node = graph.node(id);
            let (Some(ty), Kind::Input(_) | Kind::Op(..) | Kind::Get(_)) = (node.ty.tensor(), &node.kind) else {
                continue;
            };
            let axis = known.results[&id][0].axis();
            let n = ty.shape.get(axis).copied().unwrap_or(1);
            spans.insert(id, Span { axis, first: next, n });
            next = next.saturating_add(n);
        }
        (next <= MOST).then(|| Classes { spans, parents: (0..next).collect(), kept: vec![false; next] })
    }

    /// The channel axis of a value that is computed.
    pub fn axis(&self, id: NodeId) -> Option<usize> {
        self.spans.get(&id).map(|s| s.axis)
    }

    fn root(&mut self, mut atom: usize) -> usize {
        while self.parents[atom] != atom {
            self.parents[atom] = self.parents[self.parents[atom]];
            atom = self.parents[atom];
        }
        atom
    }

    fn atom(&self, (id, channel): (NodeId, usize)) -> usize {
        self.spans[&id].first + channel
    }

    /// Lets two channels stay or go together.
    pub fn join(&mut self, a: (NodeId, usize), b: (NodeId, usize)) {
        let (a, b) = (self.atom(a), self.atom(b));
        let (a, b) = (self.root(a), self.root(b));
        self.parents[b] = a;
        self.kept[a] |= self.kept[b];
    }

    pub fn keep(&mut self, id: NodeId, channel: usize) {
        let root = self.atom((id, channel));
        let root = self.root(root);
        self.kept[root] = true;
    }

    /// Keeps all channels of a value, if it is computed.
    pub fn keep_all(&mut self, id: NodeId) {
        let n = self.spans.get(&id).map_or(0, |s| s.n);
        (0..n).for_each(|c| self.keep(id, c));
    }

    /// Which channels of a value are kept; of a value that is not computed none is told apart.
    pub fn mask(&mut self, id: NodeId) -> Option<Vec<bool>> {
        let span = *self.spans.get(&id)?;
        let roots: Vec<usize> = (span.first..span.first + span.n).map(|a| self.root(a)).collect();
        Some(roots.into_iter().map(|r| self.kept[r]).collect())
    }
}
