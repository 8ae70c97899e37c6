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
use storage::Storage;
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::graph::{Graph, NodeId};
use tinyc_core::types::TensorType;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Runs the operator of a node.
    Node(NodeId),
    /// Copies a buffer: an output that is an input, a constant or another output as well.
    Copy,
}

/// One step; `reads` and `writes` are positions in [`Plan::buffers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    pub work: Work,
    /// Operator and value, for tables.
    pub op: &'static str,
    /// Operands by position.
    pub reads: Vec<Option<usize>>,
    pub writes: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBuffer {
    /// Unique in the plan, as in the graph's text form.
    pub name: String,
    /// Type of the value that the buffer was made for; aliases have other shapes.
    pub ty: TensorType,
    /// Position in [`Plan::slots`].
    pub slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotPlace {
    /// Given by the caller.
    Input(usize),
    Output(usize),
    Const(NodeId),
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

/// Order and memory of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    pub io: Io,
    pub steps: Vec<PlannedStep>,
    pub buffers: Vec<PlannedBuffer>,
    pub slots: Vec<Slot>,
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

/// Plans a graph: the order of the lowest peak, and the smallest arena for it. If that arena is larger
/// than the peak, the graph's own order may do better and is tried too.
pub fn plan(graph: &Graph, io: Io) -> Result<Plan, Report> {
    let Some(topological) = graph.topological() else {
        return Err(Diagnostic::error(Code::Cycle, format!("graph {:?} has a cycle", graph.name)).into());
    };
    let live = graph.live();
    let nodes: Vec<NodeId> = topological.into_iter().filter(|id| live.contains(id)).collect();
    let names = tinyc_core::text::names(graph);
    let storage = Storage::new(graph, io, &nodes, &names);
    let found = order::order(&storage.problem(), order::STATES);
    let mut best = placed(storage.clone(), &found);
    if best.arena_bytes > best.lower_bound() {
        let own = order::Order { nodes: (0..found.nodes.len()).collect(), ..found };
        let plan = placed(storage, &own);
        if plan.arena_bytes < best.arena_bytes {
            best = plan;
        }
    }
    Ok(best)
}

fn placed(storage: Storage<'_>, order: &order::Order) -> Plan {
    let mut plan = storage.finish(&order.nodes);
    let arena: Vec<usize> = (0..plan.slots.len()).filter(|&i| plan.slots[i].in_arena()).collect();
    let buffer = |&i: &usize| {
        let s = &plan.slots[i];
        offsets::Buffer { size: s.bytes, align: s.align, first: s.first, last: s.last }
    };
    let buffers: Vec<offsets::Buffer> = arena.iter().map(buffer).collect();
    let placement = offsets::place(&buffers, &[], offsets::NODES);
    for (&i, &offset) in arena.iter().zip(&placement.offsets) {
        plan.slots[i].place = SlotPlace::Arena(offset);
    }
    plan.arena_bytes = placement.bytes;
    plan.order = Searched { proof: Proof::of(plan.lower_bound(), order.bound), work: order.states };
    plan.offsets = Searched { proof: placement.proof, work: placement.nodes };
    plan
}

impl Plan {
    /// Bytes of arena in use at each step.
    pub fn live(&self) -> Vec<usize> {
        let mut change = vec![0isize; self.steps.len() + 2];
        for s in self.slots.iter().filter(|s| s.in_arena()) {
            change[s.first] += s.bytes as isize;
            change[s.last + 1] -= s.bytes as isize;
        }
        let mut sum = 0;
        let steps = change.iter().take(self.steps.len() + 1);
        steps
            .map(|c| {
                sum += c;
                sum as usize
            })
            .collect()
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
