//! `tinyc verify`: the compiled network against the reference evaluation and against given outputs.

mod accuracy;
mod compare;

use crate::cli::VerifyArgs;
use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::host::{self, Run};
use crate::pipeline::{self, Compiled};
use crate::samples::Samples;
use crate::table;
use crate::toolchain::Cc;
pub use compare::Difference;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_compress::samples::{Progress, each};
use tinyc_core::diag::Code;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::NodeId;
use tinyc_core::tensor::{Data, Tensor};
use tinyc_core::types::{Shape, TensorType};

pub fn run(args: &VerifyArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let cc = Cc::find(args.host.cc.as_deref())?;
    let name = emit::stem(&args.model);
    let compiled = pipeline::compile(pipeline::read(&args.model, &args.network, &name, console)?, console)?;
    let samples = Samples::read(args.data.as_deref(), args.samples, &compiled.network, console)?;
    console.verbose(|| format!("{} samples", samples.inputs.len()));
    let got = host::run(&compiled, &samples.inputs, &cc, &args.host.cflags, args.per_layer, console)?;
    let progress = console.counter("evaluate");
    let evaluate = |_: &mut Console<'_>| evaluate(&compiled, &samples.inputs, args.per_layer, &progress);
    let reference = console.stage("evaluate", evaluate, |r| format!("{} samples", r.len()))?;
    let mut comparison = Comparison { tolerance: args.tolerance, ok: true };
    let mut text = comparison.outputs(&compiled, &samples, &got, &reference);
    if args.per_layer {
        text += &format!("\n{}", comparison.layers(&compiled, &got, &reference));
    }
    let outputs: Vec<&[Tensor]> = got.iter().map(|r| r.outputs.as_slice()).collect();
    let accuracy = match &args.data {
        Some(data) => accuracy::measure(args, data, &compiled.network, &outputs, console)?,
        None => None,
    };
    match args.json {
        true => console.print(&format!("{}\n", json(&comparison, accuracy.as_ref())))?,
        false => console.print(&accuracy.map_or(text.clone(), |a| format!("{text}\n{}", a.text())))?,
    }
    match comparison.ok {
        true => Ok(()),
        false => Err(Failure::new(Code::Mismatch, "compiled code and reference differ by more than the tolerance")
            .help("--per-layer shows the first layer that differs")),
    }
}

/// Whether the compiled network computes what it should, and how good that is.
fn json(comparison: &Comparison, accuracy: Option<&accuracy::Accuracy>) -> String {
    let all = serde_json::json!({ "compiled_is_within_tolerance": comparison.ok, "accuracy": accuracy });
    serde_json::to_string_pretty(&all).expect("plain data")
}

/// What the evaluator gave for one sample.
struct Reference {
    /// Of the nodes whose results steps write, where each layer is compared.
    nodes: BTreeMap<NodeId, Vec<Tensor>>,
    outputs: Vec<Tensor>,
}

fn evaluate(
    compiled: &Compiled,
    samples: &[Vec<Tensor>],
    per_layer: bool,
    progress: Progress<'_>,
) -> Result<Vec<Reference>, Failure> {
    let runner = Evaluator.compile(&compiled.network.graph)?;
    let steps: BTreeSet<NodeId> = compiled.plan.steps.iter().filter(|_| per_layer).filter_map(|s| s.node).collect();
    Ok(each(samples, progress, |inputs| {
        let mut nodes = BTreeMap::new();
        let outputs = runner.trace(inputs, &mut |id, results| {
            if steps.contains(&id) {
                nodes.insert(id, results.to_vec());
            }
        })?;
        Ok(Reference { nodes, outputs })
    })?)
}

/// Holds results against references and remembers whether all were near enough.
struct Comparison {
    tolerance: f64,
    ok: bool,
}

impl Comparison {
    /// A row of a table: `head`, then how far apart the pairs (result, reference) are.
    fn row<'a>(&mut self, head: Vec<String>, pairs: impl Iterator<Item = (&'a Tensor, &'a Tensor)>) -> Vec<String> {
        let difference = Difference::over(pairs);
        let ok = difference.within(self.tolerance);
        self.ok &= ok;
        [head, difference.cells(ok)].concat()
    }

    fn outputs(&mut self, compiled: &Compiled, samples: &Samples, got: &[Run], reference: &[Reference]) -> String {
        let mut rows = Vec::new();
        for (o, port) in compiled.program.outputs.iter().enumerate() {
            let head = |against: &str| vec![port.name.clone(), against.to_owned(), got.len().to_string()];
            let results = || got.iter().map(|r| &r.outputs[o]);
            rows.push(self.row(head("evaluation"), results().zip(reference.iter().map(|r| &r.outputs[o]))));
            if let Some(expected) = &samples.expected[o] {
                rows.push(self.row(head("data"), results().zip(expected)));
            }
        }
        table::text(&["output", "against", "#samples", "#max difference", "#range", "#relative", ""], rows)
    }

    fn layers(&mut self, compiled: &Compiled, got: &[Run], reference: &[Reference]) -> String {
        let mut rows = Vec::new();
        for (i, step) in compiled.program.steps.iter().enumerate() {
            let planned = &compiled.plan.steps[i];
            let Some(node) = planned.node else { continue };
            let names: Vec<&str> = step.origins.iter().map(|o| &**o).collect();
            for (part, ty) in compiled.network.graph.node(node).ty.parts().iter().enumerate() {
                let order = &compiled.plan.buffers[planned.writes[part]].order;
                let result = |r: &Run| logical(ty, order, &r.steps[i][part]);
                let results: Vec<Tensor> = got.iter().filter_map(result).collect();
                let head = vec![i.to_string(), names.join(", "), ty.to_string()];
                rows.push(self.row(head, results.iter().zip(reference.iter().map(|r| &r.nodes[&node][part]))));
            }
        }
        table::text(&["#step", "layer", "result", "#max difference", "#range", "#relative", ""], rows)
    }
}

/// A tensor from a buffer whose axes lie in memory in `order`.
fn logical(ty: &TensorType, order: &[usize], bytes: &[u8]) -> Option<Tensor> {
    let data = Data::from_le_bytes(ty.dtype, bytes)?;
    let physical = Shape::new(order.iter().map(|&d| ty.shape[d]).collect::<Vec<_>>());
    let strides = physical.strides();
    let offset = |at: Vec<usize>| order.iter().zip(&strides).map(|(&d, s)| at[d] * s).sum();
    Tensor::new(ty.shape.clone(), data.gather(ty.shape.coordinates().map(offset)))
}
