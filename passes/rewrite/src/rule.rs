//! A rule: an equality between two forms of a value, with its formula, its conditions, how exact it is,
//! and examples from which its tests are derived.
//!
//! Forms are written as patterns of [`crate::lang`]. A rule over operators with any number of operands
//! writes `?x*...` for all of them, and `(relu ?x*)...` for a form of each; it stands for one rule for each
//! number that occurs. A rule that replaces several values at once writes
//! `?p = (conv ?a ?x ?w ?b), ?q = (conv ?a ?x ?v ?c)` on both sides.
//!
//! Rules are equalities only: what a rule reads off facts decides whether the two forms are equal, never
//! which one is better.

use crate::Rounding;
use crate::facts::{Classes, Fact, fact, value};
use crate::range::Ranges;
use egg::{Id, Subst, Var};
use std::fmt;
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape, TensorType};

/// How far the two forms may differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accuracy {
    /// Bit for bit, but the payload of a NaN.
    Exact,
    /// They are equal over the real numbers and round differently: on operands of about 1 their elements
    /// differ by at most this, relative to 1 and the element's size.
    Real { tolerance: f64 },
    /// Integers that stand for real numbers, rounded in two ways: they differ by at most 1.
    Step,
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Accuracy::Exact => f.write_str("Exact."),
            Accuracy::Real { tolerance } => write!(f, "Within {tolerance:e}."),
            Accuracy::Step => f.write_str("Within one step of the integers."),
        }
    }
}

pub struct Rule {
    /// Verb and object: `fold-batch-norm-into-conv`.
    pub name: &'static str,
    /// The equality as a formula, and the conditions under which it holds.
    pub doc: &'static str,
    pub accuracy: Accuracy,
    pub from: &'static str,
    pub to: &'static str,
    /// Checks the conditions and computes what `to` names and `from` does not; `None` where the rule
    /// does not apply.
    pub bind: fn(&Match<'_>) -> Option<Bindings>,
    /// Leaves of `from`, such as `"?a {axis: 1}; ?x f32[1,2]; ?w const f32[2,3] in 0.1..2.0; ?b _"`.
    pub examples: &'static [&'static str],
    /// Leaves of `from` for which a condition fails.
    pub declines: &'static [&'static str],
}

/// For rules without conditions.
pub fn always(_: &Match<'_>) -> Option<Bindings> {
    Some(Bindings::default())
}

/// What a rule puts in place of a name.
#[derive(Clone, Debug)]
pub enum Bound {
    Attrs(Attrs),
    Tensor(Arc<Tensor>),
    Absent,
    /// The value of another name.
    Same(&'static str),
}

/// Attributes and constants that a rule has computed, by name.
#[derive(Clone, Debug, Default)]
pub struct Bindings(pub Vec<(&'static str, Bound)>);

impl Bindings {
    pub fn attrs(mut self, name: &'static str, attrs: Attrs) -> Bindings {
        self.0.push((name, Bound::Attrs(attrs)));
        self
    }

    pub fn tensor(mut self, name: &'static str, tensor: Tensor) -> Bindings {
        self.0.push((name, Bound::Tensor(Arc::new(tensor))));
        self
    }

    pub fn same(mut self, name: &'static str, other: &'static str) -> Bindings {
        self.0.push((name, Bound::Same(other)));
        self
    }

    pub fn absent(mut self, name: &'static str) -> Bindings {
        self.0.push((name, Bound::Absent));
        self
    }

    pub fn and(mut self, more: Bindings) -> Bindings {
        self.0.extend(more.0);
        self
    }
}

/// A place where `from` matches: facts by name.
pub struct Match<'a> {
    pub(crate) classes: &'a Classes,
    pub(crate) subst: &'a Subst,
    pub(crate) root: Id,
    /// How many operands `...` stands for.
    pub(crate) many: usize,
}

impl<'a> Match<'a> {
    fn id(&self, name: &str) -> Id {
        let var: Var = name.parse().expect("rules name variables");
        *self.subst.get(var).unwrap_or_else(|| unreachable!("{name} is not in the pattern"))
    }

    fn fact(&self, name: &str) -> &'a Fact {
        fact(self.classes, self.id(name))
    }

    /// The attributes that a name stands for.
    pub fn attrs(&self, name: &str) -> &'a Attrs {
        match self.fact(name) {
            Fact::Attrs(attrs) => attrs,
            other => unreachable!("{name} is {other:?}"),
        }
    }

    /// The value, if it is constant.
    pub fn constant(&self, name: &str) -> Option<&'a Tensor> {
        value(self.classes, self.id(name))?.constant.as_deref()
    }

    /// Elements of a constant.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        self.constant(name).map(Tensor::to_f64s)
    }

    /// The element of a constant that has only one value, whatever its shape.
    pub fn number(&self, name: &str) -> Option<f64> {
        let t = self.constant(name)?;
        let all = t.to_f64s();
        let first = *all.first()?;
        all.iter().all(|v| v.to_bits() == first.to_bits()).then_some(first)
    }

    /// How integers are to be rounded.
    pub fn rounding(&self) -> Rounding {
        self.classes.analysis.rounding
    }

    pub fn is_absent(&self, name: &str) -> bool {
        matches!(self.fact(name), Fact::Absent)
    }

    /// Type of an operand that is there.
    pub fn ty(&self, name: &str) -> Option<&'a TensorType> {
        value(self.classes, self.id(name))?.ty.tensor()
    }

    /// Type of the value that is rewritten.
    pub fn result(&self) -> Option<&'a TensorType> {
        value(self.classes, self.root)?.ty.tensor()
    }

    pub fn shape(&self, name: &str) -> Option<&'a Shape> {
        Some(&self.ty(name)?.shape)
    }

    pub fn dtype(&self, name: &str) -> Option<DType> {
        Some(self.ty(name)?.dtype)
    }

    /// What elements the value has; nothing of a tuple's part.
    pub fn ranges(&self, name: &str) -> Option<&'a Ranges> {
        value(self.classes, self.id(name))?.ranges.as_deref()
    }

    /// The names that `?x*...` stands for.
    pub fn each(&self, name: &str) -> Vec<String> {
        (0..self.many).map(|i| format!("{name}{i}")).collect()
    }
}

/// The pattern for `n` operands where it says `...`.
pub fn expand(pattern: &str, n: usize) -> String {
    let Some(end) = pattern.find("...") else { return pattern.to_owned() };
    let head = &pattern[..end];
    let start = if head.ends_with(')') {
        let mut depth = 0usize;
        let opening = head.char_indices().rev().find(|(_, c)| {
            depth = match c {
                ')' => depth + 1,
                '(' => depth - 1,
                _ => depth,
            };
            depth == 0
        });
        opening.map_or(0, |(i, _)| i)
    } else {
        head.rfind('?').expect("... follows a name or a form")
    };
    let copies: Vec<String> = (0..n).map(|i| head[start..].replace('*', &i.to_string())).collect();
    format!("{}{}{}", &head[..start], copies.join(" "), expand(&pattern[end + 3..], n))
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn dots_stand_for_several_operands() {
        assert_eq!(expand("(relu (concat ?a ?x*...))", 2), "(relu (concat ?a ?x0 ?x1))");
        assert_eq!(expand("(concat ?a (relu ?x*)...)", 3), "(concat ?a (relu ?x0) (relu ?x1) (relu ?x2))");
        assert_eq!(expand("(concat ?a (mul ?x* ?c*)...)", 2), "(concat ?a (mul ?x0 ?c0) (mul ?x1 ?c1))");
        assert_eq!(expand("(relu ?x)", 2), "(relu ?x)");
    }
}
