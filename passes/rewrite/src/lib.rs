//! Rewriting passes of the tinyc compiler: graphs to graphs that compute the same; bit for bit unless
//! the pass says how it rounds.
//!
//! A pass changes a graph in place and says how many changes it made. What a node came from (its
//! origins) goes over to what replaces it. Passes know operators through `tinyc_core` and nothing of
//! code generation.

mod batch_norm;
mod dead;
mod fold;
mod identities;
mod pads;
pub mod range;

use std::collections::BTreeMap;
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, Origins};

/// What passes may rely on.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Smallest and largest element that float inputs have, by name. Inputs without may hold anything.
    pub input_ranges: BTreeMap<String, (f64, f64)>,
}

pub struct Pass {
    pub name: &'static str,
    pub doc: &'static str,
    /// The number of changes.
    pub run: fn(&mut Graph, &Options) -> Result<usize, Report>,
}

/// All passes, in the order they run.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "fold-constants",
        doc: "Computes what depends on constants only, unless that grows the constants by more than 64 KiB or takes too \
              much work.",
        run: |g, _| checked(g, fold::run),
    },
    Pass {
        name: "split-batch-norm",
        doc: "Makes batch normalization over constants a product and a sum for each channel, rounded once.",
        run: |g, _| checked(g, batch_norm::run),
    },
    Pass {
        name: "remove-identities",
        doc: "Removes operators that give their operand back, and merges reshapes and transposes.",
        run: |g, _| checked(g, identities::run),
    },
    Pass {
        name: "merge-pads",
        doc: "Merges zeros added around the operand of a convolution with its padding.",
        run: |g, _| checked(g, pads::run),
    },
    Pass {
        name: "remove-dead",
        doc: "Removes nodes that no output depends on. Inputs stay.",
        run: |g, _| checked(g, dead::run),
    },
];

impl Pass {
    pub fn find(name: &str) -> Option<&'static Pass> {
        PASSES.iter().find(|p| p.name == name)
    }
}

/// Runs a pass, and in debug builds the verifier after it.
fn checked(graph: &mut Graph, run: fn(&mut Graph) -> usize) -> Result<usize, Report> {
    let changes = run(graph);
    if cfg!(debug_assertions) {
        tinyc_core::verify::verify(graph)?;
    }
    Ok(changes)
}

/// Adds origins that are not there yet.
fn append(origins: &mut Origins, more: &Origins) {
    for o in more {
        if !origins.contains(o) {
            origins.push(o.clone());
        }
    }
}
