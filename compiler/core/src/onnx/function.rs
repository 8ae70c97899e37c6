//! Local functions of a model: found by name, expanded where they are called.

use super::attribute::Resolved;
use super::import::Importer;
use super::proto::{FunctionProto, NodeProto};
use super::scope::{Scope, Slot};
use crate::diag::{Code, OpError};
use std::collections::HashMap;

/// Domain (the default one is empty), name, overload.
pub type FunctionKey<'m> = (&'m str, &'m str, &'m str);

/// Calls may be nested this deep.
const MAX_DEPTH: usize = 32;

/// Functions may expand to this many nodes in all: short models can describe exponentially many.
const MAX_EXPANDED: usize = 1 << 16;

/// The functions of a model and the calls that are being expanded.
pub struct Functions<'m> {
    by_key: HashMap<FunctionKey<'m>, &'m FunctionProto>,
    calls: Vec<FunctionKey<'m>>,
    expanded: usize,
}

impl<'m> Functions<'m> {
    pub fn new(functions: &'m [FunctionProto]) -> Result<Functions<'m>, OpError> {
        let mut by_key = HashMap::new();
        for f in functions {
            if by_key.insert((domain(&f.domain), f.name.as_str(), f.overload.as_str()), f).is_some() {
                return Err(OpError::new(Code::DuplicateName, format!("function {:?} is defined twice", f.name)));
            }
        }
        Ok(Functions { by_key, calls: Vec::new(), expanded: 0 })
    }

    pub fn find(&self, node: &'m NodeProto) -> Option<&'m FunctionProto> {
        self.by_key.get(&(domain(&node.domain), node.op_type.as_str(), node.overload.as_str())).copied()
    }

    /// Begins a call; false when there are too many nodes already, which has been told.
    fn enter(&mut self, f: &'m FunctionProto) -> Result<bool, OpError> {
        let bad = |m: String| Err(OpError::new(Code::BadFunction, m));
        let key = (domain(&f.domain), f.name.as_str(), f.overload.as_str());
        if let Some(first) = self.calls.iter().position(|c| *c == key) {
            let cycle: Vec<_> = self.calls[first..].iter().chain([&key]).map(|c| format!("{:?}", c.1)).collect();
            return bad(format!("function {:?} calls itself: {}", f.name, cycle.join(" calls ")));
        }
        if self.calls.len() == MAX_DEPTH {
            return bad(format!("function {:?} is called {MAX_DEPTH} levels deep", f.name));
        }
        if self.expanded > MAX_EXPANDED {
            return Ok(false);
        }
        self.expanded += f.node.len();
        if self.expanded > MAX_EXPANDED {
            return bad(format!("the functions of the model expand to more than {MAX_EXPANDED} nodes"));
        }
        self.calls.push(key);
        Ok(true)
    }
}

/// `ai.onnx` is another spelling of the default domain.
pub fn domain(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

impl<'m> Importer<'m> {
    /// Reads the body of `f` in place of the node that calls it; one result per output of the function.
    pub(super) fn call(
        &mut self,
        f: &'m FunctionProto,
        node: &'m NodeProto,
        origin: &str,
        mut attributes: Resolved<'m>,
        operands: &[Slot],
        outer: &Scope<'m>,
    ) -> Result<Vec<Slot>, OpError> {
        let arity = |what: &str, have: usize, want: usize| {
            OpError::new(Code::Arity, format!("{have} {what} given, function {:?} has {want}", f.name))
        };
        if node.input.len() > f.input.len() {
            return Err(arity("inputs", node.input.len(), f.input.len()));
        }
        if node.output.len() > f.output.len() {
            return Err(arity("outputs", node.output.len(), f.output.len()));
        }
        for name in attributes.keys() {
            if !f.attribute.iter().any(|a| a == name) && !f.attribute_proto.iter().any(|a| a.name == **name) {
                return Err(OpError::new(Code::BadAttribute, format!("function {:?} has no attribute {name}", f.name)));
            }
        }
        for default in &f.attribute_proto {
            attributes.entry(&default.name).or_insert(default);
        }
        let mut inner = Scope::new(&f.opset_import, format!("{origin}/"), Some(attributes));
        for (i, name) in f.input.iter().enumerate() {
            inner.define(name, operands.get(i).copied().unwrap_or(Slot::Absent))?;
        }
        // A result of the function bears the name that the caller gives it.
        for (formal, name) in f.output.iter().zip(&node.output).filter(|(_, name)| !name.is_empty()) {
            inner.rename(formal, outer.value_name(name));
        }
        if !self.functions.enter(f)? {
            return Ok(Vec::new());
        }
        self.nodes(&mut inner, &f.node);
        self.functions.calls.pop();
        f.output
            .iter()
            .map(|name| {
                inner.find(name).ok_or_else(|| {
                    OpError::new(
                        Code::UndefinedValue,
                        format!("output {name:?} of function {:?} is defined nowhere", f.name),
                    )
                })
            })
            .collect()
    }
}
