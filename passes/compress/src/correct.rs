//! Bias correction: the mean error that rounded weights make in each output channel goes into the bias.
//!
//! Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", 2019, section 4.2, with
//! means from samples. Sums of products are linear, so their mean error is the error on the mean of what they read.

use crate::roles::{activations, bias, weights};
use crate::samples::{Progress, trace};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tinyc_core::diag::Report;
use tinyc_core::exec::Runner;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::Shape;

/// Means over samples of what steps with weights read, element by element.
pub fn means(
    graph: &Graph,
    runner: &dyn Runner,
    samples: &[Vec<Tensor>],
    progress: Progress<'_>,
) -> Result<BTreeMap<NodeId, Tensor>, Report> {
    let steps = graph.ids().filter(|&id| weights(graph, id).is_some() && bias(graph, id).is_some());
    let read: BTreeSet<NodeId> = steps.filter_map(|id| activations(graph, id).first().copied()).collect();
    let sums = trace(
        runner,
        samples,
        progress,
        BTreeMap::<NodeId, (Shape, Vec<f64>)>::new,
        |seen, id, t| {
            if read.contains(&id) {
                let (_, sums) = seen.entry(id).or_insert_with(|| (t.shape().clone(), vec![0.0; t.data().len()]));
                sums.iter_mut().zip(t.to_f64s()).for_each(|(s, v)| *s += v);
            }
        },
        |all, part| {
            for (id, (shape, sums)) in part {
                let (_, into) = all.entry(id).or_insert_with(|| (shape, vec![0.0; sums.len()]));
                into.iter_mut().zip(sums).for_each(|(a, b)| *a += b);
            }
        },
    )?;
    let n = samples.len() as f64;
    let mean = |sums: Vec<f64>| sums.into_iter().map(|v| (v / n) as f32).collect();
    Ok(sums.into_iter().map(|(id, (shape, sums))| (id, Tensor::of(shape, mean(sums)))).collect())
}

/// Corrects the biases of steps whose weights, the second operand, have become others than `before`. Returns how many.
pub fn run(
    graph: &mut Graph,
    before: &BTreeMap<NodeId, Arc<Tensor>>,
    means: &BTreeMap<NodeId, Tensor>,
) -> Result<usize, Report> {
    let mut corrected = 0;
    for (&step, old) in before {
        let Kind::Op(op, attrs) = graph.node(step).kind.clone() else { continue };
        let operands = graph.operands(step);
        if bias(graph, step).is_none() {
            continue;
        }
        let Some(mean) = operands[0].and_then(|x| means.get(&x)) else { continue };
        let Some(new) = operands[1].and_then(|w| dequantized(graph, w)) else { continue };
        let run = |w: &Tensor| op.op().eval(&attrs, &[Some(mean), Some(w)]).map_err(|e| Report::from(e.diagnostic()));
        let (real, rounded) = (run(old)?, run(&new)?);
        let (real, rounded) = (&real[0], &rounded[0]);
        let (shape, channels) = (real.shape(), real.shape()[1]);
        let inner: usize = shape[2..].iter().product();
        let mut errors = vec![0.0; channels];
        for (i, (a, b)) in real.to_f64s().into_iter().zip(rounded.to_f64s()).enumerate() {
            errors[i / inner % channels] += b - a;
        }
        let times = (real.data().len() / channels) as f64;
        let bias = match operands.get(2).copied().flatten().map(|b| &graph.node(b).kind) {
            None => vec![0.0; channels],
            Some(Kind::Const(t)) if t.data().len() == channels => t.to_f64s(),
            Some(_) => continue,
        };
        let factor = if op == OpId::gemm { f64::from(attrs.float("beta")) } else { 1.0 };
        if factor != 1.0 {
            continue;
        }
        let bias = bias.into_iter().zip(errors).map(|(b, e)| (b - e / times) as f32).collect();
        let bias = graph.add_const(Tensor::of([channels], bias), None);
        graph.set_operand(step, 2, bias);
        corrected += 1;
    }
    Ok(corrected)
}

/// The numbers that constant integers stand for.
fn dequantized(graph: &Graph, id: NodeId) -> Option<Tensor> {
    let Kind::Op(op, attrs) = &graph.node(id).kind else { return None };
    let constant = |o: Option<NodeId>| match o.map(|o| &graph.node(o).kind) {
        Some(Kind::Const(t)) => Some(&**t),
        _ => None,
    };
    let operands: Vec<Option<&Tensor>> = graph.operands(id).into_iter().map(constant).collect();
    op.op().eval(attrs, &operands).ok()?.into_iter().next()
}
