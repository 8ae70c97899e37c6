//! Constant weights as integers of 8 bits, symmetric, with one scale for each output channel.

use crate::places::Places;
use crate::roles::{Role, activations, bias, weights};
use crate::scale::{Scale, WEIGHT_LIMIT};
use std::collections::BTreeMap;
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::Shape;

/// Which range of a channel's weights the integers stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightRange {
    /// All of it.
    #[default]
    MinMax,
    /// The one with the least squared error.
    Mse,
}

/// A bias is a sum of products' integers, so it must be far below 2^31 in their scale.
const BIAS_LIMIT: f64 = (1u64 << 28) as f64;

/// Puts integers behind the weights of all steps that compute sums of products on quantized values. Returns the
/// weights as they were, by step.
pub fn quantize(
    graph: &mut Graph,
    places: &Places,
    scales: &[Scale],
    range: WeightRange,
    layers: &[NodeId],
) -> Result<BTreeMap<NodeId, Arc<Tensor>>, Report> {
    let mut before = BTreeMap::new();
    for &layer in layers {
        let Some((position, axis)) = weights(graph, layer).filter(|_| places.role(layer) == Role::Computes) else {
            continue;
        };
        let Some(x) = activations(graph, layer).first().and_then(|x| places.group_of(*x)) else { continue };
        let operands = graph.operands(layer);
        let Some(w) = operands[position] else { continue };
        let Kind::Const(tensor) = graph.node(w).kind.clone() else { continue };
        let least = least_scales(graph, layer, scales[x], tensor.shape()[axis]);
        let (integers, channel_scales) = integers(&tensor, axis, range, &least);
        before.insert(layer, tensor);
        let value = graph.node(w).value.clone();
        let origins = graph.node(w).origins.clone();
        let integers = graph.add_const(integers, value);
        graph.node_mut(integers).origins = origins.clone();
        let channel_scales = graph.add_const(channel_scales, None);
        let real = graph
            .add_op(OpId::dequantize, Attrs::new(), &[Some(integers), Some(channel_scales)], origins)
            .map_err(|e| Report::from(e.diagnostic()))?;
        graph.set_operand(layer, position, real);
    }
    Ok(before)
}

/// What scales of channels must not be below, so that the bias fits the sums.
fn least_scales(graph: &Graph, layer: NodeId, x: Scale, channels: usize) -> Vec<f64> {
    let constant = bias(graph, layer).and_then(|b| graph.operands(layer).get(b).copied().flatten());
    let biases = match constant.map(|b| &graph.node(b).kind) {
        Some(Kind::Const(t)) => t.to_f64s(),
        _ => vec![0.0],
    };
    let of = |c: usize| biases[if biases.len() == channels { c } else { 0 }].abs();
    (0..channels).map(|c| of(c) / (f64::from(x.scale) * BIAS_LIMIT)).collect()
}

/// The integers, and their scales, which broadcast along the axis.
fn integers(t: &Tensor, axis: usize, range: WeightRange, least: &[f64]) -> (Tensor, Tensor) {
    let shape = t.shape();
    let (channels, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let values = t.to_f64s();
    let channel = |i: usize| i / inner % channels;
    let mut of_channel: Vec<Vec<f64>> = vec![Vec::new(); channels];
    values.iter().enumerate().for_each(|(i, v)| of_channel[channel(i)].push(*v));
    let scales: Vec<f64> = of_channel.iter().zip(least).map(|(v, least)| scale(v, range).max(*least)).collect();
    // A channel of zeros has any scale; that of the others suits its bias.
    let widest = scales.iter().copied().fold(0.0, f64::max);
    let widest = if widest > 0.0 { widest } else { 1.0 };
    let scales: Vec<f32> = scales.iter().map(|&s| if s > 0.0 { s } else { widest } as f32).collect();
    let round = |(i, v): (usize, &f64)| rounded(*v, f64::from(scales[channel(i)])) as i8;
    let q: Vec<i8> = values.iter().enumerate().map(round).collect();
    let along: Vec<usize> = [vec![channels], vec![1; shape.rank() - 1 - axis]].concat();
    (Tensor::of(shape.clone(), q), Tensor::of(Shape::new(along), scales))
}

fn rounded(v: f64, scale: f64) -> f64 {
    (v / scale).round_ties_even().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
}

fn scale(values: &[f64], range: WeightRange) -> f64 {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let whole = largest / WEIGHT_LIMIT;
    if range == WeightRange::MinMax || largest == 0.0 {
        return whole;
    }
    let error = |s: f64| values.iter().map(|v| (v - rounded(*v, s) * s).powi(2)).sum::<f64>();
    let tried = (0..50).map(|i| whole * (1.0 - f64::from(i) / 100.0));
    tried.map(|s| (error(s), s)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(whole, |best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_scales_of_their_own() {
        let w = Tensor::of([2, 1, 3], vec![0.5f32, -1.27, 0.0, 12.7, 0.1, -3.0]);
        let (q, s) = integers(&w, 0, WeightRange::MinMax, &[0.0, 0.0]);
        assert_eq!(q, Tensor::of([2, 1, 3], vec![50i8, -127, 0, 127, 1, -30]));
        assert_eq!(s, Tensor::of([2, 1, 1], vec![0.01f32, 0.1]));
        let (q, s) = integers(&Tensor::of([2, 2], vec![1.0f32, 0.0, 127.0, 0.0]), 1, WeightRange::MinMax, &[0.0; 2]);
        assert_eq!((q, s), (Tensor::of([2, 2], vec![1i8, 0, 127, 0]), Tensor::of([2], vec![1.0f32, 1.0])));
    }

    #[test]
    fn a_scale_is_as_large_as_its_bias_needs() {
        let (q, s) = integers(&Tensor::of([1, 1], vec![1e-9f32]), 0, WeightRange::MinMax, &[0.5]);
        assert_eq!((q, s), (Tensor::of([1, 1], vec![0i8]), Tensor::of([1, 1], vec![0.5f32])));
    }

    #[test]
    fn the_least_error_leaves_an_outlier_out() {
        let mut values = vec![0.3; 5000];
        values.iter_mut().enumerate().for_each(|(i, v)| *v += (i % 97) as f64 / 97.0);
        values.push(2.0);
        assert!(scale(&values, WeightRange::Mse) < scale(&values, WeightRange::MinMax));
    }
}
