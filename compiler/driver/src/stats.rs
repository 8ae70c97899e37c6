//! Sizes of a compiled network.

use crate::pipeline::Compiled;
use crate::table;
use serde::Serialize;
use tinyc_codegen::c::Sizes;
use tinyc_core::loops::{Place, Port};

/// No operator keeps anything from run to run.
const STATE_BYTES: usize = 0;

#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
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
    /// Peak resident memory of tinyc itself, where the system tells.
    pub compiler_peak_bytes: Option<u64>,
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
