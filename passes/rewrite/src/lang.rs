//! The language of the e-graph: operators, their attributes as a leaf, and leaves for what is given.
//!
//! A node of an operator has as children its attributes (where the operator has any), then a child for
//! each operand of the signature, [`Node::Absent`] where an optional one is missing. Patterns are written
//! in the same form: `(conv ?a ?x ?w ?b)`, `(relu ?x)`, `_` for an absent operand.

use egg::{FromOp, Id, Language};
use std::fmt;
use tinyc_core::attrs::Attrs;
use tinyc_core::op::{OpId, Times};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    Op(OpId, Box<[Id]>),
    /// Result of an operator with several.
    Get(u32, [Id; 1]),
    /// All attributes of an operator.
    Attrs(Attrs),
    /// Entry of [`crate::facts::Facts::constants`].
    Const(u32),
    /// A value from outside of the region: entry of [`crate::facts::Facts::leaves`].
    Leaf(u32),
    Absent,
}

impl Node {
    /// The operator, the child that holds its attributes, and the operands.
    pub fn operator(&self) -> Option<(OpId, Option<Id>, &[Id])> {
        match self {
            Node::Op(op, children) if has_attrs(*op) => {
                children.split_first().map(|(attrs, operands)| (*op, Some(*attrs), operands))
            }
            Node::Op(op, children) => Some((*op, None, children)),
            _ => None,
        }
    }
}

pub fn has_attrs(op: OpId) -> bool {
    !op.op().attrs().is_empty()
}

pub fn is_variadic(op: OpId) -> bool {
    op.op().operands().last().is_some_and(|o| o.times == Times::Variadic)
}

impl Language for Node {
    type Discriminant = (std::mem::Discriminant<Node>, Option<OpId>, usize);

    fn discriminant(&self) -> Self::Discriminant {
        let op = if let Node::Op(op, _) = self { Some(*op) } else { None };
        (std::mem::discriminant(self), op, self.children().len())
    }

    fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Node::Op(a, x), Node::Op(b, y)) => a == b && x.len() == y.len(),
            (Node::Get(a, _), Node::Get(b, _)) => a == b,
            (a, b) => a == b,
        }
    }

    fn children(&self) -> &[Id] {
        match self {
            Node::Op(_, children) => children,
            Node::Get(_, tuple) => tuple,
            _ => &[],
        }
    }

    fn children_mut(&mut self) -> &mut [Id] {
        match self {
            Node::Op(_, children) => children,
            Node::Get(_, tuple) => tuple,
            _ => &mut [],
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Op(op, _) => f.write_str(op.name()),
            Node::Get(i, _) => write!(f, "get{i}"),
            Node::Attrs(attrs) => write!(f, "{attrs}"),
            Node::Const(i) => write!(f, "const{i}"),
            Node::Leaf(i) => write!(f, "leaf{i}"),
            Node::Absent => f.write_str("_"),
        }
    }
}

impl FromOp for Node {
    type Error = String;

    fn from_op(op: &str, children: Vec<Id>) -> Result<Self, String> {
        if op == "_" && children.is_empty() {
            return Ok(Node::Absent);
        }
        if let (Some(Ok(i)), &[tuple]) = (op.strip_prefix("get").map(str::parse), &*children) {
            return Ok(Node::Get(i, [tuple]));
        }
        let id = OpId::from_name(op).ok_or_else(|| format!("there is no operator {op:?}"))?;
        let least = id.op().operands().len() + usize::from(has_attrs(id));
        if children.len() < least || children.len() > least && !is_variadic(id) {
            return Err(format!("{op} has {least} children, not {}", children.len()));
        }
        Ok(Node::Op(id, children.into()))
    }
}
