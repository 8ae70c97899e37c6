//! Networks as code generation gets them: read from ONNX, after all passes.

use std::path::Path;
use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_rewrite::Options;

/// The graph of a model that holds its own tensors, as imported; `None` where something is not
/// supported, or nothing is there.
pub fn imported(model: &Path) -> Option<Graph> {
    let bytes = std::fs::read(model).ok()?;
    let external = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let options = ImportOptions { name: "m".to_owned(), dims: Default::default(), external: &external };
    import(&bytes, &options).ok().map(|i| i.graph)
}

/// The same after all passes.
///
/// # Panics
/// When it cannot be read or a pass fails.
pub fn graph(model: &Path) -> Graph {
    let mut graph = imported(model).unwrap_or_else(|| unreachable!("{} is no network", model.display()));
    rewrite(&mut graph);
    graph
}

/// Runs all passes.
///
/// # Panics
/// When one fails.
pub fn rewrite(graph: &mut Graph) {
    let cost = CodegenCost::new(Target::find("generic").expect("a target's name"), Io::Caller);
    tinyc_rewrite::run(graph, &Options::new(&cost)).unwrap_or_else(|e| unreachable!("{e}"));
}
