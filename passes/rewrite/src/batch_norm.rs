//! `split-batch-norm`: batch normalization over constants as a product and a sum.
//!
//! `(x - mean) / sqrt(var + epsilon) * scale + bias = x * k + (bias - mean * k)` with
//! `k = scale / sqrt(var + epsilon)` (Ioffe and Szegedy, "Batch Normalization", 2015, section 3.1). The
//! factors are computed in f64 and rounded once, so results differ from the operator's by rounding only.

use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

pub fn run(graph: &mut Graph) -> usize {
    let mut replaced = Vec::new();
    for id in graph.topological().unwrap_or_default() {
        if let Some(new) = split(graph, id) {
            graph.replace_uses(id, new);
            replaced.push(id);
        }
    }
    replaced.iter().for_each(|id| graph.remove(*id));
    replaced.len()
}

fn split(graph: &mut Graph, id: NodeId) -> Option<NodeId> {
    let Kind::Op(OpId::batch_norm, attrs) = &graph.node(id).kind else { return None };
    let epsilon = f64::from(attrs.float("epsilon"));
    let &[Some(x), Some(scale), Some(bias), Some(mean), Some(var)] = graph.operands(id).as_slice() else {
        return None;
    };
    let ty = graph.node(x).ty.tensor()?;
    if ty.dtype != DType::F32 {
        return None;
    }
    // Aligned with the channels when broadcast from the last axis on.
    let mut shape = vec![1; ty.shape.rank() - 1];
    shape[0] = ty.shape[1];
    let numbers = |id: NodeId| match &graph.node(id).kind {
        Kind::Const(t) => Some(t.to_f64s()),
        _ => None,
    };
    let (scale, bias, mean, var) = (numbers(scale)?, numbers(bias)?, numbers(mean)?, numbers(var)?);
    let factor: Vec<f64> = scale.iter().zip(&var).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    let summand: Vec<f64> = bias.iter().zip(&mean).zip(&factor).map(|((b, m), k)| b - m * k).collect();
    let node = graph.node(id);
    let (origins, value) = (node.origins.clone(), node.value.clone());
    let mut constant = |v: Vec<f64>| {
        let data = v.into_iter().map(|v| v as f32).collect();
        graph.add_const(Tensor::of::<f32>(shape.clone(), data), None)
    };
    let (factor, summand) = (constant(factor), constant(summand));
    let product = graph.add_op(OpId::mul, Attrs::new(), &[Some(x), Some(factor)], origins.clone()).ok()?;
    let sum = graph.add_op(OpId::add, Attrs::new(), &[Some(product), Some(summand)], origins).ok()?;
    graph.node_mut(sum).value = value;
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::eval::Evaluator;
    use tinyc_core::exec::Exec;
    use tinyc_core::text::parse;
    use tinyc_core::types::TensorType;

    #[test]
    fn product_and_sum_are_the_normalization_up_to_rounding() {
        let text = r#"graph @norm {
            %x = input : f32[2,3,4]
            %s = const [1.5, -0.25, 2.0] : f32[3]
            %b = const [0.5, 1.0, -3.0] : f32[3]
            %m = const [0.125, -2.0, 0.0] : f32[3]
            %v = const [1.0, 0.25, 9.0] : f32[3]
            %y = batch_norm %x, %s, %b, %m, %v {epsilon: 0.001} ; "bn"
            output %y
        }"#;
        let mut graph = parse(text, &[]).unwrap_or_else(|e| unreachable!("{e}"));
        let x = [Tensor::random(&TensorType::new(DType::F32, [2, 3, 4]), 1)];
        let run = |g: &Graph| Evaluator.compile(g).and_then(|r| r.run(&x)).map(|y| y[0].to_f64s());
        let before = run(&graph).unwrap_or_default();
        assert_eq!(super::run(&mut graph), 1);
        let after = run(&graph).unwrap_or_default();
        assert_eq!(before.len(), 24);
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-6), "{before:?}\n{after:?}");
        assert!(graph.ids().all(|id| !matches!(graph.node(id).kind, Kind::Op(OpId::batch_norm, _))));
    }
}
