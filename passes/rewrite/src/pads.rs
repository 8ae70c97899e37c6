//! `merge-pads`: zeros added around the operand of a convolution become the padding of its windows.
//!
//! `conv(pad(x)) = conv'(x)` and `transpose(pad(x)) = pad'(transpose(x))`, where the pad adds zeros, and
//! none to batch and channels. The sums have the same terms in the same order, so the bits are equal.

use crate::append;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;

pub fn run(graph: &mut Graph) -> usize {
    let convs: Vec<NodeId> = graph.ids().filter(|&id| operator(graph, id, OpId::conv).is_some()).collect();
    convs.into_iter().filter(|&id| merge(graph, id).is_some()).count()
}

/// Puts a convolution of the operand without its pad in the place of `conv`.
fn merge(graph: &mut Graph, conv: NodeId) -> Option<()> {
    let mut operands = graph.operands(conv);
    // Transposes between pad and convolution, the last one first.
    let mut transposes = Vec::new();
    let mut at = operands.first().copied().flatten()?;
    while let Some(attrs) = operator(graph, at, OpId::transpose) {
        transposes.push((attrs.clone(), graph.node(at).origins.clone()));
        at = graph.operands(at).first().copied().flatten()?;
    }
    let (mut before, mut after) = zeros(graph, at)?;
    for (attrs, _) in transposes.iter().rev() {
        let perm = attrs.extents("perm");
        [&mut before, &mut after].into_iter().for_each(|pads| *pads = perm.iter().map(|&d| pads[d]).collect());
    }
    let ([0, 0, before @ ..], [0, 0, after @ ..]) = (&before[..], &after[..]) else { return None };
    let attrs = operator(graph, conv, OpId::conv)?.clone();
    let pads: Vec<i64> = attrs.ints("pads").iter().zip(before.iter().chain(after)).map(|(a, b)| a + b).collect();

    let mut origins = graph.node(at).origins.clone();
    let mut x = graph.operands(at).first().copied().flatten()?;
    for (attrs, more) in transposes.into_iter().rev() {
        append(&mut origins, &more);
        x = graph.add_op(OpId::transpose, attrs, &[Some(x)], origins.clone()).ok()?;
    }
    operands[0] = Some(x);
    let (own, value) = (graph.node(conv).origins.clone(), graph.node(conv).value.clone());
    append(&mut origins, &own);
    let merged = graph.add_op(OpId::conv, attrs.with_ints("pads", pads), &operands, origins).ok()?;
    graph.node_mut(merged).value = value;
    graph.replace_uses(conv, merged);
    graph.remove(conv);
    Some(())
}

/// The attributes of a node, if it is this operator.
fn operator(graph: &Graph, id: NodeId, op: OpId) -> Option<&Attrs> {
    match &graph.node(id).kind {
        Kind::Op(o, attrs) if *o == op => Some(attrs),
        _ => None,
    }
}

/// How many zeros a pad adds before and behind each axis, if that is all it does.
fn zeros(graph: &Graph, id: NodeId) -> Option<(Vec<i64>, Vec<i64>)> {
    let attrs = operator(graph, id, OpId::pad)?;
    let is_zero = |v: NodeId| match &graph.node(v).kind {
        Kind::Const(t) => t.data().to_le_bytes().iter().all(|&b| b == 0),
        _ => false,
    };
    let zero = graph.operands(id).get(1).copied().flatten().is_none_or(is_zero);
    let (before, after) = (attrs.ints("before"), attrs.ints("after"));
    let adds = before.iter().chain(after).all(|&p| p >= 0);
    (attrs.word("mode") == "constant" && zero && adds).then(|| (before.to_vec(), after.to_vec()))
}
