//! Value ranges against evaluation, for every value of networks made up at random: of inputs with limits, of any
//! inputs, and of inputs from which no NaN is computed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_rewrite::range::{Nans, Ranges, of_graph};
use tinyc_testsuite::graphs::network;
use tinyc_testsuite::pruned::pruned;
use tinyc_testsuite::wild;

type Limits = BTreeMap<String, (f64, f64)>;

/// Inputs inside of their limits, whose ends they often take.
fn inputs(graph: &Graph, limits: &Limits, r: &mut Random) -> Vec<Tensor> {
    let tensor = |&id: &NodeId| {
        let (ty, Kind::Input(name)) = (graph.node(id).tensor(), &graph.node(id).kind) else { unreachable!() };
        let (lo, hi) = limits[name];
        let values = (0..ty.elements()).map(|_| match r.below(6) {
            0 => lo,
            1 => hi,
            2 => f64::from(r.signed()).clamp(lo, hi),
            _ => lo + (hi - lo) * (f64::from(r.signed()) + 1.0) / 2.0,
        });
        Tensor::of::<f64>(ty.shape.clone(), values.collect()).cast(ty.dtype)
    };
    graph.inputs().iter().map(tensor).collect()
}

/// How many elements' ranges are finite, all of them holding their values.
fn finite_and_true(name: &str, ranges: &Ranges, t: &Tensor) -> usize {
    let n = t.shape().get(ranges.axis()).copied().unwrap_or(1).max(1);
    let inner: usize = t.shape().iter().skip(ranges.axis() + 1).product();
    let values = t.to_f64s();
    let of = |i: usize| ranges.at(i / inner.max(1) % n);
    for (i, v) in values.iter().enumerate() {
        assert!(of(i).contains(*v), "{name}: element {i} is {v:e}, not in {:?}", of(i));
    }
    (0..values.len()).filter(|&i| of(i).is_finite()).count()
}

#[test]
fn every_value_of_random_networks_lies_in_its_range() {
    let (mut finite, mut all) = (0, 0);
    for seed in 0..400 {
        let graph = network(seed);
        let mut r = Random::new(seed);
        let names = graph.inputs().iter().map(|&i| match &graph.node(i).kind {
            Kind::Input(name) => name.clone(),
            _ => unreachable!(),
        });
        let limits: Limits = names
            .map(|name| {
                let lo = [-2.0, 0.0, -0.5, 0.25][r.below(4)];
                (name, (lo, lo + [0.0, 0.5, 2.0][r.below(3)]))
            })
            .collect();
        let known = of_graph(&graph, &limits, Nans::Kept);
        let runner = Evaluator.compile(&graph).unwrap();
        for _ in 0..3 {
            let mut see = |id: NodeId, results: &[Tensor]| {
                for (t, ranges) in results.iter().zip(&known.results[&id]) {
                    finite += finite_and_true(&format!("{}: node {}", graph.name, id.index()), ranges, t);
                    all += t.data().len();
                }
            };
            runner.trace(&inputs(&graph, &limits, &mut r), &mut see).unwrap();
        }
    }
    // Divisions by what may be zero have no bounds, nor has what follows them.
    assert!(finite > all * 9 / 10, "{finite} of {all} elements have bounds");
}

/// Without limits: ranges that take in NaNs hold every value, the others all of runs in which there is none.
#[test]
fn every_value_of_unlimited_inputs_lies_in_its_range() {
    let (mut finite, mut runs) = (0, [0, 0]);
    for seed in 0..600 {
        let graph = if seed % 2 == 0 { network(seed) } else { pruned(seed, seed % 4 == 1) };
        let mut r = Random::new(seed);
        for (i, nans) in [Nans::Kept, Nans::Excluded].into_iter().enumerate() {
            let known = of_graph(&graph, &Limits::new(), nans);
            for _ in 0..3 {
                let x = wild::inputs(&graph, nans == Nans::Kept, &mut r);
                let values = wild::values(&graph, &x);
                if nans == Nans::Excluded && values.iter().any(|(_, t)| wild::has_nan(t)) {
                    continue;
                }
                runs[i] += 1;
                for (id, t) in &values {
                    let ranges = &known.results[id][0];
                    finite += finite_and_true(&format!("{}: node {}", graph.name, id.index()), ranges, t);
                }
            }
        }
    }
    assert!(runs[1] > runs[0] / 2 && finite > 10_000, "runs {runs:?}, {finite} finite elements");
}
