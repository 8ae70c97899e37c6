//! `remove-channels` and `fold-channels`: constant and dead channels.
//!
//! A channel is an index of a value's channel axis, as `range` has it. Bounds run forward from the inputs;
//! what is needed runs backward from the outputs. A sum of products `b[o] + sum over c, k of w[o,c,k] *
//! x[c,..]` (convolution of one group, gemm, matmul, of floats or integers, with constant weights) does without channel `c`
//!
//! - where its products are zeros: `x[c]` is finite and all `w[o,c,k]` are zero, or `x[c]` is zero and all
//!   `w[o,c,k]` are finite, and `b[o]` is not -0.0. A zero of either sign added to a sum that is not -0.0
//!   changes no bit of it, so such channels go in both passes;
//! - where `x[c]` is another constant `v` and no window reads padding: `b[o] + sum over k of w[o,c,k] * v`
//!   takes the place of `b[o]`. That rounds in another order, so only `fold-channels` does it.
//!
//! Sums of integers start from 0, count from zero points, for which padding stands, and are the same in any order, so
//! other constants go from them in both passes.
//!
//! Where a network is taken to compute no NaN, which exact runs do not, products with zero weights are zeros
//! whatever `x[c]` is.
//!
//! Padding reads as zero, so a channel that is zero goes whatever the padding, another constant only without.
//!
//! Groups of a convolution go as a whole. Where operators work channel by channel (elementwise
//! operators, pools, concatenations, transposes, reshapes that keep channels apart, ...) a channel goes in
//! operands and results or in none. Then producers are made smaller: weights, biases and other constants
//! lose the channels. Inputs and outputs of the graph keep their shapes, and every value keeps a channel.

mod classes;
mod integers;
mod relate;
mod shrink;

use crate::Options;
use crate::range;
use classes::Classes;
use relate::{Sum, relate};
use tinyc_core::graph::{Graph, Kind, NodeId};

/// Removes channels until none goes any more; how many went.
pub fn run(graph: &mut Graph, options: &Options<'_>, fold: bool) -> usize {
    let mut total = 0;
    loop {
        match once(graph, options, fold) {
            0 => return total,
            removed => total += removed,
        }
    }
}

fn once(graph: &mut Graph, options: &Options<'_>, fold: bool) -> usize {
    crate::dead::run(graph);
    let known = range::of_graph(graph, &options.input_ranges, options.nans());
    let nodes = graph.topological().unwrap_or_default();
    let Some(mut classes) = Classes::new(graph, &nodes, &known) else { return 0 };
    let mut sums = Vec::new();
    for &id in &nodes {
        match &graph.node(id).kind {
            Kind::Op(op, attrs) => sums.extend(relate(graph, id, *op, attrs, &known, fold, &mut classes)),
            Kind::Input(_) | Kind::Get(_) => classes.keep_all(id),
            Kind::Const(_) => {}
        }
    }
    graph.outputs().iter().for_each(|o| classes.keep_all(o.node));
    settle(&nodes, &sums, &mut classes);
    let removed = nodes.iter().filter_map(|&id| classes.mask(id)).flatten().filter(|kept| !kept).count();
    if removed > 0 {
        shrink::shrink(graph, &nodes, &sums, &mut classes);
    }
    removed
}

/// Keeps what kept channels need, from users to what they read, and a channel of every value.
fn settle(nodes: &[NodeId], sums: &[Sum], classes: &mut Classes) {
    loop {
        let mut changed = false;
        for sum in sums.iter().rev() {
            changed |= sum.keep_needed(classes);
        }
        if changed {
            continue;
        }
        let empty =
            |&id: &NodeId, classes: &mut Classes| classes.mask(id).is_some_and(|m| !m.is_empty() && !m.contains(&true));
        match nodes.iter().rev().find(|&id| empty(id, classes)) {
            Some(&id) => classes.keep(id, 0),
            None => return,
        }
    }
}
