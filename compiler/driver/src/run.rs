//! `tinyc run`: what a network gives for samples, as an `.npz` file.

use crate::cli::{Engine, RunArgs};
use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::files;
use crate::host;
use crate::npz;
use crate::pipeline;
use crate::samples::Samples;
use crate::toolchain::Cc;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::tensor::Tensor;

pub fn run(args: &RunArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let cc = match args.engine {
        Engine::Eval => None,
        Engine::C => Some(Cc::find(args.host.cc.as_deref())?),
    };
    let network = pipeline::read(&args.model, &args.network, &emit::stem(&args.model), console)?;
    let samples = Samples::read(Some(&args.input), None, &network, console)?.inputs;
    let names: Vec<String> = network.graph.outputs().iter().map(|o| format!("output/{}", o.name)).collect();
    let results: Vec<Vec<Tensor>> = match cc {
        Some(cc) => {
            let compiled = pipeline::compile(network, console)?;
            let runs = host::run(&compiled, &samples, &cc, &args.host.cflags, false, console)?;
            runs.into_iter().map(|r| r.outputs).collect()
        }
        None => {
            let evaluate = |_: &mut Console<'_>| {
                let runner = Evaluator.compile(&network.graph)?;
                samples.iter().map(|s| Ok(runner.run(s)?)).collect::<Result<_, Failure>>()
            };
            console.stage("evaluate", evaluate, |r: &Vec<_>| format!("{} samples", r.len()))?
        }
    };
    let arrays = names.into_iter().enumerate().map(|(o, name)| (name, results.iter().map(|r| &r[o]).collect()));
    let file = npz::bytes(arrays)?;
    files::write_all(&[(args.output.clone(), file)])?;
    console.verbose(|| format!("wrote {}", args.output.display()));
    Ok(())
}
