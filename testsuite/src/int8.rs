//! Networks in integers of 8 bits on emulated cores: which, and how they are compiled and run.

use crate::command::tinyc;
use crate::shared;
use serde_json::Value;
use std::path::PathBuf;

/// A network, and what it must reach on the Cortex-M4, compiled by gcc with -O3.
pub struct Network {
    /// In `baselines.json`.
    pub key: &'static str,
    name: &'static str,
    /// Samples to calibrate with, in the shared folder.
    calib: &'static str,
    /// Share of the instructions of TFLM with CMSIS-NN, `None` where there is no such figure.
    pub ratio: Option<f64>,
    /// Bytes at most: arena with input, output and scratch; constants and code; code.
    pub arena: usize,
    pub flash: usize,
    pub code: usize,
    /// Constants and code with `--optimize size`.
    pub small: usize,
}

pub const NETWORKS: [Network; 5] = [
    Network {
        key: "ic",
        name: "mlperf_ic_resnet8",
        calib: "data/ic_calib.npz",
        ratio: Some(0.50),
        arena: 49_152,
        flash: 112 * 1024,
        code: 24 * 1024,
        small: 90 * 1024,
    },
    Network {
        key: "kws",
        name: "mlperf_kws_dscnn_tflite_weights",
        calib: "data/kws_calib.npz",
        ratio: Some(0.50),
        arena: 16_000,
        flash: 48 * 1024,
        code: 20 * 1024,
        small: 34 * 1024,
    },
    Network {
        key: "vww",
        name: "mlperf_vww_mobilenetv1_025",
        calib: "data/vww_calib.npz",
        ratio: Some(0.26),
        arena: 55_296,
        flash: 75 * 1024,
        code: 30 * 1024,
        small: 45 * 1024,
    },
    Network {
        key: "ad",
        name: "mlperf_ad_autoencoder_tflite_weights",
        calib: "data/ad_calib.npz",
        ratio: Some(0.65),
        arena: 768,
        flash: 290 * 1024,
        code: 8 * 1024,
        small: 272 * 1024,
    },
    Network {
        key: "sww",
        name: "mlperf_sww_1dconv",
        calib: "data/sww_calib.npz",
        ratio: None,
        arena: usize::MAX,
        flash: usize::MAX,
        code: usize::MAX,
        small: usize::MAX,
    },
];

/// Where the integers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Calibration of the network of floats.
    Calibrated,
    /// The file that onnxruntime quantized.
    Qdq,
}

impl Network {
    /// What `tinyc` is told to read it, if it is there.
    pub fn arguments(&self, origin: Origin) -> Option<Vec<String>> {
        let file = |path: String| shared::file(&path).map(|p| p.display().to_string());
        let mut arguments = match origin {
            Origin::Calibrated => {
                let model = file(format!("models/{}/model.onnx", self.name))?;
                let calib = file(self.calib.to_owned())?;
                vec![model, "--quantize".to_owned(), "int8".to_owned(), "--calib".to_owned(), calib]
            }
            Origin::Qdq => vec![file(format!("models/{}/model_int8_qdq.onnx", self.name))?],
        };
        arguments.extend(["--io", "arena", "--io-type", "int8"].map(str::to_owned));
        Some(arguments)
    }

    /// Samples with what onnxruntime gave for them.
    pub fn samples(&self) -> Option<PathBuf> {
        shared::file(&format!("models/{}/io.npz", self.name))
    }
}

/// What `tinyc bench` says of it on a core.
pub fn measure(arguments: &[String], core: &str, more: &[&str]) -> Result<Value, String> {
    let options = ["--target", core, "--json"].into_iter().chain(more.iter().copied()).map(str::to_owned);
    let run = tinyc(["bench".to_owned()].into_iter().chain(arguments.iter().cloned()).chain(options));
    if run.status != 0 {
        return Err(run.stderr);
    }
    serde_json::from_str(&run.stdout).map_err(|e| e.to_string())
}

/// Instructions of TFLM with CMSIS-NN on the Cortex-M4.
pub fn of_cmsis_nn(key: &str) -> Option<f64> {
    let text = std::fs::read_to_string(shared::file("baselines.json")?).ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    let is_it = |r: &&Value| {
        let what = r["what"].as_str().is_some_and(|w| w.contains("-O3"));
        r["stack"] == "TFLM + CMSIS-NN" && r["core"] == "cortex-m4" && what
    };
    json["device"].as_array()?.iter().find(is_it)?["models"][key]["instructions"].as_f64()
}

/// The least that is published for a board, by its name in `baselines.json`.
pub fn published_megacycles(board: &str, key: &str) -> Option<f64> {
    let text = std::fs::read_to_string(shared::file("baselines.json")?).ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    json["boards_published"][board][key].as_f64()
}
