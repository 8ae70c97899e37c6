//! Buffers and slots: which values share memory, who owns it, and from when until when.

use super::{Plan, PlannedBuffer, PlannedStep, Proof, Searched, Slot, SlotPlace, Work, order};
use crate::Io;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::Scalar;
use tinyc_core::op::OpId;
use tinyc_core::types::TensorType;

/// Buffers and steps of a graph; the steps in an order in which they can run.
#[derive(Clone)]
pub struct Storage<'a> {
    graph: &'a Graph,
    io: Io,
    names: &'a BTreeMap<NodeId, String>,
    /// Slots are decided on last.
    buffers: Vec<PlannedBuffer>,
    homes: Vec<Home>,
    /// Buffers of the results of each node.
    of: BTreeMap<NodeId, Vec<usize>>,
    steps: Vec<PlannedStep>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

/// Where a buffer must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Any,
    Input(usize),
    Output(usize),
    Const(NodeId),
}

impl<'a> Storage<'a> {
    /// `order` lists nodes, operands before users.
    pub fn new(graph: &'a Graph, io: Io, order: &[NodeId], names: &'a BTreeMap<NodeId, String>) -> Storage<'a> {
        let mut s = Storage {
            graph,
            io,
            names,
            buffers: Vec::new(),
            homes: Vec::new(),
            of: BTreeMap::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for &id in order {
            s.node(id);
        }
        s.inputs = graph.inputs().iter().map(|id| s.of[id][0]).collect();
        if io == Io::Caller {
            for (i, &b) in s.inputs.iter().enumerate() {
                s.homes[b] = Home::Input(i);
            }
        }
        s.outputs = s.place_outputs();
        s.extend_outputs();
        s
    }

    /// What order and size of the arena depend on; node `i` is step `i`.
    pub fn problem(&self) -> order::Problem {
        let buffer = |(b, home): (&PlannedBuffer, &Home)| order::Buffer {
            size: if *home == Home::Any { b.ty.bytes() } else { 0 },
            ..order::Buffer::default()
        };
        let mut buffers: Vec<order::Buffer> = self.buffers.iter().zip(&self.homes).map(buffer).collect();
        self.inputs.iter().for_each(|&b| buffers[b].at_start = true);
        self.outputs.iter().for_each(|&b| buffers[b].at_end = true);
        let node = |s: &PlannedStep| order::Node {
            reads: s.reads.iter().flatten().copied().collect(),
            writes: s.writes.clone(),
            scratch: 0,
            reuses: self.reusable(s).map(|x| (s.writes[0], x)).filter(|&(y, _)| self.homes[y] == Home::Any).collect(),
        };
        order::Problem { buffers, nodes: self.steps.iter().map(node).collect() }
    }

