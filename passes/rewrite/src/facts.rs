//! What is known of each class of equal values: its type, its value where that is constant, the ranges of
//! its channels, and of attributes the attributes.
//!
//! Constants are folded through the reference evaluation as they appear, within limits that count work.
//! Equal constants are one entry, so a rule that makes the same constant twice adds nothing.

use egg::{Analysis, DidMerge, EGraph, Id};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::result_type;
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{TensorType, Type};

use crate::Rounding;
use crate::apply::Place;
use crate::fold;
use crate::lang::Node;
use crate::range::{Nans, Operand, Ranges, transfer};

pub type Classes = EGraph<Node, Facts>;

#[derive(Clone, Debug)]
pub enum Fact {
    Attrs(Attrs),
    Absent,
    Value(Value),
}

#[derive(Clone, Debug)]
pub struct Value {
    pub ty: Type,
    pub constant: Option<Arc<Tensor>>,
    /// Of a tensor; of a tuple nothing is known.
    pub ranges: Option<Arc<Ranges>>,
    /// How often the ranges became smaller as forms met.
    narrowed: u8,
}

/// Ranges become smaller at most so often: a bound that creeps would keep saturation from its end.
const NARROWINGS: u8 = 4;

impl Value {
    /// What is known of a constant.
    pub fn of_constant(t: Arc<Tensor>) -> Value {
        let ranges = Arc::new(Ranges::of_constant(&t));
        Value { ty: Type::Tensor(t.ty()), constant: Some(t), ranges: Some(ranges), narrowed: 0 }
    }

    /// Nothing but a type is known.
    pub fn of_type(ty: Type) -> Value {
        Value { ty, constant: None, ranges: None, narrowed: 0 }
    }
}

/// Scalar operations that the folding of constants may take in one e-graph.
const FOLD_WORK: u64 = 1 << 24;

/// What the analysis keeps beside the classes.
#[derive(Debug, Default)]
pub struct Facts {
    pub constants: Vec<Arc<Tensor>>,
    by_content: HashMap<u64, Vec<u32>>,
    /// Of the entries, which stay where they are.
    by_address: HashMap<*const Tensor, u32>,
    /// What ranges rely on.
    nans: Nans,
    /// What rules in integers do.
    pub rounding: Rounding,
    /// Types and ranges of what comes from outside.
    pub leaves: Vec<(TensorType, Arc<Ranges>)>,
    work: u64,
    /// Every application of a rule that added something.
    pub applied: Vec<Applied>,
    /// From an operator's node to the application that made it.
    pub made_by: HashMap<Node, usize>,
    pub rejected: Vec<Rejected>,
    /// Places where a rule has been applied: computing its constants again would add nothing.
    pub seen: HashSet<Place>,
}

/// One application of a rule: the nodes that it matched and those that it put in their place.
#[derive(Clone, Debug)]
pub struct Applied {
    pub rule: &'static str,
    pub before: Vec<Node>,
    pub after: Vec<Node>,
    /// The class whose value both compute.
    pub root: Id,
}

/// What a rule wanted to build and must not.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    pub rule: &'static str,
    pub root: Id,
    pub reason: String,
}

impl Facts {
    pub fn under(nans: Nans) -> Facts {
        Facts { nans, ..Facts::default() }
    }

    /// The entry of a tensor, equal contents once.
    pub fn constant(&mut self, tensor: &Arc<Tensor>) -> u32 {
        if let Some(&i) = self.by_address.get(&Arc::as_ptr(tensor)) {
            return i;
        }
        let bytes = tensor.data().to_le_bytes();
        let mut hasher = DefaultHasher::new();
        (tensor.dtype(), tensor.shape(), &bytes).hash(&mut hasher);
        let same = |i: &u32| {
            let other = &self.constants[*i as usize];
            other.ty() == tensor.ty() && other.data().to_le_bytes() == bytes
        };
        let entries = self.by_content.entry(hasher.finish()).or_default();
        if let Some(&i) = entries.iter().find(|i| same(i)) {
            return i;
        }
        let next = self.constants.len() as u32;
        entries.push(next);
        self.constants.push(tensor.clone());
        self.by_address.insert(Arc::as_ptr(tensor), next);
        next
    }
}

/// What is known of a class.
pub fn fact(classes: &Classes, id: Id) -> &Fact {
    &classes[id].data
}

pub fn value(classes: &Classes, id: Id) -> Option<&Value> {
    match fact(classes, id) {
        Fact::Value(v) => Some(v),
        _ => None,
    }
}

/// An operator's children apart: its attributes, none where it has none, and its operands.
fn attrs_and_operands(children: &[Fact]) -> (Attrs, &[Fact]) {
    match children {
        [Fact::Attrs(attrs), operands @ ..] => (attrs.clone(), operands),
        operands => (Attrs::new(), operands),
    }
}

