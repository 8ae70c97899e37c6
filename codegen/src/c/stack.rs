//! A bound on the stack that the emitted code uses, computed from the program.
//!
//! Compilers keep at most a slot for every value that the source names or computes; what they add
//! (saved registers, spills of unrolled loops, alignment) is bounded by a constant that the tests
//! confirm with `-fstack-usage` at -O0 and -O2.

use super::unit::Support;
use tinyc_core::loops::library::Definition;
use tinyc_core::loops::{Expr, FnId, Function, Program, Stmt};

/// Saved registers, return address, frame pointer, alignment and spills of any function. Micro-kernels in
/// assembly push less: at most all registers and some words.
const FRAME: usize = 160;

/// Bytes that a value takes; 8-byte slots.
fn slot(lanes_bytes: usize) -> usize {
    lanes_bytes.next_multiple_of(8)
}

fn temporaries(e: &Expr) -> usize {
    let inner: usize = e.children().into_iter().map(temporaries).sum();
    let own = if e.ty().lanes > 1 { slot(e.ty().bytes()) } else { 0 };
    inner + own
}

fn block(block: &[Stmt]) -> usize {
    block
        .iter()
        .map(|s| match s {
            Stmt::Let(l, e) => slot(l.ty.bytes()) + temporaries(e),
            Stmt::Set(_, e) => temporaries(e),
            Stmt::Store(s) => temporaries(&s.value) + 8,
            Stmt::For(f) => 16 + self::block(&f.body),
            Stmt::Call(_, args) => 8 * args.len(),
        })
        .sum()
}

/// Frame of one function.
fn frame(f: &Function) -> usize {
    FRAME + 8 * (f.buffers.len() + f.index_params as usize) + block(&f.body)
}

/// Frames of the deepest chain of support functions: a library function that calls an operation.
pub fn support<'a>(used: impl Iterator<Item = &'a Support>) -> usize {
    let (mut functions, mut operations) = (0, 0);
    for what in used {
        match what {
            Support::Library(f) => functions = functions.max(library(f.definition())),
            Support::Vector(e) => {
                let operands: usize = e.children().into_iter().map(|e| slot(e.ty().bytes())).sum();
                operations = operations.max(FRAME + operands + 2 * slot(e.ty().bytes()));
            }
            Support::Load(ty) | Support::Store(ty) | Support::LoadMasked(ty) | Support::StoreMasked(ty) => {
                operations = operations.max(FRAME + 2 * slot(ty.bytes()));
            }
            _ => operations = operations.max(FRAME),
        }
    }
    functions + operations
}

/// Frame of a library function.
fn library(d: &Definition) -> usize {
    let lets: usize = d.lets.iter().map(|(_, e)| slot(e.ty().bytes()) + temporaries(e)).sum();
    FRAME + lets + temporaries(&d.result)
}

/// The deepest chain of calls below a function, its own frame included.
fn chain(program: &Program, id: FnId) -> usize {
    fn calls(block: &[Stmt], out: &mut Vec<FnId>) {
        for s in block {
            match s {
                Stmt::For(f) => calls(&f.body, out),
                Stmt::Call(id, _) => out.push(*id),
                _ => {}
            }
        }
    }
    let f = &program.functions[id.0 as usize];
    let mut callees = Vec::new();
    calls(&f.body, &mut callees);
    frame(f) + callees.into_iter().map(|c| chain(program, c)).max().unwrap_or(0)
}

/// The bound for `run`: it calls `step`, that a kernel, that support functions.
pub fn bound(program: &Program, support: usize) -> usize {
    let kernels = program.steps.iter().map(|s| chain(program, s.function)).max().unwrap_or(0);
    let arguments = program.steps.iter().map(|s| 8 * s.args.len()).max().unwrap_or(0);
    (2 * FRAME + arguments + kernels + support).next_multiple_of(8)
}
