//! Equality saturation within limits that count work, never time.

use crate::apply::{self, Compiled};
use crate::facts::{Classes, Facts};
use crate::lang::{Node, is_variadic};
use crate::rule::Rule;
use egg::{BackoffScheduler, Rewrite, Runner, StopReason};
use std::collections::BTreeSet;
use std::time::Duration;

/// What saturation of one region may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub iterations: usize,
    pub enodes: usize,
}

/// How saturation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No rule has anything to add.
    Saturated,
    Iterations,
    Enodes,
}

/// Matches of one rule in one iteration; a rule with more pauses and comes back with twice as many.
const MATCHES: usize = 4096;

/// More operands than this are left as they are.
const MAX_OPERANDS: usize = 16;

/// The rules for the numbers of operands that occur in a graph.
pub fn compile(rules: &[&'static Rule], classes: &Classes) -> Vec<Compiled> {
    let mut arities: BTreeSet<usize> = BTreeSet::new();
    for node in classes.classes().flat_map(|c| &c.nodes) {
        if let Some((op, _, operands)) = node.operator()
            && is_variadic(op)
        {
            arities.extend(1..=operands.len().min(MAX_OPERANDS));
        }
    }
    let arities: Vec<usize> = arities.into_iter().collect();
    apply::compile(rules.iter().copied(), &arities).expect("a test compiles every rule")
}

/// Adds equal forms until there are no more, or a limit is reached. Returns how it ended and the number
/// of iterations.
pub fn saturate(classes: Classes, rules: &[&'static Rule], limits: Limits) -> (Classes, Stop, usize) {
    let compiled = compile(rules, &classes);
    run(classes, &compiled, limits).expect("a test compiles every rule")
}

pub fn run(classes: Classes, rules: &[Compiled], limits: Limits) -> Result<(Classes, Stop, usize), String> {
    let rewrites: Result<Vec<Rewrite<Node, Facts>>, String> = rules.iter().map(Compiled::rewrite).collect();
    let scheduler = BackoffScheduler::default().with_initial_match_limit(MATCHES);
    let runner: Runner<Node, Facts> = Runner::new(Facts::default())
        .with_egraph(classes)
        .with_iter_limit(limits.iterations)
        .with_node_limit(limits.enodes)
        .with_time_limit(Duration::MAX)
        .with_scheduler(scheduler)
        .run(&rewrites?);
    let stop = match runner.stop_reason {
        Some(StopReason::IterationLimit(_)) => Stop::Iterations,
        Some(StopReason::NodeLimit(_)) => Stop::Enodes,
        _ => Stop::Saturated,
    };
    Ok((runner.egraph, stop, runner.iterations.len()))
}
