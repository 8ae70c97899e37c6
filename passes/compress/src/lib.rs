//! Compression of networks: calibration and quantization after training.
//!
//! What is decided here is written into the graph as nodes: integers of a scale are a pair of `quantize` and
//! `dequantize`. Rewriting realizes decisions; this crate knows nothing of it, nor of code generation. It runs
//! networks through the trait `Exec` of core.

mod calibrate;
mod correct;
mod equalize;
pub mod given;
mod keep;
pub mod layers;
pub mod metrics;
pub mod observe;
mod pairs;
mod places;
pub mod ports;
mod roles;
pub mod samples;
mod scale;
mod weights;

use layers::Layers;
use observe::{Extremes, Observer};
use places::Places;
use samples::Progress;
use scale::Scale;
use std::collections::BTreeMap;
use tinyc_core::diag::Report;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::tensor::Tensor;
pub use weights::WeightRange;

/// How to quantize.
pub struct Options<'a> {
    pub observer: Observer,
    pub weights: WeightRange,
    /// Scale channels between layers so that their ranges are of one size.
    pub equalize: bool,
    /// Take the mean error that rounded weights make out of biases.
    pub correct_bias: bool,
    /// ONNX nodes that run in floats.
    pub keep_float: &'a [String],
    /// Inputs and outputs get scales, whatever reads or computes them.
    pub ports: bool,
    pub progress: Progress<'a>,
}

/// What quantization did.
#[derive(Debug)]
pub struct Quantized {
    /// The network beside the one of floats.
    pub layers: Layers,
    /// Weights that are integers now.
    pub weights: usize,
    pub warnings: Report,
}

/// What the elements of inputs lie in once integers stand for them, by name: others saturate. So channels that are
/// constant for such inputs are constant in the quantized network, whatever it is given.
pub fn input_ranges(
    graph: &Graph,
    samples: &[Vec<Tensor>],
    options: &Options<'_>,
) -> Result<BTreeMap<String, (f64, f64)>, Report> {
    let problems = samples::check(graph, samples);
    if problems.has_errors() {
        return Err(problems);
    }
    let places = Places::of(graph, &keep::resolve(graph, options.keep_float)?, options.ports);
    let mut ranges = BTreeMap::new();
    for (i, id) in graph.inputs().iter().enumerate() {
        let Kind::Input(name) = &graph.node(*id).kind else { continue };
        // A scale that the input shares may be wider than what it is.
        let own = places.group_of(*id).is_some_and(|g| places.groups[g].roots == [*id]);
        let mut seen = Extremes::default();
        samples.iter().filter_map(|s| s[i].as_slice::<f32>()).for_each(|s| seen.see(s));
        let (lo, hi) = (f64::from(seen.lo), f64::from(seen.hi));
        if let Some(scale) = Scale::of_range(lo, hi).filter(|_| own) {
            // The integer for zero is rounded, so an end may lie half a step further out.
            let step = f64::from(scale.scale);
            let end = |v: f64, by: f64| if v == 0.0 { 0.0 } else { v + by };
            ranges.insert(name.clone(), (end(lo, -step), end(hi, step)));
        }
    }
    Ok(ranges)
}

/// Quantizes a network of floats to integers of 8 bits, with scales from the samples.
pub fn quantize(
    graph: &mut Graph,
    samples: &[Vec<Tensor>],
    options: &Options<'_>,
    exec: &dyn Exec,
) -> Result<Quantized, Report> {
    let mut problems = samples::check(graph, samples);
    let keep = keep::resolve(graph, options.keep_float).unwrap_or_else(|report| {
        problems.extend(report);
        Default::default()
    });
    if problems.has_errors() {
        return Err(problems);
    }
    if options.equalize {
        equalize::run(graph, &keep);
    }
    let float = graph.clone();
    let places = Places::of(graph, &keep, options.ports);
    let runner = exec.compile(graph)?;
    let (scales, warnings) = calibrate::scales(graph, &places, &*runner, samples, options.observer, options.progress)?;
    let computing = graph.topological().unwrap_or_default();
    let means = match options.correct_bias {
        true => correct::means(graph, &*runner, samples, options.progress)?,
        false => Default::default(),
    };
    let quantized = weights::quantize(graph, &places, &scales, options.weights, &computing)?;
    correct::run(graph, &quantized, &means)?;
    let weights = quantized.values().map(|t| t.data().len()).sum();
    let values = pairs::insert(graph, &places, &scales)?;
    let layers = Layers { float, quantized: graph.clone(), values };
    Ok(Quantized { layers, weights, warnings })
}
