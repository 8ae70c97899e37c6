//! Prices: of operators asked one by one against those of whole networks, and estimates against what an
//! emulated core counts.

#![allow(clippy::unwrap_used, clippy::panic)]

use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::cost::{Cost, of_node};
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_testsuite::shared;

/// A network after all passes.
fn read(name: &str) -> Option<Graph> {
    let (model, _) = if name == "digits" { shared::digits() } else { shared::model(name)? };
    let bytes = std::fs::read(&model).unwrap();
    let external = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: name.to_owned(), dims: Default::default(), external: &external };
    let mut graph = import(&bytes, &options).unwrap_or_else(|e| panic!("{name}: {e}")).graph;
    while tinyc_rewrite::PASSES.iter().map(|p| (p.run)(&mut graph).unwrap()).sum::<usize>() > 0 {}
    Some(graph)
}

fn sum_of_layers(cost: &CodegenCost, graph: &Graph) -> f64 {
    let live = graph.live();
    graph.ids().filter(|id| live.contains(id)).map(|id| of_node(cost, graph, id).unwrap().cycles).sum()
}

#[test]
fn layers_add_up_to_their_network() {
    for target in ["cortex-m4", "x86-64-v4"] {
        let target = Target::find(target).unwrap();
        for name in ["digits"].iter().chain(&shared::NETWORKS) {
            let Some(graph) = read(name) else { continue };
            let cost = CodegenCost::new(target, Io::Caller);
            let start = std::time::Instant::now();
            let exact = cost.exact(&graph).unwrap().cycles;
            let t1 = start.elapsed();
            let start = std::time::Instant::now();
            let sum = sum_of_layers(&cost, &graph);
            println!(
                "{name:28} {:12} {sum:>14.0} {exact:>14.0} {:.3} {:?} {:?}",
                target.name,
                sum / exact,
                t1,
                start.elapsed()
            );
        }
    }
}
