//! Models of other people: what the importer makes of them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tinyc_core::diag::{Code, Report, Severity};
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};

/// Folder of a model of the shared folder; `None`, and a message, when it is not there.
fn models() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
    let folder = std::env::var_os("TINYC_SHARED").map_or_else(|| default.into(), PathBuf::from).join("models");
    if !folder.exists() {
        eprintln!("skipped: no {} (TINYC_SHARED names the folder)", folder.display());
        return None;
    }
    Some(folder)
}

fn read(folder: &Path, dims: &[(&str, usize)]) -> Result<Graph, Report> {
    let bytes = std::fs::read(folder.join("model.onnx")).unwrap();
    let dims: BTreeMap<_, _> = dims.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
    let external = |location: &str| std::fs::read(folder.join(location));
    import(&bytes, &ImportOptions { name: "m".to_owned(), dims, external: &external }).map(|i| i.graph)
}

/// Types of inputs and outputs.
fn signature(g: &Graph) -> String {
    let types = |ids: &mut dyn Iterator<Item = String>| ids.collect::<Vec<_>>().join(", ");
    let inputs = types(&mut g.inputs().iter().map(|&i| g.node(i).ty.to_string()));
    let outputs = types(&mut g.outputs().iter().map(|o| g.node(o.node).ty.to_string()));
    format!("{inputs} -> {outputs}")
}

#[test]
fn every_model_imports_or_names_all_that_is_unsupported() {
    let Some(folder) = models() else { return };
    let mut supported = 0;
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("model.onnx").exists() {
            continue;
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        count += 1;
        match read(&folder, &[("unk__23", 1)]) {
            Ok(g) => {
                supported += 1;
                println!("{name}: {} nodes, {}", g.len(), signature(&g));
                assert!(g.topological().is_some());
            }
            Err(report) => {
                let mut missing: Vec<_> = report
                    .diagnostics
                    .iter()
                    .filter(|d| d.severity == Severity::Error)
                    .map(|d| {
                        assert_eq!(d.code, Code::UnknownOp, "{name}: {d}");
                        d.site.as_ref().map(|s| s.op_type.clone()).unwrap()
                    })
                    .collect();
                missing.sort();
                missing.dedup();
                println!("{name}: lacks {}", missing.join(", "));
            }
        }
    }
    println!("{supported} of {count} models are supported");
    assert!(count > 0);
}
