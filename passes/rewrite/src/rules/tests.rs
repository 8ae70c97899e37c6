//! Tests that follow from each rule's examples.

use super::all;
use crate::apply::Compiled;
use crate::example::{after, before, input_ranges, many, random, rewritten};
use crate::rule::{Accuracy, Rule};
use std::collections::BTreeSet;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

/// Random inputs, some of them negative, some zero; where the example gives a range, in that.
pub fn outputs(graph: &Graph, example: &str, seed: u64) -> Vec<Tensor> {
    let ranges = input_ranges(example);
    let input = |(i, id): (usize, _)| {
        let (ty, seed) = (graph.node(id).tensor(), seed * 31 + i as u64);
        match &graph.node(id).kind {
            Kind::Input(name) if ranges.contains_key(name) => random(ty, ranges[name], seed),
            _ => Tensor::random(ty, seed),
        }
    };
    let inputs: Vec<Tensor> = graph.inputs().iter().copied().enumerate().map(input).collect();
    Evaluator.compile(graph).and_then(|run| run.run(&inputs)).unwrap_or_else(|e| panic!("{e}"))
}

/// How two graphs differ, if they do.
pub fn difference(rule: &Rule, example: &str, a: &Graph, b: &Graph) -> Option<String> {
    (1..6).find_map(|seed| differ(rule, &outputs(a, example, seed), &outputs(b, example, seed)))
}

/// How results differ by more than a rule says. Steps of integers are few: only real numbers between two of
/// them may be rounded in two ways.
fn differ(rule: &Rule, x: &[Tensor], y: &[Tensor]) -> Option<String> {
    for (x, y) in x.iter().zip(y) {
        assert_eq!(x.ty(), y.ty(), "{}", rule.name);
        let mut steps = 0;
        let pairs: Vec<(f64, f64)> = x.to_f64s().into_iter().zip(y.to_f64s()).collect();
        for (i, &(p, q)) in pairs.iter().enumerate() {
            let same = match rule.accuracy {
                Accuracy::Exact => p.to_bits() == q.to_bits() || p.is_nan() && q.is_nan(),
                Accuracy::Real { tolerance } => {
                    (p - q).abs() <= tolerance * (1.0 + p.abs()) || p.is_nan() && q.is_nan() || p == q
                }
                Accuracy::Step => {
                    steps += usize::from(p != q);
                    (p - q).abs() <= 1.0 && steps <= pairs.len() / FEW
                }
            };
            if !same {
                return Some(format!("element {i}: {p:e} and {q:e}, {steps} steps"));
            }
        }
    }
    None
}

/// One in so many elements.
const FEW: usize = 16;

#[test]
fn rules_have_names_of_their_own_and_examples() {
    let mut names = BTreeSet::new();
    for rule in all() {
        assert!(names.insert(rule.name), "two rules {}", rule.name);
        assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.name);
        assert!(!rule.examples.is_empty() && rule.doc.ends_with('.'), "{}", rule.name);
        if let Accuracy::Real { tolerance } = rule.accuracy {
            assert!(tolerance <= 1e-4, "{}", rule.name);
        }
    }
}

#[test]
fn every_rule_fires_on_its_examples_and_keeps_the_value() {
    let mut failures = Vec::new();
    for rule in all() {
        for example in rule.examples {
            let a = before(rule, example).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            match after(rule, example) {
                Err(e) => failures.push(format!("{}: {e}: {example}", rule.name)),
                Ok(b) => {
                    failures
                        .extend(difference(rule, example, &a, &b).map(|d| format!("{}: {d}: {example}", rule.name)));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_rule_fires_where_its_condition_fails() {
    for rule in all() {
        for example in rule.declines {
            let mut graph = before(rule, example).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let compiled = Compiled::new(rule, many(rule, example)).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let said = rewritten(&compiled, &mut graph, example);
            assert_eq!(said, Err("does not apply".into()), "{}: {example}", rule.name);
        }
    }
}

/// Values of an integer of 8 bits, from one on, as many as there are elements.
fn bytes(ty: &TensorType, first: usize) -> Tensor {
    let lowest = ty.dtype.range().0;
    // Neighbours differ by much: 53 and 256 have no divisor in common.
    let values = (0..ty.elements()).map(|i| lowest + ((first + 53 * i) % 256) as f64);
    Tensor::of::<f64>(ty.shape.clone(), values.collect()).cast(ty.dtype)
}

#[test]
fn rules_over_integers_of_8_bits_keep_every_value() {
    let mut tried = 0;
    for rule in all() {
        for example in rule.examples {
            let a = before(rule, example).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let types: Vec<TensorType> = a.inputs().iter().map(|id| a.node(*id).tensor().clone()).collect();
            if types.is_empty() || !types.iter().all(|ty| ty.dtype.is_int() && ty.dtype.bytes() == 1) {
                continue;
            }
            let b = after(rule, example).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let compiled = [&a, &b].map(|g| Evaluator.compile(g).unwrap_or_else(|e| panic!("{}: {e}", rule.name)));
            // Each element of an input takes every value; of two inputs every pair, of more some.
            let runs = if types.len() > 1 { 1 << 16 } else { 1 << 8 };
            for run in 0..runs {
                let first = [run % 256, run / 256, run % 251];
                let inputs: Vec<Tensor> = types.iter().zip(first.iter().cycle()).map(|(ty, f)| bytes(ty, *f)).collect();
                let [x, y] = compiled.each_ref().map(|c| c.run(&inputs).unwrap_or_else(|e| panic!("{e}")));
                assert_eq!(differ(rule, &x, &y), None, "{}: {example}", rule.name);
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried} examples are over integers of 8 bits");
}
