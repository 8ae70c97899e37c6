//! What is printed of a network: texts that `--emit` shows, and C files.

use crate::cli::Emit;
use crate::exit::Failure;
use crate::files::Scratch;
use crate::pipeline::Compiled;
use std::path::{Path, PathBuf};
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
pub struct CFiles {
    /// What the source includes.
    pub header_name: String,
    pub emitted: Emitted,
}

impl CFiles {
    /// Both as one text.
    fn joined(&self) -> String {
        let include = format!("#include \"{}\"\n", self.header_name);
        self.emitted.source.replacen(&include, &self.emitted.header, 1)
    }

    /// Writes them for a C compiler; returns the source's path.
    pub fn write(&self, scratch: &Scratch) -> Result<PathBuf, Failure> {
        scratch.write(&self.header_name, self.emitted.header.as_bytes())?;
        scratch.write("model.c", self.emitted.source.as_bytes())
    }
}

/// The network in C. The header is named after the network where `header_name` does not say otherwise.
pub fn c(compiled: &Compiled, header_name: Option<&str>, hook: bool, selftest: Option<Golden>) -> CFiles {
    let header_name = header_name.map_or_else(|| format!("{}.h", compiled.program.name), str::to_owned);
    let options = c::Options {
        target: compiled.network.target,
        io: compiled.network.io,
        hook,
        selftest,
        header_name: header_name.clone(),
        model_hash: compiled.network.hash.clone(),
    };
    CFiles { header_name, emitted: c::print(&compiled.program, &options) }
}

/// The text of one kind; header and source as one, fit for stdout.
pub fn single_text(compiled: &Compiled, kind: Emit, c: &CFiles) -> String {
    match kind {
        Emit::Graph => text::print(&compiled.network.graph).text,
        Emit::Plan => compiled.plan.to_string(),
        Emit::PlanSvg => plan::svg(&compiled.plan),
        Emit::Loops => print::print(&compiled.program),
        Emit::C => c.joined(),
    }
}
