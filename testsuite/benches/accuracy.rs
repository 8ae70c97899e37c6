//! Prints how right the MLPerf networks and the example are in integers of 8 bits, by each way to calibrate, beside
//! floats and beside the file that onnxruntime quantized. `cargo bench -p tinyc-testsuite --bench accuracy`; a name
//! behind `--` is the only network then.
//!
//! Columns: right (top-1 in percent, or mean squared error to the input of the autoencoder), agreement with floats,
//! samples that only this or only the network of floats has right and McNemar's p, mean and largest difference of
//! outputs from those of floats, and seconds to calibrate.

use std::path::{Path, PathBuf};
use std::time::Instant;
use tinyc::npz::Npz;
use tinyc_compress::metrics::{Discordant, Noise, is_among_largest, largest};
use tinyc_compress::observe::Observer;
use tinyc_compress::{Options, WeightRange, quantize, samples};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::{optimized, shared};

/// Network, and its data.
const NETWORKS: [(&str, &str); 4] = [
    ("mlperf_kws_dscnn", "kws"),
    ("mlperf_ic_resnet8", "ic"),
    ("mlperf_vww_mobilenetv1_025", "vww"),
    ("mlperf_ad_autoencoder", "ad"),
];

/// What is varied.
struct Variant {
    name: &'static str,
    observer: Observer,
    weights: WeightRange,
    equalize: bool,
    correct_bias: bool,
}

/// The variant that the command takes where it is told nothing else.
const DEFAULT: &str = "percentile";

const PLAIN: Variant = Variant {
    name: "minmax",
    observer: Observer::MinMax,
    weights: WeightRange::MinMax,
    equalize: false,
    correct_bias: false,
};

const VARIANTS: [Variant; 8] = [
    PLAIN,
    Variant { name: "percentile", observer: Observer::Percentile, ..PLAIN },
    Variant { name: "mse", observer: Observer::Mse, ..PLAIN },
    Variant { name: "entropy", observer: Observer::Entropy, ..PLAIN },
    Variant { name: "minmax, weights mse", weights: WeightRange::Mse, ..PLAIN },
    Variant { name: "minmax, equalized", equalize: true, ..PLAIN },
    Variant { name: "minmax, biases corrected", correct_bias: true, ..PLAIN },
    Variant { name: "percentile, biases corrected", observer: Observer::Percentile, correct_bias: true, ..PLAIN },
];

/// A network with what it is measured on.
struct Subject {
    name: String,
    model: PathBuf,
    qdq: Option<PathBuf>,
    calib: Vec<Vec<Tensor>>,
    eval: Vec<Vec<Tensor>>,
    labels: Option<Vec<usize>>,
}

impl Subject {
    fn read(name: &str, model: PathBuf, qdq: Option<PathBuf>, calib: &Path, eval: &Path) -> Subject {
        let graph = optimized::imported(&model).expect("the network can be read");
        let eval_file = Npz::read(eval).expect("samples can be read");
        let labels = eval_file.get("labels").and_then(|l| l.to_i64s());
        let labels = labels.map(|l| l.into_iter().map(|l| usize::try_from(l).expect("a class")).collect());
        let calib = inputs(&graph, &Npz::read(calib).expect("samples can be read"));
        let eval = inputs(&graph, &eval_file);
        Subject { name: name.to_owned(), model, qdq, calib, eval, labels }
    }
}

fn inputs(graph: &Graph, npz: &Npz) -> Vec<Vec<Tensor>> {
    let input = graph.node(graph.inputs()[0]);
    let name = input.value.as_deref().expect("inputs have names");
    let column = npz.samples("input", name, input.tensor()).expect("samples fit").expect("there are samples");
    column.into_iter().map(|t| vec![t]).collect()
}

fn run(graph: &Graph, samples: &[Vec<Tensor>]) -> Vec<Vec<f64>> {
    let runner = Evaluator.compile(graph).unwrap_or_else(|e| unreachable!("{e}"));
    let outputs = samples::outputs(&*runner, samples, &|_, _| {}).unwrap_or_else(|e| unreachable!("{e}"));
    outputs.iter().map(|o| o[0].to_f64s()).collect()
}

fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    println!(
        "{:9} {:34} {:>8} {:>8} {:>5} {:>5} {:>6} {:>8} {:>8} {:>6}",
        "network", "calibration", "right", "agrees", "this", "float", "p", "mean|d|", "max|d|", "s"
    );
    let wanted = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
    for (name, data) in NETWORKS.into_iter().filter(|(_, data)| wanted(data)) {
        let paths = (shared::model(name), shared::file(&format!("data/{data}_calib.npz")));
        let (Some((model, _)), Some(calib)) = paths else { continue };
        let Some(eval) = shared::file(&format!("data/{data}_eval.npz")) else { continue };
        let qdq = shared::file(&format!("models/{name}/model_int8_qdq.onnx"));
        rows(&Subject::read(data, model, qdq, &calib, &eval));
    }
    if wanted("digits") {
        let (model, _) = shared::digits();
        let beside = |file: &str| model.with_file_name(file);
        rows(&Subject::read("digits", model.clone(), None, &beside("calib.npz"), &beside("eval.npz")));
    }
}

fn rows(s: &Subject) {
    let graph = optimized::graph(&s.model);
    let float = run(&graph, &s.eval);
    row(s, "floats", &float, &float, 0.0);
    let mut default = None;
    for v in &VARIANTS {
        let mut graph = graph.clone();
        let options = Options {
            observer: v.observer,
            weights: v.weights,
            equalize: v.equalize,
            correct_bias: v.correct_bias,
            keep_float: &[],
            ports: true,
            progress: &|_, _| {},
        };
        let start = Instant::now();
        quantize(&mut graph, &s.calib, &options, &Evaluator).unwrap_or_else(|e| unreachable!("{e}"));
        let seconds = start.elapsed().as_secs_f64();
        let got = run(&graph, &s.eval);
        row(s, v.name, &got, &float, seconds);
        if v.name == DEFAULT {
            default = Some(got);
        }
    }
    if let (Some(qdq), Some(default)) = (&s.qdq, default) {
        let peer = run(&optimized::imported(qdq).expect("the network can be read"), &s.eval);
        row(s, "file quantized by onnxruntime", &peer, &float, 0.0);
        if let Some(labels) = &s.labels {
            let split = split(labels, &peer, &default);
            println!(
                "{:9} {DEFAULT} against that file: {} and {}, p = {:.3}",
                s.name,
                split.second,
                split.first,
                split.p()
            );
        }
    }
}

/// Samples that only one of two has right.
fn split(labels: &[usize], first: &[Vec<f64>], second: &[Vec<f64>]) -> Discordant {
    let right = |values: &[f64], label: usize| is_among_largest(values, label, 1);
    let pairs = labels.iter().zip(first.iter().zip(second));
    Discordant::of(pairs.map(|(&l, (a, b))| (right(a, l), right(b, l))))
}

fn row(s: &Subject, name: &str, got: &[Vec<f64>], float: &[Vec<f64>], seconds: f64) {
    let noise = |reference: &mut dyn Iterator<Item = Vec<f64>>| {
        let mut noise = Noise::default();
        reference.zip(got).for_each(|(r, g)| noise.see(&r, g));
        noise
    };
    let share = |n: usize| 100.0 * n as f64 / got.len() as f64;
    let agrees = share(got.iter().zip(float).filter(|(a, b)| largest(a) == largest(b)).count());
    let far = noise(&mut float.iter().cloned());
    let (right, counts) = match &s.labels {
        None => {
            (noise(&mut s.eval.iter().map(|i| i[0].to_f64s())).mse(), [String::new(), String::new(), String::new()])
        }
        Some(labels) => {
            let right = got.iter().zip(labels).filter(|(v, l)| is_among_largest(v, **l, 1)).count();
            let split = split(labels, float, got);
            (share(right), [split.second.to_string(), split.first.to_string(), format!("{:.3}", split.p())])
        }
    };
    let [this, other, p] = counts;
    println!(
        "{:9} {name:34} {right:>8.3} {agrees:>8.2} {this:>5} {other:>5} {p:>6} {:>8.4} {:>8.4} {seconds:>6.1}",
        s.name,
        far.mean(),
        far.largest
    );
}
