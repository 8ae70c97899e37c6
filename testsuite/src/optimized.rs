//! Networks as code generation gets them: read from ONNX, after all passes.

use std::path::Path;
use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_rewrite::Options;

/// The graph of a model that holds its own tensors.
///
/// # Panics
/// When it cannot be read or a pass fails.
pub fn graph(model: &Path) -> Graph {
    let bytes = std::fs::read(model).unwrap_or_else(|e| unreachable!("{}: {e}", model.display()));
    let external = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: "m".to_owned(), dims: Default::default(), external: &external };
    let imported = import(&bytes, &options).unwrap_or_else(|e| unreachable!("{}: {e}", model.display()));
    let mut graph = imported.graph;
    let cost = CodegenCost::new(Target::find("generic").expect("a target's name"), Io::Caller);
    tinyc_rewrite::run(&mut graph, &Options::new(&cost)).unwrap_or_else(|e| unreachable!("{e}"));
    graph
}
