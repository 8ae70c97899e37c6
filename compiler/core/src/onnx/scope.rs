//! Names and what they stand for: one scope for the model's graph, one for each call of a function.

use super::attribute::Resolved;
use super::function::domain;
use super::proto::{NodeProto, OperatorSetIdProto, SparseTensorProto, TensorProto};
use crate::diag::{Code, OpError, Site};
use crate::graph::NodeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Node(NodeId),
    /// An optional input of a function that the call does not give.
    Absent,
    /// The result of a node that failed.
    Poisoned,
}

/// An initializer, read when something first asks for it.
pub enum Stored {
    Dense(Box<TensorProto>),
    Sparse(Box<SparseTensorProto>),
}

impl Stored {
    pub fn name(&self) -> &str {
        match self {
            Stored::Dense(t) => &t.name,
            Stored::Sparse(s) => s.values.as_ref().map_or("", |v| &v.name),
        }
    }
}

/// The names of the model's graph, or of one call of a function.
pub struct Scope<'m> {
    pub values: HashMap<String, Slot>,
    pub initializers: HashMap<String, Stored>,
    /// Names that some node defines.
    pub produced: HashSet<&'m str>,
    pub opsets: HashMap<&'m str, i64>,
    /// Comes before the names of nodes and values: the function calls around them.
    prefix: String,
    renamed: HashMap<&'m str, Arc<str>>,
    /// Attributes of the function call.
    pub attributes: Option<Resolved<'m>>,
}

impl<'m> Scope<'m> {
    pub fn new(opsets: &'m [OperatorSetIdProto], prefix: String, attributes: Option<Resolved<'m>>) -> Scope<'m> {
        Scope {
            values: HashMap::new(),
            initializers: HashMap::new(),
            produced: HashSet::new(),
            opsets: opsets.iter().map(|o| (domain(&o.domain), o.version)).collect(),
            prefix,
            renamed: HashMap::new(),
            attributes,
        }
    }

    pub fn define(&mut self, name: &str, slot: Slot) -> Result<(), OpError> {
        if self.values.contains_key(name) || self.initializers.contains_key(name) {
            return Err(OpError::new(Code::DuplicateName, format!("the value {name:?} is defined twice")));
        }
        self.values.insert(name.to_owned(), slot);
        Ok(())
    }

    /// Lets the value `name` be called `to` in the graph.
    pub fn rename(&mut self, name: &'m str, to: Arc<str>) {
        self.renamed.insert(name, to);
    }

    /// What the graph calls the value `name`.
    pub fn value_name(&self, name: &str) -> Arc<str> {
        self.renamed.get(name).cloned().unwrap_or_else(|| format!("{}{name}", self.prefix).into())
    }

    /// What `name` stands for, if it is no initializer that nobody has asked for yet.
    pub fn find(&self, name: &str) -> Option<Slot> {
        let later = || self.produced.contains(name).then_some(Slot::Poisoned);
        self.values.get(name).copied().or_else(later)
    }

    /// Name of a node in diagnostics and in the graph.
    pub fn origin(&self, index: usize, node: &NodeProto) -> String {
        let prefix = &self.prefix;
        if node.name.is_empty() { format!("{prefix}#{index}") } else { format!("{prefix}{}", node.name) }
    }

    /// Where a node is, for diagnostics.
    pub fn site(&self, index: usize, node: &NodeProto) -> Site {
        let domain = domain(&node.domain);
        let op_type = if domain.is_empty() { node.op_type.clone() } else { format!("{domain}.{}", node.op_type) };
        Site { node: self.origin(index, node), op_type, opset: self.opsets.get(domain).copied() }
    }
}
