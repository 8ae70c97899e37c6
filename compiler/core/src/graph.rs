//! The graph: a DAG of nodes on petgraph, the only file that names it.
//!
//! A node is an input, a constant, an operator with typed attributes, or the projection `get i` of a
//! tuple. Edges run from operand to user and carry the operand's position; a position without an
//! edge is an optional operand that is absent. Every node has a type, inferred when it is made, and
//! its provenance: the names of the ONNX nodes it came from.

use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::types::{MAX_TENSOR_BYTES, TensorType, Type};
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

/// A node of a graph; stable while other nodes come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    pub fn index(self) -> usize {
        self.0 as usize
    }

    fn raw(self) -> NodeIndex {
        NodeIndex::new(self.0 as usize)
    }

    fn of(i: NodeIndex) -> NodeId {
        NodeId(i.index() as u32)
    }
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Graph input, by its ONNX name.
    Input(String),
    Const(Arc<Tensor>),
    Op(OpId, Attrs),
    /// Projection of a tuple.
    Get(usize),
}

/// Names of the ONNX nodes that a node came from, in the order they ran.
pub type Origins = Vec<Arc<str>>;

#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    pub ty: Type,
    pub origins: Origins,
    /// ONNX name of the value (the first result), for reports and `verify --per-layer`.
    pub value: Option<Arc<str>>,
}

impl Node {
    /// The type of a node that is no tuple.
    ///
    /// # Panics
    /// On a tuple: the verifier lets only `get` read those.
    pub fn tensor(&self) -> &TensorType {
        self.ty.tensor().expect("only get reads a tuple")
    }
}

/// The type of an operator over operands of these types.
pub fn result_type(op: OpId, attrs: &Attrs, operands: &[Option<&TensorType>]) -> Result<Type, OpError> {
    let results = op.check_and_infer(attrs, operands)?;
    for r in &results {
        if r.shape.checked_len().and_then(|n| n.checked_mul(r.dtype.bytes())).is_none_or(|b| b > MAX_TENSOR_BYTES) {
            let message = format!("{}: the result {r} is larger than 2 GiB", op.name());
            return Err(OpError::new(Code::BadDim, message));
        }
    }
    Ok(match <[TensorType; 1]>::try_from(results) {
        Ok([one]) => Type::Tensor(one),
        Err(several) => Type::Tuple(several),
    })
}

/// A named output of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    pub node: NodeId,
}

#[derive(Clone, Debug)]
pub struct Graph {
    pub name: String,
    nodes: StableDiGraph<Node, usize>,
    inputs: Vec<NodeId>,
    outputs: Vec<Output>,
}

impl Graph {
    pub fn new(name: impl Into<String>) -> Graph {
        Graph { name: name.into(), nodes: StableDiGraph::new(), inputs: Vec::new(), outputs: Vec::new() }
    }

    pub fn add_input(&mut self, name: impl Into<String>, ty: TensorType) -> NodeId {
        let name = name.into();
        let id = self.add(Kind::Input(name.clone()), Type::Tensor(ty), Origins::new(), Some(name.into()), &[]);
        self.inputs.push(id);
        id
    }

    pub fn add_const(&mut self, tensor: impl Into<Arc<Tensor>>, value: Option<Arc<str>>) -> NodeId {
        let tensor = tensor.into();
        let ty = Type::Tensor(tensor.ty());
        self.add(Kind::Const(tensor), ty, Origins::new(), value, &[])
    }

    /// Adds an operator; its type is inferred, and what does not fit is an error.
    pub fn add_op(
        &mut self,
        op: OpId,
        attrs: Attrs,
        operands: &[Option<NodeId>],
        origins: Origins,
    ) -> Result<NodeId, OpError> {
        let ty = self.infer(op, &attrs, operands)?;
        Ok(self.add(Kind::Op(op, attrs), ty, origins, None, operands))
    }

    /// Result `i` of a node with several.
    pub fn add_get(&mut self, tuple: NodeId, i: usize) -> Result<NodeId, OpError> {
        let part = match &self.node(tuple).ty {
            Type::Tuple(parts) => parts.get(i).cloned(),
            Type::Tensor(_) => None,
        };
        let ty = part.ok_or_else(|| OpError::new(Code::Arity, format!("there is no result {i}")))?;
        let origins = self.node(tuple).origins.clone();
        Ok(self.add(Kind::Get(i), Type::Tensor(ty), origins, None, &[Some(tuple)]))
    }

    pub fn add_output(&mut self, name: impl Into<String>, node: NodeId) {
        self.outputs.push(Output { name: name.into(), node });
    }

    fn add(
        &mut self,
        kind: Kind,
        ty: Type,
        origins: Origins,
        value: Option<Arc<str>>,
        operands: &[Option<NodeId>],
    ) -> NodeId {
        let id = self.nodes.add_node(Node { kind, ty, origins, value });
        for (position, operand) in operands.iter().enumerate() {
            if let Some(o) = operand {
                self.nodes.add_edge(o.raw(), id, position);
            }
        }
        NodeId::of(id)
    }

