//! `--max-ram` and `--max-flash`: whether the network fits, and if not, what needs most.
//!
//! RAM is exact. Code is what the target's C compiler makes of the source; where there is none, an
//! allowance stands for it and the message says so.

use crate::cli::BudgetArgs;
use crate::console::Console;
use crate::emit::CFiles;
use crate::exit::Failure;
use crate::files::{self, Scratch};
use crate::pipeline::Compiled;
use crate::stats::Stats;
use crate::toolchain::{self, Cc};
use std::cmp::Reverse;
use tinyc_codegen::cost::code_bound;
use tinyc_codegen::plan::{Slot, SlotPlace};
use tinyc_core::diag::{Code, Diagnostic, Report};

/// How many of the layers or values that need most a message names.
const NAMED: usize = 3;

/// Fails with all budgets that are not met.
pub fn check(
    args: &BudgetArgs,
    compiled: &Compiled,
    c: &CFiles,
    stats: &Stats,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut report = Report::default();
    for note in beyond_board(compiled, stats) {
        console.say(&note);
    }
    if let Some(max) = args.max_ram.filter(|&max| stats.ram_bytes > max) {
        report.push(ram(max, compiled, stats));
    }
    if let Some(max) = args.max_flash {
        let size = |f: &Flash| format!("{} B of flash", f.bytes);
        let flash = console.stage("measure the code", |_| Flash::of(args, compiled, c, stats), size)?;
        if flash.bytes > max {
            report.push(flash.too_much(max, compiled));
        } else {
            console.say(&flash.fits(max));
            if flash.measured_by.is_none() {
                console.report(&flash.not_measured(compiled).into());
            }
        }
    }
    if report.has_errors() { Err(report.into()) } else { Ok(()) }
}

/// What the board that was asked for has too little of. No error: whose RAM and flash the network gets
/// beside what else the firmware holds, only budgets say.
fn beyond_board(compiled: &Compiled, stats: &Stats) -> Vec<String> {
    let Some(board) = compiled.network.board else { return Vec::new() };
    let memories = [("RAM", stats.ram_bytes, Some(board.ram)), ("flash for weights", stats.weights_bytes, board.flash)];
    let beyond = memories.into_iter().filter_map(|(what, needs, has)| Some((what, needs, has?)));
    let note = |(what, needs, has)| format!("the network needs {needs} B of {what}, {} has {has} B", board.name);
    beyond.filter(|(_, needs, has)| needs > has).map(note).collect()
}

fn over(what: &str, needs: usize, option: &str, max: usize) -> Diagnostic {
    let message = format!("the network needs {needs} B of {what}, {} B more than {option} {max}", needs - max);
    Diagnostic::error(Code::Budget, message)
}

fn ram(max: usize, compiled: &Compiled, stats: &Stats) -> Diagnostic {
    let plan = &compiled.plan;
    let (arena, inputs, outputs) = (stats.arena_bytes, stats.input_bytes, stats.output_bytes);
    let (state, context) = (stats.state_bytes, stats.context_bytes);
    let mut d = over("RAM", stats.ram_bytes, "--max-ram", max)
        .note(format!("arena {arena} B, inputs {inputs} B, outputs {outputs} B, state {state} B, context {context} B"));
    let live = plan.live();
    // The first of the steps that need most.
    let peak = (0..plan.steps.len()).max_by_key(|&t| (live[t], Reverse(t)));
    if let Some(t) = peak.filter(|_| arena > 0) {
        let in_use = |s: &Slot| matches!(s.place, SlotPlace::Arena(_)) && s.first <= t && t <= s.last;
        let mut alive: Vec<usize> = (0..plan.slots.len()).filter(|&s| in_use(&plan.slots[s])).collect();
        alive.sort_by_key(|&s| Reverse(plan.slots[s].bytes));
        let value = |&s: &usize| {
            let name = plan.buffers.iter().find(|b| b.slot == s).map_or("", |b| &*b.name);
            format!("%{name} {} B", plan.slots[s].bytes)
        };
        let values: Vec<String> = alive.iter().take(NAMED).map(value).collect();
        let more = if alive.len() > NAMED { ", ..." } else { "" };
        d = d.note(format!("the arena holds most, {} B, at {}", live[t], compiled.step_name(t)));
        d = d.note(format!("alive there: {}{more}", values.join(", ")));
    }
    d.help(format!("--max-ram {} is met; `tinyc --emit plan` shows what is alive at each step", stats.ram_bytes))
}

