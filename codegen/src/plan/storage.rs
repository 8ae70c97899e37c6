//! Buffers and slots: which values share memory, who owns it, and from when until when.
//!
//! A result may lie over an operand that nothing reads later. How far below the operand it has to begin
//! is read off the step's function (`loops::overlap`): not at all where each element is read before it
//! is written, some rows where windows reach back. Where all of a channel is read before it is written, the result
//! may not lie lower, but in the operand's own place.

use super::offsets;
use super::{Overlap, Plan, PlannedBuffer, PlannedStep, Proof, Searched, Slot, SlotPlace, order};
use crate::Io;
use crate::select::{Home, Selection};
use std::collections::{BTreeSet, HashMap};
use tinyc_core::loops::{Buf, BufferParam, FnId, Mode, inlined, overlap};
use tinyc_core::types::TensorType;

/// Buffers and steps of a selection; the steps in an order in which they can run.
#[derive(Clone)]
pub struct Storage<'a> {
    selection: &'a Selection,
    io: Io,
    homes: Vec<Home>,
    steps: Vec<PlannedStep>,
    /// For each step, the operands that its result may lie over, by bytes saved, most first.
    over: Vec<Vec<Over>>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

/// The result of a step may begin `distance` bytes below the operand `read`, or lower; `in_place`: or with it.
#[derive(Clone, Copy, Debug)]
struct Over {
    read: usize,
    distance: usize,
    in_place: bool,
    saved: usize,
}

/// Of functions and operands: the distance, and whether the result may begin with the operand.
type Distances = HashMap<(FnId, Vec<Buf>), (Option<usize>, bool)>;

