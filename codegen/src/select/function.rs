//! The function of a step, made from what the step reads and writes.
//!
//! Knows no graph: types, views, and which operands are constant decide on it. Values of constants are
//! asked for only to pack them, so the same functions are made where one wants nothing but their price.

use crate::kernels::{self, Builder, Machine, Operand, Output, Task, Term, Values};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Buf, Expr, Function, Lower, Mode, Scalar, View};
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

/// An elementwise operator behind another one; `None` among its operands is what that one computes.
pub struct Link<'a> {
    pub op: OpId,
    pub attrs: &'a Attrs,
    /// Types of the operands.
    pub types: Vec<DType>,
    pub operands: Vec<Option<Source>>,
}

/// A function, the buffers that it is called with, and its schedule in a few words.
pub struct Made {
    pub function: Function,
    pub args: Vec<usize>,
    pub schedule: String,
}

/// Finds the buffer of so many floats, whose values the function makes.
pub type Pack<'a> = &'a mut dyn FnMut(&str, usize, Values<'_>) -> usize;

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
    chain: Vec<Link<'_>>,
    result: &InMemory,
    machine: Machine,
    pack: Pack<'_>,
) -> Option<Result<Made, OpError>> {
    let Work { op, attrs, operands } = *work;
    let mut p = Parameters::new(op.name());
    let mut declared: Vec<Option<Buf>> = Vec::new();
    for o in operands {
        let wanted = o.as_ref().filter(|o| o.constant.is_none());
        declared.push(wanted.map(|o| p.read(o)));
    }
    let shape = result.view.shape();
    let chain = chain.into_iter().map(|link| terms(&mut p, link, &shape)).collect();
    let buffer = p.add("y", result, Mode::Write);
    let x = operands.iter().map(|o| o.as_ref().map(Source::operand)).collect();
    let task = Task { op, attrs, x, y: Output { view: at(&result.view, buffer), chain } };
    let args = std::cell::RefCell::new(p.args);
    let mut operand = |l: &mut Lower, i: usize| {
        let source = operands[i].as_ref().expect("schedules ask for operands that are there");
        declared[i].unwrap_or_else(|| {
            args.borrow_mut().push(source.value.buffer);
            l.buffer(&source.name, source.value.view.scalar(), source.value.len, Mode::Read)
        })
    };
    let mut constant = |l: &mut Lower, name: &str, len: usize, data: Values<'_>| {
        args.borrow_mut().push(pack(name, len, data));
        l.buffer(name, Scalar::F32, len, Mode::Read)
    };
    let mut b = Builder { l: p.l, operand: &mut operand, constant: &mut constant };
    let made = kernels::schedule(&mut b, task, machine)?;
    let function = b.l.finish();
    Some(made.map(|schedule| Made { function, args: args.into_inner(), schedule: format!("; {schedule}") }))
}

fn terms(p: &mut Parameters, link: Link<'_>, shape: &[usize]) -> kernels::Link {
    let value: Expr = link.op.op().value(link.attrs, &link.types).expect("chains hold elementwise operators");
    let operand = |s: &Option<Source>| match s {
        None => Term::Chain,
        Some(s) => s.operand().scalar().map_or_else(
            || {
                let buffer = p.read(s);
                Term::View(at(&s.value.view, buffer).broadcast(shape))
            },
            Term::Constant,
        ),
    };
    kernels::Link { value, operands: link.operands.iter().map(operand).collect() }
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
    Ok(Made { function: p.l.finish(), args: p.args, schedule: String::new() })
}

/// Writes a value to memory of another layout.
pub fn copy(from: &InMemory, to: &InMemory) -> Made {
    let mut p = Parameters::new("copy");
    let (x, y) = (p.add("x", from, Mode::Read), p.add("y", to, Mode::Write));
    p.l.copy(&at(&from.view, x), &at(&to.view, y));
    Made { function: p.l.finish(), args: p.args, schedule: String::new() }
}

/// The parameter's view.
fn at(view: &View, buffer: Buf) -> View {
    View { buffer, ..view.clone() }
}
