//! One node of a graph as its operator writes it: operands, attributes, and the ONNX nodes that it becomes.

use super::attribute;
use super::node::Value;
use super::proto::{NodeProto, TensorProto};
use super::tensor::{element_number, write_tensor};
use crate::attrs::{Attr, Attrs, Spelling};
use crate::diag::OpError;
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::types::TensorType;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Name of a value in the file.
pub type Written = Arc<str>;

/// Names that are given once each.
#[derive(Default)]
pub(super) struct Names(HashMap<Written, usize>);

impl Names {
    /// `want`, or where that is taken `want` with a number behind it.
    pub fn fresh(&mut self, want: &str) -> Written {
        let mut name = Written::from(want);
        while !self.reserve(&name) {
            let count = self.0.get_mut(want).expect("the first name tried is taken");
            *count += 1;
            name = format!("{want}_{count}").into();
        }
        name
    }

    /// Takes a name; whether it was free.
    pub fn reserve(&mut self, name: &str) -> bool {
        let free = !self.0.contains_key(name);
        self.0.entry(name.into()).or_insert(1);
        free
    }
}

/// Nodes and constants written so far.
#[derive(Default)]
pub(super) struct Body {
    pub values: Names,
    pub nodes: Vec<NodeProto>,
    pub node_names: Names,
    pub initializers: Vec<TensorProto>,
    /// Constants that operators made, by type and content.
    made: BTreeMap<(Vec<i64>, i32, Vec<u8>), Written>,
}

impl Body {
    /// A constant of the graph.
    pub fn constant(&mut self, name: &str, tensor: &Tensor) -> Written {
        let name = self.values.fresh(name);
        self.initializers.push(write_tensor(&name, tensor));
        name
    }

    /// A constant that an operator has as attribute; equal ones are one.
    fn made(&mut self, tensor: &Tensor) -> Written {
        let proto = write_tensor("", tensor);
        let key = (proto.dims.clone(), proto.data_type, proto.raw_data.clone());
        if let Some(name) = self.made.get(&key) {
            return name.clone();
        }
        let name = self.constant("const", tensor);
        self.made.insert(key, name.clone());
        name
    }

    pub fn node(&mut self, name: &str, op_type: &str, input: Vec<String>, output: &str) -> &mut NodeProto {
        let name = self.node_names.fresh(name).to_string();
        let output = vec![output.to_owned()];
        self.nodes.push(NodeProto { name, op_type: op_type.to_owned(), input, output, ..Default::default() });
        self.nodes.last_mut().expect("one was added")
    }
}

/// An operand of the node that is being written.
pub(super) struct Operand<'a> {
    pub name: Written,
    pub ty: &'a TensorType,
    /// Its value, if it is a constant.
    pub value: Option<&'a Tensor>,
}

/// A node of the graph on its way to ONNX nodes.
pub struct NodeWriter<'a> {
    pub(super) body: &'a mut Body,
    /// Name of its ONNX nodes.
    pub(super) name: &'a str,
    pub(super) op: OpId,
    pub(super) attrs: &'a Attrs,
    pub(super) operands: Vec<Option<Operand<'a>>>,
    pub(super) results: &'a [TensorType],
}

