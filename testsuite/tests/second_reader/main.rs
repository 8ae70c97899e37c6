//! Two readers of ONNX that share no code find the same content in every model at hand.
//!
//! Each reader's messages are written as lines, `path = value`, one for each field that is set: `ours`
//! from tinyc's structs, `theirs` from the messages of the crate onnx-protobuf, taken apart without a
//! rest, so that every field which tinyc's structs lack is named there with the reason. Beside its fields, each tensor's decoded elements are a line: tinyc's
//! come from its tensor reader, the others from a decoder that is in `theirs`.
//!
//! The repository's models are read always, those of the shared folder and of the ONNX backend tests
//! (`TINYC_ONNX_SUITE`) where they are there.

#![allow(clippy::unwrap_used, clippy::panic)]

mod ours;
mod theirs;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_testsuite::{case, onnx_text, shared};

/// Fewer models of the suite than this are not the suite.
const SUITE_MODELS: usize = 500;

/// What is written about a model; sorted, because the order of fields means nothing.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn put(&mut self, path: &str, field: &str, value: impl std::fmt::Display) {
        self.0.push(format!("{path}.{field} = {value}"));
    }

    fn int(&mut self, path: &str, field: &str, v: impl Into<i64>) {
        let v = v.into();
        if v != 0 {
            self.put(path, field, v);
        }
    }

    fn ints(&mut self, path: &str, field: &str, list: &[i64]) {
        list.iter().enumerate().for_each(|(i, v)| self.put(path, &format!("{field}[{i}]"), v));
    }

    fn floats(&mut self, path: &str, field: &str, list: &[f32]) {
        for (i, v) in list.iter().enumerate() {
            self.put(path, &format!("{field}[{i}]"), format_args!("{:08x}", v.to_bits()));
        }
    }

    fn text(&mut self, path: &str, field: &str, v: &str) {
        if !v.is_empty() {
            self.put(path, field, format_args!("{v:?}"));
        }
    }

    fn texts(&mut self, path: &str, field: &str, list: &[String]) {
        list.iter().enumerate().for_each(|(i, v)| self.put(path, &format!("{field}[{i}]"), format_args!("{v:?}")));
    }

    fn bytes_if_any(&mut self, path: &str, field: &str, v: &[u8]) {
        if !v.is_empty() {
            self.bytes(path, field, v);
        }
    }

    /// Numbers of elements of lists.
    fn counts(&mut self, path: &str, lists: &[(&str, usize)]) {
        lists.iter().filter(|(_, n)| *n > 0).for_each(|(field, n)| self.put(path, field, format_args!("{n} elements")));
    }

    /// Bytes by their number and hash: some models are large.
    fn bytes(&mut self, path: &str, field: &str, bytes: &[u8]) {
        if bytes.len() <= 64 {
            return self.put(path, field, format_args!("{bytes:02x?}"));
        }
        let mut hash = DefaultHasher::new();
        hash.write(bytes);
        self.put(path, field, format_args!("{} bytes, {:016x}", bytes.len(), hash.finish()));
    }
}

fn each<T>(l: &mut Lines, path: &str, list: &[T], write: fn(&mut Lines, &str, &T)) {
    for (i, item) in list.iter().enumerate() {
        write(l, &format!("{path}[{i}]"), item);
    }
}

/// Compares what both readers say of a model file; the number of lines.
#[track_caller]
fn compare(name: &str, bytes: &[u8]) -> usize {
    let (mut ours, mut theirs) = (ours::read(bytes).0, theirs::read(bytes).0);
    ours.sort();
    theirs.sort();
    if let Some(i) = (0..ours.len().max(theirs.len())).find(|&i| ours.get(i) != theirs.get(i)) {
        panic!("{name}: tinyc reads {:?}, onnx-protobuf {:?}", ours.get(i), theirs.get(i));
    }
    ours.len()
}

/// All `.onnx` files in a folder and the folders in it.
fn models(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "onnx") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[track_caller]
fn compare_all(folder: &Path) -> usize {
    let files = models(folder);
    let lines: usize = files.iter().map(|f| compare(&f.display().to_string(), &fs::read(f).unwrap())).sum();
    println!("{} models of {}: {lines} fields", files.len(), folder.display());
    files.len()
}

#[test]
fn models_of_the_repository() {
    assert!(compare_all(&shared::root().join("docs/examples")) > 0);
    let mut count = 0;
    for case in ["import", "errors"].iter().flat_map(|f| case::all(f).unwrap()).map(Result::unwrap) {
        if let Some(text) = case.section("model") {
            compare(&case.path.display().to_string(), &onnx_text::parse(text).unwrap().to_bytes());
            count += 1;
        }
    }
    assert!(count > 30, "{count} models in case files");
}

#[test]
fn models_of_the_shared_folder() {
    let Some(folder) = shared::file("models") else { return };
    assert!(compare_all(&folder) > 0);
}

#[test]
fn models_of_the_onnx_backend_tests() {
    let Some(suite) = std::env::var_os("TINYC_ONNX_SUITE") else {
        eprintln!("skipped: TINYC_ONNX_SUITE names no folder of ONNX backend tests");
        return;
    };
    let count = compare_all(Path::new(&suite));
    assert!(count >= SUITE_MODELS, "{count} models");
}

/// Elements in files beside the model: what the importer makes of them, and a plain look into the file.
#[test]
fn external_data() {
    let text = r#"<ir_version: 8, opset_import: ["" : 17]>
        g () => (float[2,2] whole, int16[3] part, uint8[2] rest)
        <float[2,2] whole = ["location": "w.bin", "length": "16"],
         int16[3] part = ["location": "w.bin", "offset": "18", "length": "6"],
         uint8[2] rest = ["location": "w.bin", "offset": "24"]>
        { }"#;
    let bytes = onnx_text::parse(text).unwrap().to_bytes();
    assert!(compare("external data", &bytes) > 10);
    let file: Vec<u8> = (0..26u8).map(|i| i.wrapping_mul(37)).collect();
    let external = |location: &str| {
        assert_eq!(location, "w.bin");
        Ok(file.clone())
    };
    let options = ImportOptions { name: "m".to_owned(), dims: BTreeMap::new(), external: &external };
    let graph = import(&bytes, &options).unwrap_or_else(|r| panic!("{r}")).graph;
    let constant = |i: usize| tinyc_core::eval::constant(&graph, graph.outputs()[i].node).unwrap();
    for (i, (location, range)) in theirs::external(&bytes).into_iter().enumerate() {
        assert_eq!(location, "w.bin");
        assert_eq!(constant(i).data().to_le_bytes(), file[range], "output {i}");
    }
}
