//! Prints how right the MLPerf networks and the example are in integers of 8 bits, by each way to calibrate, beside
//! floats, beside the file that onnxruntime quantized, run by tinyc and by onnxruntime, and beside the figures of other
//! tools in `baselines.json`. `cargo bench -p tinyc-testsuite --bench accuracy`; a name behind `--` is the only network
//! then. onnxruntime runs where `TINYC_PYTHON` names a Python that has it.
//!
//! All rows but that of floats run the integer network that rewriting makes, in the evaluator, whose bits are those of
//! the C code.
//!
//! Columns: right (top-1 in percent, or mean squared error to the input of the autoencoder), agreement with floats,
//! samples that only this or only the network of floats has right and McNemar's p (of an autoencoder: that only this
//! or only the other is nearer to), mean and largest difference of outputs from those of floats, and seconds to
//! calibrate.

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
use tinyc_testsuite::cc::Folder;
use tinyc_testsuite::{optimized, python, shared};

/// Network, and its data.
const NETWORKS: [(&str, &str); 5] = [
    ("mlperf_kws_dscnn", "kws"),
    ("mlperf_ic_resnet8", "ic"),
    ("mlperf_vww_mobilenetv1_025", "vww"),
    ("mlperf_ad_autoencoder", "ad"),
    ("mlperf_sww_1dconv", "sww"),
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
    eval_file: PathBuf,
    /// Only every other sample of the file, from the second on.
    half: bool,
    labels: Option<Vec<usize>>,
}

impl Subject {
    /// Without a file to measure on, that is every other sample of those to calibrate with.
    fn read(name: &str, model: PathBuf, qdq: Option<PathBuf>, calib: &Path, eval: Option<PathBuf>) -> Subject {
        let graph = optimized::imported(&model).expect("the network can be read");
        let (half, eval_file) = (eval.is_none(), eval.unwrap_or_else(|| calib.to_owned()));
        let npz = Npz::read(&eval_file).expect("samples can be read");
        let labels = npz.get("labels").and_then(|l| l.to_i64s());
        let labels = labels.map(|l| l.into_iter().map(|l| usize::try_from(l).expect("a class")).collect());
        let calib = inputs(&graph, &Npz::read(calib).expect("samples can be read"));
        let eval = inputs(&graph, &npz);
        let calib = if half { calib.into_iter().step_by(2).collect() } else { calib };
        let mut subject =
            Subject { name: name.to_owned(), model, qdq, calib, eval: Vec::new(), eval_file, half, labels: None };
        subject.labels = labels.map(|l: Vec<usize>| subject.measured(l));
        subject.eval = subject.measured(eval);
        subject
    }

    /// Those of all samples of the file that are measured on.
    fn measured<T>(&self, all: Vec<T>) -> Vec<T> {
        if self.half { all.into_iter().skip(1).step_by(2).collect() } else { all }
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
        let eval = shared::file(&format!("data/{data}_eval.npz"));
        let qdq = shared::file(&format!("models/{name}/model_int8_qdq.onnx"));
        rows(&Subject::read(data, model, qdq, &calib, eval));
    }
    if wanted("digits") {
        let (model, _) = shared::digits();
        let beside = |file: &str| model.with_file_name(file);
        rows(&Subject::read("digits", model.clone(), None, &beside("calib.npz"), Some(beside("eval.npz"))));
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
        optimized::rewrite(&mut graph);
        let got = run(&graph, &s.eval);
        row(s, v.name, &got, &float, seconds);
        if v.name == DEFAULT {
            default = Some(got);
        }
    }
    if let (Some(qdq), Some(default)) = (&s.qdq, default) {
        let ours = run(&optimized::graph(qdq), &s.eval);
        row(s, "QDQ file, by tinyc", &ours, &float, 0.0);
        if let Some(theirs) = by_onnxruntime(s, qdq) {
            row(s, "QDQ file, by onnxruntime", &theirs, &float, 0.0);
            for (name, got) in [(DEFAULT, &default), ("QDQ file, by tinyc,", &ours)] {
                let split = split(s, &theirs, got);
                let (this, other) = (split.second, split.first);
                println!("{:9} {name} against onnxruntime: {this} and {other}, p = {:.3}", s.name, split.p());
            }
        }
    }
    others(s);
}

/// What onnxruntime gives for the samples.
fn by_onnxruntime(s: &Subject, model: &Path) -> Option<Vec<Vec<f64>>> {
    let folder = Folder::new();
    let to = folder.path().join("outputs.npz");
    if let Err(e) = python::run("../benches/outputs.py", [model, &s.eval_file, &to])? {
        println!("{:9} onnxruntime: {e}", s.name);
        return None;
    }
    let npz = Npz::read(&to).expect("it has been written");
    let outputs = npz.get("output").expect("the script writes it");
    let all = outputs.to_f64s();
    let samples = outputs.shape()[0];
    Some(s.measured(all.chunks(all.len() / samples).map(<[f64]>::to_vec).collect()))
}

/// What other tools reach on the same data with 8 bits.
fn others(s: &Subject) {
    let Some(file) = shared::file("baselines.json") else { return };
    let text = std::fs::read_to_string(file).expect("it is there");
    let all: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (tool, figures) in all["compression"].as_object().into_iter().flatten() {
        let narrow = ["W4A8", "mixed", "LiteMP", "<="].iter().any(|w| tool.contains(w));
        if let (Some(right), false) = (figures[s.name.as_str()][0].as_f64(), narrow) {
            println!("{:9} {:34} {right:>8.3}", s.name, format!("({tool})"));
        }
    }
}

/// Samples that only one of two has right; of an autoencoder, to which only one of two is nearer.
fn split(s: &Subject, first: &[Vec<f64>], second: &[Vec<f64>]) -> Discordant {
    let pairs = first.iter().zip(second).enumerate();
    Discordant::of(pairs.map(|(i, (a, b))| match &s.labels {
        Some(labels) => (is_among_largest(a, labels[i], 1), is_among_largest(b, labels[i], 1)),
        None => {
            let input = s.eval[i][0].to_f64s();
            let far = |got: &[f64]| got.iter().zip(&input).map(|(g, x)| (g - x) * (g - x)).sum::<f64>();
            let (a, b) = (far(a), far(b));
            (a < b, b < a)
        }
    }))
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
    let right = match &s.labels {
        None => noise(&mut s.eval.iter().map(|i| i[0].to_f64s())).mse(),
        Some(labels) => share(got.iter().zip(labels).filter(|(v, l)| is_among_largest(v, **l, 1)).count()),
    };
    let split = split(s, float, got);
    let (this, other, p) = (split.second, split.first, format!("{:.3}", split.p()));
    println!(
        "{:9} {name:34} {right:>8.3} {agrees:>8.2} {this:>5} {other:>5} {p:>6} {:>8.4} {:>8.4} {seconds:>6.1}",
        s.name,
        far.mean(),
        far.largest
    );
}
