//! Checks that a program is well formed: what printers and interpreter rely on.
//!
//! Each rule has a number in [`RULES`] and a test that breaks it. Functions are checked once for each
//! combination of integer arguments that the program gives them, so that bounds which depend on
//! parameters are static at every call. Liveness and overlap of memory are the validator's business.

mod bounds;
mod function;

use super::index::IndexVar;
use super::ir::Mode;
use super::program::{Arg, Place, Program};
use super::ty::Scalar;
use bounds::Interval;
use std::collections::BTreeSet;

/// The rules by number.
pub const RULES: &[(&str, &str)] = &[
    ("L01", "every buffer, function, local and index variable that is named exists and is in scope"),
    ("L02", "a local or loop variable is declared once at a time"),
    ("L03", "operations are defined for their operands' types, and operands agree"),
    ("L04", "a load has a value for failed guards exactly if it is guarded, and of its type"),
    ("L05", "masks belong to vectors and have their lanes"),
    ("L06", "memory holds no i1"),
    ("L07", "loop bounds do not depend on data, and steps are positive"),
    ("L08", "what is only read is not stored to"),
    ("L09", "calls give buffers, then integers, as the callee declares them"),
    ("L10", "functions do not recurse"),
    ("L11", "every access lies inside of its buffer for all values of the loop variables"),
    ("L12", "tables are looked up inside of their bounds"),
    ("L13", "buffers of the program lie inside of the arena and are aligned to their elements"),
    ("L14", "constants and ports have the size and type of their buffers"),
];

/// All violations, each with the number of its rule.
pub fn check(program: &Program) -> Result<(), Vec<String>> {
    let mut c = Checker { program, found: BTreeSet::new(), done: BTreeSet::new() };
    c.buffers();
    c.ports();
    for i in 0..program.functions.len() {
        c.recursion(i);
    }
    // Walking calls is only safe when they end.
    if !c.found.iter().any(|m| m.starts_with("L10")) {
        c.steps();
        for f in 0..program.functions.len() {
            // Nothing is known of the arguments of a function that no step reaches.
            if !c.done.iter().any(|(g, _)| *g == f) {
                let function = &program.functions[f];
                let arguments = (function.index_params == 0).then_some(&[][..]);
                function::check(&mut c, function, arguments);
            }
        }
    }
    if c.found.is_empty() { Ok(()) } else { Err(c.found.into_iter().collect()) }
}

struct Checker<'a> {
    program: &'a Program,
    found: BTreeSet<String>,
    /// Functions with the intervals of their integer arguments.
    done: BTreeSet<(usize, Vec<Interval>)>,
}

impl<'a> Checker<'a> {
    fn report(&mut self, rule: &str, message: String) {
        debug_assert!(RULES.iter().any(|(r, _)| *r == rule), "{rule}");
        self.found.insert(format!("{rule}: {message}"));
    }

    fn buffers(&mut self) {
        let p = self.program;
        for b in &p.buffers {
            if b.elem == Scalar::I1 || Scalar::of(b.dtype) != Some(b.elem) {
                self.report("L06", format!("buffer {} of {} holds {}", b.name, b.dtype, b.elem));
            }
            match &b.place {
                Place::Arena(at) => {
                    let end = b.len.checked_mul(b.elem.bytes()).and_then(|n| n.checked_add(*at));
                    if end.is_none_or(|end| end > p.arena_bytes) || at % b.elem.bytes() != 0 {
                        let message = format!("buffer {}: {} x {} at {at}", b.name, b.len, b.elem);
                        self.report("L13", format!("{message} of an arena of {} bytes", p.arena_bytes));
                    }
                    if !p.arena_align.is_power_of_two() || p.arena_align < b.elem.bytes() {
                        self.report("L13", format!("buffer {} in an arena aligned to {}", b.name, p.arena_align));
                    }
                }
                Place::Const(t) if t.dtype() != b.dtype || t.shape().elements() != b.len => {
                    self.report("L14", format!("buffer {}: {} x {} is given {}", b.name, b.len, b.dtype, t.ty()));
                }
                Place::Const(_) | Place::Input(_) | Place::Output(_) => {}
            }
        }
    }

    fn ports(&mut self) {
        let p = self.program;
        for port in p.inputs.iter().chain(&p.outputs) {
            match p.buffers.get(port.buffer.0 as usize) {
                None => self.report("L01", format!("port {} names buffer {}", port.name, port.buffer.0)),
                Some(b) if b.dtype != port.ty.dtype || b.len != port.ty.elements() => {
                    self.report(
                        "L14",
                        format!("port {} is {}, its buffer {} x {}", port.name, port.ty, b.len, b.dtype),
                    );
                }
                Some(_) => {}
            }
        }
    }

    /// Whether function `f` can reach itself.
    fn recursion(&mut self, f: usize) {
        let mut seen = BTreeSet::new();
        let mut open = function::callees(&self.program.functions[f]);
        while let Some(g) = open.pop() {
            if g == f {
                self.report("L10", format!("{} calls itself", self.program.functions[f].name));
                return;
            }
            if seen.insert(g)
                && let Some(g) = self.program.functions.get(g)
            {
                open.extend(function::callees(g));
            }
        }
    }

    fn steps(&mut self) {
        let p = self.program;
        for (i, step) in p.steps.iter().enumerate() {
            let Some(f) = p.functions.get(step.function.0 as usize) else {
                self.report("L01", format!("step {i} calls function {}", step.function.0));
                continue;
            };
            let n = f.buffers.len();
            let fits = step.args.len() == n + f.index_params as usize
                && step.args.iter().enumerate().all(|(i, a)| matches!(a, Arg::Buffer(_)) == (i < n));
            if !fits {
                self.report("L09", format!("step {i} calls {} with other arguments than it declares", f.name));
                continue;
            }
            let mut indices = Vec::new();
            for (k, arg) in step.args.iter().enumerate() {
                match arg {
                    Arg::Index(v) => indices.push((*v, *v)),
                    Arg::Buffer(b) => {
                        let want = &f.buffers[k];
                        let Some(b) = p.buffers.get(b.0 as usize) else {
                            self.report("L01", format!("step {i} names buffer {}", b.0));
                            continue;
                        };
                        if b.elem != want.elem || b.len < want.len {
                            let given = format!("{} ({} x {})", b.name, b.len, b.elem);
                            let want = format!("{} ({} x {})", want.name, want.len, want.elem);
                            self.report("L09", format!("step {i} gives {} {given} for {want}", f.name));
                        }
                        if want.mode != Mode::Read && matches!(b.place, Place::Const(_) | Place::Input(_)) {
                            self.report("L08", format!("step {i} lets {} write {}", f.name, b.name));
                        }
                    }
                }
            }
            self.function(step.function.0 as usize, indices);
        }
    }

    fn function(&mut self, f: usize, indices: Vec<Interval>) {
        let p = self.program;
        if self.done.insert((f, indices.clone())) {
            function::check(self, &p.functions[f], Some(&indices));
        }
    }
}

fn number(v: IndexVar) -> usize {
    v.0 as usize
}

#[cfg(test)]
mod tests;
