//! Runs a compiled network on this machine: through its C compiler and a harness around the network.

mod harness;

use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::files::{self, Scratch};
use crate::pipeline::Compiled;
use crate::toolchain::{self, Cc};
use std::process::Command;
use tinyc_core::diag::Code;
use tinyc_core::tensor::{Data, Tensor};
use tinyc_core::types::TensorType;

/// What the compiled network gave for one sample.
pub struct Run {
    /// For each step, the buffers that it wrote, as bytes.
    pub steps: Vec<Vec<Vec<u8>>>,
    pub outputs: Vec<Tensor>,
}

/// Runs each sample. `cc` comes from [`compiler`].
pub fn run(
    compiled: &Compiled,
    samples: &[Vec<Tensor>],
    cc: &Cc,
    cflags: &str,
    per_layer: bool,
    console: &mut Console<'_>,
) -> Result<Vec<Run>, Failure> {
    let scratch = Scratch::new()?;
    let model = emit::c(compiled, emit::CNames::of(compiled), false, None).write(&scratch)?;
    let main = harness::source(&compiled.program, compiled.network.io, per_layer);
    let main = scratch.write("main.c", main.as_bytes())?;
    let bytes: Vec<u8> = samples.iter().flatten().flat_map(|t| t.data().to_le_bytes()).collect();
    let input = scratch.write("in.bin", &bytes)?;
    let (program, output) = (scratch.path("harness"), scratch.path("out.bin"));
    let build = |_: &mut Console<'_>| cc.build(cflags.split_whitespace(), &[&model, &main], &program);
    console.stage("compile the C code", build, |()| format!("{} {cflags}", cc.name()))?;
    let mut command = Command::new(&program);
    command.arg(input).arg(&output);
    let run = |_: &mut Console<'_>| toolchain::run(command, "the compiled network");
    console.stage("run the program", run, |_| format!("{} samples", samples.len()))?;
    let output = files::read(&output)?;
    parse(compiled, samples.len(), per_layer, &output)
        .ok_or_else(|| Failure::new(Code::Internal, "the compiled network wrote fewer bytes than expected"))
}

fn parse(compiled: &Compiled, samples: usize, per_layer: bool, bytes: &[u8]) -> Option<Vec<Run>> {
    let program = &compiled.program;
    let mut rest = bytes;
    let mut take = |n: usize| {
        let (head, tail) = rest.split_at_checked(n)?;
        rest = tail;
        Some(head.to_vec())
    };
    let mut runs = Vec::new();
    for _ in 0..samples {
        let mut steps = Vec::new();
        for step in 0..if per_layer { program.steps.len() } else { 0 } {
            let buffers = harness::written(program, step);
            steps.push(buffers.iter().map(|b| take(program.buffers[b.0 as usize].bytes())).collect::<Option<_>>()?);
        }
        let tensor =
            |ty: &TensorType, bytes: &[u8]| Tensor::new(ty.shape.clone(), Data::from_le_bytes(ty.dtype, bytes)?);
        let outputs = program.outputs.iter().map(|p| tensor(&p.ty, &take(p.ty.bytes())?)).collect::<Option<_>>()?;
        runs.push(Run { steps, outputs });
    }
    rest.is_empty().then_some(runs)
}