    /// A node of which nothing is checked; the verifier may find fault with it.
    pub(crate) fn add_unchecked(&mut self, kind: Kind, ty: Type) -> NodeId {
        self.add(kind, ty, Origins::new(), None, &[])
    }

    /// Makes `from` the operand of `to` at a position that has none.
    pub(crate) fn connect(&mut self, from: NodeId, to: NodeId, position: usize) {
        self.nodes.add_edge(from.raw(), to.raw(), position);
    }

    /// The type that `op` gives for these operands.
    pub fn infer(&self, op: OpId, attrs: &Attrs, operands: &[Option<NodeId>]) -> Result<Type, OpError> {
        let mut types = Vec::with_capacity(operands.len());
        for o in operands {
            types.push(match o {
                None => None,
                Some(o) => Some(self.node(*o).ty.tensor().ok_or_else(|| {
                    OpError::new(Code::TypeMismatch, format!("{}: an operand is a tuple", op.name()))
                })?),
            });
        }
        result_type(op, attrs, &types)
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.raw()]
    }

    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.raw()]
    }

    pub fn contains(&self, id: NodeId) -> bool {
        self.nodes.contains_node(id.raw())
    }

    /// Operands by position, absent optional ones as `None`, without trailing absent ones.
    pub fn operands(&self, id: NodeId) -> Vec<Option<NodeId>> {
        let mut operands = Vec::new();
        for e in self.nodes.edges_directed(id.raw(), Direction::Incoming) {
            let position = *e.weight();
            if operands.len() <= position {
                operands.resize(position + 1, None);
            }
            operands[position] = Some(NodeId::of(e.source()));
        }
        operands
    }

    /// The nodes that read `id`, each once, in id order.
    pub fn users(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.nodes.neighbors_directed(id.raw(), Direction::Outgoing).map(NodeId::of).collect()
    }

    /// All nodes, in the order they were made.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.node_indices().map(NodeId::of)
    }

    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// All nodes, operands before users, otherwise in the order they were made; `None` on a cycle.
    pub fn topological(&self) -> Option<Vec<NodeId>> {
        let mut missing: HashMap<NodeIndex, usize> = HashMap::new();
        let mut ready = BinaryHeap::new();
        for i in self.nodes.node_indices() {
            let n = self.nodes.edges_directed(i, Direction::Incoming).count();
            missing.insert(i, n);
            if n == 0 {
                ready.push(Reverse(i));
            }
        }
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(i)) = ready.pop() {
            order.push(NodeId::of(i));
            for e in self.nodes.edges_directed(i, Direction::Outgoing) {
                let m = missing.entry(e.target()).or_default();
                *m -= 1;
                if *m == 0 {
                    ready.push(Reverse(e.target()));
                }
            }
        }
        (order.len() == self.len()).then_some(order)
    }

    /// Lets every user of `from`, and every output, read `to` instead.
    pub fn replace_uses(&mut self, from: NodeId, to: NodeId) {
        let edges: Vec<_> = self
            .nodes
            .edges_directed(from.raw(), Direction::Outgoing)
            .map(|e| (e.id(), e.target(), *e.weight()))
            .collect();
        for (edge, user, position) in edges {
            self.nodes.remove_edge(edge);
            self.nodes.add_edge(to.raw(), user, position);
        }
        for o in &mut self.outputs {
            if o.node == from {
                o.node = to;
            }
        }
    }

    /// Lets a node read another operand at a position that has one; the types of the two are the same.
    pub fn set_operand(&mut self, id: NodeId, position: usize, operand: NodeId) {
        let edges = self.nodes.edges_directed(id.raw(), Direction::Incoming);
        if let Some(edge) = edges.filter(|e| *e.weight() == position).map(|e| e.id()).next() {
            self.nodes.remove_edge(edge);
        }
        self.nodes.add_edge(operand.raw(), id.raw(), position);
    }

    /// Lets an output be another node.
    pub fn set_output(&mut self, at: usize, node: NodeId) {
        self.outputs[at].node = node;
    }

    /// Removes a node that nothing reads.
    pub fn remove(&mut self, id: NodeId) {
        self.nodes.remove_node(id.raw());
    }

    /// The nodes that some output depends on, and all inputs.
    pub fn live(&self) -> BTreeSet<NodeId> {
        let mut live: BTreeSet<NodeId> = self.inputs.iter().copied().collect();
        let mut stack: Vec<NodeId> = self.outputs.iter().map(|o| o.node).collect();
        while let Some(id) = stack.pop() {
            if live.insert(id) {
                stack.extend(self.operands(id).into_iter().flatten());
            }
        }
        live
    }
}
