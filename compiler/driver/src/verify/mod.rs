//! `tinyc verify`: the compiled network against the reference evaluation and against given outputs.

mod compare;
mod harness;

use crate::cli::VerifyArgs;
use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::files::{self, Scratch};
use crate::npz::Npz;
use crate::pipeline::{self, Compiled};
use crate::table;
use crate::toolchain::{self, Cc};
use compare::Difference;
use std::collections::BTreeMap;
use std::process::Command;
use tinyc_codegen::plan::Work;
use tinyc_core::diag::Code;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::NodeId;
use tinyc_core::tensor::{Data, Tensor};
use tinyc_core::types::TensorType;

/// How many samples are made up when no data is given.
const MADE_UP: usize = 4;

/// Inputs and, where given, expected outputs; one entry a sample.
struct Samples {
    inputs: Vec<Vec<Tensor>>,
    /// By output; `None` where the file has none.
    expected: Vec<Option<Vec<Tensor>>>,
}

pub fn run(args: &VerifyArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let cc = Cc::find(args.cc.as_deref())?;
    let name = emit::stem(&args.model);
    let compiled = pipeline::compile(pipeline::read(&args.model, &args.network, &name, console)?)?;
    let samples = samples(args, &compiled)?;
    console.verbose(|| format!("{} samples", samples.inputs.len()));
    let got = run_compiled(&compiled, &samples.inputs, &cc, args)?;
    let reference = evaluate(&compiled, &samples.inputs)?;
    let ok = report(args, &compiled, &samples, &got, &reference, console)?;
    let layers_ok = if args.per_layer { report_layers(args, &compiled, &got, &reference, console)? } else { true };
    match ok && layers_ok {
        true => Ok(()),
        false => Err(Failure::new(Code::Mismatch, "compiled code and reference differ by more than the tolerance")
            .help("--per-layer shows the first layer that differs")),
    }
}

fn samples(args: &VerifyArgs, compiled: &Compiled) -> Result<Samples, Failure> {
    let (inputs, outputs) = (&compiled.program.inputs, &compiled.program.outputs);
    let limit = args.samples.unwrap_or(usize::MAX);
    let Some(path) = &args.data else {
        let sample = |s: usize| {
            inputs.iter().enumerate().map(|(i, p)| Tensor::random(&p.ty, (s * inputs.len() + i) as u64 + 1)).collect()
        };
        let inputs = (0..MADE_UP.min(limit)).map(sample).collect();
        return Ok(Samples { inputs, expected: vec![None; outputs.len()] });
    };
    let npz = Npz::read(path)?;
    let mut columns = Vec::new();
    for p in inputs {
        let Some(samples) = npz.samples("input", &p.name, &p.ty)? else {
            let message = format!("{} has no array for input {:?}", path.display(), p.name);
            let names: Vec<_> = npz.names().collect();
            let names = if names.is_empty() {
                "it holds none".to_owned()
            } else {
                format!("its arrays are {}", names.join(", "))
            };
            return Err(Failure::new(Code::BadData, message).help(&names));
        };
        columns.push(samples);
    }
    let mut expected = Vec::new();
    for p in outputs {
        expected.push(npz.samples("output", &p.name, &p.ty)?);
    }
    let counts: Vec<usize> = columns.iter().chain(expected.iter().flatten()).map(Vec::len).collect();
    let n = counts.first().copied().unwrap_or(0);
    if counts.iter().any(|&c| c != n) || n == 0 {
        let message = format!("{}: arrays hold different numbers of samples, or none: {counts:?}", path.display());
        return Err(Failure::new(Code::BadData, message));
    }
    let inputs = (0..n.min(limit)).map(|s| columns.iter().map(|c| c[s].clone()).collect()).collect();
    Ok(Samples { inputs, expected })
}

/// What the compiled network gave for one sample.
struct Run {
    /// For each step, the buffers that it wrote, as bytes.
    steps: Vec<Vec<Vec<u8>>>,
    outputs: Vec<Tensor>,
}

