//! One step: an operator and its chain as a function, and the buffers that it is called with.

use super::layout::{channels_last, order, wanted};
use super::{Home, InMemory, Schedules, Select, Step, at, reads_and_writes};
use crate::kernels::{self, Builder, Link, Operand, Output, Task, Term};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::{Code, OpError};
use tinyc_core::graph::{Kind, NodeId};
use tinyc_core::loops::{Buf, Expr, Function, Lower, Mode, Scalar, View};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// A step's parameters: buffers as the function gets them.
struct Parameters {
    l: Lower,
    args: Vec<usize>,
}

impl Parameters {
    fn add(&mut self, name: &str, elem: Scalar, len: usize, mode: Mode, buffer: usize) -> Buf {
        self.args.push(buffer);
        self.l.buffer(name, elem, len, mode)
    }
}

/// A function, the buffers that it is called with, and its schedule in a few words.
struct Made {
    function: Function,
    args: Vec<usize>,
    schedule: String,
}

/// An operand of a node.
#[derive(Clone)]
struct Source {
    name: String,
    ty: TensorType,
    value: InMemory,
    constant: Option<Arc<Tensor>>,
}

impl Source {
    fn operand(&self) -> Operand {
        Operand { ty: self.ty.clone(), view: self.value.view.clone(), constant: self.constant.clone() }
    }
}

