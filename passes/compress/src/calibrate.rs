//! Calibration: what values are in samples, and the scales that follow.

use crate::observe::{Extremes, Histogram, Observer};
use crate::places::Places;
use crate::samples::{Progress, trace};
use crate::scale::Scale;
use std::collections::BTreeMap;
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::exec::Runner;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;

/// The scale of each group, and warnings.
pub fn scales(
    graph: &Graph,
    places: &Places,
    runner: &dyn Runner,
    samples: &[Vec<Tensor>],
    observer: Observer,
    progress: Progress<'_>,
) -> Result<(Vec<Scale>, Report), Report> {
    let group: BTreeMap<NodeId, usize> =
        places.groups.iter().enumerate().flat_map(|(g, group)| group.roots.iter().map(move |r| (*r, g))).collect();
    let elements = |t: &Tensor| t.as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default();
    let extremes = trace(
        runner,
        samples,
        progress,
        || vec![Extremes::default(); places.groups.len()],
        |seen, id, t| {
            if let Some(&g) = group.get(&id) {
                seen[g].see(&elements(t));
            }
        },
        |all, part| all.iter_mut().zip(part).for_each(|(a, p)| *a = a.merge(p)),
    )?;
    let mut report = Report::default();
    for (group, _) in places.groups.iter().zip(&extremes).filter(|(_, e)| e.overflowed) {
        let name = name(graph, group.roots[0]);
        let message = format!("the value of {name} overflows or is NaN for some samples");
        report.push(Diagnostic::error(Code::BadCalibration, message).help("look at the samples, or at the network"));
    }
    if report.has_errors() {
        return Err(report);
    }
    let ranges: Vec<(f64, f64)> = if observer == Observer::MinMax {
        extremes.iter().map(|e| (f64::from(e.lo), f64::from(e.hi))).collect()
    } else {
        let histograms = trace(
            runner,
            samples,
            progress,
            || extremes.iter().map(|e| Histogram::over(*e)).collect::<Vec<_>>(),
            |seen, id, t| {
                if let Some(&g) = group.get(&id) {
                    seen[g].see(&elements(t));
                }
            },
            |all, part| all.iter_mut().zip(&part).for_each(|(a, p)| a.merge(p)),
        )?;
        histograms.iter().map(|h| h.range(observer)).collect()
    };
    let mut scales = Vec::new();
    for (group, (lo, hi)) in places.groups.iter().zip(ranges) {
        scales.push(match (group.fixed, Scale::of_range(lo, hi)) {
            (Some(scale), _) | (None, Some(scale)) => scale,
            (None, None) => {
                let name = name(graph, group.roots[0]);
                let message = format!("the value of {name} is zero for all samples: its integers stand for -1..1");
                report.push(Diagnostic::warning(Code::NoRange, message));
                Scale::of_zeros()
            }
        });
    }
    Ok((scales, report))
}

/// What a message calls a value.
pub fn name(graph: &Graph, id: NodeId) -> String {
    let node = graph.node(id);
    match (&node.kind, node.origins.last(), &node.value) {
        (Kind::Input(name), ..) => format!("input {name:?}"),
        (_, Some(origin), _) => format!("node {origin:?}"),
        (_, None, Some(value)) => format!("{value:?}"),
        (Kind::Op(op, _), ..) => op.name().to_owned(),
        _ => "a node".to_owned(),
    }
}
