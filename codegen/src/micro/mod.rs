//! Micro-kernels in assembly: inner blocks whose registers are allocated here, for Thumb-2 cores with the
//! DSP instructions.
//!
//! Compilers lose much on blocks that need all registers. `select` turns a function into instructions
//! over virtual registers with addresses from `address`, `pair` joins neighbouring words, `schedule` orders, `pointers` decides what
//! moves the addresses of loops, `live` finds which values share a register and gives each its own,
//! `allocate` tries orders and lets values wait on the stack, `emit` prints. What comes out computes what
//! the function's loops compute. Knows no operator, and no kernel.

mod address;
mod allocate;
mod emit;
mod inst;
mod live;
mod pair;
mod pointers;
mod schedule;
mod select;
#[cfg(test)]
mod tests;

use crate::targets::Target;
use std::fmt;
use tinyc_core::loops::Function;

/// What is known of a buffer parameter at every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The address is a multiple of so many bytes.
    pub align: usize,
    /// Nothing that it reaches is written through another parameter, nor read where it is written.
    pub disjoint: bool,
}

/// Why there is no assembly of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a part of a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Constant(i64),
    /// An integer parameter and what is added to it; not at all where that is negative.
    Parameter(usize, i64),
}

/// Instructions of a part of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub loads: usize,
    pub stores: usize,
    /// Registers beyond the first that these load and store.
    pub more: usize,
    /// Comparisons with branches behind them; branches that return.
    pub turns: usize,
    pub other: usize,
}

impl Part {
    fn add(&mut self, p: &Part) {
        self.loads += p.loads;
        self.stores += p.stores;
        self.more += p.more;
        self.turns += p.turns;
        self.other += p.other;
    }
}

/// A function in assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Instructions and labels.
    pub lines: Vec<String>,
    /// Bytes of stack.
    pub stack: usize,
    /// Some address may be no multiple of what is loaded or stored there.
    pub unaligned: bool,
    /// The parts of loops, and last the rest.
    pub parts: Vec<(Times, Part)>,
}

/// A micro-kernel in the target's assembly; one site for each buffer.
pub fn compile(f: &Function, sites: &[Site], target: &Target) -> Result<Code, Refusal> {
    if !f.micro || !target.micro {
        return Err(Refusal("it is no micro-kernel of the target".into()));
    }
    let (blocks, next) = select::select(f, sites, target)?;
    let mut paired = blocks.clone();
    paired.iter_mut().for_each(|b| pair::pair(b, sites));
    let allocated = allocate::allocate(&paired, next, sites).or_else(|_| allocate::allocate(&blocks, next, sites));
    allocated.map(|a| emit::emit(&a))
}
