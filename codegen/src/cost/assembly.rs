//! The price of micro-kernels that are printed in assembly: their instructions are known.

use crate::micro::{self, Code, Site, Times};
use crate::targets::{Cycles, Target};
use tinyc_core::loops::Function;

/// The assembly of a function, if it has one. Places in memory are decided later, so words are assumed to
/// be aligned and buffers to be apart.
pub fn of(f: &Function, target: &Target) -> Option<Code> {
    let site = |b: &tinyc_core::loops::BufferParam| Site { align: b.elem.bytes().max(4), disjoint: true };
    micro::compile(f, &f.buffers.iter().map(site).collect::<Vec<_>>(), target).ok()
}

/// Cycles of one call with these parameters: branches there and back, arguments in their registers, and
/// the instructions.
pub fn call(code: &Code, arguments: usize, params: &[i64], t: &Cycles) -> f64 {
    let part = |(times, p): &(Times, micro::Part)| {
        let times = match *times {
            Times::Constant(n) => n,
            Times::Parameter(i, more) => (params.get(i).copied().unwrap_or(0) + more).max(0),
        };
        let memory = p.loads as f64 * t.load + p.stores as f64 * t.store + p.more as f64 * t.more;
        times as f64 * (memory + p.turns as f64 * t.turn + p.other as f64 * t.add)
    };
    t.turn + arguments as f64 * t.add + code.parts.iter().map(part).sum::<f64>()
}
