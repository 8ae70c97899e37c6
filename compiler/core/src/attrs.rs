//! Attributes of operators: typed, ordered and hashable, checked against the operator's list.

use crate::types::{DType, Shape};
use std::collections::BTreeMap;
use std::fmt;

/// A float that compares, orders and hashes by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct F32(u32);

impl From<f32> for F32 {
    fn from(v: f32) -> F32 {
        F32(v.to_bits())
    }
}

impl From<F32> for f32 {
    fn from(v: F32) -> f32 {
        f32::from_bits(v.0)
    }
}

impl fmt::Debug for F32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&f32::from(*self), f)
    }
}

/// The fewest digits that read back as the same bits; NaNs as their bits.
impl fmt::Display for F32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f32::from(*self) {
            v if v.is_nan() => write!(f, "{:#x}", self.0),
            v => write!(f, "{v:?}"),
        }
    }
}

/// Value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attr {
    Bool(bool),
    Int(i64),
    Ints(Vec<i64>),
    Float(F32),
    Floats(Vec<F32>),
    /// One of the words that the attribute's kind lists.
    Word(&'static str),
    DType(DType),
}

/// What values an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttrKind {
    Bool,
    Int,
    Ints,
    Float,
    Floats,
    Word(&'static [&'static str]),
    DType,
}

/// How ONNX writes an attribute of an operator that it has too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As an attribute of this name.
    Name(&'static str),
    /// A bool as one of two words, the first for false.
    Words(&'static str, [&'static str; 2]),
    /// Integers as a constant operand at this position.
    Operand(usize),
}

/// An attribute that every node of an operator has.
#[derive(Clone, Copy, Debug)]
pub struct AttrSpec {
    pub name: &'static str,
    pub kind: AttrKind,
    pub doc: &'static str,
    pub onnx: Spelling,
}

/// Shorthand for lists of attributes.
impl AttrSpec {
    /// ONNX calls it the same.
    const fn new(name: &'static str, kind: AttrKind, doc: &'static str) -> AttrSpec {
        AttrSpec { name, kind, doc, onnx: Spelling::Name(name) }
    }

    /// The same attribute, whose name in ONNX differs.
    pub const fn named(self, name: &'static str) -> AttrSpec {
        AttrSpec { onnx: Spelling::Name(name), ..self }
    }

    /// The same attribute, a bool, which in ONNX is a word.
    pub const fn worded(self, name: &'static str, words: [&'static str; 2]) -> AttrSpec {
        AttrSpec { onnx: Spelling::Words(name, words), ..self }
    }

    /// The same attribute, which in ONNX is an operand.
    pub const fn operand(self, position: usize) -> AttrSpec {
        AttrSpec { onnx: Spelling::Operand(position), ..self }
    }

    pub const fn bool(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Bool, doc)
    }

    pub const fn int(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Int, doc)
    }

    pub const fn ints(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Ints, doc)
    }

    pub const fn float(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Float, doc)
    }

    pub const fn floats(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Floats, doc)
    }

    pub const fn word(name: &'static str, words: &'static [&'static str], doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::Word(words), doc)
    }

    pub const fn dtype(name: &'static str, doc: &'static str) -> AttrSpec {
        AttrSpec::new(name, AttrKind::DType, doc)
    }
}

/// The attributes of a node, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attrs(BTreeMap<&'static str, Attr>);

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $v:ident => $e:expr, $t:ty) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// When the operator has no such attribute: the schema is checked when a node is made.
        pub fn $name(&self, name: &str) -> $t {
            match self.0.get(name) {
                Some(Attr::$variant($v)) => $e,
                other => unreachable!("attribute {name} is {other:?}"),
            }
        }
    };
}

impl Attrs {
    pub fn new() -> Attrs {
        Attrs::default()
    }

    pub fn with(mut self, name: &'static str, value: Attr) -> Attrs {
        self.0.insert(name, value);
        self
    }

    pub fn with_ints(self, name: &'static str, v: impl IntoIterator<Item = i64>) -> Attrs {
        self.with(name, Attr::Ints(v.into_iter().collect()))
    }