impl Select<'_> {
    /// Runs the operator `tail`, and what it is the end of a chain of.
    pub(super) fn step(&mut self, tail: NodeId) -> Result<Vec<InMemory>, OpError> {
        let graph = self.graph;
        let chain = self.groups.chain(graph, tail);
        let root = chain[0];
        let Kind::Op(op, attrs) = &graph.node(root).kind else { unreachable!("steps run operators") };
        let operands = self.sources(*op, root)?;
        let parts = graph.node(tail).ty.parts().to_vec();
        let several = parts.len() != 1;
        let name = self.names[&tail].clone();
        let mut results = Vec::new();
        for (i, ty) in parts.iter().enumerate() {
            let order = self.result_order(*op, tail, ty, &operands);
            let name = if several { format!("{name}.{i}") } else { name.clone() };
            let result = self.fresh(name, ty, Some(order), Home::Any);
            results.push(result.ok_or_else(|| no_type(*op, ty))?);
        }
        let fast = match self.schedules {
            Schedules::Fast if !several => self.scheduled(*op, attrs, &operands, &chain, &results[0]),
            _ => None,
        };
        let Made { function, args, schedule } = match fast {
            Some(made) => made?,
            None => {
                debug_assert_eq!(chain.len(), 1, "only schedules take chains");
                self.plain(*op, attrs, &operands, &results)?
            }
        };
        let types: Vec<Option<&TensorType>> = operands.iter().map(|o| o.as_ref().map(|o| &o.ty)).collect();
        let root_parts = graph.node(root).ty.parts();
        let macs = op.op().macs(attrs, &types, root_parts);
        let show = |t: &Option<&TensorType>| t.map_or("_".to_owned(), |t| t.to_string());
        let x: Vec<String> = types.iter().map(show).collect();
        let y: Vec<String> = parts.iter().map(|t| t.to_string()).collect();
        let names: Vec<&str> = chain.iter().filter_map(|&id| operator(graph.node(id))).collect();
        let comment = format!("{} {} -> {}{schedule}", names.join(" + "), x.join(", "), y.join(", "));
        let mut origins = Vec::new();
        for origin in chain.iter().flat_map(|&id| &graph.node(id).origins) {
            if !origins.contains(origin) {
                origins.push(origin.clone());
            }
        }
        let (reads, writes) = reads_and_writes(&function, &args);
        let function = self.kernels.add(function);
        let step = Step { node: Some(tail), op: op.name(), function, args, reads, writes, origins, comment, macs };
        self.out.steps.push(step);
        Ok(results)
    }

    fn sources(&self, op: OpId, id: NodeId) -> Result<Vec<Option<Source>>, OpError> {
        let specs = op.op().operands();
        let source = |(i, o): (usize, Option<NodeId>)| {
            let Some(o) = o else { return Ok(None) };
            let name = specs.get(i).or(specs.last()).map_or("x", |s| s.name);
            let name = if i < specs.len() { name.to_owned() } else { format!("{name}{i}") };
            let ty = self.graph.node(o).tensor().clone();
            if self.groups.is_inside(o) {
                return Ok(None);
            }
            let value = self.values.get(&o).and_then(|v| v.first()?.clone()).ok_or_else(|| no_type(op, &ty))?;
            let constant = match &self.graph.node(o).kind {
                Kind::Const(t) => Some(t.clone()),
                _ => None,
            };
            Ok(Some(Source { name, ty, value, constant }))
        };
        self.graph.operands(id).into_iter().enumerate().map(source).collect()
    }

    /// How a result lies in memory.
    fn result_order(&self, op: OpId, tail: NodeId, ty: &TensorType, operands: &[Option<Source>]) -> Vec<usize> {
        let rank = ty.shape.rank();
        let row_major = || (0..rank).collect();
        if self.schedules == Schedules::Plain {
            return row_major();
        }
        if let Some(order) = wanted(self.graph, tail) {
            return order;
        }
        if matches!(op, OpId::conv | OpId::max_pool | OpId::average_pool) {
            return channels_last(rank);
        }
        let like = operands.iter().flatten().find(|o| o.constant.is_none() && o.ty.shape.rank() == rank);
        like.map_or_else(row_major, |o| order(&o.value.view))
    }

    fn scheduled(
        &mut self,
        op: OpId,
        attrs: &Attrs,
        operands: &[Option<Source>],
        chain: &[NodeId],
        result: &InMemory,
    ) -> Option<Result<Made, OpError>> {
        let graph = self.graph;
        let mut p = Parameters { l: Lower::new(op.name()), args: Vec::new() };
        let mut declared: Vec<Option<Buf>> = Vec::new();
        for o in operands {
            let wanted = o.as_ref().filter(|o| o.constant.is_none());
            declared.push(wanted.map(|o| self.parameter(&mut p, o)));
        }
        let mut links = Vec::new();
        for pair in chain.windows(2) {
            let Kind::Op(op, attrs) = &graph.node(pair[1]).kind else { unreachable!("chains hold operators") };
            let sources = match self.sources(*op, pair[1]) {
                Ok(s) => s,
                Err(e) => return Some(Err(e)),
            };
            links.push(self.link(&mut p, *op, attrs, pair, sources, &result.view));
        }
        let buffer = self.result_parameter(&mut p, "y", result);
        let y = Output { view: at(&result.view, buffer), chain: links };
        let x = operands.iter().map(|o| o.as_ref().map(Source::operand));
        let task = Task { op, attrs, x: x.collect(), y };
        let lower = std::mem::replace(&mut p.l, Lower::new(""));
        let args = std::cell::RefCell::new(&mut p.args);
        let out = std::cell::RefCell::new(&mut self.out.buffers);
        let mut operand = |l: &mut Lower, i: usize| {
            let source = operands[i].as_ref().expect("schedules ask for operands that are there");
            declared[i].unwrap_or_else(|| {
                args.borrow_mut().push(source.value.buffer);
                let elem = source.value.view.scalar();
                l.buffer(&source.name, elem, out.borrow()[source.value.buffer].ty.elements(), Mode::Read)
            })
        };
        let mut constant = |l: &mut Lower, name: &str, len: usize, data: &dyn Fn() -> Vec<f32>| {
            let tensor = Tensor::of([len], data());
            let (ty, result) = (tensor.ty(), &result.buffer);
            let mut out = out.borrow_mut();
            let name_of = format!("{}.{name}", out[*result].name);
            out.push(super::Value { name: name_of, ty, order: vec![0], home: Home::Const(Arc::new(tensor)) });
            args.borrow_mut().push(out.len() - 1);
            l.buffer(name, Scalar::F32, len, Mode::Read)
        };
        let mut b = Builder { l: lower, operand: &mut operand, constant: &mut constant };
        let made = kernels::schedule(&mut b, task, self.machine)?;
        let function = b.l.finish();
        Some(made.map(|schedule| Made { function, args: p.args, schedule: format!("; {schedule}") }))
    }

    fn link(
        &self,
        p: &mut Parameters,
        op: OpId,
        attrs: &Attrs,
        pair: &[NodeId],
        sources: Vec<Option<Source>>,
        y: &View,
    ) -> Link {
        let ids = self.graph.operands(pair[1]);
        let types: Vec<DType> = ids.iter().flatten().map(|&o| self.graph.node(o).tensor().dtype).collect();
        let value: Expr = op.op().value(attrs, &types).expect("chains hold elementwise operators");
        let operand = |(id, s): (&Option<NodeId>, &Option<Source>)| match (id, s) {
            (Some(id), Some(s)) if *id != pair[0] => s.operand().scalar().map_or_else(
                || {
                    let buffer = self.parameter(p, s);
                    Term::View(at(&s.value.view, buffer).broadcast(&y.shape()))
                },
                Term::Constant,
            ),
            _ => Term::Chain,
        };
        Link { value, operands: ids.iter().zip(&sources).map(operand).collect() }
    }

    fn parameter(&self, p: &mut Parameters, s: &Source) -> Buf {
        let buffer = s.value.buffer;
        let len = self.out.buffers[buffer].ty.elements();
        p.add(&s.name, s.value.view.scalar(), len, Mode::Read, buffer)
    }

    fn result_parameter(&self, p: &mut Parameters, name: &str, result: &InMemory) -> Buf {
        let len = self.out.buffers[result.buffer].ty.elements();
        p.add(name, result.view.scalar(), len, Mode::Write, result.buffer)
    }

    /// The plain lowering over the views at hand.
    fn plain(
        &mut self,
        op: OpId,
        attrs: &Attrs,
        operands: &[Option<Source>],
        results: &[InMemory],
    ) -> Result<Made, OpError> {
        let mut p = Parameters { l: Lower::new(op.name()), args: Vec::new() };
        let view = |p: &mut Parameters, s: &Option<Source>| {
            s.as_ref().map(|s| {
                let buffer = self.parameter(p, s);
                at(&s.value.view, buffer)
            })
        };
        let x: Vec<Option<View>> = operands.iter().map(|o| view(&mut p, o)).collect();
        let mut y = Vec::new();
        for (i, r) in results.iter().enumerate() {
            let name = if results.len() == 1 { "y".to_owned() } else { format!("y{i}") };
            let buffer = self.result_parameter(&mut p, &name, r);
            y.push(at(&r.view, buffer));
        }
        op.op().lower(&mut p.l, attrs, &x, &y)?;
        Ok(Made { function: p.l.finish(), args: p.args, schedule: String::new() })
    }

    /// A dense row-major copy of a value.
    pub(super) fn copy(
        &mut self,
        name: String,
        ty: &TensorType,
        from: &InMemory,
        home: Home,
    ) -> Result<InMemory, OpError> {
        let to = self.fresh(name, ty, None, home).ok_or_else(|| no_type(OpId::reshape, ty))?;
        let mut p = Parameters { l: Lower::new("copy"), args: Vec::new() };
        let source = Source { name: "x".to_owned(), ty: ty.clone(), value: from.clone(), constant: None };
        let x = self.parameter(&mut p, &source);
        let y = self.result_parameter(&mut p, "y", &to);
        let mut views = [at(&to.view, y), at(&from.view, x)];
        View::coalesce(&mut views);
        let [y, x] = views;
        p.l.nest(&y.shape(), |l, i| l.push(y.write(i, x.read(i))));
        let function = p.l.finish();
        let (reads, writes) = reads_and_writes(&function, &p.args);
        let function = self.kernels.add(function);
        let comment = format!("copy {ty}");
        let step = Step {
            node: None,
            op: "copy",
            function,
            args: p.args,
            reads,
            writes,
            origins: Vec::new(),
            comment,
            macs: 0,
        };
        self.out.steps.push(step);
        Ok(to)
    }
}

fn operator(node: &tinyc_core::graph::Node) -> Option<&'static str> {
    match &node.kind {
        Kind::Op(op, _) => Some(op.name()),
        _ => None,
    }
}

fn no_type(op: OpId, ty: &TensorType) -> OpError {
    OpError::new(Code::NoKernel, format!("{}: no C type holds {}", op.name(), ty.dtype))
}