/// The type of an operator over these children, or why there is none.
pub fn infer(op: OpId, children: &[Fact]) -> Result<Type, String> {
    let (attrs, operands) = attrs_and_operands(children);
    let attrs = &attrs;
    let mut types = Vec::with_capacity(operands.len());
    for o in operands {
        types.push(match o {
            Fact::Absent => None,
            Fact::Value(Value { ty: Type::Tensor(ty), .. }) => Some(ty),
            _ => return Err(format!("{}: an operand is no tensor", op.name())),
        });
    }
    result_type(op, attrs, &types).map_err(|e| e.message)
}

impl Facts {
    /// The value of an operator on constants, if it is to be stored.
    fn folded(&mut self, op: OpId, children: &[Fact], ty: &Type) -> Option<Arc<Tensor>> {
        let (attrs, operands) = attrs_and_operands(children);
        let attrs = &attrs;
        let mut tensors = Vec::with_capacity(operands.len());
        for o in operands {
            tensors.push(match o {
                Fact::Absent => None,
                Fact::Value(v) => Some(&**v.constant.as_ref()?),
                Fact::Attrs(_) => return None,
            });
        }
        let ty = ty.tensor()?;
        let mut left = FOLD_WORK.saturating_sub(self.work);
        let results = fold::evaluate(op, attrs, &tensors, std::slice::from_ref(ty), &mut left)?;
        self.work = FOLD_WORK.saturating_sub(left);
        let result = results.into_iter().next()?;
        // What overflows is left to the device, as the network has it.
        let overflows = !fold::is_finite(&result) && tensors.iter().flatten().all(|t| fold::is_finite(t));
        let entry = self.constant(&result);
        (!overflows).then(|| self.constants[entry as usize].clone())
    }
}

/// The ranges of an operator's result.
fn ranges(op: OpId, children: &[Fact], ty: &Type, nans: Nans) -> Option<Arc<Ranges>> {
    let (attrs, operands) = attrs_and_operands(children);
    let attrs = &attrs;
    let mut known = Vec::with_capacity(operands.len());
    for o in operands {
        known.push(match o {
            Fact::Value(v) => {
                Some(Operand { ty: v.ty.tensor()?, ranges: v.ranges.as_ref()?, constant: v.constant.as_deref() })
            }
            Fact::Absent | Fact::Attrs(_) => None,
        });
    }
    transfer(op, attrs, &known, std::slice::from_ref(ty.tensor()?), nans).pop().map(Arc::new)
}

impl Analysis<Node> for Facts {
    type Data = Fact;

    fn make(classes: &mut Classes, node: &Node, _: Id) -> Fact {
        Fact::Value(match node {
            Node::Attrs(attrs) => return Fact::Attrs(attrs.clone()),
            Node::Absent => return Fact::Absent,
            Node::Const(i) => Value::of_constant(classes.analysis.constants[*i as usize].clone()),
            Node::Leaf(i) => {
                let (ty, ranges) = classes.analysis.leaves[*i as usize].clone();
                Value { ranges: Some(ranges), ..Value::of_type(Type::Tensor(ty)) }
            }
            Node::Get(i, [tuple]) => {
                let part = value(classes, *tuple).and_then(|v| v.ty.parts().get(*i as usize).cloned());
                Value::of_type(Type::Tensor(part.expect("types are checked before a node is added")))
            }
            Node::Op(op, children) => {
                let children: Vec<Fact> = children.iter().map(|c| fact(classes, *c).clone()).collect();
                let ty = infer(*op, &children);
                let ty = ty.expect("types are checked before a node is added");
                match classes.analysis.folded(*op, &children, &ty) {
                    Some(constant) => Value::of_constant(constant),
                    None => {
                        let ranges = ranges(*op, &children, &ty, classes.analysis.nans);
                        Value { ranges, ..Value::of_type(ty) }
                    }
                }
            }
        })
    }

    fn merge(&mut self, a: &mut Fact, b: Fact) -> DidMerge {
        let (Fact::Value(a), Fact::Value(b)) = (a, b) else { return DidMerge(false, false) };
        debug_assert_eq!(a.ty, b.ty, "classes of different types are one");
        let mut did = DidMerge(false, false);
        match (&a.constant, b.constant) {
            (None, Some(constant)) => {
                a.constant = Some(constant);
                did.0 = true;
            }
            (Some(_), None) => did.1 = true,
            // Two roundings of one constant: the first stays.
            (Some(_), Some(_)) | (None, None) => {}
        }
        if let (Some(x), Some(y)) = (&a.ranges, &b.ranges)
            && x != y
            && a.narrowed < NARROWINGS
        {
            let both = Arc::new(x.intersect(y));
            did.1 |= both != *y;
            if both != *x {
                a.narrowed += 1;
                a.ranges = Some(both);
                did.0 = true;
            }
        }
        did
    }

    fn modify(classes: &mut Classes, id: Id) {
        let Some(constant) = value(classes, id).and_then(|v| v.constant.clone()) else { return };
        let leaf = Node::Const(classes.analysis.constant(&constant));
        let leaf = classes.add(leaf);
        classes.union(id, leaf);
    }
}
