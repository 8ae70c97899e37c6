//! The function of a step, made from what the step reads and writes.
//!
//! Knows no graph: types, views, and which operands are constant decide on it. Values of constants are
//! asked for only to pack them, so the same functions are made where one wants nothing but their price.

use crate::kernels::{self, Builder, Follower, Input, Machine, Operand, Parameter, Task, Values};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Buf, Function, Lower, Mode, Scalar, View};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// A value in memory.
#[derive(Clone, Debug)]
pub struct InMemory {
    pub buffer: usize,
    /// Elements of the buffer.
    pub len: usize,
    /// Its `buffer` says nothing; a function puts its own parameter there.
    pub view: View,
}

/// An operand.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub ty: TensorType,
    pub value: InMemory,
    pub constant: Option<Arc<Tensor>>,
}

impl Source {
    fn operand(&self) -> Operand {
        Operand { ty: self.ty.clone(), view: self.value.view.clone(), constant: self.constant.clone() }
    }
}

/// An operator and what it reads.
pub struct Work<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    pub operands: &'a [Option<Source>],
}

/// An elementwise operator behind another one.
pub struct Link<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    /// Types of the operands.
    pub types: Vec<DType>,
    pub operands: Vec<From>,
}

/// Where an operand of a link comes from.
pub enum From {
    /// The root of the chain at 0, then one link after another.
    Value(usize),
    Memory(Source),
}

/// A function, the buffers that it is called with, and its schedule in a few words.
pub struct Made {
    pub function: Function,
    /// Functions that it calls, by their numbers in its calls.
    pub callees: Vec<Function>,
    pub args: Vec<usize>,
    /// Those of its arguments that only it uses.
    pub scratch: Vec<usize>,
    pub schedule: String,
}

impl Made {
    fn plain(p: Parameters) -> Made {
        let (callees, scratch) = (Vec::new(), Vec::new());
        Made { function: p.l.finish(), callees, args: p.args, scratch, schedule: String::new() }
    }
}

/// A buffer that a schedule asks for.
pub enum New<'a> {
    Constant(Values<'a>),
    Scratch,
}

/// Finds the buffer of so many elements.
pub type Allocate<'a> = &'a mut dyn FnMut(&str, DType, usize, New<'_>) -> usize;

/// A step's parameters: buffers as the function gets them.
struct Parameters {
    l: Lower,
    args: Vec<usize>,
}

impl Parameters {
    fn new(name: &str) -> Parameters {
        Parameters { l: Lower::new(name), args: Vec::new() }
    }

    fn add(&mut self, name: &str, value: &InMemory, mode: Mode) -> Buf {
        self.args.push(value.buffer);
        self.l.buffer(name, value.view.scalar(), value.len, mode)
    }

    fn read(&mut self, s: &Source) -> Buf {
        self.add(&s.name, &s.value, Mode::Read)
    }
}

/// The operator by its schedule, with the chain on the way out; `None` where no family takes it.
pub fn scheduled(
    work: &Work<'_>,
    chain: &[Link<'_>],
    result: &InMemory,
    machine: Machine,
    allocate: Allocate<'_>,
) -> Option<Result<Made, OpError>> {
    let Work { op, attrs, operands } = *work;
    let mut p = Parameters::new(op.name());
    let mut declared: Vec<Option<Buf>> = Vec::new();
    for o in operands {
        let wanted = o.as_ref().filter(|o| o.constant.is_none());
        declared.push(wanted.map(|o| p.read(o)));
    }
    let x = operands.iter().map(|o| o.as_ref().map(Source::operand)).collect();
    let task = Task { op, attrs, x, chain: chain.iter().map(follower).collect(), y: result.view.clone() };
    let (mut args, mut scratch) = (p.args, Vec::new());
    let mut parameter = |l: &mut Lower, asked: Parameter<'_>| {
        let read = |l: &mut Lower, s: &Source| l.buffer(&s.name, s.value.view.scalar(), s.value.len, Mode::Read);
        let new = |l: &mut Lower, name: &str, dtype: DType, len: usize, mode: Mode| {
            l.buffer(name, Scalar::of(dtype).expect("schedules ask for what C has"), len, mode)
        };
        let (argument, buffer) = match asked {
            Parameter::Operand(i) => {
                if let Some(buffer) = declared[i] {
                    return buffer;
                }
                let source = operands[i].as_ref().expect("schedules ask for operands that are there");
                (source.value.buffer, read(l, source))
            }
            Parameter::Link(k, i) => {
                let From::Memory(source) = &chain[k].operands[i] else { unreachable!("it is no operand in memory") };
                (source.value.buffer, read(l, source))
            }
            Parameter::Result => (result.buffer, l.buffer("y", result.view.scalar(), result.len, Mode::Write)),
            Parameter::Constant(name, dtype, len, values) => {
                (allocate(name, dtype, len, New::Constant(values)), new(l, name, dtype, len, Mode::Read))
            }
            Parameter::Scratch(name, dtype, len) => {
                let argument = allocate(name, dtype, len, New::Scratch);
                scratch.push(argument);
                (argument, new(l, name, dtype, len, Mode::ReadWrite))
            }
        };
        args.push(argument);
        buffer
    };
    let mut b = Builder { l: p.l, callees: Vec::new(), parameter: &mut parameter };
    let made = kernels::schedule(&mut b, task, machine)?;
    let (function, callees) = (b.l.finish(), b.callees);
    Some(made.map(|schedule| Made { function, callees, args, scratch, schedule: format!("; {schedule}") }))
}

fn follower<'a>(link: &Link<'a>) -> Follower<'a> {
    let operand = |from: &From| match from {
        From::Value(i) => Input::Value(*i),
        From::Memory(s) => Input::Operand(s.operand()),
    };
    let value = link.op.op().value(link.attrs, &link.types).expect("chains hold elementwise operators");
    Follower { op: link.op, attrs: link.attrs, value, operands: link.operands.iter().map(operand).collect() }
}

/// The plain lowering over the views at hand.
pub fn plain(work: &Work<'_>, results: &[InMemory]) -> Result<Made, OpError> {
    let mut p = Parameters::new(work.op.name());
    let view = |s: &Option<Source>| {
        s.as_ref().map(|s| {
            let buffer = p.read(s);
            at(&s.value.view, buffer)
        })
    };
    let x: Vec<Option<View>> = work.operands.iter().map(view).collect();
    let mut y = Vec::new();
    for (i, r) in results.iter().enumerate() {
        let name = if results.len() == 1 { "y".to_owned() } else { format!("y{i}") };
        let buffer = p.add(&name, r, Mode::Write);
        y.push(at(&r.view, buffer));
    }
    work.op.op().lower(&mut p.l, work.attrs, &x, &y)?;
    Ok(Made::plain(p))
}

/// Writes a value to memory of another layout.
pub fn copy(from: &InMemory, to: &InMemory) -> Made {
    let mut p = Parameters::new("copy");
    let (x, y) = (p.add("x", from, Mode::Read), p.add("y", to, Mode::Write));
    p.l.copy(&at(&from.view, x), &at(&to.view, y));
    Made::plain(p)
}

/// The parameter's view.
fn at(view: &View, buffer: Buf) -> View {
    View { buffer, ..view.clone() }
}
