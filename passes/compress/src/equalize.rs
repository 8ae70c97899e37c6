//! Cross-layer equalization: channels between two steps that compute sums of products are scaled, so that the
//! weights of both have ranges of one size, and with them the channels' values.
//!
//! Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", 2019, section 4.1. What
//! lies between must be positively homogeneous, `f(s x) = s f(x)`, channel by channel; the network computes the
//! same but for rounding.

use crate::roles::{bias, is_constant, weights};
use std::collections::BTreeSet;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;

/// Ranges of neighbours depend on each other; after so many rounds they hardly change.
const ROUNDS: usize = 20;

/// Two steps, the first with nothing but the second behind it.
struct Neighbours {
    first: NodeId,
    second: NodeId,
    channels: usize,
}

/// Equalizes all neighbours outside of `keep`. Returns how many there are.
pub fn run(graph: &mut Graph, keep: &BTreeSet<NodeId>) -> usize {
    let order: Vec<NodeId> = graph.topological().unwrap_or_default();
    let pairs: Vec<Neighbours> =
        order.iter().filter(|id| !keep.contains(id)).filter_map(|&id| neighbours(graph, id, keep)).collect();
    for _ in 0..ROUNDS {
        pairs.iter().for_each(|pair| equalize(graph, pair));
    }
    pairs.len()
}

/// The step with constant weights of its own that reads a step's channels, and nothing else does.
fn neighbours(graph: &Graph, first: NodeId, keep: &BTreeSet<NodeId>) -> Option<Neighbours> {
    let (w, axis) = own_weights(graph, first)?;
    let channels = graph.node(w).tensor().shape[axis];
    let one_group = match &graph.node(first).kind {
        Kind::Op(OpId::conv_transpose, attrs) => attrs.int("group") == 1,
        _ => true,
    };
    let biased = bias(graph, first).and_then(|b| graph.operands(first).get(b).copied().flatten());
    let fits = |b: NodeId| is_constant(graph, b) && graph.node(b).tensor().elements() == channels;
    if !one_group || !biased.is_none_or(fits) {
        return None;
    }
    let mut at = first;
    loop {
        let users = graph.users(at);
        let user = users.iter().copied().next().filter(|_| users.len() == 1)?;
        if graph.outputs().iter().any(|o| o.node == at) {
            return None;
        }
        let Kind::Op(op, attrs) = &graph.node(user).kind else { return None };
        let (from, to) = (&graph.node(at).tensor().shape, &graph.node(user).tensor().shape);
        let flat = |s: &[usize]| s.len() >= 2 && s[1] == channels && s.iter().product::<usize>() == channels;
        match op {
            OpId::relu | OpId::leaky_relu | OpId::max_pool | OpId::average_pool => at = user,
            OpId::reshape if flat(from) && flat(to) => at = user,
            OpId::conv | OpId::gemm if !keep.contains(&user) => {
                own_weights(graph, user)?;
                let plain = *op == OpId::conv || !attrs.bool("trans_a");
                let reads = graph.operands(user)[0] == Some(at) && from.get(1) == Some(&channels);
                return (plain && reads).then_some(Neighbours { first, second: user, channels });
            }
            _ => return None,
        }
    }
}

/// Constant weights that no other step reads, and the axis of output channels.
fn own_weights(graph: &Graph, id: NodeId) -> Option<(NodeId, usize)> {
    let (position, axis) = weights(graph, id)?;
    let w = graph.operands(id)[position]?;
    (graph.users(w).len() == 1).then_some((w, axis))
}

/// Largest magnitude for each channel.
fn largest(t: &Tensor, channels: usize, channel: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut largest = vec![0.0f64; channels];
    for (i, v) in t.to_f64s().into_iter().enumerate() {
        largest[channel(i)] = largest[channel(i)].max(v.abs());
    }
    largest
}

fn constant(graph: &Graph, id: NodeId) -> Tensor {
    match &graph.node(id).kind {
        Kind::Const(t) => (**t).clone(),
        _ => unreachable!("weights are constant"),
    }
}

/// The input channel that each weight of a step is multiplied with.
fn input_channel(graph: &Graph, step: NodeId, w: &Tensor) -> impl Fn(usize) -> usize + use<> {
    let shape = w.shape().to_vec();
    let Kind::Op(op, attrs) = &graph.node(step).kind else { unreachable!("steps are operators") };
    let (groups, by_rows) = match op {
        OpId::conv => (attrs.int("group") as usize, false),
        _ => (1, !attrs.bool("trans_b")),
    };
    let inner: usize = shape[2..].iter().product();
    let outputs = shape[0] / groups.max(1);
    move |i| {
        let (row, column) = (i / inner / shape[1], i / inner % shape[1]);
        if by_rows { row } else { row / outputs.max(1) * shape[1] + column }
    }
}

