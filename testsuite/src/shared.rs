//! Models and data that lie beside the repository on some machines and are not part of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::tensor::Tensor;

/// The sixteen float networks that every stage must carry.
pub const NETWORKS: [&str; 16] = [
    "mlperf_ic_resnet8",
    "mlperf_kws_dscnn",
    "mlperf_vww_mobilenetv1_025",
    "mlperf_ad_autoencoder",
    "mlperf_sww_1dconv",
    "mnist_onnx2c_14x14",
    "lenet300_mnist",
    "fer_mini_xception",
    "tflm_hello_world_sine",
    "tflm_micro_speech",
    "st_mobilenetv2_035_128",
    "arm_kws_cnn_s",
    "arm_kws_dnn_s",
    "mobilenetv1_050_160_imagenet",
    "mcunet_detection",
    "kwt1_transformer",
];

/// Those with figures of other compilers: their key in `baselines.json`, and name.
pub const BASELINES: [(&str, &str); 5] = [
    ("ic", "mlperf_ic_resnet8"),
    ("kws", "mlperf_kws_dscnn"),
    ("vww", "mlperf_vww_mobilenetv1_025"),
    ("ad", "mlperf_ad_autoencoder"),
    ("sww", "mlperf_sww_1dconv"),
];

/// Those of which there is a form quantized to 8 bits, `model_int8_qdq.onnx`.
const QUANTIZED: [&str; 7] = [
    "mlperf_ic_resnet8",
    "mlperf_kws_dscnn",
    "mlperf_kws_dscnn_tflite_weights",
    "mlperf_vww_mobilenetv1_025",
    "mlperf_ad_autoencoder",
    "mlperf_ad_autoencoder_tflite_weights",
    "mlperf_sww_1dconv",
];

/// Those whose C is 10 MB and more, almost all of it constants, which a compiler takes 10 seconds to
/// read. They hold nothing that a smaller one lacks but size, so tests that vary compilers or options
/// do one variant of each.
pub const LARGE: [&str; 2] = ["mobilenetv1_050_160_imagenet", "kwt1_transformer"];

/// Root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file of the shared folder (`$TINYC_SHARED`, by default `../shared`); `None`, and a message that
/// says so, when it is not there.
pub fn file(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TINYC_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let file = folder.join(path);
    if !file.exists() {
        eprintln!("skipped: no {} (TINYC_SHARED names the folder)", file.display());
        return None;
    }
    Some(file)
}

/// Names of all networks of the shared folder, sorted; none when it is not there.
pub fn models() -> Vec<String> {
    let Some(folder) = file("models") else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let networks = entries.filter(|e| e.path().join("model.onnx").exists());
    let mut names: Vec<String> = networks.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `model.onnx` and `io.npz` of a network of the shared folder.
pub fn model(name: &str) -> Option<(PathBuf, PathBuf)> {
    Some((file(&format!("models/{name}/model.onnx"))?, file(&format!("models/{name}/io.npz"))?))
}

/// The same of the repository's own example.
pub fn digits() -> (PathBuf, PathBuf) {
    let folder = root().join("docs/examples/digits");
    (folder.join("digits.onnx"), folder.join("io.npz"))
}

/// A network in QDQ form, as stored and as read, with samples for its only input.
pub struct Quantized {
    pub name: &'static str,
    pub model: PathBuf,
    pub graph: Graph,
    pub input: String,
    pub samples: Vec<Tensor>,
}

/// The quantized networks of the shared folder.
///
/// # Panics
/// When one is there and cannot be read.
pub fn quantized() -> impl Iterator<Item = Quantized> {
    QUANTIZED.into_iter().filter_map(|name| {
        let path = file(&format!("models/{name}/model_int8_qdq.onnx"))?;
        let (_, io) = model(name)?;
        let external = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let options = ImportOptions { name: name.to_owned(), dims: BTreeMap::new(), external: &external };
        let bytes = std::fs::read(&path).expect("the model is there");
        let graph = import(&bytes, &options).expect("the model can be read").graph;
        let x = graph.node(graph.inputs()[0]);
        let input = x.value.as_deref().expect("inputs have names").to_owned();
        let npz = tinyc::npz::Npz::read(&io).expect("samples can be read");
        let samples = npz.samples("input", &input, x.tensor()).expect("samples have the input's type");
        let samples = samples.expect("there are samples for the input");
        Some(Quantized { name, model: path, graph, input, samples })
    })
}
