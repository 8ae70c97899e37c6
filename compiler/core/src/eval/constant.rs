//! Values of nodes that depend on constants only.
//!
//! Walks with a stack of its own: a graph may be deeper than the machine's stack.

use crate::graph::{Graph, Kind, NodeId};
use crate::tensor::Tensor;
use crate::types::TensorType;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of computed values that are kept at most, and the work put into them; nodes beyond count as
/// not constant.
const MAX_BYTES: usize = 128 << 20;
const MAX_WORK: u64 = 1 << 26;

/// Value of a node that depends on constants only.
pub fn constant(graph: &Graph, id: NodeId) -> Option<Arc<Tensor>> {
    Constants::default().value(graph, id)
}

/// Constant values of one graph, each computed once; the nodes asked for must not change meanwhile.
#[derive(Debug, Default)]
pub struct Constants {
    /// Results by position; `None` where a node depends on an input of the network.
    known: HashMap<NodeId, Option<Vec<Arc<Tensor>>>>,
    bytes: usize,
    work: u64,
    exhausted: bool,
}

impl Constants {
    pub fn value(&mut self, graph: &Graph, id: NodeId) -> Option<Arc<Tensor>> {
        let mut stack = vec![id];
        while let Some(&at) = stack.last() {
            if self.known.contains_key(&at) {
                stack.pop();
                continue;
            }
            let operands = graph.operands(at);
            let operands = || operands.iter().flatten();
            // One operand that is not constant decides, without a look at the others.
            if operands().any(|o| matches!(self.known.get(o), Some(None))) {
                self.known.insert(at, None);
                continue;
            }
            let before = stack.len();
            stack.extend(operands().filter(|o| !self.known.contains_key(o)));
            if stack.len() == before {
                let results = self.results(graph, at);
                self.known.insert(at, results);
            }
        }
        self.known.get(&id)?.as_ref()?.first().cloned()
    }

    /// Whether a node was not computed because the limits of bytes or work were reached.
    pub fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Results of a node whose operands are all known to be constant.
    fn results(&mut self, graph: &Graph, id: NodeId) -> Option<Vec<Arc<Tensor>>> {
        let result = |o: &NodeId| self.known.get(o).and_then(Option::as_ref);
        let node = graph.node(id);
        match &node.kind {
            Kind::Input(_) => None,
            Kind::Const(t) => Some(vec![t.clone()]),
            Kind::Get(i) => {
                let tuple = graph.operands(id).first().copied().flatten()?;
                Some(vec![result(&tuple)?.get(*i)?.clone()])
            }
            Kind::Op(op, attrs) => {
                let operands = graph.operands(id);
                let types: Vec<Option<&TensorType>> =
                    operands.iter().map(|o| o.and_then(|o| graph.node(o).ty.tensor())).collect();
                let bytes: usize = node.ty.parts().iter().map(|t| t.bytes()).sum();
                let work = op.op().work(attrs, &types, node.ty.parts());
                if self.bytes + bytes > MAX_BYTES || self.work.saturating_add(work) > MAX_WORK {
                    self.exhausted = true;
                    return None;
                }
                let x: Vec<Option<&Tensor>> =
                    operands.iter().map(|o| o.as_ref().and_then(result)?.first().map(|t| &**t)).collect();
                let y = op.op().eval(attrs, &x).ok()?;
                self.bytes += bytes;
                self.work += work;
                Some(y.into_iter().map(Arc::new).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attrs::Attrs;
    use crate::op::OpId;
    use crate::types::DType;

    /// A chain that would overflow the stack if it were walked recursively.
    fn chain(graph: &mut Graph, mut at: NodeId) -> NodeId {
        for _ in 0..200_000 {
            at = graph.add_op(OpId::neg, Attrs::new(), &[Some(at)], vec![]).unwrap();
        }
        at
    }

    #[test]
    fn deep_chains_are_walked() {
        let mut graph = Graph::new("g");
        let c = graph.add_const(Tensor::of([], vec![2.0f32]), None);
        let y = chain(&mut graph, c);
        assert_eq!(constant(&graph, y).as_deref(), Some(&Tensor::of([], vec![2.0f32])));
        let x = graph.add_input("x", TensorType::new(DType::F32, []));
        let y = chain(&mut graph, x);
        assert_eq!(constant(&graph, y), None);
    }

    #[test]
    fn every_value_is_computed_once() {
        let mut graph = Graph::new("g");
        let mut at = graph.add_const(Tensor::of([], vec![1i64]), None);
        for _ in 0..62 {
            at = graph.add_op(OpId::add, Attrs::new(), &[Some(at), Some(at)], vec![]).unwrap();
        }
        assert_eq!(constant(&graph, at).as_deref(), Some(&Tensor::of([], vec![1i64 << 62])));
    }
}