fn run_compiled(compiled: &Compiled, samples: &[Vec<Tensor>], cc: &Cc, args: &VerifyArgs) -> Result<Vec<Run>, Failure> {
    let scratch = Scratch::new()?;
    let model = emit::c(compiled, None, false, None).write(&scratch)?;
    let main = harness::source(&compiled.program, compiled.network.io, args.per_layer);
    let main = scratch.write("main.c", main.as_bytes())?;
    let bytes: Vec<u8> = samples.iter().flatten().flat_map(|t| t.data().to_le_bytes()).collect();
    let input = scratch.write("in.bin", &bytes)?;
    let (program, output) = (scratch.path("harness"), scratch.path("out.bin"));
    cc.build(args.cflags.split_whitespace(), &[&model, &main], &program)?;
    let mut command = Command::new(program);
    command.arg(input).arg(&output);
    toolchain::run(command, "the compiled network")?;
    let output = files::read(&output)?;
    parse(compiled, samples.len(), args.per_layer, &output)
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

/// What the evaluator gave for one sample.
struct Reference {
    nodes: BTreeMap<NodeId, Vec<Tensor>>,
    outputs: Vec<Tensor>,
}

fn evaluate(compiled: &Compiled, samples: &[Vec<Tensor>]) -> Result<Vec<Reference>, Failure> {
    let runner = Evaluator.compile(&compiled.network.graph)?;
    let mut references = Vec::new();
    for inputs in samples {
        let mut nodes = BTreeMap::new();
        let outputs = runner.trace(inputs, &mut |id, results| {
            nodes.insert(id, results.to_vec());
        })?;
        references.push(Reference { nodes, outputs });
    }
    Ok(references)
}

fn report(
    args: &VerifyArgs,
    compiled: &Compiled,
    samples: &Samples,
    got: &[Run],
    reference: &[Reference],
    console: &mut Console<'_>,
) -> Result<bool, Failure> {
    let mut rows = Vec::new();
    let mut all_ok = true;
    for (o, port) in compiled.program.outputs.iter().enumerate() {
        let results = || got.iter().map(|r| &r.outputs[o]);
        let evaluated = Difference::over(results().zip(reference.iter().map(|r| &r.outputs[o])));
        let expected = samples.expected[o].as_ref().map(|e| Difference::over(results().zip(e)));
        for (against, d) in [("evaluation", Some(evaluated)), ("data", expected)] {
            let Some(d) = d else { continue };
            let ok = d.within(args.tolerance);
            all_ok &= ok;
            rows.push([vec![port.name.clone(), against.to_owned(), got.len().to_string()], d.cells(ok)].concat());
        }
    }
    let headers = ["output", "against", "#samples", "#max difference", "#range", "#relative", ""];
    console.print(&table::text(&headers, rows))?;
    Ok(all_ok)
}

fn report_layers(
    args: &VerifyArgs,
    compiled: &Compiled,
    got: &[Run],
    reference: &[Reference],
    console: &mut Console<'_>,
) -> Result<bool, Failure> {
    let mut rows = Vec::new();
    let mut all_ok = true;
    for (i, step) in compiled.program.steps.iter().enumerate() {
        let Work::Node(node) = compiled.plan.steps[i].work else { continue };
        let graph_node = compiled.network.graph.node(node);
        for (part, ty) in graph_node.ty.parts().iter().enumerate() {
            let results: Vec<Tensor> = got
                .iter()
                .filter_map(|r| Tensor::new(ty.shape.clone(), Data::from_le_bytes(ty.dtype, &r.steps[i][part])?))
                .collect();
            let d = Difference::over(results.iter().zip(reference.iter().map(|r| &r.nodes[&node][part])));
            let ok = d.within(args.tolerance);
            all_ok &= ok;
            let names: Vec<&str> = step.origins.iter().map(|o| &**o).collect();
            rows.push([vec![i.to_string(), names.join(", "), ty.to_string()], d.cells(ok)].concat());
        }
    }
    let headers = ["#step", "layer", "result", "#max difference", "#range", "#relative", ""];
    console.print(&format!("\n{}", table::text(&headers, rows)))?;
    Ok(all_ok)
}
