//! A quantized network beside the one of floats that it stands for, value by value.

use crate::calibrate::name;
use crate::metrics::Noise;
use crate::samples::Progress;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tinyc_core::diag::Report;
use tinyc_core::exec::{Exec, Runner};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;

/// Both networks, and which values correspond.
#[derive(Clone, Debug)]
pub struct Layers {
    pub float: Graph,
    /// With pairs, in floats outside.
    pub quantized: Graph,
    /// Values of the first, and what stands in their place in the second.
    pub values: Vec<(NodeId, NodeId)>,
}

/// What runs of both gave.
pub struct Compared {
    /// Name and noise of each value, in the order in which they are computed.
    pub values: Vec<(String, Noise)>,
    /// Outputs of the network of floats, sample by sample.
    pub float: Vec<Vec<Tensor>>,
}

impl Layers {
    /// Of a network that has pairs: that of floats has none.
    pub fn of(quantized: &Graph) -> Layers {
        let (mut float, mut values) = (quantized.clone(), Vec::new());
        for id in quantized.topological().unwrap_or_default() {
            if let Some(real) = paired(quantized, id) {
                // Another pair may have stood before it.
                let real = values.iter().find(|(_, pair)| *pair == real).map_or(real, |(first, _)| *first);
                float.replace_uses(id, real);
                values.push((real, id));
            }
        }
        Layers { float, quantized: quantized.clone(), values }
    }

    /// Runs both on all samples.
    pub fn compare(
        &self,
        exec: &dyn Exec,
        samples: &[Vec<Tensor>],
        progress: Progress<'_>,
    ) -> Result<Compared, Report> {
        let (float, quantized) = (exec.compile(&self.float)?, exec.compile(&self.quantized)?);
        let done = AtomicUsize::new(0);
        let run = |inputs: &Vec<Tensor>| {
            let both = self.noise(&*float, &*quantized, inputs);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, samples.len());
            both
        };
        let runs: Result<Vec<_>, Report> = samples.par_iter().map(run).collect();
        let mut noise = vec![Noise::default(); self.values.len()];
        let mut outputs = Vec::new();
        for (of_sample, float) in runs? {
            noise.iter_mut().zip(of_sample).for_each(|(all, one)| all.merge(one));
            outputs.push(float);
        }
        let place: BTreeMap<NodeId, usize> =
            self.quantized.topological().unwrap_or_default().into_iter().enumerate().map(|(i, id)| (id, i)).collect();
        let mut values: Vec<_> = self.values.iter().zip(noise).collect();
        values.sort_by_key(|((_, pair), _)| place.get(pair));
        let values = values.into_iter().map(|((real, _), noise)| (name(&self.float, *real), noise)).collect();
        Ok(Compared { values, float: outputs })
    }

    /// Of one sample, for each value; and the outputs of the network of floats.
    fn noise(
        &self,
        float: &dyn Runner,
        quantized: &dyn Runner,
        inputs: &[Tensor],
    ) -> Result<(Vec<Noise>, Vec<Tensor>), Report> {
        let mut noise = vec![Noise::default(); self.values.len()];
        let mut reals: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
        let outputs = float.trace(inputs, &mut |id, results| {
            if self.values.iter().any(|(real, _)| *real == id) {
                reals.insert(id, results[0].to_f64s());
            }
        })?;
        quantized.trace(inputs, &mut |id, results| {
            for (noise, (real, _)) in noise.iter_mut().zip(&self.values).filter(|(_, (_, pair))| *pair == id) {
                noise.see(reals.get(real).map_or(&[], Vec::as_slice), &results[0].to_f64s());
            }
        })?;
        Ok((noise, outputs))
    }
}

/// What a `dequantize` behind a `quantize` stands for.
fn paired(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let operand = |id: NodeId, op: OpId| match &graph.node(id).kind {
        Kind::Op(of, _) if *of == op => graph.operands(id).first().copied().flatten(),
        _ => None,
    };
    operand(id, OpId::dequantize).and_then(|integers| operand(integers, OpId::quantize))
}
