//! From graphs to programs to C: planner, validator, targets and printers.
//!
//! Knows no pass. Rewriting and compression reach it only through `tinyc_core::cost::Cost`.

pub mod c;
pub mod cost;
pub mod lower;
pub mod plan;
pub mod targets;
pub mod validate;

/// Who owns the memory of inputs and outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Io {
    /// The caller passes buffers to `run`.
    #[default]
    Caller,
    /// They lie in the arena; accessor functions give their addresses.
    Arena,
}