    pub fn with_int(self, name: &'static str, v: i64) -> Attrs {
        self.with(name, Attr::Int(v))
    }

    pub fn with_float(self, name: &'static str, v: f32) -> Attrs {
        self.with(name, Attr::Float(v.into()))
    }

    pub fn with_floats(self, name: &'static str, v: impl IntoIterator<Item = f32>) -> Attrs {
        self.with(name, Attr::Floats(v.into_iter().map(F32::from).collect()))
    }

    pub fn with_bool(self, name: &'static str, v: bool) -> Attrs {
        self.with(name, Attr::Bool(v))
    }

    pub fn with_word(self, name: &'static str, v: &'static str) -> Attrs {
        self.with(name, Attr::Word(v))
    }

    pub fn with_dtype(self, name: &'static str, v: DType) -> Attrs {
        self.with(name, Attr::DType(v))
    }

    pub fn with_shape(self, name: &'static str, v: &Shape) -> Attrs {
        self.with_ints(name, v.iter().map(|&d| d as i64))
    }

    /// These and those of `other`.
    pub fn and(mut self, other: Attrs) -> Attrs {
        self.0.extend(other.0);
        self
    }

    pub fn get(&self, name: &str) -> Option<&Attr> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attr)> {
        self.0.iter().map(|(k, v)| (*k, v))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    getter!(bool, Bool, v => *v, bool);
    getter!(int, Int, v => *v, i64);
    getter!(ints, Ints, v => v, &[i64]);
    getter!(float, Float, v => f32::from(*v), f32);
    getter!(word, Word, v => v, &'static str);
    getter!(dtype, DType, v => *v, DType);

    /// A `Floats` attribute.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        match self.0.get(name) {
            Some(Attr::Floats(v)) => v.iter().map(|&v| v.into()).collect(),
            other => unreachable!("attribute {name} is {other:?}"),
        }
    }

    /// An `Ints` attribute whose values the operator has checked to be extents.
    pub fn extents(&self, name: &str) -> Vec<usize> {
        self.ints(name).iter().map(|&v| usize::try_from(v).unwrap_or(0)).collect()
    }

    /// Whether the attributes are exactly those of `specs`; if not, which one is wrong.
    pub fn check(&self, specs: &[AttrSpec]) -> Result<(), String> {
        for s in specs {
            let fits = match (self.0.get(s.name), s.kind) {
                (None, _) => return Err(format!("attribute {} is missing", s.name)),
                (Some(Attr::Word(w)), AttrKind::Word(words)) => words.contains(w),
                (Some(v), kind) => matches!(
                    (v, kind),
                    (Attr::Bool(_), AttrKind::Bool)
                        | (Attr::Int(_), AttrKind::Int)
                        | (Attr::Ints(_), AttrKind::Ints)
                        | (Attr::Float(_), AttrKind::Float)
                        | (Attr::Floats(_), AttrKind::Floats)
                        | (Attr::DType(_), AttrKind::DType)
                ),
            };
            if !fits {
                return Err(format!("attribute {} has a value of the wrong kind", s.name));
            }
        }
        match self.0.keys().find(|k| !specs.iter().any(|s| s.name == **k)) {
            Some(k) => Err(format!("attribute {k} is unknown")),
            None => Ok(()),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, v: &[T]) -> fmt::Result {
    f.write_str("[")?;
    for (i, x) in v.iter().enumerate() {
        write!(f, "{}{x}", if i > 0 { "," } else { "" })?;
    }
    f.write_str("]")
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attr::Bool(v) => write!(f, "{v}"),
            Attr::Int(v) => write!(f, "{v}"),
            Attr::Ints(v) => list(f, v),
            Attr::Floats(v) => list(f, v),
            Attr::Float(v) => write!(f, "{v}"),
            Attr::Word(v) => f.write_str(v),
            Attr::DType(v) => write!(f, "{v}"),
        }
    }
}

/// `{pads: [1,1], strides: [2,2]}`, nothing when empty.
impl fmt::Display for Attrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (k, v)) in self.0.iter().enumerate() {
            write!(f, "{}{k}: {v}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str("}")
    }
}
