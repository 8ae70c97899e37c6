//! What `tinyc bench` prints: tables, or one object of JSON.

use super::Check;
use super::baselines::Peer;
use super::code::LayerCode;
use super::harness::Told;
use super::prediction::{self, Prediction};
use crate::device::Sections;
use crate::pipeline::Compiled;
use crate::stats::Stats;
use crate::table;
use serde::Serialize;

#[derive(Serialize, Debug)]
pub struct Report {
    name: String,
    /// The core, and the board that was asked for.
    target: String,
    board: Option<&'static str>,
    /// The machine that was emulated.
    emulated: &'static str,
    /// Of the network, with its flags.
    compiler: String,
    checked_against: &'static str,
    /// Every bit was compared; else differences may be as large as the tolerance.
    bit_exact: bool,
    samples: usize,
    /// Largest relative difference of any output.
    largest_difference: f64,
    equal: bool,
    #[serde(flatten)]
    total: Figures,
    /// On the board, by the estimate of cycles.
    milliseconds: Option<f64>,
    microjoules: Option<(f64, f64)>,
    arena_bytes: usize,
    /// Arena, the caller's inputs and outputs, state and context.
    ram_bytes: usize,
    stack_bound_bytes: usize,
    /// Of network and library.
    code_bytes: usize,
    /// Of the compiler's library alone.
    library_bytes: usize,
    constant_bytes: usize,
    /// Of no layer: going from step to step, the interface.
    other_code_bytes: usize,
    /// By the estimate that tells cycles, with one for each instruction.
    prediction: Option<Prediction>,
    layers: Vec<Layer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Vec<Ratios>>,
}

#[derive(Serialize, Debug)]
struct Figures {
    instructions: u64,
    macs: u64,
    instructions_per_mac: Option<f64>,
    /// Estimated.
    cycles: u64,
    /// Most that was in use.
    stack_bytes: u64,
}

impl Figures {
    fn new(instructions: u64, macs: u64, cycles: f64, stack_bytes: u64) -> Figures {
        let instructions_per_mac = (macs > 0).then(|| instructions as f64 / macs as f64);
        Figures { instructions, macs, instructions_per_mac, cycles: cycles.round() as u64, stack_bytes }
    }

    fn cells(&self) -> [String; 5] {
        let per_mac = self.instructions_per_mac.map_or(String::new(), |r| format!("{r:.2}"));
        let [instructions, macs, cycles, stack] =
            [self.instructions, self.macs, self.cycles, self.stack_bytes].map(|n| n.to_string());
        [macs, instructions, per_mac, cycles, stack]
    }
}

#[derive(Serialize, Debug)]
struct Layer {
    step: usize,
    layer: String,
    operator: &'static str,
    #[serde(flatten)]
    figures: Figures,
    /// In use in the arena.
    live_bytes: usize,
    constant_bytes: usize,
    predicted_instructions: Option<u64>,
    /// Share of the instructions.
    prediction_error: Option<f64>,
    /// Of functions that no earlier layer runs, and of those that one does.
    code_bytes: usize,
    shared_code_bytes: usize,
    milliseconds: Option<f64>,
    microjoules: Option<(f64, f64)>,
}

/// This network's figures by a peer's, and those.
#[derive(Serialize, Debug)]
struct Ratios {
    stack: String,
    what: String,
    instructions: Option<f64>,
    arena: Option<f64>,
    ram: Option<f64>,
    code: Option<f64>,
    flash: Option<f64>,
    their_instructions: Option<f64>,
    their_arena_bytes: Option<f64>,
    their_flash_bytes: Option<f64>,
}

/// What one run is told from.
pub struct Run<'a> {
    pub compiled: &'a Compiled,
    pub stats: &'a Stats,
    /// What was emulated.
    pub machine: &'static str,
    /// With its flags.
    pub compiler: String,
    pub told: Told,
    pub sections: Sections,
    pub code: Vec<LayerCode>,
    pub check: Check,
}