fn equalize(graph: &mut Graph, pair: &Neighbours) {
    let channels = pair.channels;
    let (Some((w1, axis)), Some((w2, _))) = (own_weights(graph, pair.first), own_weights(graph, pair.second)) else {
        return;
    };
    let (first, second) = (constant(graph, w1), constant(graph, w2));
    let inner: usize = first.shape()[axis + 1..].iter().product();
    let out = move |i: usize| i / inner % channels;
    let into = input_channel(graph, pair.second, &second);
    let biased = bias(graph, pair.first).and_then(|b| Some((b, graph.operands(pair.first).get(b).copied().flatten()?)));
    let mut before = largest(&first, channels, out);
    if let Some((_, b)) = biased {
        // A channel whose weights are next to nothing is all bias: weights alone would scale that beyond all others.
        before.iter_mut().zip(constant(graph, b).to_f64s()).for_each(|(range, b)| *range = range.max(b.abs()));
    }
    let ranges = before.into_iter().zip(largest(&second, channels, &into));
    // A channel that one of the two leaves out has no range to be made equal.
    let factor = |(a, b): (f64, f64)| if a > 0.0 && b > 0.0 { (a / b).sqrt().clamp(1e-3, 1e3) } else { 1.0 };
    let factors: Vec<f64> = ranges.map(factor).collect();
    let scaled = |t: &Tensor, by: &dyn Fn(usize) -> f64| {
        let v = t.to_f64s().into_iter().enumerate().map(|(i, v)| (v * by(i)) as f32).collect();
        Tensor::of(t.shape().clone(), v)
    };
    let put = |graph: &mut Graph, step: NodeId, position: usize, old: NodeId, t: Tensor| {
        let value = graph.node(old).value.clone();
        let new = graph.add_const(t, value);
        graph.node_mut(new).origins = graph.node(old).origins.clone();
        graph.set_operand(step, position, new);
        if graph.users(old).is_empty() {
            graph.remove(old);
        }
    };
    put(graph, pair.first, 1, w1, scaled(&first, &|i| 1.0 / factors[out(i)]));
    put(graph, pair.second, 1, w2, scaled(&second, &|i| factors[into(i)]));
    if let Some((position, old)) = biased {
        let b = constant(graph, old);
        put(graph, pair.first, position, old, scaled(&b, &|i| 1.0 / factors[i]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::eval::Evaluator;
    use tinyc_core::exec::Exec;
    use tinyc_core::text;

    /// The second channel between the products is nothing but its bias; the third is small throughout.
    #[test]
    fn channels_are_of_one_size_and_those_of_bias_alone_stay_small() {
        let graph = text::parse(
            "graph @g {\n\
             %x = input : f32[1,2]\n\
             %w = const [4.0,1e-20,0.01,-2.0,-1e-20,0.02] : f32[2,3]\n\
             %b = const [0.5,0.25,0.0] : f32[3]\n\
             %v = const [0.1,1.0,3.0] : f32[3,1]\n\
             %y = gemm %x, %w, %b {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} : f32[1,3]\n\
             %r = relu %y : f32[1,3]\n\
             %z = gemm %r, %v {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} : f32[1,1]\n\
             output %z\n}",
            &[],
        );
        let before = graph.unwrap_or_else(|e| unreachable!("{e}"));
        let mut after = before.clone();
        assert_eq!(run(&mut after, &BTreeSet::new()), 1);
        let outputs = |graph: &Graph, x: [f32; 2]| {
            let runner = Evaluator.compile(graph).expect("it has no cycle");
            runner.run(&[Tensor::of([1, 2], x.to_vec())]).expect("the input fits")[0].to_f64s()[0]
        };
        for x in [[1.0, 0.5], [-0.3, 2.0], [0.0, -1.0]] {
            let (a, b) = (outputs(&before, x), outputs(&after, x));
            assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{x:?}: {a}, equalized {b}");
        }
        let first = after.ids().find(|&id| weights(&after, id).is_some() && bias_of(&after, id).is_some());
        let biases = bias_of(&after, first.expect("it has a bias")).expect("it is constant").to_f64s();
        assert!(biases.iter().all(|b| b.abs() < 1.0), "{biases:?}");
    }

    fn bias_of(graph: &Graph, id: NodeId) -> Option<Tensor> {
        let b = graph.operands(id).get(bias(graph, id)?).copied().flatten()?;
        Some(constant(graph, b))
    }
}
