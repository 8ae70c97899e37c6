//! The importer: models in the textual syntax with the graphs that they become, models of other
//! people, and models damaged in every byte.
//!
//! `UPDATE_CASES=1` writes the graphs into the case files, to be read before they are committed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use tinyc_core::diag::{Code, Report, Severity};
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, Imported, import};
use tinyc_core::{text, verify};
use tinyc_testsuite::{case, onnx_text, shared};

/// Types of inputs and outputs of models of the shared folder.
const SIGNATURES: [(&str, &str); 7] = [
    ("mlperf_ic_resnet8", "f32[1,32,32,3] -> f32[1,10]"),
    ("mlperf_kws_dscnn", "f32[1,49,10,1] -> f32[1,12]"),
    ("mlperf_vww_mobilenetv1_025", "f32[1,96,96,3] -> f32[1,2]"),
    ("mlperf_ad_autoencoder", "f32[1,640] -> f32[1,640]"),
    ("mlperf_sww_1dconv", "f32[1,30,1,40] -> f32[1,3]"),
    ("mnist_onnx2c_14x14", "f32[1,1,14,14] -> f32[1,10]"),
    ("lenet300_mnist", "f32[1,28,28,1] -> f32[1,10]"),
];

fn read(bytes: &[u8], folder: &Path, dims: &[(&str, usize)]) -> Result<Imported, Report> {
    let dims: BTreeMap<_, _> = dims.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
    let external = |location: &str| std::fs::read(folder.join(location));
    import(bytes, &ImportOptions { name: "m".to_owned(), dims, external: &external })
}

fn signature(g: &Graph) -> String {
    let types = |ids: &mut dyn Iterator<Item = String>| ids.collect::<Vec<_>>().join(", ");
    let inputs = types(&mut g.inputs().iter().map(|&i| g.node(i).ty.to_string()));
    let outputs = types(&mut g.outputs().iter().map(|o| g.node(o.node).ty.to_string()));
    format!("{inputs} -> {outputs}")
}

#[test]
fn cases_become_their_graphs() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    for case in case::all("import").unwrap() {
        let case = case.unwrap();
        let model = onnx_text::parse(case.section("model").unwrap()).unwrap();
        let dims: Vec<_> = case.settings("args").map(|a| a.split_once('=').unwrap()).collect();
        let dims: Vec<_> = dims.into_iter().map(|(n, v)| (n, v.parse().unwrap())).collect();
        let graph = match read(&model.to_bytes(), Path::new("."), &dims) {
            Ok(imported) => imported.graph,
            Err(report) => {
                wrong.push(format!("{}: {report}", case.path.display()));
                continue;
            }
        };
        assert_eq!(verify::verify(&graph), Ok(()), "{}", case.path.display());
        let graph = text::print(&graph).text;
        if update {
            std::fs::write(&case.path, case.with_section("graph", &graph)).unwrap();
        } else if case.section("graph") != Some(graph.as_str()) {
            wrong.push(format!("{}:\n{graph}", case.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_shared_model_imports_or_names_all_that_is_unsupported() {
    let Some(folder) = shared::file("models") else { return };
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.retain(|n| folder.join(n).join("model.onnx").exists());
    names.sort();
    let mut supported = 0;
    for name in &names {
        let folder = folder.join(name);
        let name = name.to_string_lossy();
        match read(&std::fs::read(folder.join("model.onnx")).unwrap(), &folder, &[("unk__23", 1)]) {
            Ok(imported) => {
                let g = imported.graph;
                supported += 1;
                println!("{name}: {} nodes, {}", g.len(), signature(&g));
                assert_eq!(verify::verify(&g), Ok(()), "{name}");
                if let Some((_, want)) = SIGNATURES.iter().find(|(n, _)| *n == name) {
                    assert_eq!(signature(&g), *want, "{name}");
                }
            }
            Err(report) => {
                let mut missing = Vec::new();
                for d in report.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
                    assert_eq!(d.code, Code::UnknownOp, "{name}: {d}");
                    missing.push(d.site.as_ref().map(|s| s.op_type.clone()).unwrap());
                }
                missing.sort();
                missing.dedup();
                println!("{name}: lacks {}", missing.join(", "));
            }
        }
    }
    println!("{supported} of {} models are supported", names.len());
    assert!(supported > 0);
}

/// Whatever is cut off or changed in a model, there is a graph that verifies, or a report.
#[test]
fn damaged_models_never_panic() {
    for case in case::all("import").unwrap().into_iter().chain(case::all("errors").unwrap()) {
        let case = case.unwrap();
        let Some(text) = case.section("model") else { continue };
        let bytes = onnx_text::parse(text).unwrap().to_bytes();
        if bytes.len() > 1000 {
            continue;
        }
        let check = |bytes: &[u8]| match read(bytes, Path::new("/nowhere"), &[("N", 2)]) {
            Ok(imported) => assert_eq!(verify::verify(&imported.graph), Ok(())),
            Err(report) => assert!(report.has_errors()),
        };
        for i in 0..bytes.len() {
            check(&bytes[..i]);
            for change in [0x01, 0x02, 0x08, 0x40, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[i] ^= change;
                check(&damaged);
            }
        }
    }
}