impl Report {
    pub fn of(run: &Run<'_>, peers: Option<Vec<Peer>>) -> Report {
        let Run { compiled, stats, told, sections, code, check, .. } = run;
        let (program, live, cycles) = (&compiled.program, compiled.plan.live(), compiled.step_cycles());
        let (predicted, board) = (compiled.step_instructions(), compiled.network.board);
        let layers =
            program.steps.iter().zip(&told.steps).enumerate().map(|(i, (step, &(instructions, stack)))| Layer {
                step: i,
                layer: step.origins.iter().map(|o| &**o).collect::<Vec<_>>().join(", "),
                operator: compiled.plan.steps[i].op,
                figures: Figures::new(instructions, step.macs, cycles[i], stack),
                live_bytes: live[i],
                constant_bytes: compiled.step_weights(i),
                predicted_instructions: predicted.as_ref().map(|p| p[i].round() as u64),
                prediction_error: predicted.as_ref().and_then(|p| prediction::error(p[i], instructions)),
                code_bytes: code[i].own,
                shared_code_bytes: code[i].shared,
                milliseconds: board.map(|b| b.milliseconds(cycles[i])),
                microjoules: board.and_then(|b| b.microjoules(cycles[i])),
            });
        let counted: Vec<u64> = told.steps.iter().map(|&(instructions, _)| instructions).collect();
        let total = Figures::new(told.instructions, stats.macs, stats.cycles as f64, told.stack);
        let (code_bytes, constant_bytes) = (sections.code + sections.library, sections.constants);
        let ratios = |p: Peer| {
            let ratio = |ours: u64, theirs: Option<f64>| theirs.map(|t| ours as f64 / t);
            Ratios {
                instructions: ratio(told.instructions, p.instructions),
                arena: ratio(stats.arena_bytes as u64, p.arena),
                ram: ratio(stats.ram_bytes as u64 + told.stack, p.ram),
                code: ratio(code_bytes as u64, p.code),
                flash: ratio((code_bytes + constant_bytes) as u64, p.flash),
                their_instructions: p.instructions,
                their_arena_bytes: p.arena,
                their_flash_bytes: p.flash,
                stack: p.stack,
                what: p.what,
            }
        };
        Report {
            name: stats.name.clone(),
            target: stats.target.clone(),
            board: board.map(|b| b.name),
            emulated: run.machine,
            compiler: run.compiler.clone(),
            checked_against: check.against(),
            bit_exact: check.exact,
            samples: check.samples,
            largest_difference: check.outputs.iter().map(|(_, d)| d.relative()).fold(0.0, f64::max),
            equal: check.ok(),
            milliseconds: board.map(|b| b.milliseconds(stats.cycles as f64)),
            microjoules: board.and_then(|b| b.microjoules(stats.cycles as f64)),
            total,
            arena_bytes: stats.arena_bytes,
            ram_bytes: stats.ram_bytes,
            stack_bound_bytes: stats.stack_bytes,
            code_bytes,
            library_bytes: sections.library,
            constant_bytes,
            other_code_bytes: sections.code - code.iter().map(|c| c.own).sum::<usize>(),
            prediction: predicted.as_ref().map(|p| Prediction::of(p, &counted)),
            layers: layers.collect(),
            against: peers.map(|p| p.into_iter().map(ratios).collect()),
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data") + "\n"
    }

    pub fn text(&self) -> String {
        let mut headers = [
            "#step",
            "layer",
            "operator",
            "#MACs",
            "#instructions",
            "#per MAC",
            "#predicted",
            "#cycles (est.)",
            "#stack (B)",
            "#arena in use (B)",
            "#weights (B)",
            "#code (B)",
            "#shared (B)",
        ]
        .to_vec();
        if self.board.is_some() {
            headers.extend(["#ms (est.)", "#uJ (est.)"]);
        }
        let percent = |e: Option<f64>| e.map_or(String::new(), |e| format!("{:+.1} %", 100.0 * e));
        let on_board = |ms: Option<f64>, uj: Option<(f64, f64)>| {
            let ms = ms.map(|ms| format!("{ms:.3}"));
            ms.map(|ms| [ms, uj.map_or("-".to_owned(), |(lo, hi)| format!("{:.1}", (lo + hi) / 2.0))])
        };
        let of_layer = |l: &Layer| {
            let [macs, instructions, per_mac, cycles, stack] = l.figures.cells();
            let [live, constants, code, shared] =
                [l.live_bytes, l.constant_bytes, l.code_bytes, l.shared_code_bytes].map(|n| n.to_string());
            let head = [l.step.to_string(), short(&l.layer), l.operator.to_owned(), macs, instructions, per_mac];
            let tail = [percent(l.prediction_error), cycles, stack, live, constants, code, shared];
            head.into_iter().chain(tail).chain(on_board(l.milliseconds, l.microjoules).into_iter().flatten()).collect()
        };
        let mut rows: Vec<Vec<String>> = self.layers.iter().map(of_layer).collect();
        let [macs, instructions, per_mac, cycles, stack] = self.total.cells();
        let total = ["", "total", ""].map(str::to_owned).into_iter().chain([macs, instructions, per_mac]);
        let error = percent(self.prediction.as_ref().map(|p| p.error));
        let sizes = [self.arena_bytes, self.constant_bytes, self.code_bytes].map(|n| n.to_string());
        let total = total.chain([error, cycles, stack]).chain(sizes).chain([String::new()]);
        rows.push(total.chain(on_board(self.milliseconds, self.microjoules).into_iter().flatten()).collect());
        let mut s = format!("{} on {} ({})\n{}\n\n", self.name, self.target, self.emulated, self.compiler);
        s += &table::text(&headers, rows);
        s += "\n";
        s += &table::text(&["", "#"], self.sizes());
        s += &self.predicted();
        s += &self.compared();
        if let Some(against) = &self.against {
            s += "\n";
            s += &compared_with(against);
        }
        s
    }

    fn predicted(&self) -> String {
        let Some(p) = &self.prediction else { return String::new() };
        let worst = p.worst_layer.zip(p.worst_error);
        let worst = worst.map_or(String::new(), |(i, e)| format!(", most {:+.1} % in step {i}", 100.0 * e));
        format!(
            "\n{} instructions predicted, {:+.1} %; layers by {:.1} % in the mean{worst} (of those with {} % or more)\n",
            p.instructions,
            100.0 * p.error,
            100.0 * p.mean_error,
            100.0 * prediction::SMALL
        )
    }

    fn sizes(&self) -> Vec<Vec<String>> {
        let bytes = [
            ("RAM", self.ram_bytes),
            ("  arena", self.arena_bytes),
            ("stack, at most", self.stack_bound_bytes),
            ("stack, in use", self.total.stack_bytes as usize),
            ("code", self.code_bytes),
            ("  of it the compiler's library", self.library_bytes),
            ("  of it the interface", self.other_code_bytes),
            ("constants", self.constant_bytes),
        ];
        let mut rows: Vec<_> = bytes.iter().map(|(what, n)| vec![(*what).to_owned(), format!("{n} B")]).collect();
        let at = self.board.map_or(String::new(), |b| format!(" on {b}, estimated"));
        if let Some(ms) = self.milliseconds {
            rows.push(vec![format!("time{at}"), format!("{ms:.3} ms")]);
        }
        if let Some((lo, hi)) = self.microjoules {
            rows.push(vec![format!("energy{at}"), format!("{lo:.1} to {hi:.1} uJ")]);
        }
        rows
    }

    fn compared(&self) -> String {
        let Report { samples, checked_against: against, largest_difference: d, .. } = self;
        match (self.equal, self.bit_exact) {
            (true, true) => format!("\n{samples} samples: every bit as by {against}\n"),
            (true, false) => format!("\n{samples} samples: as by {against}, largest relative difference {d:.1e}\n"),
            (false, _) => format!("\n{samples} samples: NOT as by {against}\n"),
        }
    }
}

/// A layer's name as a column of a table holds it; `--json` has all of it.
fn short(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 2).chain("..".chars()).collect()
}

fn compared_with(against: &[Ratios]) -> String {
    let ratio = |r: Option<f64>| r.map_or("-".to_owned(), |r| format!("{r:.3}"));
    let whole = |n: Option<f64>| n.map_or("-".to_owned(), |n| format!("{n:.0}"));
    let row = |r: &Ratios| {
        let shares = [r.instructions, r.arena, r.ram, r.code, r.flash].map(ratio);
        let theirs = [r.their_instructions, r.their_arena_bytes, r.their_flash_bytes].map(whole);
        [r.stack.clone(), r.what.clone()].into_iter().chain(shares).chain(theirs).collect()
    };
    let shares = ["#instructions", "#arena", "#RAM and stack", "#code", "#code and constants"];
    let theirs = ["#their instructions", "#their arena (B)", "#their flash (B)"];
    let headers = [&["share of what others take", ""][..], &shares, &theirs].concat();
    match against {
        [] => "no figures of others for this core\n".to_owned(),
        _ => table::text(&headers, against.iter().map(row)),
    }
}
