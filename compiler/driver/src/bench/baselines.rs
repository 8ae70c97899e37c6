//! Figures of other compilers and libraries on the same networks, from a file of JSON.
//!
//! `device` lists rows with `stack` (whose figures they are), `what`, `core`, and `models`: figures by a
//! network's key. `model_folder` says which folder the model of a key lies in.

use crate::exit::Failure;
use crate::files;
use serde_json::Value;
use std::path::Path;
use tinyc_core::diag::Code;

pub struct Baselines {
    path: String,
    json: Value,
}

/// One stack's figures for one network; nothing that it lacks.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    pub stack: String,
    pub what: String,
    pub instructions: Option<f64>,
    pub arena: Option<f64>,
    pub ram: Option<f64>,
    pub code: Option<f64>,
    pub flash: Option<f64>,
}

impl Baselines {
    pub fn read(path: &Path) -> Result<Baselines, Failure> {
        let name = path.display().to_string();
        let json = serde_json::from_slice(&files::read(path)?)
            .map_err(|e| Failure::new(Code::BadData, format!("{name} is no JSON: {e}")))?;
        Ok(Baselines { path: name, json })
    }

    /// All that have figures for the network on this core. It is known by its name, or its folder.
    pub fn peers(&self, core: &str, model: &Path, name: &str) -> Result<Vec<Peer>, Failure> {
        let bad = |what: &str| Failure::new(Code::BadData, format!("{}: {what}", self.path));
        let rows = self.json["device"].as_array().ok_or_else(|| bad("there is no list \"device\""))?;
        let folders = self.json["model_folder"].as_object();
        let folder =
            model.canonicalize().ok().and_then(|m| Some(m.parent()?.file_name()?.to_string_lossy().into_owned()));
        let of_folder = folders.into_iter().flatten().find(|(_, f)| f.as_str() == folder.as_deref()).map(|(k, _)| k);
        let of_name = rows.iter().filter_map(|r| r["models"].as_object()?.keys().find(|k| *k == name)).next();
        let Some(key) = of_name.or(of_folder) else {
            let mut keys: Vec<&str> = rows
                .iter()
                .filter_map(|r| r["models"].as_object())
                .flat_map(|m| m.keys().map(String::as_str))
                .collect();
            keys.sort_unstable();
            keys.dedup();
            let what = format!("there are no figures of a network {name:?}, nor of one in its folder");
            return Err(bad(&what).help(&format!("--name says which it is: {}", keys.join(", "))));
        };
        let here = rows.iter().filter(|r| r["core"] == core && r["models"][key].is_object());
        let peer = |row: &Value| {
            let text = |what: &str| row[what].as_str().unwrap_or_default().to_owned();
            let figure = |what: &str| row["models"][key][what].as_f64();
            Peer {
                stack: text("stack"),
                what: text("what"),
                instructions: figure("instructions"),
                arena: figure("arena_bytes"),
                ram: figure("ram_bytes_with_stack"),
                code: figure("code_bytes"),
                flash: figure("flash_bytes"),
            }
        };
        Ok(here.map(peer).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baselines() -> Baselines {
        let json = serde_json::json!({
            "model_folder": {"kws": "dscnn"},
            "device": [
                {"stack": "a", "core": "cortex-m4", "what": "-O3", "models": {"kws": {"instructions": 10, "flash_bytes": [1, 2]}}},
                {"stack": "b", "core": "cortex-m55", "what": "", "models": {"kws": {"instructions": 20}}},
            ],
        });
        Baselines { path: "b.json".to_owned(), json }
    }

    #[test]
    fn a_network_is_known_by_its_name() {
        let peers = baselines().peers("cortex-m4", Path::new("x/model.onnx"), "kws").map_err(|f| f.report.to_string());
        let peer = Peer {
            stack: "a".to_owned(),
            what: "-O3".to_owned(),
            instructions: Some(10.0),
            arena: None,
            ram: None,
            code: None,
            flash: None,
        };
        assert_eq!(peers, Ok(vec![peer]));
        let none = baselines().peers("rv32imc", Path::new("x/model.onnx"), "kws").map_err(|f| f.report.to_string());
        assert_eq!(none, Ok(Vec::new()));
    }

    #[test]
    fn an_unknown_network_is_an_error_that_lists_the_known() {
        let failed = baselines().peers("cortex-m4", Path::new("x/model.onnx"), "ic").map_err(|f| f.report.to_string());
        assert!(failed.as_ref().is_err_and(|e| e.contains("b.json") && e.contains("kws")), "{failed:?}");
    }
}
