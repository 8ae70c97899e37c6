//! `remove-identities`: equalities that hold for every bit pattern but the payload of a NaN.
//!
//! `x + 0.0` is none of them (-0.0 becomes 0.0), but `x + -0.0` and `x - 0.0` are.

use crate::append;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId, Origins};
use tinyc_core::op::OpId;
use tinyc_core::tensor::{Data, Tensor};

pub fn run(graph: &mut Graph) -> usize {
    // Ids of removed nodes are used again, so nodes go only when all have been seen.
    let mut replaced = Vec::new();
    for id in graph.topological().unwrap_or_default() {
        let Kind::Op(op, _) = graph.node(id).kind else { continue };
        // One rule may make way for another on the same node.
        let mut id = id;
        while let Some(new) = rewrite(graph, op, id) {
            replaced.push(id);
            let origins = graph.node(id).origins.clone();
            let value = graph.node(id).value.clone();
            graph.replace_uses(id, new);
            let node = graph.node_mut(new);
            match node.kind {
                // The ONNX name of a value that nothing computes any more.
                Kind::Input(_) => {}
                _ => append(&mut node.origins, &origins),
            }
            if matches!(node.kind, Kind::Op(..)) && node.value.is_none() {
                node.value = value;
            }
            if !matches!(graph.node(new).kind, Kind::Op(o, _) if o == op) {
                break;
            }
            id = new;
        }
    }
    replaced.iter().for_each(|id| graph.remove(*id));
    replaced.len()
}

/// A node with the value of `id`, another one than `id` and made of what `id` reads.
fn rewrite(graph: &mut Graph, op: OpId, id: NodeId) -> Option<NodeId> {
    let operands = graph.operands(id);
    let x = operands.first().copied().flatten()?;
    match op {
        OpId::reshape => {
            if graph.node(x).ty == graph.node(id).ty {
                return Some(x);
            }
            let (inner, _, origins) = producer(graph, x, OpId::reshape)?;
            let attrs = attrs(graph, id).clone();
            graph.add_op(OpId::reshape, attrs, &[Some(inner)], origins).ok()
        }
        OpId::transpose => {
            let perm = attrs(graph, id).extents("perm");
            if perm.iter().copied().eq(0..perm.len()) {
                return Some(x);
            }
            let (inner, first, origins) = producer(graph, x, OpId::transpose)?;
            let first = first.extents("perm");
            let both = perm.iter().map(|&d| first[d] as i64);
            graph.add_op(OpId::transpose, Attrs::new().with_ints("perm", both), &[Some(inner)], origins).ok()
        }
        OpId::relu => producer(graph, x, OpId::relu).map(|_| x),
        OpId::add | OpId::mul => {
            let y = operands.get(1).copied().flatten()?;
            neutral(graph, op, id, x, y).or_else(|| neutral(graph, op, id, y, x))
        }
        OpId::sub | OpId::div => neutral(graph, op, id, x, operands.get(1).copied().flatten()?),
        _ => None,
    }
}

fn attrs(graph: &Graph, id: NodeId) -> &Attrs {
    match &graph.node(id).kind {
        Kind::Op(_, attrs) => attrs,
        _ => unreachable!("asked of operators only"),
    }
}

/// First operand, attributes and origins of a node, if it is this operator.
fn producer(graph: &Graph, id: NodeId, op: OpId) -> Option<(NodeId, Attrs, Origins)> {
    let node = graph.node(id);
    match &node.kind {
        Kind::Op(o, attrs) if *o == op => {
            let x = graph.operands(id).first().copied().flatten()?;
            Some((x, attrs.clone(), node.origins.clone()))
        }
        _ => None,
    }
}

/// `x`, if `op` with the constant `y` gives it back in its own type.
fn neutral(graph: &Graph, op: OpId, id: NodeId, x: NodeId, y: NodeId) -> Option<NodeId> {
    let Kind::Const(t) = &graph.node(y).kind else { return None };
    let element: fn(f64) -> bool = match op {
        OpId::add => |v| v == 0.0 && v.is_sign_negative(),
        OpId::sub => |v| v == 0.0 && v.is_sign_positive(),
        _ => |v| v == 1.0,
    };
    let integer_zero = matches!(op, OpId::add | OpId::sub) && !t.dtype().is_float();
    let fits = if integer_zero { is_zero(t) } else { t.to_f64s().into_iter().all(element) };
    (fits && graph.node(x).ty == graph.node(id).ty).then_some(x)
}

fn is_zero(t: &Tensor) -> bool {
    !matches!(t.data(), Data::Bool(_)) && t.data().to_le_bytes().iter().all(|&b| b == 0)
}
