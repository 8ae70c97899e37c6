//! A quantized network beside the one of floats that it stands for, value by value.

use crate::calibrate::name;
use crate::metrics::Noise;
use crate::ports::{Port, Ports, port};
use crate::samples::{Progress, each};
use std::collections::BTreeMap;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::Report;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{Shape, TensorType};

/// Both networks, and which values correspond.
#[derive(Clone, Debug)]
pub struct Layers {
    pub float: Graph,
    /// With pairs, in floats outside.
    pub quantized: Graph,
    /// Values of the first, and what stands in their place in the second.
    pub values: Vec<(NodeId, NodeId)>,
}

/// A value's noise.
pub struct OfValue {
    pub name: String,
    pub noise: Noise,
    /// Its integers were found in the network as it runs; else it was computed in floats, between pairs.
    pub integers: bool,
}

/// What runs of both gave.
pub struct Compared {
    /// In the order in which they are computed.
    pub values: Vec<OfValue>,
    /// Outputs of the network of floats, sample by sample.
    pub float: Vec<Vec<Tensor>>,
}

impl Layers {
    /// Of a network that has pairs: that of floats has none, and only limits values to what the integers of a pair
    /// stand for, since a pair may be all that is left of an activation.
    pub fn of(quantized: &Graph) -> Layers {
        let (mut float, mut values) = (quantized.clone(), Vec::new());
        for id in quantized.topological().unwrap_or_default() {
            if let Some(real) = paired(quantized, id) {
                // Another pair may have stood before it.
                let real = values.iter().find(|(_, pair)| *pair == real).map_or(real, |(first, _)| *first);
                let real = port(quantized, id).and_then(|p| limited(&mut float, real, p)).unwrap_or(real);
                float.replace_uses(id, real);
                values.push((real, id));
            }
        }
        Layers { float, quantized: quantized.clone(), values }
    }

    /// Runs the network of floats, and what rewriting has made of the quantized one, on all samples.
    pub fn compare(
        &self,
        (rewritten, ports): (&Graph, &Ports),
        exec: &dyn Exec,
        samples: &[Vec<Tensor>],
        progress: Progress<'_>,
    ) -> Result<Compared, Report> {
        let found = self.integers(rewritten);
        let missing = found.iter().any(Option::is_none);
        let (float, integers) = (exec.compile(&self.float)?, exec.compile(rewritten)?);
        let pairs = if missing { Some(exec.compile(&self.quantized)?) } else { None };
        let runs = each(samples, progress, |inputs| {
            let mut noise = vec![Noise::default(); self.values.len()];
            let mut reals: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
            let outputs = float.trace(inputs, &mut |id, results| {
                if self.values.iter().any(|(real, _)| *real == id) {
                    reals.insert(id, results[0].to_f64s());
                }
            })?;
            let mut see = |value: usize, got: &Tensor| {
                let real = reals.get(&self.values[value].0).map_or(&[][..], Vec::as_slice);
                noise[value].see(real, &got.to_f64s());
            };
            integers.trace(&ports.sample(rewritten, inputs), &mut |id, results| {
                for (value, port) in (0..).zip(&found).filter_map(|(v, f)| f.filter(|f| f.0 == id).map(|f| (v, f.1))) {
                    see(value, &port.dequantize(&results[0]));
                }
            })?;
            if let Some(pairs) = &pairs {
                pairs.trace(inputs, &mut |id, results| {
                    let here = |&v: &usize| found[v].is_none() && self.values[v].1 == id;
                    (0..found.len()).filter(here).for_each(|v| see(v, &results[0]));
                })?;
            }
            Ok((noise, outputs))
        })?;
        let mut noise = vec![Noise::default(); self.values.len()];
        let mut outputs = Vec::new();
        for (of_sample, float) in runs {
            noise.iter_mut().zip(of_sample).for_each(|(all, one)| all.merge(one));
            outputs.push(float);
        }
        let place: BTreeMap<NodeId, usize> =
            self.quantized.topological().unwrap_or_default().into_iter().enumerate().map(|(i, id)| (id, i)).collect();
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by_key(|&v| place.get(&self.values[v].1));
        let value = |v: usize| OfValue {
            name: name(&self.float, self.values[v].0),
            noise: noise[v],
            integers: found[v].is_some(),
        };
        Ok(Compared { values: order.into_iter().map(value).collect(), float: outputs })
    }

    /// For each value the node that gives its integers after rewriting, and what they stand for. Rewriting keeps the
    /// names of ONNX nodes in order, so that is the last one of the value's type whose names end with the value's; there
    /// is none where channels have been removed, or the value has gone into a step as a whole.
    fn integers(&self, rewritten: &Graph) -> Vec<Option<(NodeId, Port)>> {
        let order = rewritten.topological().unwrap_or_default();
        let find = |&(real, pair): &(NodeId, NodeId)| {
            let port = port(&self.quantized, pair)?;
            if let Kind::Input(name) = &self.float.node(real).kind {
                let same = |id: &&NodeId| matches!(&rewritten.node(**id).kind, Kind::Input(n) if n == name);
                let is = |id: &&NodeId| rewritten.node(**id).tensor().dtype == port.dtype;
                return rewritten.inputs().iter().find(same).filter(is).map(|id| (*id, port));
            }
            let name = self.quantized.node(self.quantized.operands(pair)[0]?).origins.last()?;
            let ty = TensorType { dtype: port.dtype, shape: self.float.node(real).tensor().shape.clone() };
            let is = |id: &&NodeId| {
                let node = rewritten.node(**id);
                !matches!(node.kind, Kind::Const(_))
                    && node.ty.tensor() == Some(&ty)
                    && node.origins.last() == Some(name)
            };
            order.iter().rev().find(is).map(|id| (*id, port))
        };
        self.values.iter().map(find).collect()
    }
}

/// The value between the real numbers that the smallest and the largest integer stand for.
fn limited(graph: &mut Graph, real: NodeId, port: Port) -> Option<NodeId> {
    let (lowest, highest) = port.dtype.range();
    let end = |q: f64| ((q - f64::from(port.zero)) * f64::from(port.scale)) as f32;
    let ends = [lowest, highest].map(|q| Some(graph.add_const(Tensor::of(Shape::scalar(), vec![end(q)]), None)));
    let origins = graph.node(real).origins.clone();
    graph.add_op(OpId::clip, Attrs::new(), &[Some(real), ends[0], ends[1]], origins).ok()
}

/// What a `dequantize` behind a `quantize` stands for.
fn paired(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let operand = |id: NodeId, op: OpId| match &graph.node(id).kind {
        Kind::Op(of, _) if *of == op => graph.operands(id).first().copied().flatten(),
        _ => None,
    };
    operand(id, OpId::dequantize).and_then(|integers| operand(integers, OpId::quantize))
}
