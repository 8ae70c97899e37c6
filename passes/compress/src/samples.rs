//! Running a network on samples, on all cores, with the same result whatever their number.

use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::exec::Runner;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;

/// Told of samples that are done, and of how many there are.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Samples are dealt out in so many parts, whatever the number of cores, so sums have one order.
const PARTS: usize = 32;

/// Sees the results of all nodes for all samples, part by part; the parts are merged in the order of samples.
pub fn trace<A: Send>(
    runner: &dyn Runner,
    samples: &[Vec<Tensor>],
    progress: Progress<'_>,
    new: impl Fn() -> A + Sync,
    see: impl Fn(&mut A, NodeId, &Tensor) + Sync,
    merge: impl Fn(&mut A, A),
) -> Result<A, Report> {
    let done = AtomicUsize::new(0);
    let part = |samples: &[Vec<Tensor>]| {
        let mut seen = new();
        for inputs in samples {
            runner.trace(inputs, &mut |id, results| results.iter().for_each(|r| see(&mut seen, id, r)))?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, samples.len());
        }
        Ok(seen)
    };
    let parts: Vec<Result<A, Report>> = samples.par_chunks(samples.len().div_ceil(PARTS).max(1)).map(part).collect();
    let mut all = new();
    for part in parts {
        merge(&mut all, part?);
    }
    Ok(all)
}

/// What `run` gives for each sample.
pub fn each<T: Send>(
    samples: &[Vec<Tensor>],
    progress: Progress<'_>,
    run: impl Fn(&[Tensor]) -> Result<T, Report> + Sync,
) -> Result<Vec<T>, Report> {
    let done = AtomicUsize::new(0);
    let one = |inputs: &Vec<Tensor>| {
        let result = run(inputs);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, samples.len());
        result
    };
    samples.par_iter().map(one).collect()
}

/// The outputs of a network for each sample.
pub fn outputs(
    runner: &dyn Runner,
    samples: &[Vec<Tensor>],
    progress: Progress<'_>,
) -> Result<Vec<Vec<Tensor>>, Report> {
    each(samples, progress, |inputs| runner.run(inputs))
}

/// What is wrong with samples to calibrate with: there are none, or some hold what is no number.
pub fn check(graph: &Graph, samples: &[Vec<Tensor>]) -> Report {
    let mut report = Report::default();
    if samples.is_empty() {
        report.push(Diagnostic::error(Code::BadCalibration, "there are no samples to calibrate with"));
    }
    for (i, id) in graph.inputs().iter().enumerate() {
        let Kind::Input(name) = &graph.node(*id).kind else { continue };
        let bad = |t: &Tensor| t.dtype().is_float() && t.to_f64s().iter().any(|v| !v.is_finite());
        let bad: Vec<usize> = (0..samples.len()).filter(|&s| samples[s].get(i).is_some_and(bad)).collect();
        if let Some(first) = bad.first() {
            let n = bad.len();
            let message = format!("input {name:?}: {n} of {} samples hold NaN or infinity", samples.len());
            let d = Diagnostic::error(Code::BadCalibration, message).note(format!("sample {first} is the first"));
            report.push(d.help("leave them out of the file"));
        }
    }
    report
}
