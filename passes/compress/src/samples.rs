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
    let part = |part: &[Vec<Tensor>]| {
        let mut seen = new();
        for inputs in part {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tinyc_core::eval::Evaluator;
    use tinyc_core::exec::Exec;
    use tinyc_core::text;

    #[test]
    fn each_sample_is_told_of_and_parts_are_merged_in_order() {
        let graph = text::parse("graph @g {\n%x = input : f32[1]\n%y = neg %x : f32[1]\noutput %y\n}", &[]);
        let graph = graph.unwrap_or_else(|e| unreachable!("{e}"));
        let runner = Evaluator.compile(&graph).expect("it has no cycle");
        let samples: Vec<Vec<Tensor>> = (0..100).map(|i| vec![Tensor::of([1], vec![i as f32])]).collect();
        let told = Mutex::new(Vec::new());
        let progress = |done: usize, of: usize| told.lock().expect("no thread has failed").push((done, of));
        let see = |seen: &mut Vec<f64>, id: NodeId, t: &Tensor| {
            if id == graph.outputs()[0].node {
                seen.extend(t.to_f64s());
            }
        };
        let all = trace(&*runner, &samples, &progress, Vec::new, see, |all, part| all.extend(part));
        let expected: Vec<f64> = (0..100).map(|i| -f64::from(i)).collect();
        assert_eq!(all.expect("the samples fit"), expected);
        let mut told = told.into_inner().expect("no thread has failed");
        told.sort_unstable();
        assert!(told.into_iter().eq((1..=100).map(|done| (done, 100))));
    }
}
