//! A quantized network against the one of floats that it stands for, and against labels, on real samples.

use crate::cli::VerifyArgs;
use crate::console::Console;
use crate::emit;
use crate::exit::Failure;
use crate::npz::Npz;
use crate::pipeline::{self, Network};
use crate::samples;
use crate::table;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use tinyc_compress::layers::OfValue;
use tinyc_compress::metrics::{Discordant, Noise, is_among_largest, largest};
use tinyc_compress::ports::Port;
use tinyc_compress::samples::outputs;
use tinyc_core::diag::Code;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::tensor::Tensor;

/// What is told; as it stands in JSON.
#[derive(Serialize)]
pub struct Accuracy {
    pub samples: usize,
    /// The network of floats, others to compare with, and this one at last.
    pub networks: Vec<Score>,
    /// This network against each of the others.
    pub against: Vec<Against>,
    /// In the order in which they are computed; with `--per-layer`.
    pub layers: Vec<Layer>,
}

#[derive(Serialize)]
pub struct Score {
    pub name: String,
    /// Samples whose label has the largest output, and one of the five largest, in percent.
    pub top1: Option<f64>,
    pub top5: Option<f64>,
    /// Mean squared distance of the output from the input, where they are of one shape.
    pub reconstruction: Option<f64>,
}

#[derive(Serialize)]
pub struct Against {
    pub name: String,
    /// Samples with the same largest output, in percent.
    pub agrees: Option<f64>,
    pub only_other_right: Option<u64>,
    pub only_this_right: Option<u64>,
    /// McNemar's exact test.
    pub p: Option<f64>,
    pub sqnr_db: Option<f64>,
    pub mse: f64,
    pub mean_difference: f64,
    pub largest_difference: f64,
}

#[derive(Serialize)]
pub struct Layer {
    pub name: String,
    pub sqnr_db: Option<f64>,
    /// Measured on the integers that run; else on what they stand for, in floats.
    pub integers: bool,
}

/// One network's first output, and what follows of it, sample by sample.
struct Results {
    name: String,
    values: Vec<Vec<f64>>,
}

/// Compares, where the network is quantized or another one is given. `got` are outputs of the compiled network.
pub fn measure(
    args: &VerifyArgs,
    data: &Path,
    network: &Network,
    got: &[&[Tensor]],
    console: &mut Console<'_>,
) -> Result<Option<Accuracy>, Failure> {
    if network.layers.is_none() && args.reference.is_none() {
        return Ok(None);
    }
    let npz = Npz::read(data)?;
    let limit = args.samples.unwrap_or(usize::MAX);
    let (mut all, mut layers) = (Vec::new(), Vec::new());
    if let Some(both) = &network.layers {
        let inputs = samples::inputs(&npz, &both.float, &BTreeMap::new(), limit)?;
        let progress = console.counter("evaluate floats");
        let work = |_: &mut Console<'_>| {
            if !args.per_layer {
                return Ok((outputs(&*Evaluator.compile(&both.float)?, &inputs, &progress)?, Vec::new()));
            }
            let compared = both.compare((&network.graph, &network.ports), &Evaluator, &inputs, &progress)?;
            Ok((compared.float, compared.values))
        };
        let (float, values) = console.stage("evaluate floats", work, |(f, _)| format!("{} samples", f.len()))?;
        all.push(Results::of("float", &float.iter().map(Vec::as_slice).collect::<Vec<_>>(), None));
        let layer = |v: OfValue| Layer { name: v.name, sqnr_db: v.noise.sqnr(), integers: v.integers };
        layers = values.into_iter().map(layer).collect();
    }
    if let Some(model) = &args.reference {
        all.push(reference(model, args, &npz, limit, console)?);
    }
    let port = network.graph.outputs().first().and_then(|o| network.ports.outputs.get(&o.name));
    all.push(Results::of("this", got, port));
    let labels = labels(&npz, got.len(), limit)?;
    let input = only_input(network, &npz, limit)?;
    let this = &all[all.len() - 1];
    let against = all[..all.len() - 1].iter().map(|r| against(this, r, labels.as_deref())).collect();
    let networks = all.iter().map(|r| r.score(labels.as_deref(), input.as_deref())).collect();
    Ok(Some(Accuracy { samples: got.len(), networks, against, layers }))
}

/// What another model gives for the same samples.
fn reference(
    model: &Path,
    args: &VerifyArgs,
    npz: &Npz,
    limit: usize,
    console: &mut Console<'_>,
) -> Result<Results, Failure> {
    let mut network = args.network.clone();
    network.quantize = Default::default();
    network.input_ranges = Vec::new();
    let network = pipeline::read(model, &network, &emit::stem(model), console)?;
    let inputs = samples::inputs(npz, &network.graph, &network.ports.inputs, limit)?;
    let progress = console.counter("evaluate");
    let run = |_: &mut Console<'_>| Ok(outputs(&*Evaluator.compile(&network.graph)?, &inputs, &progress)?);
    let outputs = console.stage("evaluate", run, |o: &Vec<_>| format!("{} samples", o.len()))?;
    Ok(Results::of(&model.display().to_string(), &outputs.iter().map(Vec::as_slice).collect::<Vec<_>>(), None))
}

/// The array `labels`: the position of the right class for each sample.
fn labels(npz: &Npz, samples: usize, limit: usize) -> Result<Option<Vec<usize>>, Failure> {
    let Some(array) = npz.get("labels") else { return Ok(None) };
    let bad = |what: String| Failure::new(Code::BadData, format!("{}: labels: {what}", npz.path()));
    let numbers = array.to_i64s().ok_or_else(|| bad(format!("are {}, but must be integers", array.dtype())))?;
    let labels: Option<Vec<usize>> = numbers.iter().take(limit).map(|&l| usize::try_from(l).ok()).collect();
    let labels = labels.ok_or_else(|| bad("a label is negative".to_owned()))?;
    match labels.len() == samples {
        true => Ok(Some(labels)),
        false => Err(bad(format!("{} labels for {samples} samples", numbers.len()))),
    }
}

