//! Ranges that the user promises the elements of float inputs to lie in: `--input-range`.
//!
//! Passes may rely on them, so what comes out is right for such inputs only; the emitted header says so,
//! and commands that read samples warn where one lies outside.

use crate::exit::Failure;
use crate::values::InputRange;
use std::collections::BTreeMap;
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

/// Smallest and largest element, by the input's name.
pub type InputRanges = BTreeMap<String, (f64, f64)>;

fn inputs(graph: &Graph) -> impl Iterator<Item = (&str, &TensorType)> {
    graph.inputs().iter().map(|&id: &NodeId| match &graph.node(id).kind {
        Kind::Input(name) => (name.as_str(), graph.node(id).tensor()),
        _ => unreachable!("inputs of a graph are input nodes"),
    })
}

/// The ranges given, as elements of the inputs; all that is wrong with them.
pub fn resolve(given: &[InputRange], graph: &Graph) -> Result<InputRanges, Failure> {
    let floats: Vec<&str> = inputs(graph).filter(|(_, ty)| ty.dtype.is_float()).map(|(name, _)| name).collect();
    let names = || match floats.as_slice() {
        [] => "the network has no input of floats".to_owned(),
        floats => format!("inputs of floats are {}", floats.join(", ")),
    };
    let (mut ranges, mut report) = (InputRanges::new(), Report::default());
    for InputRange { name, lo, hi } in given {
        let mut error =
            |message: String, help: String| report.diagnostics.push(Diagnostic::error(Code::Usage, message).help(help));
        let name = match (name, floats.as_slice()) {
            (Some(name), _) => name.as_str(),
            (None, [only]) => only,
            (None, _) => {
                let n = floats.len();
                error(format!("--input-range {lo}:{hi} names no input, and {n} inputs hold floats"), names());
                continue;
            }
        };
        let option = format!("--input-range {name}={lo}:{hi}");
        let ty = match inputs(graph).find(|(n, _)| *n == name) {
            Some((_, ty)) if ty.dtype.is_float() => ty,
            Some((_, ty)) => {
                error(
                    format!("{option}: the input is {ty}, whose elements are no floats"),
                    "integers have the range of their type".to_owned(),
                );
                continue;
            }
            None => {
                error(format!("{option}: there is no input {name:?}"), names());
                continue;
            }
        };
        let ends = Tensor::of::<f64>([2], vec![*lo, *hi]).cast(ty.dtype).to_f64s();
        if !ends.iter().all(|v| v.is_finite()) {
            error(
                format!("{option}: the ends are no finite numbers of {}", ty.dtype),
                "give the smallest and the largest element, such as 0:1".to_owned(),
            );
        } else if lo > hi {
            error(
                format!("{option}: the first number is larger than the second"),
                format!("try --input-range {name}={hi}:{lo}"),
            );
        } else if ranges.insert(name.to_owned(), (ends[0], ends[1])).is_some() {
            error(format!("{option}: the input has a range already"), "give each input one range".to_owned());
        }
    }
    if report.diagnostics.is_empty() { Ok(ranges) } else { Err(report.into()) }
}

/// A made-up sample of an input: within its range, where it has one.
pub fn made_up(ranges: &InputRanges, name: &str, ty: &TensorType, seed: u64) -> Tensor {
    let random = Tensor::random(ty, seed);
    match ranges.get(name) {
        None => random,
        Some(&(lo, hi)) => {
            let v = random.to_f64s().into_iter().map(|v| lo + (hi - lo) * (v + 1.0) / 2.0);
            Tensor::of::<f64>(ty.shape.clone(), v.collect()).cast(ty.dtype)
        }
    }
}

/// A warning for each input of which samples lie outside of its range.
pub fn outside<'a>(ranges: &InputRanges, samples: impl Iterator<Item = (&'a str, &'a Tensor)>) -> Report {
    let mut found: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (name, sample) in samples {
        let Some(&(lo, hi)) = ranges.get(name) else { continue };
        if let Some(v) = sample.to_f64s().into_iter().find(|v| !(lo..=hi).contains(v)) {
            found.entry(name).or_insert((0, v)).0 += 1;
        }
    }
    let warning = |(name, (n, v)): (&str, (usize, f64))| {
        let (lo, hi) = ranges[name];
        let samples = if n == 1 { "a sample lies".to_owned() } else { format!("{n} samples lie") };
        let message = format!(
            "{samples} outside of the range {lo}..{hi} that input {name:?} is assumed to have, for example with {v}"
        );
        Diagnostic::warning(Code::OutsideRange, message).help("give a wider --input-range, or none")
    };
    Report { diagnostics: found.into_iter().map(warning).collect() }
}
