//! What operators do to scales: which ones compute values with a scale of their own, which only choose or limit
//! elements and so keep the scale of what they read, and which run in floats.

use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::types::DType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Gives integers of a scale of their own for integers.
    Computes,
    /// Chooses, repeats or joins elements: the result has the scale of what it reads.
    Moves,
    /// Limits elements: as `Moves`, and nothing needs integers between it and the step before.
    Clamps,
    /// Runs in floats; inputs of the network too.
    Floats,
}

/// Functions of one element, a table of 256 entries at most.
const FUNCTIONS: &[OpId] = &[
    OpId::celu,
    OpId::elu,
    OpId::gelu,
    OpId::hard_sigmoid,
    OpId::hard_swish,
    OpId::leaky_relu,
    OpId::mish,
    OpId::prelu,
    OpId::selu,
    OpId::sigmoid,
    OpId::softplus,
    OpId::softsign,
    OpId::swish,
    OpId::tanh,
    OpId::thresholded_relu,
];

pub fn role(graph: &Graph, id: NodeId) -> Role {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return Role::Floats };
    let activations = activations(graph, id);
    if !is_float(graph, id) || activations.is_empty() {
        return Role::Floats;
    }
    let constant = |i: usize| graph.operands(id).get(i).copied().flatten().is_none_or(|o| is_constant(graph, o));
    let computes = |holds: bool| if holds { Role::Computes } else { Role::Floats };
    let moves = |holds: bool| if holds { Role::Moves } else { Role::Floats };
    match op {
        OpId::conv | OpId::conv_transpose | OpId::gemm => computes(constant(1) && constant(2)),
        OpId::matmul => computes(!constant(0)),
        OpId::add | OpId::sub | OpId::mul | OpId::average_pool | OpId::reduce_mean | OpId::softmax => Role::Computes,
        op if FUNCTIONS.contains(op) => computes(activations.len() == 1),
        OpId::relu => Role::Clamps,
        OpId::clip => {
            if constant(1) && constant(2) {
                Role::Clamps
            } else {
                Role::Floats
            }
        }
        OpId::reshape | OpId::transpose | OpId::slice | OpId::max_pool | OpId::expand | OpId::tile => Role::Moves,
        OpId::gather | OpId::gather_elements => moves(!constant(0)),
        OpId::concat => moves(activations.len() == graph.operands(id).len()),
        OpId::pad => moves(attrs.word("mode") != "constant" || adds_zeros(graph, id)),
        _ => Role::Floats,
    }
}

/// Whether what a `pad` adds is zero, which each scale has an integer for.
fn adds_zeros(graph: &Graph, pad: NodeId) -> bool {
    match graph.operands(pad).get(1).copied().flatten().map(|o| &graph.node(o).kind) {
        None => true,
        Some(Kind::Const(t)) => t.to_f64s().iter().all(|&v| v == 0.0),
        Some(_) => false,
    }
}

/// The operands of floats that are not constant, each once.
pub fn activations(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    let mut found = Vec::new();
    for o in graph.operands(id).into_iter().flatten() {
        if is_float(graph, o) && !is_constant(graph, o) && !found.contains(&o) {
            found.push(o);
        }
    }
    found
}

/// The position of the constant weights that sums of products read, and the axis of theirs that output channels
/// lie along.
pub fn weights(graph: &Graph, id: NodeId) -> Option<(usize, usize)> {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return None };
    let w = graph.operands(id).get(1).copied().flatten().filter(|w| is_constant(graph, *w))?;
    let rank = graph.node(w).tensor().shape.rank();
    match op {
        OpId::conv => Some((1, 0)),
        OpId::conv_transpose => Some((1, 1)),
        OpId::gemm => Some((1, usize::from(!attrs.bool("trans_b")))),
        OpId::matmul if rank >= 2 => Some((1, rank - 1)),
        _ => None,
    }
}

/// The position of the constant that is added to each output channel.
pub fn bias(graph: &Graph, id: NodeId) -> Option<usize> {
    let Kind::Op(op, _) = &graph.node(id).kind else { return None };
    matches!(op, OpId::conv | OpId::conv_transpose | OpId::gemm).then_some(2)
}

pub fn is_float(graph: &Graph, id: NodeId) -> bool {
    graph.node(id).ty.tensor().is_some_and(|t| t.dtype == DType::F32)
}

pub fn is_constant(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.node(id).kind, Kind::Const(_))
}