impl<'a> Storage<'a> {
    pub fn new(selection: &'a Selection, io: Io) -> Storage<'a> {
        let steps = selection.steps.iter().enumerate().map(|(i, s)| PlannedStep {
            step: i,
            node: s.node,
            op: s.op,
            reads: s.reads.clone(),
            writes: s.writes.clone(),
            scratch: s.scratch.clone(),
        });
        let ports = |ports: &[crate::select::Port]| ports.iter().map(|p| p.buffer).collect();
        let mut s = Storage {
            selection,
            io,
            homes: selection.buffers.iter().map(|b| b.home.clone()).collect(),
            steps: steps.collect(),
            over: Vec::new(),
            inputs: ports(&selection.inputs),
            outputs: ports(&selection.outputs),
        };
        let mut distances = Distances::new();
        s.over = (0..s.steps.len()).map(|t| s.overlaps(t, &mut distances)).collect();
        s.extend_outputs();
        s
    }

    fn bytes(&self, b: usize) -> usize {
        self.selection.buffers[b].ty.bytes()
    }

    /// What the result of a step may lie over, if nothing else reads it later.
    fn overlaps(&self, t: usize, distances: &mut Distances) -> Vec<Over> {
        let step = &self.selection.steps[self.steps[t].step];
        let &[y] = step.writes.as_slice() else { return Vec::new() };
        let functions = &self.selection.functions;
        let function = &functions[step.function.0 as usize];
        let is_result = |(p, b): (&BufferParam, &usize)| p.mode != Mode::Read && *b == y;
        let result = function.buffers.iter().zip(&step.args).position(is_result);
        let result = Buf(result.expect("a step has a result") as u32);
        let mut over = Vec::new();
        for x in step.reads.iter().copied().collect::<BTreeSet<_>>() {
            if x == y || matches!(self.homes[x], Home::Const(_) | Home::Input(_)) {
                continue;
            }
            let operands: Vec<Buf> = (0u32..).zip(&step.args).filter(|(_, b)| **b == x).map(|(i, _)| Buf(i)).collect();
            let (distance, in_place) = *distances.entry((step.function, operands.clone())).or_insert_with(|| {
                let whole = inlined(function, functions);
                let distance = overlap::distance(&whole, &operands, result);
                (distance, distance == Some(0) || overlap::is_in_place(&whole, &operands, result))
            });
            let in_place = in_place && self.bytes(x) == self.bytes(y);
            let Some(distance) = distance.or(in_place.then(|| self.bytes(y))) else { continue };
            let distance = distance.next_multiple_of(align(&self.selection.buffers[x].ty));
            let saved =
                if in_place { self.bytes(y) } else { self.bytes(y).saturating_sub(distance).min(self.bytes(x)) };
            if saved > 0 {
                over.push(Over { read: x, distance, in_place, saved });
            }
        }
        over.sort_by_key(|o| (std::cmp::Reverse(o.saved), o.read));
        over
    }

    /// Whether the result can be the operand's slot.
    fn is_in_place(&self, t: usize, o: &Over) -> bool {
        let y = self.steps[t].writes[0];
        let align = |b: usize| align(&self.selection.buffers[b].ty);
        o.in_place && align(o.read) == align(y)
    }

    /// What order and size of the arena depend on; node `i` is step `i`.
    pub fn problem(&self) -> order::Problem {
        let buffer = |(b, home): (usize, &Home)| order::Buffer {
            size: if *home == Home::Any { self.bytes(b) } else { 0 },
            ..order::Buffer::default()
        };
        let mut buffers: Vec<order::Buffer> = self.homes.iter().enumerate().map(buffer).collect();
        self.inputs.iter().for_each(|&b| buffers[b].at_start = true);
        self.outputs.iter().for_each(|&b| buffers[b].at_end = true);
        let in_arena = |b: usize| self.homes[b] == Home::Any;
        let node = |(t, s): (usize, &PlannedStep)| order::Node {
            reads: s.reads.clone(),
            writes: s.writes.clone(),
            scratch: s.scratch.iter().map(|&b| self.bytes(b)).sum(),
            reuses: self.over[t]
                .iter()
                .filter(|o| in_arena(o.read) && in_arena(s.writes[0]))
                .map(|o| order::Reuse { written: s.writes[0], read: o.read, saved: o.saved })
                .collect(),
        };
        order::Problem { buffers, nodes: self.steps.iter().enumerate().map(node).collect() }
    }

    /// Lets results computed in place of an operand that nothing else reads lie in the caller's output
    /// from that operand on.
    fn extend_outputs(&mut self) {
        let mut readers = vec![0; self.homes.len()];
        for step in &self.steps {
            let reads: BTreeSet<usize> = step.reads.iter().copied().collect();
            reads.into_iter().for_each(|b| readers[b] += 1);
        }
        for t in (0..self.steps.len()).rev() {
            let Some(&y) = self.steps[t].writes.first() else { continue };
            if !matches!(self.homes[y], Home::Output(_)) {
                continue;
            }
            let free = |x: usize| readers[x] == 1 && self.homes[x] == Home::Any && !self.inputs.contains(&x);
            let over = self.over[t].iter().find(|o| self.is_in_place(t, o) && free(o.read));
            if let Some(x) = over.map(|o| o.read) {
                self.homes[x] = self.homes[y].clone();
            }
        }
    }

    /// The plan, without offsets, of the steps in this order.
    pub fn finish(mut self, order: &[usize]) -> Plan {
        self.steps = order.iter().map(|&t| self.steps[t].clone()).collect();
        self.over = order.iter().map(|&t| self.over[t].clone()).collect();
        let end = self.steps.len();
        let mut last = vec![0; self.homes.len()];
        for (t, step) in self.steps.iter().enumerate() {
            for &b in step.reads.iter().chain(&step.writes).chain(&step.scratch) {
                last[b] = t;
            }
        }
        for &b in &self.outputs {
            last[b] = end;
        }
        let mut slots: Vec<Slot> = Vec::new();
        let mut slot_of = vec![usize::MAX; self.homes.len()];
        for (b, &last) in last.iter().enumerate() {
            let fixed = matches!(self.homes[b], Home::Const(_));
            if fixed || self.inputs.contains(&b) {
                slot_of[b] = self.open(b, 0, if fixed { end } else { last }, &mut slots);
            }
        }
        let mut overlaps = Vec::new();
        for t in 0..end {
            for b in self.steps[t].scratch.clone() {
                slot_of[b] = self.open(b, t, t, &mut slots);
            }
            let writes = self.steps[t].writes.clone();
            let same_home = |o: &&Over| last[o.read] == t && self.homes[o.read] == self.homes[writes[0]];
            if let Some(o) = self.over[t].iter().filter(same_home).find(|o| self.is_in_place(t, o)) {
                let slot = slot_of[o.read];
                slot_of[writes[0]] = slot;
                slots[slot].last = last[writes[0]];
                continue;
            }
            for &b in &writes {
                slot_of[b] = self.open(b, t, last[b], &mut slots);
            }
            // What is read nowhere ends at once and would have to stand beside the operand anyway.
            let used = last[writes[0]] > t;
            for o in self.over[t].iter().filter(same_home).filter(|_| used && self.homes[writes[0]] == Home::Any) {
                let (lower, upper) = (slot_of[writes[0]], slot_of[o.read]);
                overlaps.push(Overlap { lower, upper, distance: o.distance, step: t });
            }
        }
        let buffer = |(b, v): (usize, &crate::select::Value)| PlannedBuffer {
            name: v.name.clone(),
            ty: v.ty.clone(),
            order: v.order.clone(),
            slot: slot_of[b],
        };
        let arena_align = slots.iter().filter(|s| s.in_arena()).map(|s| s.align).max().unwrap_or(4);
        Plan {
            name: self.selection.name.clone(),
            io: self.io,
            steps: self.steps,
            buffers: self.selection.buffers.iter().enumerate().map(buffer).collect(),
            slots,
            overlaps,
            inputs: self.inputs,
            outputs: self.outputs,
            arena_bytes: 0,
            arena_align,
            order: Searched { proof: Proof::Optimal, work: 0 },
            offsets: Searched { proof: Proof::Optimal, work: 0 },
        }
    }

    fn open(&self, b: usize, first: usize, last: usize, slots: &mut Vec<Slot>) -> usize {
        let place = match self.homes[b] {
            Home::Any => SlotPlace::Arena(0),
            Home::Input(i) => SlotPlace::Input(i),
            Home::Output(i) => SlotPlace::Output(i),
            Home::Const(_) => SlotPlace::Const(b),
        };
        let ty = &self.selection.buffers[b].ty;
        slots.push(Slot { place, bytes: ty.bytes(), align: align(ty), first, last });
        slots.len() - 1
    }
}

impl Overlap {
    /// The pair of buffers in the arena, for the search for offsets.
    pub(super) fn pair(&self, slots: &[Slot], position: &dyn Fn(usize) -> usize) -> offsets::Pair {
        let (a, b) = (position(self.lower), position(self.upper));
        let b_above = self.distance.min(slots[self.lower].bytes);
        offsets::Pair { a, b, b_above, a_above: slots[self.upper].bytes }
    }

    /// The most bytes that it saves.
    pub(super) fn saved(&self, slots: &[Slot]) -> usize {
        slots[self.lower].bytes.saturating_sub(self.distance).min(slots[self.upper].bytes)
    }
}

/// Alignment of a slot on every target: 8 for elements of 8 bytes, else 4, which lets kernels read
/// words.
fn align(ty: &TensorType) -> usize {
    ty.dtype.bytes().max(4)
}
