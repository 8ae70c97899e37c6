//! `tinyc check`: whether a network can be compiled, and what each layer needs.

use crate::budget;
use crate::cli::CheckArgs;
use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::pipeline;
use crate::stats::Stats;
use crate::table;

pub fn run(args: &CheckArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let name = emit::stem(&args.model);
    let compiled = pipeline::compile(pipeline::read(&args.model, &args.network, &name, console)?, console)?;
    let c = emit::c(&compiled, emit::CNames::of(&compiled), false, None);
    let stats = Stats::of(&compiled, &c.emitted.sizes);
    let beside_arena = stats.ram_bytes - stats.arena_bytes;
    let plan = &compiled.plan;
    let (cycles, live) = (compiled.step_cycles(), plan.live());
    let mut rows = Vec::new();
    for (i, (step, planned)) in compiled.program.steps.iter().zip(&plan.steps).enumerate() {
        let names: Vec<&str> = step.origins.iter().map(|o| &**o).collect();
        let types: Vec<String> = planned.writes.iter().map(|&b| plan.buffers[b].ty.to_string()).collect();
        rows.push(vec![
            i.to_string(),
            names.join(", "),
            planned.op.to_owned(),
            types.join(", "),
            step.macs.to_string(),
            format!("{:.0}", cycles[i]),
            compiled.step_weights(i).to_string(),
            (beside_arena + live[i]).to_string(),
        ]);
    }
    rows.push(vec![
        String::new(),
        "total".to_owned(),
        String::new(),
        String::new(),
        stats.macs.to_string(),
        stats.cycles.to_string(),
        stats.weights_bytes.to_string(),
        stats.ram_bytes.to_string(),
    ]);
    let headers = ["#step", "layer", "operator", "result", "#MACs", "#cycles (est.)", "#weights (B)", "#RAM (B)"];
    console.print(&format!("{}\n{}", table::text(&headers, rows), stats.text()))?;
    budget::check(&args.budget, &compiled, &c, &stats, console)
}
