//! Nodes that the user wants to run in floats.

use std::collections::BTreeSet;
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::graph::{Graph, Kind, NodeId};

/// The nodes that came from ONNX nodes of these names, or whose values have them.
pub fn resolve(graph: &Graph, names: &[String]) -> Result<BTreeSet<NodeId>, Report> {
    let (mut found, mut report) = (BTreeSet::new(), Report::default());
    for name in names {
        let named = |id: &NodeId| {
            let node = graph.node(*id);
            let is_op = matches!(node.kind, Kind::Op(..));
            is_op && (node.origins.iter().any(|o| **o == **name) || node.value.as_deref() == Some(name.as_str()))
        };
        let before = found.len();
        found.extend(graph.ids().filter(named));
        if found.len() == before {
            let message = format!("--keep-float {name}: the network has no node of this name");
            report.push(Diagnostic::error(Code::Usage, message).help(near(graph, name)));
        }
    }
    if report.has_errors() { Err(report) } else { Ok(found) }
}

/// Some names that there are, those that hold what was asked for first.
fn near(graph: &Graph, name: &str) -> String {
    const SHOWN: usize = 6;
    let mut names: Vec<&str> = graph.ids().flat_map(|id| graph.node(id).origins.iter().map(|o| &**o)).collect();
    names.sort();
    names.dedup();
    let word = name.to_lowercase();
    names.sort_by_key(|n| !n.to_lowercase().contains(&word));
    let more = if names.len() > SHOWN { ", and others, which `tinyc check` lists" } else { "" };
    let shown: Vec<&str> = names.into_iter().take(SHOWN).collect();
    format!("nodes are {}{more}", shown.join(", "))
}
