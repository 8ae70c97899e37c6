//! Programs: buffers in memory, functions, and the steps that call them. Plain data.

use super::ir::{FnId, Function};
use super::ty::Scalar;
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};
use std::sync::Arc;

/// A buffer of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Where a buffer lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Given by the caller: input or output `i`.
    Input(usize),
    Output(usize),
    /// Byte offset in the arena.
    Arena(usize),
    Const(Arc<Tensor>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub name: String,
    pub dtype: DType,
    pub elem: Scalar,
    /// Number of elements.
    pub len: usize,
    pub place: Place,
}

impl Buffer {
    pub fn bytes(&self) -> usize {
        self.len * self.elem.bytes()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    Buffer(BufferId),
    Index(i64),
}

/// A call of a function: one bounded piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub function: FnId,
    pub args: Vec<Arg>,
    /// ONNX names, for comments and reports.
    pub origins: Vec<Arc<str>>,
    /// Shapes and schedule, one line.
    pub comment: String,
    pub macs: u64,
}

/// An input or output of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// ONNX name.
    pub name: String,
    pub ty: TensorType,
    pub buffer: BufferId,
}

/// All that a printer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    pub functions: Vec<Function>,
    pub buffers: Vec<Buffer>,
    pub steps: Vec<Step>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub arena_bytes: usize,
    pub arena_align: usize,
}