    fn buffer(&mut self, name: String, ty: &TensorType, home: Home) -> usize {
        self.buffers.push(PlannedBuffer { name, ty: ty.clone(), slot: usize::MAX });
        self.homes.push(home);
        self.buffers.len() - 1
    }

    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let operands = self.graph.operands(id);
        let operand = |i: usize| operands.get(i).copied().flatten();
        let name = self.names[&id].clone();
        let results = match &node.kind {
            Kind::Input(_) => vec![self.buffer(name, node.tensor(), Home::Any)],
            Kind::Const(_) => vec![self.buffer(name, node.tensor(), Home::Const(id))],
            Kind::Get(i) => {
                let tuple = operand(0).expect("get has an operand");
                vec![self.of[&tuple][*i]]
            }
            Kind::Op(op, _) => match operand(0).filter(|&x| is_alias(self.graph, *op, x, id)) {
                Some(x) => self.of[&x].clone(),
                None => self.step(id, *op, &operands, name),
            },
        };
        self.of.insert(id, results);
    }

    fn step(&mut self, id: NodeId, op: OpId, operands: &[Option<NodeId>], name: String) -> Vec<usize> {
        let reads = operands.iter().map(|o| o.map(|o| self.of[&o][0])).collect();
        let parts = self.graph.node(id).ty.parts();
        let several = parts.len() != 1;
        let part = |i: usize| if several { format!("{name}.{i}") } else { name.clone() };
        let writes: Vec<usize> = parts.iter().enumerate().map(|(i, ty)| self.buffer(part(i), ty, Home::Any)).collect();
        self.steps.push(PlannedStep { work: Work::Node(id), op: op.name(), reads, writes: writes.clone() });
        writes
    }

    /// Buffer of each output, with copies where the memory is not the output's own.
    fn place_outputs(&mut self) -> Vec<usize> {
        let io = self.io;
        let mut outputs = Vec::new();
        for (i, o) in self.graph.outputs().iter().enumerate() {
            let from = self.of[&o.node][0];
            let own = match io {
                Io::Caller => self.homes[from] == Home::Any,
                // Two accessors may give the same address; constants are not in the arena.
                Io::Arena => !matches!(self.homes[from], Home::Const(_)),
            };
            let home = if io == Io::Caller { Home::Output(i) } else { Home::Any };
            if own {
                self.homes[from] = home;
                outputs.push(from);
                continue;
            }
            let ty = self.buffers[from].ty.clone();
            let to = self.buffer(format!("{}.out{i}", self.buffers[from].name), &ty, home);
            self.steps.push(PlannedStep { work: Work::Copy, op: "copy", reads: vec![Some(from)], writes: vec![to] });
            outputs.push(to);
        }
        outputs
    }

    /// Lets results computed in place of an operand that nothing else reads lie in the caller's output
    /// from that operand on.
    fn extend_outputs(&mut self) {
        let mut readers = vec![0; self.buffers.len()];
        for step in &self.steps {
            let reads: BTreeSet<usize> = step.reads.iter().flatten().copied().collect();
            reads.into_iter().for_each(|b| readers[b] += 1);
        }
        for t in (0..self.steps.len()).rev() {
            let step = &self.steps[t];
            let Some(&y) = step.writes.first() else { continue };
            let only_here = |&x: &usize| readers[x] == 1 && !self.inputs.contains(&x);
            let home = self.homes[y];
            let over = self.reusable(step).find(only_here);
            if let (Home::Output(_), Some(x)) = (home, over) {
                self.homes[x] = home;
            }
        }
    }

    /// The plan, without offsets, of the steps in this order.
    pub fn finish(mut self, order: &[usize]) -> Plan {
        self.steps = order.iter().map(|&t| self.steps[t].clone()).collect();
        let end = self.steps.len();
        let mut last = vec![0; self.buffers.len()];
        for (t, step) in self.steps.iter().enumerate() {
            for &b in step.reads.iter().flatten().chain(&step.writes) {
                last[b] = t;
            }
        }
        for &b in &self.outputs {
            last[b] = end;
        }
        let mut slots = Vec::new();
        for (b, &last) in last.iter().enumerate() {
            let fixed = matches!(self.homes[b], Home::Const(_));
            if fixed || self.inputs.contains(&b) {
                self.open(b, 0, if fixed { end } else { last }, &mut slots);
            }
        }
        for t in 0..end {
            let over = self.in_place(t, &last);
            for (i, b) in self.steps[t].writes.clone().into_iter().enumerate() {
                match over.filter(|_| i == 0) {
                    Some(x) => {
                        let slot = self.buffers[x].slot;
                        self.buffers[b].slot = slot;
                        slots[slot].last = last[b];
                    }
                    None => self.open(b, t, last[b], &mut slots),
                }
            }
        }
        let arena_align = slots.iter().filter(|s| s.in_arena()).map(|s| s.align).max().unwrap_or(4);
        Plan {
            name: self.graph.name.clone(),
            io: self.io,
            steps: self.steps,
            buffers: self.buffers,
            slots,
            inputs: self.inputs,
            outputs: self.outputs,
            arena_bytes: 0,
            arena_align,
            order: Searched { proof: Proof::Optimal, work: 0 },
            offsets: Searched { proof: Proof::Optimal, work: 0 },
        }
    }

    fn open(&mut self, b: usize, first: usize, last: usize, slots: &mut Vec<Slot>) {
        let place = match self.homes[b] {
            Home::Any => SlotPlace::Arena(0),
            Home::Input(i) => SlotPlace::Input(i),
            Home::Output(i) => SlotPlace::Output(i),
            Home::Const(id) => SlotPlace::Const(id),
        };
        let ty = &self.buffers[b].ty;
        slots.push(Slot { place, bytes: ty.bytes(), align: align(ty), first, last });
        self.buffers[b].slot = slots.len() - 1;
    }

    /// The operand whose memory the result of step `t` takes: the first that may be and dies there.
    fn in_place(&self, t: usize, last: &[usize]) -> Option<usize> {
        let step = &self.steps[t];
        self.reusable(step).find(|&x| last[x] == t && self.homes[x] == self.homes[step.writes[0]])
    }

    /// Operands whose memory the result may take, once nothing else reads them: the kernel allows it,
    /// and neither the caller nor a constant owns it, except for the output that the result is.
    fn reusable<'s>(&'s self, step: &'s PlannedStep) -> impl Iterator<Item = usize> + 's {
        let in_place = |i: usize| match (step.work, step.writes.len()) {
            (Work::Node(id), 1) => match &self.graph.node(id).kind {
                Kind::Op(op, _) => op.op().in_place(i),
                _ => false,
            },
            _ => false,
        };
        step.reads.iter().flatten().copied().filter(move |&x| {
            let allowed = |(i, r): (usize, &Option<usize>)| *r != Some(x) || in_place(i);
            let y = step.writes[0];
            let (from, to) = (&self.buffers[x].ty, &self.buffers[y].ty);
            (self.homes[x] == Home::Any || self.homes[x] == self.homes[y])
                && from.elements() == to.elements()
                && from.dtype.bytes() == to.dtype.bytes()
                && step.reads.iter().enumerate().all(allowed)
        })
    }
}

/// Whether the result is the operand's memory: no code runs. A result of another loop type is not,
/// because a buffer has one element type.
pub fn is_alias(graph: &Graph, op: OpId, x: NodeId, y: NodeId) -> bool {
    let (Some(x), Some(y)) = (graph.node(x).ty.tensor(), graph.node(y).ty.tensor()) else { return false };
    let same = x.dtype == y.dtype || (Scalar::of(x.dtype).is_some() && Scalar::of(x.dtype) == Scalar::of(y.dtype));
    op.op().is_alias() && same
}

/// Alignment of a slot on every target: 8 for elements of 8 bytes, else 4, which lets kernels read
/// words.
fn align(ty: &TensorType) -> usize {
    ty.dtype.bytes().max(4)
}
