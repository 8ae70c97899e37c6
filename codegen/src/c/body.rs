//! The state of printing one function body: names, ranges, and C text with its precedence.

use super::names::Locals;
use super::range::Range;
use super::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::loops::{Expr, Index, IndexVar, Local, Scalar};

/// Precedences of C operators, tightest highest.
pub mod prec {
    pub const PRIMARY: u8 = 15;
    pub const UNARY: u8 = 14;
    pub const MUL: u8 = 13;
    pub const ADD: u8 = 12;
    pub const SHIFT: u8 = 11;
    pub const RELATION: u8 = 10;
    pub const EQUAL: u8 = 9;
    pub const AND: u8 = 8;
    pub const XOR: u8 = 7;
    pub const OR: u8 = 6;
    pub const CONDITION: u8 = 3;
}

/// A printed expression.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub prec: u8,
    /// The C type is the unsigned one of 32 or 64 bits.
    pub unsigned: bool,
    /// Width of the C type where the value is an integer; 0 for literals, which fit everywhere.
    pub bits: u32,
}

impl Text {
    pub fn new(text: String, prec: u8) -> Text {
        Text { text, prec, unsigned: false, bits: 32 }
    }

    pub fn of(text: String, prec: u8, bits: u32) -> Text {
        Text { text, prec, unsigned: false, bits }
    }

    pub fn unsigned(text: String, prec: u8, bits: u32) -> Text {
        Text { text, prec, unsigned: true, bits }
    }

    /// In parentheses unless it binds as tightly as `prec`.
    pub fn at_least(&self, prec: u8) -> String {
        if self.prec >= prec { self.text.clone() } else { format!("({})", self.text) }
    }
}

#[derive(Clone, Debug)]
pub struct Variable {
    /// C text that reads it.
    pub text: String,
    /// Values it takes, when it is never set again.
    pub range: Option<Range>,
}

#[derive(Clone, Debug)]
pub struct BufferName {
    pub name: String,
    pub elem: Scalar,
}

pub struct Body<'u, 'a> {
    pub unit: &'u mut Unit<'a>,
    pub names: Locals,
    pub locals: BTreeMap<u32, Variable>,
    pub vars: BTreeMap<IndexVar, (String, (i64, i64))>,
    pub buffers: Vec<BufferName>,
    /// Names of parameters that the body mentions.
    pub used: BTreeSet<String>,
    pub index_type: Scalar,
    pub out: String,
    pub depth: usize,
}

impl<'u, 'a> Body<'u, 'a> {
    pub fn new(unit: &'u mut Unit<'a>) -> Body<'u, 'a> {
        let names = Locals::new(&unit.prefix, &unit.upper);
        Body {
            unit,
            names,
            locals: BTreeMap::new(),
            vars: BTreeMap::new(),
            buffers: Vec::new(),
            used: BTreeSet::new(),
            index_type: Scalar::I32,
            out: String::new(),
            depth: 1,
        }
    }

    /// Appends an indented line.
    pub fn line(&mut self, text: &str) {
        self.out.push_str(&"    ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Makes `local` read as a C expression of the precedence of a name.
    pub fn define(&mut self, id: u32, text: impl Into<String>, range: Option<Range>) {
        self.locals.insert(id, Variable { text: text.into(), range });
    }

    pub fn local(&mut self, l: Local) -> String {
        let text = self.locals.get(&l.id).map(|v| v.text.clone());
        let text = text.expect("locals are declared before they are used");
        self.used.insert(text.clone());
        text
    }

    pub fn local_range(&self, id: u32) -> Option<Range> {
        self.locals.get(&id)?.range
    }

    pub fn var_name(&mut self, v: IndexVar) -> String {
        let name = self.vars.get(&v).map(|(name, _)| name.clone());
        let name = name.expect("index variables are used inside of their loops");
        self.used.insert(name.clone());
        name
    }

    pub fn var_range(&self, v: IndexVar) -> (i64, i64) {
        self.vars.get(&v).map_or((i64::from(i32::MIN), i64::from(i32::MAX)), |(_, r)| *r)
    }

    pub fn buffer(&mut self, b: tinyc_core::loops::Buf) -> BufferName {
        let b = self.buffers[b.0 as usize].clone();
        self.used.insert(b.name.clone());
        b
    }

    /// Text that can be assigned to a variable of the expression's type without a warning.
    pub fn value(&mut self, e: &Expr) -> String {
        let ty = e.ty();
        let text = self.expr(e);
        if ty.lanes > 1 { text.text } else { assignable(ty.scalar, &text) }
    }
}

/// See [`Body::value`].
pub fn assignable(scalar: Scalar, text: &Text) -> String {
    if scalar.is_float() || (!text.unsigned && text.bits <= scalar.bits().max(8)) || scalar == Scalar::I1 {
        return text.text.clone();
    }
    format!("({}){}", super::unit::ty_name(scalar), text.at_least(prec::UNARY))
}

/// Locals that the expression reads, and those inside of its indices.
pub fn reads(e: &Expr, out: &mut BTreeSet<u32>) {
    if let Expr::Local(l) = e {
        out.insert(l.id);
    }
    match e {
        Expr::Index(i, _) => index_reads(i, out),
        Expr::Load(l) => {
            l.access.dims.iter().for_each(|d| index_reads(&d.index, out));
        }
        _ => {}
    }
    e.children().into_iter().for_each(|c| reads(c, out));
}

pub fn index_reads(i: &Index, out: &mut BTreeSet<u32>) {
    i.each_data(&mut |e| reads(e, out));
}

/// Whether any part of the operation is a vector.
pub fn is_vector(e: &Expr) -> bool {
    e.ty().lanes > 1 || e.children().iter().any(|c| c.ty().lanes > 1)
}