/// Compiles the source alone; what its object file takes of flash.
fn object_bytes(cc: &Cc, flags: &[&str], c: &CFiles) -> Result<usize, Failure> {
    let scratch = Scratch::new()?;
    let (source, object) = (c.write(&scratch)?, scratch.path("model.o"));
    let include = format!("-I{}", scratch.path("").display());
    cc.build(flags.iter().copied().chain(["-c", &include]), &[&source], &object)?;
    toolchain::flash_bytes(&files::read(&object)?)
}

/// What the object file of the network takes.
struct Flash {
    bytes: usize,
    weights: usize,
    /// Compiler and flags; `None` where code is an allowance.
    measured_by: Option<String>,
}

impl Flash {
    fn of(args: &BudgetArgs, compiled: &Compiled, c: &CFiles, stats: &Stats) -> Result<Flash, Failure> {
        let weights = stats.weights_bytes;
        let target = compiled.network.target;
        let wanted = args.size_cc.as_deref();
        let Some(cc) = Cc::named(wanted.unwrap_or(target.compiler)) else {
            return match wanted {
                Some(name) => Err(Failure::new(Code::NoTool, format!("cannot run {name}"))),
                None => Ok(Flash { bytes: weights + code_bound(&compiled.program), weights, measured_by: None }),
            };
        };
        let flags: Vec<&str> = target.c_flags.iter().copied().chain(args.size_cflags.split_whitespace()).collect();
        let bytes = object_bytes(&cc, &flags, c)?;
        let by = format!("{} {}", cc.name(), flags.join(" "));
        Ok(Flash { bytes, weights, measured_by: Some(by) })
    }

    fn parts(&self) -> String {
        let code = self.bytes.saturating_sub(self.weights);
        match &self.measured_by {
            Some(by) => format!("weights {} B and code {code} B, by {by}", self.weights),
            None => format!("weights {} B and an allowance of {code} B for code", self.weights),
        }
    }

    fn fits(&self, max: usize) -> String {
        format!("flash {} B of {max} B: {}", self.bytes, self.parts())
    }

    fn too_much(&self, max: usize, compiled: &Compiled) -> Diagnostic {
        let mut d = over("flash", self.bytes, "--max-flash", max).note(self.parts());
        let steps = 0..compiled.program.steps.len();
        let mut heavy: Vec<_> = steps.map(|t| (compiled.step_weights(t), t)).filter(|(w, _)| *w > 0).collect();
        heavy.sort_by_key(|&(w, t)| (Reverse(w), t));
        for &(w, t) in heavy.iter().take(NAMED) {
            d = d.note(format!("weights {w} B in {}", compiled.step_name(t)));
        }
        match self.measured_by {
            Some(_) => d.help(format!("--max-flash {} is met", self.bytes)),
            None if self.weights > max => d.help("the weights alone are too large"),
            None => d.help(format!("with {} installed, code is measured instead", compiled.network.target.compiler)),
        }
    }

    fn not_measured(&self, compiled: &Compiled) -> Diagnostic {
        let target = compiled.network.target;
        Diagnostic::warning(Code::NotMeasured, "--max-flash is met if code stays within an allowance")
            .note(format!("{} cannot be run, so nothing is measured for {}", target.compiler, target.name))
            .help("install it, or name a compiler with --size-cc")
    }
}
