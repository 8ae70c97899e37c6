//! Prices of operators asked one by one against those of whole networks.

#![allow(clippy::unwrap_used, clippy::panic)]

use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::cost::{Cost, of_node};
use tinyc_core::graph::Graph;
use tinyc_testsuite::{optimized, shared};

/// The example and, where they are, the networks of the shared folder.
fn networks() -> impl Iterator<Item = (&'static str, Graph)> {
    let shared = shared::NETWORKS.iter().filter_map(|n| Some((*n, optimized::graph(&shared::model(n)?.0))));
    [("digits", optimized::graph(&shared::digits().0))].into_iter().chain(shared)
}

fn layers(cost: &CodegenCost, graph: &Graph) -> Vec<(String, f64)> {
    let (live, names) = (graph.live(), tinyc_core::text::names(graph));
    let nodes = graph.ids().filter(|id| live.contains(id));
    nodes.map(|id| (names[&id].clone(), of_node(cost, graph, id).unwrap().cycles)).collect()
}

/// An operator is priced without its neighbours, so it does not know in which order they leave its
/// operands in memory, nor whether the one before it can compute it on the way out. Scalar code loses
/// little by either; where vectors would have to be put together from lanes, a small network that ends in
/// such a place is off by a quarter.
#[test]
fn layers_add_up_to_their_network() {
    for (target, tolerance) in [("cortex-m4", 0.02), ("cortex-m0plus", 0.02), ("x86-64-v4", 0.25)] {
        let target = Target::find(target).unwrap();
        for (name, graph) in networks() {
            let cost = CodegenCost::new(target, Io::Caller);
            let exact = cost.exact(&graph).unwrap().cycles;
            let layers = layers(&cost, &graph);
            let ratio = layers.iter().map(|l| l.1).sum::<f64>() / exact;
            println!("{name:28} {:14} {ratio:.3} of {exact:.0} cycles", target.name);
            assert!((ratio - 1.0).abs() <= tolerance, "{name} for {}: {ratio} of {exact}: {layers:?}", target.name);
        }
    }
}
