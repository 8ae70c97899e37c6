//! Rewriting passes of the tinyc compiler: graphs to graphs that compute the same; bit for bit unless
//! the pass says how it rounds.
//!
//! A pass changes a graph in place and says how many changes it made. What a node came from (its
//! origins) goes over to what replaces it. Passes know operators through `tinyc_core` and nothing of
//! code generation.

mod apply;
mod channels;
mod dead;
pub mod example;
mod extract;
mod facts;
mod fold;
mod lang;
mod narrow;
pub mod optimize;
mod parallel;
pub mod range;
mod region;
pub mod rule;
pub mod rules;
mod saturate;

use optimize::Outcome;
use range::Nans;
use std::collections::BTreeMap;
use tinyc_core::cost::Cost;
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, Origins};

/// How sums of 32 bits become integers of another scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest integer, once.
    #[default]
    Once,
    /// As the reference kernels of TensorFlow Lite do, most of which round twice.
    Tflite,
}

/// What passes may rely on, and how hard they try.
#[derive(Clone)]
pub struct Options<'a> {
    /// Smallest and largest element that float inputs have, by name. Inputs without may hold anything.
    pub input_ranges: BTreeMap<String, (f64, f64)>,
    /// Prices on the target.
    pub cost: &'a dyn Cost,
    /// 0 computes constants and nothing else; 1 is the default; each level beyond doubles what the
    /// search for equal forms may spend.
    pub effort: u32,
    /// How integers are rounded where the network is computed in them.
    pub rounding: Rounding,
    /// Only what keeps every bit, whatever the inputs. Otherwise a network is taken to compute no NaN.
    pub exact: bool,
    /// Bytes count more than cycles and the last bit of a rounding.
    pub small: bool,
}

impl<'a> Options<'a> {
    pub fn new(cost: &'a dyn Cost) -> Options<'a> {
        let (rounding, input_ranges) = (Rounding::default(), BTreeMap::new());
        Options { input_ranges, cost, effort: 1, rounding, exact: false, small: false }
    }

    pub(crate) fn nans(&self) -> Nans {
        if self.exact { Nans::Kept } else { Nans::Excluded }
    }
}

/// What a pass did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The number of changes.
    pub changes: usize,
    /// Of the pass `optimize`, how it came to them.
    pub outcome: Option<Outcome>,
}

pub struct Pass {
    pub name: &'static str,
    pub doc: &'static str,
    /// The effort from which on it runs.
    pub effort: u32,
    pub run: fn(&mut Graph, &Options<'_>) -> Result<Done, Report>,
}

/// All passes, in the order they run. They are repeated until none changes anything.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "fold-constants",
        doc: "Computes what depends on constants only, unless that grows the constants by more than 64 KiB or takes too \
              much work. Quantized constants stay for `optimize`, but in exact runs.",
        effort: 0,
        run: |g, options| checked(g, |g| fold::run(g, options.effort > 0 && !options.exact)),
    },
    Pass {
        name: "remove-channels",
        doc: "Removes channels that are zero or that nothing needs, as the ranges of values prove. Keeps every bit; outside of \
              exact runs, only where the network computes no NaN.",
        effort: 1,
        run: |g, options| checked(g, |g| channels::run(g, options, false)),
    },
    Pass {
        name: "fold-channels",
        doc: "Folds constant channels into the biases of what reads them, where no padding is read. Rounds differently; left \
              out of exact runs.",
        effort: 1,
        run: |g, options| {
            if options.exact { Ok(Done::default()) } else { checked(g, |g| channels::run(g, options, true)) }
        },
    },
    Pass {
        name: "narrow-scales",
        doc: "Rounds the multipliers of requantization to 16 bits and a common power of two, where none changes by more than \
              one part in 128. Only with \
              `--optimize size`, and not in exact runs.",
        effort: 1,
        run: |g, options| {
            if options.small && !options.exact { checked(g, narrow::run) } else { Ok(Done::default()) }
        },
    },
    Pass {
        name: "optimize",
        doc: "Finds equal forms by the [rules](rules.md) and takes those that are cheapest on the target.",
        effort: 1,
        run: |g, options| {
            let outcome = optimize::optimize(g, options);
            let changes = usize::from(outcome.changed);
            checked(g, |_| changes).map(|done| Done { outcome: Some(outcome), ..done })
        },
    },
    Pass {
        name: "remove-dead",
        doc: "Removes nodes that no output depends on. Inputs stay.",
        effort: 0,
        run: |g, _| checked(g, dead::run),
    },
];

impl Pass {
    pub fn find(name: &str) -> Option<&'static Pass> {
        PASSES.iter().find(|p| p.name == name)
    }
}

/// Which pass runs next: each in its turn, as long as another one has changed the graph since it ran.
///
/// ```text
/// while let Some(pass) = queue.next() { queue.ran(pass, (pass.run)(graph, options)?.changes) }
/// ```
pub struct Queue {
    /// Passes, and whether there may be work for them.
    passes: Vec<(&'static Pass, bool)>,
    at: usize,
    left: usize,
}

/// So many runs of each pass bound what a defect could cost.
const MAX_ROUNDS: usize = 16;

impl Queue {
    pub fn new(options: &Options<'_>) -> Queue {
        let passes: Vec<_> = PASSES.iter().filter(|p| p.effort <= options.effort).map(|p| (p, true)).collect();
        Queue { at: 0, left: passes.len() * MAX_ROUNDS, passes }
    }

    /// The graph has been changed so often by the pass.
    pub fn ran(&mut self, pass: &Pass, changes: usize) {
        let others = self.passes.iter_mut().filter(|(p, _)| p.name != pass.name && changes > 0);
        others.for_each(|(_, work)| *work = true);
    }
}

impl Iterator for Queue {
    type Item = &'static Pass;

    fn next(&mut self) -> Option<&'static Pass> {
        let n = self.passes.len();
        let turn = (0..n).map(|i| (self.at + i) % n).find(|&i| self.passes[i].1)?;
        self.left = self.left.checked_sub(1)?;
        self.passes[turn].1 = false;
        self.at = turn + 1;
        Some(self.passes[turn].0)
    }
}

/// Runs all passes on a graph.
pub fn run(graph: &mut Graph, options: &Options<'_>) -> Result<Vec<Outcome>, Report> {
    let mut queue = Queue::new(options);
    let mut outcomes = Vec::new();
    while let Some(pass) = queue.next() {
        let done = (pass.run)(graph, options)?;
        queue.ran(pass, done.changes);
        outcomes.extend(done.outcome);
    }
    Ok(outcomes)
}

/// Runs a pass, and in debug builds the verifier after it.
fn checked(graph: &mut Graph, run: impl Fn(&mut Graph) -> usize) -> Result<Done, Report> {
    let changes = run(graph);
    if cfg!(debug_assertions) {
        tinyc_core::verify::verify(graph)?;
    }
    Ok(Done { changes, outcome: None })
}

/// Adds origins that are not there yet.
fn append(origins: &mut Origins, more: &Origins) {
    for o in more {
        if !origins.contains(o) {
            origins.push(o.clone());
        }
    }
}
