//! Sizes of a compiled network.

use crate::pipeline::{Compiled, Optimized};
use crate::table;
use serde::Serialize;
use tinyc_codegen::c::Sizes;
use tinyc_core::loops::{Place, Port};
use tinyc_rewrite::optimize::Outcome;

/// No operator keeps anything from run to run.
const STATE_BYTES: usize = 0;

#[derive(Serialize, Debug, Clone, PartialEq)]
pub struct Stats {
    pub name: String,
    pub target: String,
    /// Arena, caller's inputs and outputs, state and context: what the network needs of RAM beside
    /// the stack.
    pub ram_bytes: usize,
    pub arena_bytes: usize,
    /// Inputs and outputs owned by the caller; zero where they lie in the arena.
    pub input_bytes: usize,
    pub output_bytes: usize,
    pub state_bytes: usize,
    /// The context struct on the target.
    pub context_bytes: usize,
    /// Largest sum of values alive at once in the plan's order: no plan of that order needs less.
    pub live_bytes: usize,
    /// Upper bound.
    pub stack_bytes: usize,
    pub weights_bytes: usize,
    pub macs: u64,
    /// Estimated for one run on the target.
    pub cycles: u64,
    pub steps: usize,
    /// Nothing at effort 0.
    pub optimizer: Option<Optimizer>,
    /// Peak resident memory of tinyc itself, where the system tells.
    pub compiler_peak_bytes: Option<u64>,
}

/// How the optimizer came to the network's form.
#[derive(Serialize, Debug, Clone, PartialEq)]
pub struct Optimizer {
    pub milliseconds: f64,
    /// Sums over all regions and runs.
    pub regions: usize,
    pub enodes: usize,
    pub classes: usize,
    pub iterations: usize,
    /// Regions in which a limit came before the end of saturation.
    pub limited_regions: usize,
    pub search_steps: u64,
    /// Estimates of the operators' prices, before the first run and after the last one.
    pub cycles_before: u64,
    pub cycles_after: u64,
    /// Part of `cycles_after` by which a better choice among the forms found might be cheaper.
    pub gap: f64,
    /// No choice among the forms found is cheaper.
    pub proven: bool,
}

impl Optimizer {
    fn of(optimized: &Optimized) -> Option<Optimizer> {
        let outcomes = &optimized.outcomes;
        let (first, last) = (outcomes.first()?, outcomes.last()?);
        let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum();
        let (after, bound) = (last.after.cycles as f64, last.bound.cycles as f64);
        Some(Optimizer {
            milliseconds: optimized.time.as_secs_f64() * 1e3,
            regions: sum(|o| o.regions),
            enodes: sum(|o| o.enodes),
            classes: sum(|o| o.classes),
            iterations: sum(|o| o.iterations),
            limited_regions: sum(|o| o.stopped),
            search_steps: outcomes.iter().map(|o| o.steps).sum(),
            cycles_before: first.before.whole_cycles(),
            cycles_after: last.after.whole_cycles(),
            gap: if after > 0.0 { (after - bound) / after } else { 0.0 },
            proven: outcomes.iter().all(|o| o.after == o.bound),
        })
    }
}

impl Stats {
    /// `sizes`: what the C printer found.
    pub fn of(compiled: &Compiled, sizes: &Sizes) -> Stats {
        let program = &compiled.program;
        let owned_by_caller = |ports: &[Port]| -> usize {
            let caller =
                |p: &&Port| matches!(program.buffers[p.buffer.0 as usize].place, Place::Input(_) | Place::Output(_));
            ports.iter().filter(caller).map(|p| p.ty.bytes()).sum()
        };
        let (input_bytes, output_bytes) = (owned_by_caller(&program.inputs), owned_by_caller(&program.outputs));
        Stats {
            name: program.name.clone(),
            target: compiled.network.target.name.to_owned(),
            ram_bytes: program.arena_bytes + input_bytes + output_bytes + STATE_BYTES + sizes.context,
            arena_bytes: program.arena_bytes,
            input_bytes,
            output_bytes,
            state_bytes: STATE_BYTES,
            context_bytes: sizes.context,
            live_bytes: compiled.plan.lower_bound(),
            stack_bytes: sizes.stack,
            weights_bytes: sizes.weights,
            macs: program.steps.iter().map(|s| s.macs).sum(),
            cycles: compiled.step_cycles().iter().sum::<f64>().round() as u64,
            steps: program.steps.len(),
            optimizer: Optimizer::of(&compiled.network.optimized),
            compiler_peak_bytes: peak_bytes(),
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data") + "\n"
    }

    pub fn text(&self) -> String {
        let rows = [
            ("RAM", self.ram_bytes),
            ("  arena", self.arena_bytes),
            ("  inputs", self.input_bytes),
            ("  outputs", self.output_bytes),
            ("  state", self.state_bytes),
            ("  context", self.context_bytes),
            ("stack, at most", self.stack_bytes),
            ("weights", self.weights_bytes),
        ];
        let rows = rows.map(|(what, n)| vec![what.to_owned(), format!("{n} B")]).into_iter();
        let counts = [("MACs", self.macs), ("cycles, estimated", self.cycles), ("steps", self.steps as u64)];
        table::text(&["", "#"], rows.chain(counts.map(|(what, n)| vec![what.to_owned(), n.to_string()])))
    }

    /// One line, for every compile.
    pub fn line(&self) -> String {
        format!(
            "{}: RAM {} B (arena {} B), stack at most {} B, weights {} B, {} MACs, {} steps",
            self.name, self.ram_bytes, self.arena_bytes, self.stack_bytes, self.weights_bytes, self.macs, self.steps
        )
    }
}

/// Linux: the high-water mark of resident memory.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
