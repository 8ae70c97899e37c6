//! Samples that commands feed to a network: from an `.npz` file, or made up.

use crate::console::Console;
use crate::exit::Failure;
use crate::input_ranges::{made_up, outside};
use crate::npz::Npz;
use crate::pipeline::Network;
use std::path::Path;
use tinyc_core::diag::Code;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

/// How many samples are made up when no data is given.
const MADE_UP: usize = 4;

/// Inputs and, where given, expected outputs; one entry a sample.
pub struct Samples {
    pub inputs: Vec<Vec<Tensor>>,
    /// By output; `None` where the file has none.
    pub expected: Vec<Option<Vec<Tensor>>>,
}

impl Samples {
    /// At most `limit` samples.
    pub fn read(
        data: Option<&Path>,
        limit: Option<usize>,
        network: &Network,
        console: &mut Console<'_>,
    ) -> Result<Samples, Failure> {
        let (inputs, outputs) = ports(&network.graph);
        let limit = limit.unwrap_or(usize::MAX);
        let Some(path) = data else {
            let sample = |s: usize| {
                inputs
                    .iter()
                    .enumerate()
                    .map(|(i, (name, ty))| made_up(&network.input_ranges, name, ty, (s * inputs.len() + i) as u64 + 1))
                    .collect()
            };
            let inputs = (0..MADE_UP.min(limit)).map(sample).collect();
            return Ok(Samples { inputs, expected: vec![None; outputs.len()] });
        };
        let npz = Npz::read(path)?;
        let mut columns = Vec::new();
        for &(name, ty) in &inputs {
            let Some(samples) = npz.samples("input", name, ty)? else {
                let message = format!("{} has no array for input {name:?}", path.display());
                let names: Vec<_> = npz.names().collect();
                let names = match names.is_empty() {
                    true => "it holds none".to_owned(),
                    false => format!("its arrays are {}", names.join(", ")),
                };
                return Err(Failure::new(Code::BadData, message).help(&names));
            };
            columns.push(samples);
        }
        let named =
            inputs.iter().zip(&columns).flat_map(|((name, _), c)| c.iter().take(limit).map(move |t| (*name, t)));
        console.report(&outside(&network.input_ranges, named));
        let mut expected = Vec::new();
        for &(name, ty) in &outputs {
            expected.push(npz.samples("output", name, ty)?);
        }
        let counts: Vec<usize> = columns.iter().chain(expected.iter().flatten()).map(Vec::len).collect();
        let n = counts.first().copied().unwrap_or(0);
        if counts.iter().any(|&c| c != n) || n == 0 {
            let message = format!("{}: arrays hold different numbers of samples, or none: {counts:?}", path.display());
            return Err(Failure::new(Code::BadData, message));
        }
        let inputs = (0..n.min(limit)).map(|s| columns.iter().map(|c| c[s].clone()).collect()).collect();
        Ok(Samples { inputs, expected })
    }
}

/// Name and type of each input or output.
type Ports<'a> = Vec<(&'a str, &'a TensorType)>;

/// Inputs and outputs.
fn ports(graph: &Graph) -> (Ports<'_>, Ports<'_>) {
    let input = |node: &NodeId| match &graph.node(*node).kind {
        Kind::Input(name) => (name.as_str(), graph.node(*node).tensor()),
        _ => unreachable!("inputs of a graph are input nodes"),
    };
    let outputs = graph.outputs().iter().map(|o| (o.name.as_str(), graph.node(o.node).tensor()));
    (graph.inputs().iter().map(input).collect(), outputs.collect())
}
