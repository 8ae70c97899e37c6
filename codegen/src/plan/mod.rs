//! Order of execution and places in memory: what runs when, and which bytes each value owns.
//!
//! A *buffer* is a value as steps see it; aliases (`reshape`, `get`) are their operand's buffer. A
//! *slot* is the memory of one or more buffers: a result computed in place shares its operand's slot.
//! `storage` decides on buffers and slots, `order` on the sequence, `offsets` on addresses. The
//! validator takes nothing from here on trust.

pub mod offsets;
pub mod order;
mod proof;
pub(crate) mod storage;
mod svg;
mod table;
#[cfg(test)]
mod tests;

pub use proof::{Proof, Searched};
pub use svg::svg;

use crate::Io;
use crate::select::Selection;
use storage::Storage;
use tinyc_core::graph::NodeId;
use tinyc_core::types::TensorType;

/// One step; `reads`, `writes` and `scratch` are positions in [`Plan::buffers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Position in [`Selection::steps`].
    pub step: usize,
    /// The node whose value it writes; none for a copy.
    pub node: Option<NodeId>,
    /// Operator and value, for tables.
    pub op: &'static str,
    pub reads: Vec<usize>,
    pub writes: Vec<usize>,
    /// Memory that only the step uses.
    pub scratch: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBuffer {
    /// Unique in the plan, as in the graph's text form.
    pub name: String,
    /// Type of the value that the buffer was made for; aliases have other shapes.
    pub ty: TensorType,
    /// The type's axes as they lie in memory, outermost first.
    pub order: Vec<usize>,
    /// Position in [`Plan::slots`].
    pub slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotPlace {
    /// Given by the caller.
    Input(usize),
    Output(usize),
    /// Position in [`Plan::buffers`].
    Const(usize),
    /// Byte offset.
    Arena(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub place: SlotPlace,
    pub bytes: usize,
    pub align: usize,
    /// First and last step at which the slot holds something. Inputs are held from step 0 on,
    /// outputs until after the last step, whose number is the count of steps.
    pub first: usize,
    pub last: usize,
}

impl Slot {
    fn in_arena(&self) -> bool {
        matches!(self.place, SlotPlace::Arena(_))
    }
}

/// At one step the slot `lower`, which it writes, may reach into `upper`, which it reads for the last
/// time, as long as it begins at least `distance` bytes below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub lower: usize,
    pub upper: usize,
    pub distance: usize,
    pub step: usize,
}

/// Order and memory of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    pub io: Io,
    pub steps: Vec<PlannedStep>,
    pub buffers: Vec<PlannedBuffer>,
    pub slots: Vec<Slot>,
    pub overlaps: Vec<Overlap>,
    /// Buffer of each input and output of the graph.
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    pub arena_bytes: usize,
    pub arena_align: usize,
    /// Whether another order has fewer bytes in use at its peak.
    pub order: Searched,
    /// Whether the arena can be smaller in this order.
    pub offsets: Searched,
}

/// Plans a selection: the order of the lowest peak, and the smallest arena for it. If that arena is
/// larger than the peak, the selection's own order may do better and is tried too.
pub fn plan(selection: &Selection, io: Io) -> Plan {
    let storage = Storage::new(selection, io);
    let found = order::order(&storage.problem(), order::STATES);
    let mut best = placed(storage.clone(), &found);
    if best.arena_bytes > best.lower_bound() {
        let own = order::Order { nodes: (0..found.nodes.len()).collect(), ..found };
        let plan = placed(storage, &own);
        if plan.arena_bytes < best.arena_bytes {
            best = plan;
        }
    }
    best
}

fn placed(storage: Storage<'_>, order: &order::Order) -> Plan {
    let mut plan = storage.finish(&order.nodes);
    let arena: Vec<usize> = (0..plan.slots.len()).filter(|&i| plan.slots[i].in_arena()).collect();
    let buffer = |&i: &usize| {
        let s = &plan.slots[i];
        offsets::Buffer { size: s.bytes, align: s.align, first: s.first, last: s.last }
    };
    let buffers: Vec<offsets::Buffer> = arena.iter().map(buffer).collect();
    let position = |slot: usize| arena.binary_search(&slot).expect("overlapping slots are in the arena");
    let pairs: Vec<offsets::Pair> = plan.overlaps.iter().map(|o| o.pair(&plan.slots, &position)).collect();
    let placement = offsets::place(&buffers, &pairs, offsets::NODES);
    for (&i, &offset) in arena.iter().zip(&placement.offsets) {
        plan.slots[i].place = SlotPlace::Arena(offset);
    }
    plan.arena_bytes = placement.bytes;
    plan.order = Searched { proof: Proof::of(plan.lower_bound(), order.bound), work: order.states };
    plan.offsets = Searched { proof: placement.proof, work: placement.nodes };
    plan
}

impl Plan {
    /// Bytes of arena in use at each step at least: each overlap counts as the most that it can save.
    pub fn live(&self) -> Vec<usize> {
        let mut change = vec![0isize; self.steps.len() + 2];
        for s in self.slots.iter().filter(|s| s.in_arena()) {
            change[s.first] += s.bytes as isize;
            change[s.last + 1] -= s.bytes as isize;
        }
        let mut sum = 0;
        let steps = change.iter().take(self.steps.len() + 1);
        let mut live: Vec<usize> = steps
            .map(|c| {
                sum += c;
                sum as usize
            })
            .collect();
        for o in &self.overlaps {
            live[o.step] = live[o.step].saturating_sub(o.saved(&self.slots));
        }
        live
    }

    /// The most that is in use at any step: no placement in this order needs less.
    pub fn lower_bound(&self) -> usize {
        self.live().into_iter().max().unwrap_or(0)
    }

    /// Bytes of inputs that the caller owns.
    pub fn input_bytes(&self) -> usize {
        self.bytes_of(|p| matches!(p, SlotPlace::Input(_)))
    }

    /// Bytes of outputs that the caller owns.
    pub fn output_bytes(&self) -> usize {
        self.bytes_of(|p| matches!(p, SlotPlace::Output(_)))
    }

    pub fn constant_bytes(&self) -> usize {
        self.bytes_of(|p| matches!(p, SlotPlace::Const(_)))
    }

    /// The context structure, without a hook.
    pub fn context_bytes(&self) -> usize {
        crate::c::context_bytes(self.io, self.inputs.len() + self.outputs.len(), false)
    }

    /// Arena, inputs, outputs and context.
    pub fn ram(&self) -> usize {
        self.arena_bytes + self.input_bytes() + self.output_bytes() + self.context_bytes()
    }

    fn bytes_of(&self, fits: impl Fn(SlotPlace) -> bool) -> usize {
        self.slots.iter().filter(|s| fits(s.place)).map(|s| s.bytes).sum()
    }
}
