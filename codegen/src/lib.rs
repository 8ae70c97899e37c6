//! From graphs to programs to C: planner, validator, targets and printers.
//!
//! Knows no pass. Rewriting and compression reach it only through `tinyc_core::cost::Cost`.

pub mod c;
pub mod cost;
mod kernels;
pub mod lower;
pub mod micro;
pub mod plan;
pub mod select;
pub mod targets;
pub mod validate;

pub use kernels::{block, channelwise, planes};

/// Who owns the memory of inputs and outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Io {
    /// The caller passes buffers to `run`.
    #[default]
    Caller,
    /// They lie in the arena; accessor functions give their addresses.
    Arena,
}

/// Order, memory and program of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    pub plan: plan::Plan,
    pub program: tinyc_core::loops::Program,
}

/// Selects, plans and lowers.
pub fn generate(
    graph: &tinyc_core::graph::Graph,
    target: &'static targets::Target,
    io: Io,
    schedules: select::Schedules,
) -> Result<Generated, tinyc_core::diag::Report> {
    let selection = select::select(graph, target, io, schedules)?;
    let plan = plan::plan(&selection, io);
    let program = lower::lower(&selection, &plan);
    Ok(Generated { plan, program })
}
