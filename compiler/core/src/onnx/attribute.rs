//! Attributes of ONNX nodes as values that operators read and write.

use super::node::Value;
use super::proto::{AttributeProto, attribute_type as ty};
use super::tensor::{TensorReader, write_tensor};
use crate::diag::{Code, OpError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Attributes by the name that the node gives them; references to a function's attributes resolved.
pub type Resolved<'m> = HashMap<&'m str, &'m AttributeProto>;

fn bad(message: String) -> OpError {
    OpError::new(Code::BadAttribute, message)
}

/// Looks references up in `call`, the attributes of the function call that the node is in. A reference
/// to an attribute that the call does not give leaves the node's attribute absent.
pub fn resolve<'m>(attributes: &'m [AttributeProto], call: Option<&Resolved<'m>>) -> Result<Resolved<'m>, OpError> {
    let mut resolved = Resolved::new();
    for a in attributes {
        let value = match (a.ref_attr_name.as_str(), call) {
            ("", _) => Some(a),
            (name, Some(call)) => call.get(name).copied(),
            (name, None) => {
                return Err(bad(format!("attribute {} refers to {name:?} outside of a function", a.name)));
            }
        };
        if let Some(value) = value
            && resolved.insert(&a.name, value).is_some()
        {
            return Err(bad(format!("attribute {} is given twice", a.name)));
        }
    }
    Ok(resolved)
}

pub fn values(resolved: &Resolved<'_>, tensors: &mut TensorReader<'_>) -> Result<BTreeMap<String, Value>, OpError> {
    // In the order of their names, so that of several errors always the same one is told.
    let sorted: BTreeMap<_, _> = resolved.iter().collect();
    sorted.into_iter().map(|(name, a)| Ok(((*name).to_owned(), value(name, a, tensors)?))).collect()
}

fn value(name: &str, a: &AttributeProto, tensors: &mut TensorReader<'_>) -> Result<Value, OpError> {
    let text = |s: &[u8]| String::from_utf8(s.to_vec()).map_err(|_| bad(format!("attribute {name} is no UTF-8 text")));
    let in_attribute = |e: OpError| OpError { message: format!("attribute {name}: {}", e.message), ..e };
    let absent = || bad(format!("attribute {name} has no value"));
    Ok(match a.r#type {
        ty::FLOAT => Value::Float(a.f),
        ty::INT => Value::Int(a.i),
        ty::STRING => Value::Str(text(&a.s)?),
        ty::TENSOR => Value::Tensor(Arc::new(tensors.read(a.t.as_ref().ok_or_else(absent)?).map_err(in_attribute)?)),
        ty::SPARSE_TENSOR => {
            let sparse = a.sparse_tensor.as_ref().ok_or_else(absent)?;
            Value::Tensor(Arc::new(tensors.read_sparse(sparse).map_err(in_attribute)?))
        }
        ty::FLOATS => Value::Floats(a.floats.clone()),
        ty::INTS => Value::Ints(a.ints.clone()),
        ty::STRINGS => Value::Strs(a.strings.iter().map(|s| text(s)).collect::<Result<_, _>>()?),
        ty::GRAPH => return Err(bad(format!("attribute {name} is a graph, which is not supported"))),
        other => return Err(bad(format!("attribute {name} has type {other}, which is not supported"))),
    })
}

/// An attribute with this value.
pub fn write(name: &str, value: Value) -> AttributeProto {
    let mut a = AttributeProto { name: name.to_owned(), ..Default::default() };
    match value {
        Value::Int(v) => (a.r#type, a.i) = (ty::INT, v),
        Value::Ints(v) => (a.r#type, a.ints) = (ty::INTS, v),
        Value::Float(v) => (a.r#type, a.f) = (ty::FLOAT, v),
        Value::Floats(v) => (a.r#type, a.floats) = (ty::FLOATS, v),
        Value::Str(v) => (a.r#type, a.s) = (ty::STRING, v.into_bytes()),
        Value::Strs(v) => (a.r#type, a.strings) = (ty::STRINGS, v.into_iter().map(String::into_bytes).collect()),
        Value::Tensor(t) => (a.r#type, a.t) = (ty::TENSOR, Some(write_tensor("", &t))),
    }
    a
}