/// The samples of the input as numbers, where it is the only one and has the shape of the only output: what an
/// autoencoder is to give back.
fn only_input(network: &Network, npz: &Npz, limit: usize) -> Result<Option<Vec<Vec<f64>>>, Failure> {
    let graph: &Graph = network.layers.as_ref().map_or(&network.graph, |l| &l.float);
    let ([input], [output]) = (graph.inputs(), graph.outputs()) else { return Ok(None) };
    let (input, output) = (graph.node(*input).tensor(), graph.node(output.node).tensor());
    if input != output || !input.dtype.is_float() {
        return Ok(None);
    }
    let inputs = samples::inputs(npz, graph, &BTreeMap::new(), limit)?;
    Ok(Some(inputs.iter().map(|i| i[0].to_f64s()).collect()))
}

impl Results {
    fn of(name: &str, outputs: &[&[Tensor]], port: Option<&Port>) -> Results {
        let real = |t: &Tensor| port.map_or_else(|| t.to_f64s(), |p| p.dequantize(t).to_f64s());
        Results { name: name.to_owned(), values: outputs.iter().map(|o| real(&o[0])).collect() }
    }

    fn right(&self, labels: &[usize], k: usize) -> Vec<bool> {
        self.values.iter().zip(labels).map(|(v, &label)| is_among_largest(v, label, k)).collect()
    }

    fn score(&self, labels: Option<&[usize]>, input: Option<&[Vec<f64>]>) -> Score {
        let share = |labels: &[usize], k| percent(self.right(labels, k).into_iter());
        let many = self.values.first().is_some_and(|v| v.len() > 5);
        Score {
            name: self.name.clone(),
            top1: labels.map(|l| share(l, 1)),
            top5: labels.filter(|_| many).map(|l| share(l, 5)),
            reconstruction: input.filter(|_| labels.is_none()).map(|input| noise(&self.values, input).mse()),
        }
    }
}

fn noise(got: &[Vec<f64>], reference: &[Vec<f64>]) -> Noise {
    let mut noise = Noise::default();
    reference.iter().zip(got).for_each(|(r, g)| noise.see(r, g));
    noise
}

fn percent(hits: impl ExactSizeIterator<Item = bool>) -> f64 {
    let n = hits.len().max(1);
    100.0 * hits.filter(|h| *h).count() as f64 / n as f64
}

fn against(this: &Results, other: &Results, labels: Option<&[usize]>) -> Against {
    let noise = noise(&this.values, &other.values);
    let classes = this.values.first().is_some_and(|v| v.len() > 1);
    let same = this.values.iter().zip(&other.values).map(|(a, b)| largest(a) == largest(b));
    let split = labels.map(|l| Discordant::of(other.right(l, 1).into_iter().zip(this.right(l, 1))));
    Against {
        name: other.name.clone(),
        agrees: classes.then(|| percent(same)),
        only_other_right: split.map(|s| s.first),
        only_this_right: split.map(|s| s.second),
        p: split.map(|s| s.p()),
        sqnr_db: noise.sqnr(),
        mse: noise.mse(),
        mean_difference: noise.mean(),
        largest_difference: noise.largest,
    }
}

impl Accuracy {
    pub fn text(&self) -> String {
        let cell = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.2}"));
        let score = |s: &Score| {
            let error = s.reconstruction.map_or(String::new(), |v| format!("{v:.4}"));
            vec![s.name.clone(), self.samples.to_string(), cell(s.top1), cell(s.top5), error]
        };
        let headers = ["network", "#samples", "#top-1 %", "#top-5 %", "#error to input"];
        let mut text = table::text(&headers, self.networks.iter().map(score));
        let count = |v: Option<u64>| v.map_or(String::new(), |v| v.to_string());
        let against = |a: &Against| {
            vec![
                a.name.clone(),
                cell(a.agrees),
                count(a.only_this_right),
                count(a.only_other_right),
                a.p.map_or(String::new(), |p| format!("{p:.3}")),
                decibels(a.sqnr_db),
                format!("{:.4}", a.mean_difference),
                format!("{:.4}", a.largest_difference),
            ]
        };
        let headers = [
            "this against",
            "#agrees %",
            "#only this right",
            "#only that right",
            "#p (McNemar)",
            "#SQNR dB",
            "#mean |d|",
            "#max |d|",
        ];
        text += &format!("\n{}", table::text(&headers, self.against.iter().map(against)));
        if !self.layers.is_empty() {
            let of = |l: &Layer| if l.integers { "integers" } else { "floats" };
            let row = |l: &Layer| vec![l.name.clone(), decibels(l.sqnr_db), of(l).to_owned()];
            text += &format!("\n{}", table::text(&["value", "#SQNR dB", "of"], self.layers.iter().map(row)));
        }
        if let Some((worst, db)) = self.worst() {
            text += &format!("\nworst: {worst} with {db:.1} dB\n");
        }
        text
    }

    /// The value with the most noise.
    fn worst(&self) -> Option<(&str, f64)> {
        let noisy = self.layers.iter().filter_map(|l| Some((l.name.as_str(), l.sqnr_db?)));
        noisy.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn decibels(v: Option<f64>) -> String {
    v.map_or("exact".to_owned(), |v| format!("{v:.1}"))
}
