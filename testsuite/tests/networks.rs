//! The shared networks through importer and evaluator, against the outputs stored beside them.
//!
//! The networks lie in `TINYC_SHARED`, by default `../shared` beside the workspace, one folder each
//! with `model.onnx` and `io.npz`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tinyc::npz::Npz;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::tensor::Tensor;

const NETWORKS: [&str; 7] = [
    "lenet300_mnist",
    "mlperf_ad_autoencoder",
    "mlperf_ic_resnet8",
    "mlperf_kws_dscnn",
    "mlperf_sww_1dconv",
    "mlperf_vww_mobilenetv1_025",
    "mnist_onnx2c_14x14",
];

/// Relative to the output's range over all samples. The stored outputs come from another order of
/// summation in f32 (onnxruntime).
const TOLERANCE: f64 = 1e-4;

fn shared() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = std::env::var_os("TINYC_SHARED").map_or(default, PathBuf::from);
    path.join("models").is_dir().then_some(path)
}

/// Largest difference relative to the range of what is wanted.
fn difference(have: &[Tensor], want: &[Tensor]) -> f64 {
    let values = |t: &[Tensor]| t.iter().flat_map(Tensor::to_f64s).collect::<Vec<_>>();
    let (have, want) = (values(have), values(want));
    assert_eq!(have.len(), want.len());
    let (lo, hi) = want.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &w| (lo.min(w), hi.max(w)));
    let distance = |(h, w): (&f64, &f64)| if h.is_nan() { f64::INFINITY } else { (h - w).abs() };
    have.iter().zip(&want).map(distance).fold(0.0, f64::max) / (hi - lo)
}

#[test]
fn evaluation_reproduces_stored_outputs() {
    let Some(shared) = shared() else {
        eprintln!("skipped: no shared networks");
        return;
    };
    for network in NETWORKS {
        let folder = shared.join("models").join(network);
        let external = |file: &str| fs::read(folder.join(file));
        let options = ImportOptions { name: network.into(), dims: BTreeMap::new(), external: &external };
        let graph = import(&fs::read(folder.join("model.onnx")).unwrap(), &options)
            .map_or_else(|report| panic!("{network}: {report}"), |imported| imported.graph);
        let samples = Npz::read(&folder.join("io.npz")).map_err(|_| ()).unwrap();
        let inputs: Vec<Vec<Tensor>> = graph
            .inputs()
            .iter()
            .map(|&i| {
                let node = graph.node(i);
                let name = node.value.as_deref().expect("an input has a name");
                samples.samples("input", name, node.tensor()).ok().flatten().unwrap()
            })
            .collect();
        let runner = Evaluator.compile(&graph).unwrap();
        let results: Vec<Vec<Tensor>> = (0..inputs[0].len())
            .map(|s| runner.run(&inputs.iter().map(|i| i[s].clone()).collect::<Vec<_>>()).unwrap())
            .collect();
        for (i, output) in graph.outputs().iter().enumerate() {
            let ty = graph.node(output.node).tensor();
            let want = samples.samples("output", &output.name, ty).ok().flatten().unwrap();
            let have: Vec<Tensor> = results.iter().map(|r| r[i].clone()).collect();
            let d = difference(&have, &want);
            println!("{network:<28} {:<16} {:>3} samples  {d:.2e} of the range", output.name, want.len());
            assert!(d <= TOLERANCE, "{network}: {} differs by {d:.2e} of its range", output.name);
        }
    }
}