impl NodeWriter<'_> {
    pub fn attrs(&self) -> &Attrs {
        self.attrs
    }

    /// Operand `i`; `None` where it is absent.
    pub fn operand(&self, i: usize) -> Option<Written> {
        self.operands.get(i)?.as_ref().map(|o| o.name.clone())
    }

    pub fn operands(&self) -> Vec<Option<Written>> {
        (0..self.operands.len()).map(|i| self.operand(i)).collect()
    }

    /// Type of operand `i`; `None` where it is absent.
    pub fn ty(&self, i: usize) -> Option<&TensorType> {
        self.operands.get(i)?.as_ref().map(|o| o.ty)
    }

    /// Type of the first operand, which the signature requires.
    pub fn x(&self) -> &TensorType {
        self.ty(0).expect("the first operand is there")
    }

    /// Type of the first result.
    pub fn result(&self) -> &TensorType {
        &self.results[0]
    }

    pub fn constant(&mut self, tensor: &Tensor) -> Written {
        self.body.made(tensor)
    }

    /// Integers as the operand of an operator that reads shapes, axes or positions.
    pub fn ints(&mut self, v: Vec<i64>) -> Written {
        self.constant(&Tensor::of([v.len()], v))
    }

    /// Operand `i` under another shape of the same size; a constant is written in that shape.
    pub fn reshaped(&mut self, i: usize, shape: &[usize]) -> Option<Written> {
        let operand = self.operands.get(i)?.as_ref()?;
        if *operand.ty.shape == *shape {
            return Some(operand.name.clone());
        }
        if let Some(t) = operand.value.and_then(|t| t.clone().reshaped(shape.to_vec())) {
            return Some(self.constant(&t));
        }
        let name = operand.name.clone();
        let shape = self.ints(shape.iter().map(|&d| d as i64).collect());
        Some(self.emit("Reshape", &[Some(name), Some(shape)], []))
    }

    /// Adds a node with one result.
    pub fn emit(
        &mut self,
        op_type: &str,
        operands: &[Option<Written>],
        attributes: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Written {
        let given = operands.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let input = operands[..given].iter().map(|o| o.as_deref().unwrap_or_default().to_owned()).collect();
        let output = self.body.values.fresh(&format!("{}_out", self.name));
        let node = self.body.node(self.name, op_type, input, &output);
        node.attribute = attributes.into_iter().map(|(name, value)| attribute::write(name, value)).collect();
        output
    }

    /// The ONNX operator that is this one: the first that it reads.
    pub fn op_type(&self) -> &'static str {
        self.op.op().imports()[0].op_type
    }

    /// The node as that operator, with these attributes beside those that the operator declares.
    pub fn same_with(&mut self, more: impl IntoIterator<Item = (&'static str, Value)>) -> Written {
        let operands = self.operands();
        self.same_over(operands, more)
    }

    /// The same over other operands.
    pub fn same_over(
        &mut self,
        mut operands: Vec<Option<Written>>,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Written {
        let mut attributes = Vec::new();
        for spec in self.op.op().attrs() {
            let attr = self.attrs.get(spec.name).expect("a node has the attributes that its operator declares");
            match spec.onnx {
                Spelling::Name(name) => attributes.push((name, value(attr))),
                Spelling::Words(name, words) => {
                    attributes.push((name, Value::Str(words[usize::from(*attr == Attr::Bool(true))].to_owned())));
                }
                Spelling::Operand(i) => {
                    let tensor = match attr {
                        Attr::Ints(v) => Tensor::of([v.len()], v.clone()),
                        Attr::Int(v) => Tensor::of([], vec![*v]),
                        _ => unreachable!("attributes that are operands hold integers"),
                    };
                    operands.resize(operands.len().max(i + 1), None);
                    operands[i] = Some(self.constant(&tensor));
                }
            }
        }
        self.emit(self.op_type(), &operands, attributes.into_iter().chain(more))
    }

    pub fn same(&mut self) -> Written {
        self.same_with([])
    }

    /// Writes the node in the way that its operator says.
    pub(super) fn write(&mut self) -> Result<Vec<Written>, OpError> {
        match self.op.op().write() {
            Some(write) => write(self),
            None => Ok(vec![self.same()]),
        }
    }
}

fn value(attr: &Attr) -> Value {
    match attr {
        Attr::Bool(v) => Value::Int(i64::from(*v)),
        Attr::Int(v) => Value::Int(*v),
        Attr::Ints(v) => Value::Ints(v.clone()),
        Attr::Float(v) => Value::Float((*v).into()),
        Attr::Floats(v) => Value::Floats(v.iter().map(|&v| v.into()).collect()),
        Attr::Word(v) => Value::Str((*v).to_owned()),
        Attr::DType(v) => Value::Int(element_number(*v).into()),
    }
}
