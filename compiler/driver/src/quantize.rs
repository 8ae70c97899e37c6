//! Quantization on the command line: calibration samples from a file, integers as inputs and outputs, and what
//! stays in floats.

use crate::cli::{IoType, QuantizeArgs};
use crate::console::Console;
use crate::exit::Failure;
use crate::input_ranges::InputRanges;
use crate::npz::Npz;
use crate::samples;
use std::collections::BTreeMap;
use std::path::Path;
use tinyc_compress::layers::Layers;
use tinyc_compress::ports::{self, Ports};
use tinyc_compress::samples::Progress;
use tinyc_compress::{Options, Quantized};
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::eval::Evaluator;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;

/// Whether the network computes values that stand for others; constants alone may.
pub fn is_quantized(graph: &Graph) -> bool {
    let integers = [OpId::quantize, OpId::conv_integer, OpId::matmul_integer, OpId::requantize];
    let is_constant = |id: &Option<_>| id.is_some_and(|id| matches!(graph.node(id).kind, Kind::Const(_)));
    graph.ids().any(|id| match &graph.node(id).kind {
        Kind::Op(OpId::dequantize, _) => !graph.operands(id).first().is_some_and(is_constant),
        Kind::Op(op, _) => integers.contains(op),
        _ => false,
    })
}

/// How a network is quantized, and with what.
pub struct Calibration<'a> {
    args: &'a QuantizeArgs,
    file: String,
    samples: Vec<Vec<Tensor>>,
}

impl<'a> Calibration<'a> {
    /// Reads the samples of a file for a network of floats.
    pub fn read(graph: &Graph, calib: &Path, args: &'a QuantizeArgs) -> Result<Calibration<'a>, Failure> {
        if is_quantized(graph) {
            let message = "--quantize: the network is quantized already";
            return Err(Failure::usage(message).help("leave --quantize out: its own scales are used"));
        }
        let npz = Npz::read(calib)?;
        let samples = samples::inputs(&npz, graph, &BTreeMap::new(), args.calib_samples.unwrap_or(usize::MAX))?;
        Ok(Calibration { args, file: calib.display().to_string(), samples })
    }

    fn options<'b>(&'b self, progress: Progress<'b>) -> Options<'b> {
        Options {
            observer: self.args.calib_observer.observer(),
            weights: self.args.calib_weights.range(),
            equalize: self.args.equalize,
            correct_bias: self.args.correct_bias,
            keep_float: &self.args.keep_float,
            ports: self.args.io_type != Some(IoType::Float),
            progress,
        }
    }

    /// What the integers of inputs stand for, within what the user says of them.
    pub fn input_ranges(&self, graph: &Graph, given: &InputRanges) -> Result<InputRanges, Failure> {
        let ranges = tinyc_compress::input_ranges(graph, &self.samples, &self.options(&|_, _| {}));
        let mut ranges = ranges.map_err(|r| Failure::from(r.in_file(&self.file)))?;
        for (name, &(lo, hi)) in given {
            let of_integers = ranges.get(name).copied().unwrap_or((lo, hi));
            let both = (lo.max(of_integers.0), hi.min(of_integers.1));
            ranges.insert(name.clone(), if both.0 <= both.1 { both } else { (lo, hi) });
        }
        Ok(ranges)
    }

    /// Quantizes the network.
    pub fn quantize(&self, graph: &mut Graph, console: &mut Console<'_>) -> Result<Layers, Failure> {
        let progress = console.counter("calibrate");
        let work = |_: &mut Console<'_>| {
            let quantized = tinyc_compress::quantize(graph, &self.samples, &self.options(&progress), &Evaluator);
            quantized.map_err(|r| r.in_file(&self.file).into())
        };
        let samples = self.samples.len();
        let size =
            |q: &Quantized| format!("{samples} samples, {} values, {} weights", q.layers.values.len(), q.weights);
        let quantized = console.stage("calibrate", work, size)?;
        console.report(&quantized.warnings);
        Ok(quantized.layers)
    }
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
