//! Targets as data: one small file each, listed here.
//!
//! A target is a core: it says how the printers spell library functions and vector operations on it, and which
//! compiler flags select it. A board is a core with a clock and memories. Neither holds code.

mod aarch64;
mod boards;
mod cortex_m0plus;
mod cortex_m3;
mod cortex_m33;
mod cortex_m4;
mod cortex_m55;
mod cortex_m7;
mod cycles;
mod generic;
mod rv32imc;
mod x86_64;

pub use boards::{Board, Fetch};
pub use cycles::{Cycles, Floats};

use tinyc_core::loops::Library;

/// Bytes of code that a loop may have: the flash caches of boards with micro-kernels hold it.
pub const LOOP_BYTES: usize = 768;

/// How a target spells a library function, in terms of the parameters `a`, `b`, `c`, ...
#[derive(Clone, Copy, Debug)]
pub enum Spelling {
    /// A C expression.
    Expr(&'static str),
    /// One instruction, its result `%0`, its parameters from `%1` on.
    Asm(&'static str),
    /// An expression that is the instruction.
    Both(&'static str, &'static str),
}

impl Spelling {
    /// The instruction, where it is written down.
    pub fn instruction(self) -> Option<&'static str> {
        match self {
            Spelling::Expr(_) => None,
            Spelling::Asm(a) | Spelling::Both(_, a) => Some(a),
        }
    }
}

#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    pub doc: &'static str,
    /// What clang calls such machines, to compile for one on another; empty for that on which it runs.
    pub triple: &'static str,
    /// Flags of gcc and clang that select it.
    pub c_flags: &'static [&'static str],
    /// The C compiler that the tests and the device harness use.
    pub compiler: &'static str,
    /// Loads and stores of 16 and 32 bits may be at any address.
    pub unaligned: bool,
    /// Lanes of the widest vector, of bytes; 1 without vectors.
    pub max_lanes: u16,
    /// Lanes of the vectors that float schedules use; 1 for scalars.
    pub float_lanes: usize,
    /// Registers that hold such a vector, or a scalar float.
    pub float_registers: usize,
    /// The compiler has to be told that products and sums may be contracted to one instruction, which
    /// is no slower than the multiplication alone.
    pub contract: bool,
    /// Preprocessor condition under which headers and spellings can be used; elsewhere the same code
    /// compiles to the portable meanings.
    pub condition: &'static str,
    pub headers: &'static [&'static str],
    /// Lists of spellings, which targets share.
    pub library: &'static [&'static [(Library, Spelling)]],
    /// Micro-kernels are printed in its assembly, Thumb-2.
    pub micro: bool,
    /// Types and operations on vectors, such as `"add_i8x16"`, as a C type or an expression of the
    /// operands `a`, `b`, `c`, the address `p` and the mask `m`. The rest is loops over lanes.
    pub vectors: &'static [(&'static str, &'static str)],
    /// Alignment of the arena and of weights in bytes.
    pub align: usize,
    /// What operations take; estimates are made with it.
    pub cycles: Cycles,
    /// The same with one for each instruction, as an emulator counts them; nothing where none does.
    pub instructions: Option<Cycles>,
}

impl Target {
    pub const ALL: &'static [&'static Target] = &[
        &generic::TARGET,
        &cortex_m0plus::TARGET,
        &cortex_m3::TARGET,
        &cortex_m4::TARGET,
        &cortex_m7::TARGET,
        &cortex_m33::TARGET,
        &cortex_m55::TARGET,
        &rv32imc::TARGET,
        &aarch64::TARGET,
        &x86_64::V1,
        &x86_64::V3,
        &x86_64::V4,
    ];

    /// How the target spells a library function, if it does.
    pub fn spelling(&self, f: Library) -> Option<Spelling> {
        self.library.iter().flat_map(|l| l.iter()).find(|(l, _)| *l == f).map(|(_, s)| *s)
    }

    pub fn find(name: &str) -> Option<&'static Target> {
        Target::ALL.iter().copied().find(|t| t.name == name)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        self.name == other.name
    }
}

impl Eq for Target {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for t in Target::ALL {
            assert_eq!(Target::find(t.name).map(|t| t.doc), Some(t.doc));
            assert!(t.align.is_power_of_two() && t.max_lanes.is_power_of_two());
        }
        assert!(Target::find("pdp-11").is_none());
    }
}
