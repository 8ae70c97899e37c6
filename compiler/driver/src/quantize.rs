//! Quantization on the command line: calibration samples from a file, integers as inputs and outputs, and what
//! stays in floats.

use crate::cli::{IoType, QuantizeArgs};
use crate::console::Console;
use crate::exit::Failure;
use crate::npz::Npz;
use crate::samples;
use std::collections::BTreeMap;
use std::path::Path;
use tinyc_compress::layers::Layers;
use tinyc_compress::ports::{self, Ports};
use tinyc_compress::{Options, Quantized};
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::eval::Evaluator;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::op::OpId;

/// Whether the network has values that stand for others.
pub fn is_quantized(graph: &Graph) -> bool {
    let integers = [OpId::quantize, OpId::dequantize, OpId::conv_integer, OpId::matmul_integer, OpId::requantize];
    graph.ids().any(|id| matches!(&graph.node(id).kind, Kind::Op(op, _) if integers.contains(op)))
}

/// Quantizes a network of floats with the samples of a file.
pub fn run(graph: &mut Graph, calib: &Path, args: &QuantizeArgs, console: &mut Console<'_>) -> Result<Layers, Failure> {
    if is_quantized(graph) {
        let message = "--quantize: the network is quantized already";
        return Err(Failure::usage(message).help("leave --quantize out: its own scales are used"));
    }
    let npz = Npz::read(calib)?;
    let samples = samples::inputs(&npz, graph, &BTreeMap::new(), args.calib_samples.unwrap_or(usize::MAX))?;
    let progress = console.counter("calibrate");
    let options = Options {
        observer: args.calib_observer.observer(),
        weights: args.calib_weights.range(),
        equalize: args.equalize,
        correct_bias: args.correct_bias,
        keep_float: &args.keep_float,
        ports: args.io_type != Some(IoType::Float),
        progress: &progress,
    };
    let work = |_: &mut Console<'_>| {
        let file = calib.display().to_string();
        tinyc_compress::quantize(graph, &samples, &options, &Evaluator).map_err(|r| r.in_file(&file).into())
    };
    let size =
        |q: &Quantized| format!("{} samples, {} values, {} weights", samples.len(), q.layers.values.len(), q.weights);
    let quantized = console.stage("calibrate", work, size)?;
    console.report(&quantized.warnings);
    Ok(quantized.layers)
}

/// Makes inputs and outputs integers, where that is asked for.
pub fn integer_ports(graph: &mut Graph, args: &QuantizeArgs, console: &mut Console<'_>) -> Result<Ports, Failure> {
    let asked = match args.io_type {
        None => args.quantize.is_some(),
        Some(io_type) => io_type == IoType::Int8,
    };
    if !asked {
        return Ok(Ports::default());
    }
    let ports = ports::to_integers(graph)?;
    if ports.inputs.is_empty() && ports.outputs.is_empty() {
        let message = "--io-type int8: no input or output of the network has a scale";
        return Err(Failure::usage(message).help("quantize the network with --quantize int8 --calib samples.npz"));
    }
    for port in &ports.left {
        let message = format!("{port} stays of floats: the network does not say how integers would stand for them");
        console.report(&Diagnostic::warning(Code::LeftFloat, message).into());
    }
    Ok(ports)
}

/// A warning that names what runs in floats within a network of integers.
pub fn left_in_floats(graph: &Graph) -> Report {
    let mut names: Vec<String> = Vec::new();
    for id in graph.topological().unwrap_or_default() {
        let node = graph.node(id);
        let Kind::Op(op, _) = &node.kind else { continue };
        let moves = matches!(op, OpId::reshape | OpId::transpose | OpId::slice | OpId::concat);
        let float = node.ty.parts().iter().any(|t| t.dtype.is_float());
        let reads_floats = graph.operands(id).into_iter().flatten().any(|o| {
            let operand = graph.node(o);
            !matches!(operand.kind, Kind::Const(_)) && operand.ty.parts().iter().any(|t| t.dtype.is_float())
        });
        if float && reads_floats && !moves && *op != OpId::dequantize {
            let origin = node.origins.last().map_or(String::new(), |o| format!(" {o:?}"));
            names.push(format!("{}{origin}", op.name()));
        }
    }
    let mut report = Report::default();
    if !names.is_empty() {
        let n = names.len();
        let what = if n == 1 { "1 operator runs".to_owned() } else { format!("{n} operators run") };
        let mut warning = Diagnostic::warning(Code::LeftFloat, format!("{what} in floats, between integers"));
        const SHOWN: usize = 8;
        for name in names.iter().take(SHOWN) {
            warning = warning.note(name.clone());
        }
        if n > SHOWN {
            warning = warning.note(format!("and {} more", n - SHOWN));
        }
        report.push(warning);
    }
    report
}
