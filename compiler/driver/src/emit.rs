//! Texts that `--emit` shows.

use crate::cli::Emit;
use crate::pipeline::Compiled;
use std::path::Path;
use tinyc_codegen::c::{self, Emitted, Golden};
use tinyc_codegen::plan;
use tinyc_core::loops::print;
use tinyc_core::text;

/// File name without folder and suffix.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or("model".to_owned(), |s| s.to_string_lossy().into_owned())
}

pub fn suffix(kind: Emit) -> &'static str {
    match kind {
        Emit::Graph => "graph",
        Emit::Plan => "plan",
        Emit::PlanSvg => "plan.svg",
        Emit::Loops => "loops",
        Emit::C => "c",
    }
}

/// Header and source.
pub fn c(compiled: &Compiled, header_name: &str, hook: bool, selftest: Option<Golden>) -> Emitted {
    let options = c::Options {
        target: compiled.network.target,
        io: compiled.network.io,
        hook,
        selftest,
        header_name: header_name.to_owned(),
        model_hash: compiled.network.hash.clone(),
    };
    c::print(&compiled.program, &options)
}

/// The text of one kind. Header and source come as one file, fit for stdout.
pub fn single_text(compiled: &Compiled, kind: Emit, hook: bool, selftest: Option<&Golden>) -> String {
    match kind {
        Emit::Graph => text::print(&compiled.network.graph).text,
        Emit::Plan => compiled.plan.to_string(),
        Emit::PlanSvg => plan::svg(&compiled.plan),
        Emit::Loops => print::print(&compiled.program),
        Emit::C => {
            let name = format!("{}.h", compiled.program.name);
            let emitted = c(compiled, &name, hook, selftest.cloned());
            let include = format!("#include \"{name}\"\n");
            emitted.source.replacen(&include, &emitted.header, 1)
        }
    }
}
