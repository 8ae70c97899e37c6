//! Samples that commands feed to a network: from an `.npz` file, or made up.

use crate::console::Console;
use crate::exit::Failure;
use crate::input_ranges::{made_up, outside};
use crate::npz::Npz;
use crate::pipeline::Network;
use std::collections::BTreeMap;
use std::path::Path;
use tinyc_compress::ports::Port;
use tinyc_core::diag::{Code, Report};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

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
        let columns = columns(&npz, &inputs, &network.ports.inputs)?;
        let named =
            inputs.iter().zip(&columns).flat_map(|((name, _), c)| c.iter().take(limit).map(move |t| (*name, t)));
        console.report(&outside(&network.input_ranges, named));
        let mut expected = Vec::new();
        for &(name, ty) in &outputs {
            // Integers that stand for floats are not held against floats: they have rounded.
            let rounded = network.ports.outputs.contains_key(name) && npz.dtype("output", name) != Some(ty.dtype);
            expected.push(if rounded { None } else { npz.samples("output", name, ty)? });
        }
        let inputs = rows(&npz, &columns, expected.iter().flatten(), limit)?;
        Ok(Samples { inputs, expected })
    }
}

/// The inputs of a network from a file, at most `limit` samples.
pub fn inputs(
    npz: &Npz,
    graph: &Graph,
    integers: &BTreeMap<String, Port>,
    limit: usize,
) -> Result<Vec<Vec<Tensor>>, Failure> {
    let columns = columns(npz, &ports(graph).0, integers)?;
    rows(npz, &columns, [].into_iter(), limit)
}

/// The samples of one input. Floats for an input of integers become the integers that stand for them.
pub fn column(npz: &Npz, name: &str, ty: &TensorType, port: Option<&Port>) -> Result<Vec<Tensor>, Failure> {
    let reals = port.filter(|_| npz.dtype("input", name).is_some_and(|d| d != ty.dtype));
    let samples = match reals {
        None => npz.samples("input", name, ty)?,
        Some(port) => {
            let samples = npz.samples("input", name, &TensorType { dtype: DType::F32, shape: ty.shape.clone() })?;
            samples.map(|s| s.iter().map(|t| port.quantize(t)).collect())
        }
    };
    samples.ok_or_else(|| {
        let message = format!("{} has no array for input {name:?}", npz.path());
        let names: Vec<_> = npz.names().collect();
        let names = match names.is_empty() {
            true => "it holds none".to_owned(),
            false => format!("its arrays are {}", names.join(", ")),
        };
        Failure::new(Code::BadData, message).help(&names)
    })
}

/// The samples of each input, or all that is wrong with them.
fn columns(npz: &Npz, inputs: &Ports<'_>, integers: &BTreeMap<String, Port>) -> Result<Vec<Vec<Tensor>>, Failure> {
    let (mut columns, mut report) = (Vec::new(), Report::default());
    for (name, ty) in inputs {
        match column(npz, name, ty, integers.get(*name)) {
            Ok(column) => columns.push(column),
            Err(failure) => report.extend(failure.report),
        }
    }
    if report.has_errors() { Err(report.into()) } else { Ok(columns) }
}

/// Sample by sample, where all arrays have the same number of them.
fn rows<'a>(
    npz: &Npz,
    columns: &'a [Vec<Tensor>],
    others: impl Iterator<Item = &'a Vec<Tensor>>,
    limit: usize,
) -> Result<Vec<Vec<Tensor>>, Failure> {
    let counts: Vec<usize> = columns.iter().chain(others).map(Vec::len).collect();
    let n = counts.first().copied().unwrap_or(0);
    if counts.iter().any(|&c| c != n) || n == 0 {
        let message = format!("{}: arrays hold different numbers of samples, or none: {counts:?}", npz.path());
        return Err(Failure::new(Code::BadData, message));
    }
    Ok((0..n.min(limit)).map(|s| columns.iter().map(|c| c[s].clone()).collect()).collect())
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
