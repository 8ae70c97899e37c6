//! Scales that a network brings with it: whether they are positive numbers, and whether the two of a pair are the
//! same.

use tinyc_core::diag::{Code, Diagnostic, Report, Site};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;

/// All that is wrong with the scales of a network.
pub fn check(graph: &Graph) -> Report {
    let mut report = Report::default();
    for id in graph.topological().unwrap_or_default() {
        let Some(scale) = map(graph, id).and_then(|_| constant(graph, id, 1)) else { continue };
        if let Some(bad) = scale.to_f64s().into_iter().find(|s| !(s.is_finite() && *s > 0.0)) {
            let message = format!("a scale is {bad}, but must be a positive number");
            let help = "export the network again; a value that is always zero may have any positive scale";
            report.push(error(graph, id, message).help(help));
        }
        let Some(before) = graph.operands(id)[0].filter(|x| map(graph, *x) == Some(OpId::quantize)) else { continue };
        if map(graph, id) != Some(OpId::dequantize) {
            continue;
        }
        for (position, what) in [(1, "scale"), (2, "zero point")] {
            let (a, b) = (numbers(graph, before, position), numbers(graph, id, position));
            if let (Some(a), Some(b)) = (a, b)
                && a != b
            {
                let message = format!("integers are made with the {what} {a}, but stand for reals with the {what} {b}");
                let help = "both nodes of a pair need the same scale and zero point";
                report.push(error(graph, id, message).help(help));
            }
        }
    }
    report
}

/// The operator of a node that maps between integers and reals.
fn map(graph: &Graph, id: NodeId) -> Option<OpId> {
    match &graph.node(id).kind {
        Kind::Op(op, _) if matches!(op, OpId::quantize | OpId::dequantize) => Some(*op),
        _ => None,
    }
}

/// An operand that is constant; a vector of scales is, behind a `reshape`.
fn constant(graph: &Graph, id: NodeId, position: usize) -> Option<&Tensor> {
    let operand = graph.operands(id).get(position).copied().flatten()?;
    match &graph.node(operand).kind {
        Kind::Const(t) => Some(t),
        Kind::Op(OpId::reshape, _) => constant(graph, operand, 0),
        _ => None,
    }
}

/// Constants as a text; an absent zero point is 0.
fn numbers(graph: &Graph, id: NodeId, position: usize) -> Option<String> {
    let absent = graph.operands(id).get(position).copied().flatten().is_none();
    let numbers = if absent { vec![0.0] } else { constant(graph, id, position)?.to_f64s() };
    let all_same = numbers.windows(2).all(|w| w[0] == w[1]);
    Some(match numbers.first() {
        Some(one) if all_same => one.to_string(),
        _ => format!("{numbers:?}"),
    })
}

fn error(graph: &Graph, id: NodeId, message: String) -> Diagnostic {
    let op_type = if map(graph, id) == Some(OpId::quantize) { "QuantizeLinear" } else { "DequantizeLinear" };
    let node = graph.node(id).origins.last().map_or(String::new(), |o| o.to_string());
    Diagnostic::error(Code::BadScale, message).at(Site { node, op_type: op_type.to_owned(), opset: None })
}
