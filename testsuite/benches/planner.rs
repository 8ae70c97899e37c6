//! What the planner's searches reach on irregular networks, and what they cost:
//! `cargo bench -p tinyc-testsuite --bench planner`.

use std::time::Instant;
use tinyc_codegen::plan::{offsets, order};
use tinyc_testsuite::dags::{FAMILIES, lifetimes, network};

const NETWORKS: u64 = 200;

fn main() {
    println!("of each family: networks, most nodes, orders proven, arenas proven in any order,");
    println!("largest gap in percent of the bound, states, placements, longest time in ms");
    println!(
        "{:15} {:>4} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8} {:>8}",
        "family", "nets", "nodes", "orders", "arenas", "gap", "states", "placed", "ms"
    );
    for family in FAMILIES {
        let (mut nets, mut nodes, mut orders, mut arenas) = (0, 0, 0, 0);
        let (mut gap, mut states, mut placements, mut slowest) = (0f64, 0, 0, 0f64);
        for (_, p) in (0..NETWORKS).map(network).filter(|(f, _)| *f == family) {
            let start = Instant::now();
            let o = order::order(&p, order::STATES);
            let placed = offsets::place(&lifetimes(&p, &o.nodes), &[], offsets::NODES);
            slowest = slowest.max(start.elapsed().as_secs_f64() * 1e3);
            nets += 1;
            nodes = nodes.max(p.nodes.len());
            orders += usize::from(o.peak == o.bound);
            arenas += usize::from(placed.bytes == o.bound);
            gap = gap.max((placed.bytes - o.bound) as f64 * 100.0 / o.bound as f64);
            states += o.states;
            placements += placed.nodes;
        }
        let name = format!("{family:?}");
        println!(
            "{name:15} {nets:4} {nodes:6} {orders:6} {arenas:6} {gap:6.2} {states:8} {placements:8} {slowest:8.1}"
        );
    }
}
