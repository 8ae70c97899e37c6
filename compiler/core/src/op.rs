//! What an operator is: the one trait that each file under `ops/` implements.
//!
//! Everything that tinyc knows of an operator is behind [`Op`]; passes, planner and printers ask it
//! and hold no tables of their own. Operators are named by [`OpId`], generated from the list in
//! `ops/mod.rs`.

use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Expr, Function, Lower, Mode, Scalar, View};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

pub use crate::ops::OpId;

/// How often an operand occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    /// May be absent.
    Optional,
    /// Any number, at least one; only as the last operand.
    Variadic,
}

#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub name: &'static str,
    pub times: Times,
}

/// Shorthand for lists of operands.
pub const fn once(name: &'static str) -> Operand {
    Operand { name, times: Times::Once }
}

pub const fn optional(name: &'static str) -> Operand {
    Operand { name, times: Times::Optional }
}

pub const fn variadic(name: &'static str) -> Operand {
    Operand { name, times: Times::Variadic }
}

/// How an ONNX operator becomes nodes of the graph, and a node of the graph this operator again.
#[derive(Clone, Copy)]
pub struct Import {
    /// `""` is the default domain.
    pub domain: &'static str,
    pub op_type: &'static str,
    /// Opsets whose version of the operator this reads, first and last.
    pub since: i64,
    pub until: i64,
    pub read: ReadFn,
    /// How a node is written; see [`Op::write`].
    pub write: Option<WriteFn>,
}

impl Import {
    /// With its own way of writing.
    pub const fn written(self, write: WriteFn) -> Import {
        Import { write: Some(write), ..self }
    }
}

/// Reads one ONNX node: adds nodes to the graph, returns one per ONNX output.
pub type ReadFn = fn(&mut NodeReader<'_>) -> Result<Vec<crate::graph::NodeId>, OpError>;

/// Writes one node of the graph: adds ONNX nodes, returns one value per result.
pub type WriteFn = fn(&mut NodeWriter<'_>) -> Result<Vec<Written>, OpError>;

/// An operator of the default domain in all opsets from `since` on.
pub const fn onnx(op_type: &'static str, since: i64, read: ReadFn) -> Import {
    Import { domain: "", op_type, since, until: i64::MAX, read, write: None }
}

/// An operator of the default domain in the opsets `since..=until`.
pub const fn onnx_until(op_type: &'static str, since: i64, until: i64, read: ReadFn) -> Import {
    Import { domain: "", op_type, since, until, read, write: None }
}

/// Operand types as inference sees them.
pub type Types<'a> = [Option<&'a TensorType>];

/// What is written down of an operator, as opposed to computed.
#[derive(Clone, Copy)]
pub struct Facts {
    /// Name in the text form: the ONNX name in snake case.
    pub name: &'static str,
    /// What it computes: the formula with shapes, then its source.
    pub doc: &'static str,
    pub operands: &'static [Operand],
    pub attrs: &'static [AttrSpec],
    pub imports: &'static [Import],
    /// Such as `"relu f32[2,3] -> f32[2,3]"`; tests are derived from them (see `ops/examples.rs`).
    pub examples: &'static [&'static str],
}

pub trait Op: Sync {
    fn facts(&self) -> &Facts;

