//! Pairs of `quantize` and `dequantize` behind values: a decision, written into the graph.

use crate::places::Places;
use crate::scale::Scale;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape, TensorType};

/// Scale and zero point as constants.
pub fn constants(graph: &mut Graph, scale: Scale) -> [Option<NodeId>; 2] {
    let real = graph.add_const(Tensor::of(Shape::scalar(), vec![scale.scale]), None);
    let zero = graph.add_const(Tensor::of(Shape::scalar(), vec![scale.zero]), None);
    [Some(real), Some(zero)]
}

/// Lets all that reads a root of a group read it behind a pair. Returns roots, and what stands in their place.
pub fn insert(graph: &mut Graph, places: &Places, scales: &[Scale]) -> Result<Vec<(NodeId, NodeId)>, Report> {
    let mut layers = Vec::new();
    for (group, scale) in places.groups.iter().zip(scales) {
        let [real, zero] = constants(graph, *scale);
        for &root in &group.roots {
            layers.push((root, pair(graph, root, real, zero)?));
        }
    }
    layers.sort();
    Ok(layers)
}

fn pair(graph: &mut Graph, root: NodeId, scale: Option<NodeId>, zero: Option<NodeId>) -> Result<NodeId, Report> {
    let origins = graph.node(root).origins.clone();
    let aside = stand_in(graph, root);
    let failed = |e: tinyc_core::diag::OpError| Report::from(e.diagnostic());
    let to = Attrs::new().with_dtype("to", DType::I8);
    let integers = graph.add_op(OpId::quantize, to, &[Some(root), scale, zero], origins.clone()).map_err(failed)?;
    let real = graph.add_op(OpId::dequantize, Attrs::new(), &[Some(integers), scale, zero], origins).map_err(failed)?;
    graph.replace_uses(aside, real);
    graph.remove(aside);
    Ok(real)
}

/// A constant that takes the place of a value for all that reads it, until that gets what it is to read.
pub fn stand_in(graph: &mut Graph, value: NodeId) -> NodeId {
    let ty: TensorType = graph.node(value).tensor().clone();
    let aside = graph.add_const(Tensor::zeros(&ty), None);
    graph.replace_uses(value, aside);
    aside
}
