//! `tinyc bench`: a network on an emulated board: what it computes, executes and takes of memory.

mod baselines;
mod code;
mod harness;
mod prediction;
mod report;

use crate::cli::BenchArgs;
use crate::console::Console;
use crate::device::{self, Cross, Device};
use crate::emit;
use crate::exit::Failure;
use crate::files::Scratch;
use crate::host;
use crate::pipeline::{self, Compiled};
use crate::samples::Samples;
use crate::stats::Stats;
use crate::toolchain::Cc;
use crate::verify::Difference;
use baselines::Baselines;
use harness::Told;
use report::{Report, Run};
use std::time::Duration;
use tinyc_codegen::targets::Target;
use tinyc_core::diag::Code;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::tensor::Tensor;

/// Flags for the C that results are compared with.
const HOST_CFLAGS: &str = "-std=c99 -O2";

pub fn run(args: &BenchArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let (target, _) = pipeline::target(&args.network.target)?;
    let device = device(target)?;
    let cross = Cross::find(target, args.cc.as_deref())?;
    device.require_tools()?;
    let baselines = args.against.as_deref().map(Baselines::read).transpose()?;
    let compiled =
        pipeline::compile(pipeline::read(&args.model, &args.network, &emit::stem(&args.model), console)?, console)?;
    let peers = baselines.map(|b| b.peers(target.name, &args.model, &compiled.program.name)).transpose()?;
    let samples = Samples::read(args.data.as_deref(), args.samples, &compiled.network, console)?.inputs;

    let scratch = Scratch::new()?;
    let c = emit::c(&compiled, emit::CNames::of(&compiled), false, None);
    let stats = Stats::of(&compiled, &c.emitted.sizes);
    let optimize = format!("-O{}", args.level);
    let flags: Vec<&str> = args.cflags.split_whitespace().chain([optimize.as_str()]).collect();
    let debug = [&flags[..], &[device::DEBUG]].concat();
    let names = c.emitted.functions.iter().flatten().map(String::as_str).collect();
    let build = |_: &mut Console<'_>| {
        let source = c.write(&scratch)?;
        cross.compile(&debug, &source, &scratch.path(device::OBJECT))?;
        let main = harness::source(&compiled.program, compiled.network.io, samples.len(), stats.stack_bytes);
        scratch.write(device::MAIN, main.as_bytes())?;
        let bytes: Vec<u8> = samples.iter().flatten().flat_map(|t| t.data().to_le_bytes()).collect();
        scratch.write(harness::SAMPLES, &bytes)?;
        device.link(&scratch.path(""))?;
        let folder = scratch.path("");
        Ok((device.sections(&folder)?, device.functions(&folder, &names)?))
    };
    let (sections, functions) = console.stage("build firmware", build, |(s, _)| format!("{} B of code", s.code))?;
    let code = code::of_layers(&c.emitted.functions, &functions);
    let limit = Duration::from_secs(args.timeout);
    let text = console.stage(
        "emulate",
        |_| device.emulate(&scratch.path(""), limit),
        |_| format!("{} samples", samples.len()),
    )?;
    let told = Told::parse(&compiled.program, samples.len(), &text)
        .ok_or_else(|| Failure::new(Code::NoTool, "the emulated board printed something else than results"))?;
    let check = Check::of(&compiled, &samples, &told.outputs, args, console)?;
    let compiler = format!("{} {}", cross.text(), flags.join(" "));
    let machine = device.machine;
    let run = Run { compiled: &compiled, stats: &stats, machine, compiler, told, sections, code, check };
    let report = Report::of(&run, peers);
    console.print(&if args.json { report.json() } else { report.text() })?;
    run.check.verdict()
}

/// The board for a core.
fn device(target: &Target) -> Result<&'static Device, Failure> {
    Device::of(target).ok_or_else(|| {
        let cores: Vec<&str> = Device::ALL.iter().map(|d| d.core).collect();
        Failure::usage(format!("there is no emulated board for the target {}", target.name))
            .help(&format!("give --target a board or one of {}", cores.join(", ")))
    })
}

/// How the board's results were compared, and how far apart they are.
pub struct Check {
    /// Bit for bit with C compiled for this machine, or within a tolerance with the evaluator.
    exact: bool,
    samples: usize,
    outputs: Vec<(String, Difference)>,
    tolerance: f64,
}

impl Check {
    fn of(
        compiled: &Compiled,
        samples: &[Vec<Tensor>],
        outputs: &[Vec<Tensor>],
        args: &BenchArgs,
        console: &mut Console<'_>,
    ) -> Result<Check, Failure> {
        let graph = &compiled.network.graph;
        let float = |id| graph.node(id).ty.parts().iter().any(|ty| ty.dtype.is_float());
        let exact = !graph.ids().any(float);
        let want: Vec<Vec<Tensor>> = match exact {
            true => {
                let cc = Cc::find(args.host_cc.as_deref())?;
                let runs = host::run(compiled, samples, &cc, HOST_CFLAGS, false, console)?;
                runs.into_iter().map(|r| r.outputs).collect()
            }
            false => {
                let evaluate = |_: &mut Console<'_>| {
                    let runner = Evaluator.compile(graph)?;
                    samples.iter().map(|s| Ok(runner.run(s)?)).collect::<Result<_, Failure>>()
                };
                console.stage("evaluate", evaluate, |r: &Vec<_>| format!("{} samples", r.len()))?
            }
        };
        let of = |o: usize| Difference::over(outputs.iter().zip(&want).map(move |(got, want)| (&got[o], &want[o])));
        let ports = compiled.program.outputs.iter().enumerate();
        let outputs = ports.map(|(o, port)| (port.name.clone(), of(o))).collect();
        Ok(Check { exact, samples: samples.len(), outputs, tolerance: args.tolerance })
    }

    fn ok(&self) -> bool {
        self.outputs.iter().all(|(_, d)| d.within(self.tolerance))
    }

    fn verdict(&self) -> Result<(), Failure> {
        if self.ok() {
            return Ok(());
        }
        let differ = self.outputs.iter().filter(|(_, d)| !d.within(self.tolerance));
        let outputs: Vec<String> = differ.map(|(name, d)| format!("{name:?} by {:.3e}", d.max)).collect();
        let message = format!("results of the board differ from {}: {}", self.against(), outputs.join(", "));
        Err(Failure::new(Code::Mismatch, message))
    }

    fn against(&self) -> &'static str {
        match self.exact {
            true => "C compiled for this machine",
            false => "the evaluator",
        }
    }
}
