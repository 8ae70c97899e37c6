//! One ONNX node as its operator reads it: operands, attributes, and the graph to add nodes to.

use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::eval::Constants;
use crate::graph::{Graph, NodeId};
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::types::TensorType;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Value of an ONNX attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Floats(Vec<f32>),
    Str(String),
    Strs(Vec<String>),
    Tensor(Arc<Tensor>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Int(_) => "an integer",
            Value::Ints(_) => "integers",
            Value::Float(_) => "a float",
            Value::Floats(_) => "floats",
            Value::Str(_) => "a string",
            Value::Strs(_) => "strings",
            Value::Tensor(_) => "a tensor",
        }
    }
}

/// An ONNX node with its operands already in the graph.
///
/// Attributes are taken as they are read: what is left over at the end is unknown to the operator,
/// and the importer reports it.
pub struct NodeReader<'a> {
    graph: &'a mut Graph,
    constants: &'a mut Constants,
    origin: Arc<str>,
    opset: i64,
    operands: Vec<Option<NodeId>>,
    attributes: BTreeMap<String, Value>,
    results: usize,
}

macro_rules! attribute {
    ($name:ident, $variant:ident, $t:ty, $what:literal) => {
        /// Takes an attribute; `None` when the node has none of this name.
        pub fn $name(&mut self, name: &str) -> Result<Option<$t>, OpError> {
            match self.attributes.remove(name) {
                None => Ok(None),
                Some(Value::$variant(v)) => Ok(Some(v)),
                Some(other) => {
                    let message = format!("attribute {name} is {}, expected {}", other.kind(), $what);
                    Err(OpError::new(Code::BadAttribute, message))
                }
            }
        }
    };
}

impl<'a> NodeReader<'a> {
    pub(super) fn new(
        graph: &'a mut Graph,
        constants: &'a mut Constants,
        origin: Arc<str>,
        opset: i64,
        operands: Vec<Option<NodeId>>,
        attributes: BTreeMap<String, Value>,
        results: usize,
    ) -> NodeReader<'a> {
        NodeReader { graph, constants, origin, opset, operands, attributes, results }
    }

    pub(super) fn leftover(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str)
    }

    /// Whether the node gives an attribute that has not been taken yet.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// Opset version that the model imports for the operator's domain.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// How many results the model names, trailing unnamed ones left out.
    pub fn results(&self) -> usize {
        self.results
    }

    /// All operands by position; `None` where ONNX has an empty name.
    pub fn operands(&self) -> &[Option<NodeId>] {
        &self.operands
    }

    pub fn operand(&self, i: usize) -> Option<NodeId> {
        self.operands.get(i).copied().flatten()
    }

    pub fn required(&self, i: usize) -> Result<NodeId, OpError> {
        self.operand(i).ok_or_else(|| OpError::new(Code::Arity, format!("input {i} is missing")))
    }

    /// Type of operand `i`.
    pub fn ty(&self, i: usize) -> Result<TensorType, OpError> {
        Ok(self.graph.node(self.required(i)?).tensor().clone())
    }

    /// Value of operand `i`, which must be computable from constants; `None` when it is absent.
    pub fn constant(&mut self, i: usize) -> Result<Option<Arc<Tensor>>, OpError> {
        let Some(id) = self.operand(i) else { return Ok(None) };
        match self.constants.value(self.graph, id) {
            Some(t) => Ok(Some(t)),
            None if self.constants.exhausted() => {
                let message = format!("input {i} must be constant, but computing it takes too much work or memory");
                Err(OpError::new(Code::TooLarge, message))
            }
            None => {
                let message = format!("input {i} must be constant, but it is computed from the network's inputs");
                Err(OpError::new(Code::NotConstant, message))
            }
        }
    }

    /// Value of operand `i` where it depends on constants only.
    pub fn known(&mut self, i: usize) -> Option<Arc<Tensor>> {
        let id = self.operand(i)?;
        self.constants.value(self.graph, id)
    }

    /// Operand `i` as integers; it must be a constant integer tensor. `None` when absent.
    pub fn constant_ints(&mut self, i: usize) -> Result<Option<Vec<i64>>, OpError> {
        let Some(t) = self.constant(i)? else { return Ok(None) };
        match t.to_i64s() {
            Some(v) => Ok(Some(v)),
            None => {
                let message = format!("input {i} must hold integers, but is {}", t.ty());
                Err(OpError::new(Code::TypeMismatch, message))
            }
        }
    }

    /// Integers that are an attribute before opset `since` and operand `i` from then on.
    pub fn ints_or_operand(&mut self, name: &str, since: i64, i: usize) -> Result<Option<Vec<i64>>, OpError> {
        if self.opset < since { self.ints(name) } else { self.constant_ints(i) }
    }

    attribute!(int, Int, i64, "an integer");
    attribute!(ints, Ints, Vec<i64>, "integers");
    attribute!(float, Float, f32, "a float");
    attribute!(floats, Floats, Vec<f32>, "floats");
    attribute!(string, Str, String, "a string");
    attribute!(strings, Strs, Vec<String>, "strings");
    attribute!(tensor, Tensor, Arc<Tensor>, "a tensor");

    /// Adds a node that comes from this ONNX node.
    pub fn emit(&mut self, op: OpId, attrs: Attrs, operands: &[Option<NodeId>]) -> Result<NodeId, OpError> {
        self.graph.add_op(op, attrs, operands, vec![self.origin.clone()])
    }

    /// Adds a constant.
    pub fn add_const(&mut self, tensor: impl Into<Arc<Tensor>>) -> NodeId {
        self.graph.add_const(tensor, None)
    }

    /// The common case: one node with all operands and one result.
    pub fn emit_all(&mut self, op: OpId, attrs: Attrs) -> Result<Vec<NodeId>, OpError> {
        let operands = self.operands.clone();
        Ok(vec![self.emit(op, attrs, &operands)?])
    }
}
