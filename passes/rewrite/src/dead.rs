//! `remove-dead`.

use tinyc_core::graph::{Graph, NodeId};

pub fn run(graph: &mut Graph) -> usize {
    let live = graph.live();
    let dead: Vec<NodeId> = graph.ids().filter(|id| !live.contains(id)).collect();
    dead.iter().for_each(|id| graph.remove(*id));
    dead.len()
}
