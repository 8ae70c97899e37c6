//! One step: an operator and its chain as a function, and the buffers that it is called with.

use super::function::{self, From, InMemory, Link, Made, New, Source, Work};
use super::layout::{channels_last, dense, order, wanted};
use super::{Home, Schedules, Select, Step, Value};
use crate::kernels;
use std::sync::Arc;
use tinyc_core::diag::{Code, OpError};
use tinyc_core::graph::{Kind, NodeId};
use tinyc_core::loops::{Function, Mode};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

impl Select<'_> {
    /// Runs the operator `tail`, and what it is the end of a chain of.
    pub(super) fn step(&mut self, tail: NodeId) -> Result<Vec<InMemory>, OpError> {
        let graph = self.graph;
        let chain = self.groups.chain(tail);
        let root = chain[0];
        let Kind::Op(op, attrs) = &graph.node(root).kind else { unreachable!("steps run operators") };
        let mut operands = self.sources(*op, root, &[])?;
        self.turn_weights(root, &mut operands);
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
        let work = Work { op: *op, attrs, operands: &operands };
        let fast = match self.schedules {
            Schedules::Plain => None,
            _ if several => None,
            _ => self.scheduled(&work, &chain, &results[0]),
        };
        let Made { function, callees, args, scratch, schedule } = match fast {
            Some(made) => made?,
            None => {
                debug_assert_eq!(chain.len(), 1, "only schedules take chains");
                function::plain(&work, &results)?
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
        let memory = Memory::of(&function, &args, &scratch);
        let function = self.kernels.add(function, callees);
        let Memory { reads, writes } = memory;
        let node = Some(tail);
        let step = Step { node, op: op.name(), function, args, reads, writes, scratch, origins, comment, macs };
        self.out.steps.push(step);
        Ok(results)
    }

    /// Operands in memory; those that are `inside` of the step are not.
    fn sources(&self, op: OpId, id: NodeId, inside: &[NodeId]) -> Result<Vec<Option<Source>>, OpError> {
        let specs = op.op().operands();
        let source = |(i, o): (usize, Option<NodeId>)| {
            let Some(o) = o.filter(|o| !inside.contains(o)) else { return Ok(None) };
            let name = specs.get(i).or(specs.last()).map_or("x", |s| s.name);
            let name = if i < specs.len() { name.to_owned() } else { format!("{name}{i}") };
            let ty = self.graph.node(o).tensor().clone();
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
        let own = if kernels::reads_images(op) {
            channels_last(rank)
        } else {
            let like = operands.iter().flatten().find(|o| o.constant.is_none() && o.ty.shape.rank() == rank);
            like.map_or_else(row_major, |o| order(&o.value.view))
        };
        dense(ty, &own).and_then(|view| wanted(self.graph, tail, &view)).unwrap_or(own)
    }

    fn scheduled(&mut self, work: &Work<'_>, chain: &[NodeId], result: &InMemory) -> Option<Result<Made, OpError>> {
        let graph = self.graph;
        let link = |&id: &NodeId| {
            let Kind::Op(op, attrs) = &graph.node(id).kind else { unreachable!("chains hold operators") };
            let types = graph.operands(id).into_iter().flatten().map(|o| graph.node(o).tensor().dtype);
            let value = |o: &NodeId| chain.iter().position(|c| c == o);
            let values: Vec<Option<usize>> = graph.operands(id).iter().map(|o| value(o.as_ref()?)).collect();
            let mut operands = Vec::new();
            for (value, source) in values.into_iter().zip(self.sources(*op, id, chain)?) {
                let from = value.map(From::Value).or(source.map(From::Memory));
                operands.push(from.expect("elementwise operators have all operands"));
            }
            Ok(Link { op: *op, attrs, types: types.collect::<Vec<DType>>(), operands })
        };
        let links: Vec<Link<'_>> = match chain[1..].iter().map(link).collect() {
            Ok(links) => links,
            Err(e) => return Some(Err(e)),
        };
        let name = self.out.buffers[result.buffer].name.clone();
        let out = &mut self.out.buffers;
        let mut allocate = |what: &str, dtype: DType, len: usize, new: New<'_>| {
            let home = match new {
                New::Constant(values) => {
                    let tensor = Tensor::new([len], values()).expect("a schedule packs as much as it asks for");
                    Home::Const(Arc::new(tensor))
                }
                New::Scratch => Home::Any,
            };
            let name = format!("{name}.{what}");
            out.push(Value { name, ty: TensorType::new(dtype, [len]), order: vec![0], home });
            out.len() - 1
        };
        function::scheduled(work, &links, result, self.machine, &mut allocate)
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
        let Made { function, callees, args, scratch, .. } = function::copy(from, &to);
        let Memory { reads, writes } = Memory::of(&function, &args, &scratch);
        let function = self.kernels.add(function, callees);
        let (comment, origins) = (format!("copy {ty}"), Vec::new());
        let step = Step { node: None, op: "copy", function, args, reads, writes, scratch, origins, comment, macs: 0 };
        self.out.steps.push(step);
        Ok(to)
    }
}

/// What a step reads and writes beside its scratch.
struct Memory {
    reads: Vec<usize>,
    writes: Vec<usize>,
}

impl Memory {
    fn of(function: &Function, args: &[usize], scratch: &[usize]) -> Memory {
        let of = |mode: fn(Mode) -> bool| {
            let parameters = function.buffers.iter().zip(args);
            let values = parameters.filter(|(p, b)| mode(p.mode) && !scratch.contains(b));
            values.map(|(_, &b)| b).collect()
        };
        Memory { reads: of(|m| m != Mode::Write), writes: of(|m| m != Mode::Read) }
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