    fn name(&self) -> &'static str {
        self.facts().name
    }

    fn doc(&self) -> &'static str {
        self.facts().doc
    }

    fn operands(&self) -> &'static [Operand] {
        self.facts().operands
    }

    fn attrs(&self) -> &'static [AttrSpec] {
        self.facts().attrs
    }

    /// The ONNX operators that are read as this one. Where nothing else is said, a node is written as the first,
    /// with the same operands and with attributes as their [`AttrSpec`] spells them.
    fn imports(&self) -> &'static [Import] {
        self.facts().imports
    }

    /// How a node is written to ONNX, where that is not as the first operator that is read as this one.
    fn write(&self) -> Option<WriteFn> {
        self.imports().iter().find_map(|i| i.write)
    }

    fn examples(&self) -> &'static [&'static str] {
        self.facts().examples
    }

    /// Types of the results. Operand count and attribute kinds are checked before.
    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError>;

    /// The reference evaluation. Operands have types that `infer` accepted.
    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError>;

    /// A slow and obvious evaluation, where `eval` is neither; tests compare the two.
    fn eval_naive(&self, _attrs: &Attrs, _x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        None
    }

    /// The plain lowering: loops over views, no target in mind.
    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError>;

    /// Multiply-accumulates of one evaluation.
    fn macs(&self, _attrs: &Attrs, _x: &Types<'_>, _y: &[TensorType]) -> u64 {
        0
    }

    /// About how many scalar operations one evaluation takes. Computing constants is limited by it.
    fn work(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let elements = x.iter().flatten().copied().chain(y).map(|t| t.elements() as u64);
        elements.fold(self.macs(attrs, x, y), u64::saturating_add)
    }

    /// The result is the first operand's bytes under another type: no code, the same memory.
    fn is_alias(&self) -> bool {
        false
    }

    /// For operators that compute each element from the operands' elements at the same (broadcast)
    /// coordinates: the value, with local `i` for the element of operand `i`.
    fn value(&self, _attrs: &Attrs, _x: &[DType]) -> Option<Expr> {
        None
    }
}

impl OpId {
    /// Checks operand count and attributes, then infers.
    pub fn check_and_infer(self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let op = self.op();
        attrs.check(op.attrs()).map_err(|e| OpError::new(Code::BadAttribute, format!("{}: {e}", op.name())))?;
        self.check_operands(x)?;
        op.infer(attrs, x)
    }

    /// Whether the operands are those of the signature.
    pub fn check_operands(self, x: &Types<'_>) -> Result<(), OpError> {
        let op = self.op();
        let specs = op.operands();
        let error = |m: String| Err(OpError::new(Code::Arity, format!("{}: {m}", op.name())));
        for (i, s) in specs.iter().enumerate() {
            if s.times != Times::Optional && !matches!(x.get(i), Some(Some(_))) {
                return error(format!("operand {i} ({}) is missing", s.name));
            }
        }
        let variadic = specs.last().is_some_and(|s| s.times == Times::Variadic);
        if x.len() > specs.len() && !variadic {
            return error(format!("{} operands given, at most {} allowed", x.len(), specs.len()));
        }
        if variadic && let Some(i) = x.iter().skip(specs.len()).position(Option::is_none) {
            return error(format!("operand {} is missing", i + specs.len()));
        }
        Ok(())
    }

    /// The plain lowering as a function. Its buffers are the operands that are present, in order,
    /// then the results, all dense.
    pub fn plain_kernel(self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> Result<Function, OpError> {
        let op = self.op();
        let mut l = Lower::new(op.name());
        let mut views = Vec::with_capacity(x.len());
        for (i, ty) in x.iter().enumerate() {
            let name = op.operands().get(i).or(op.operands().last()).map_or("x", |o| o.name);
            let name = if i < op.operands().len() { name.to_owned() } else { format!("{name}{i}") };
            views.push(ty.map(|ty| self.dense(&mut l, name, ty, Mode::Read)).transpose()?);
        }
        let mut results = Vec::with_capacity(y.len());
        for (i, ty) in y.iter().enumerate() {
            let name = if y.len() == 1 { "y".to_owned() } else { format!("y{i}") };
            results.push(self.dense(&mut l, name, ty, Mode::Write)?);
        }
        op.lower(&mut l, attrs, &views, &results)?;
        Ok(l.finish())
    }

    fn dense(self, l: &mut Lower, name: String, ty: &TensorType, mode: Mode) -> Result<View, OpError> {
        let unsupported = || OpError::new(Code::NoKernel, format!("{}: no C type holds {}", self.name(), ty.dtype));
        let scalar = Scalar::of(ty.dtype).ok_or_else(unsupported)?;
        let buffer = l.buffer(name, scalar, ty.elements(), mode);
        View::dense(buffer, ty.dtype, &ty.shape).ok_or_else(unsupported)
    }

    pub fn name(self) -> &'static str {
        self.op().name()
    }

    pub fn from_name(name: &str) -> Option<OpId> {
        OpId::ALL.iter().copied().find(|o| o.name() == name)
    }
}
