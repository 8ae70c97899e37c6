//! What is printed of a network: texts that `--emit` shows, and C files.

use crate::cli::Emit;
use crate::exit::Failure;
use crate::files::Scratch;
use crate::pipeline::Compiled;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tinyc_codegen::c::{self, Emitted, Golden, PortScales, Weights};
use tinyc_codegen::plan;
use tinyc_codegen::select::Schedules;
use tinyc_compress::ports::Port;
use tinyc_core::loops::print;
use tinyc_core::{onnx, text};

/// File name without folder and suffix.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or("model".to_owned(), |s| s.to_string_lossy().into_owned())
}

/// The last part of a path, as text.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub fn suffix(kind: Emit) -> &'static str {
    match kind {
        Emit::Graph => "graph",
        Emit::Onnx => "onnx",
        Emit::Plan => "plan",
        Emit::PlanSvg => "plan.svg",
        Emit::Loops => "loops",
        Emit::C => "c",
    }
}

/// Names of the files that the C consists of, without folders.
#[derive(Clone)]
pub struct CNames {
    pub header: String,
    /// Constants, where they have a file of their own.
    pub weights: Option<String>,
}

impl CNames {
    /// Header and source alone, named after the network.
    pub fn of(compiled: &Compiled) -> CNames {
        CNames { header: format!("{}.h", compiled.program.name), weights: None }
    }
}

/// Header, source and, if they have a file of their own, constants.
pub struct CFiles {
    names: CNames,
    pub emitted: Emitted,
}

impl CFiles {
    /// Source and header as one text.
    fn joined(&self) -> String {
        let include = format!("#include \"{}\"\n", self.names.header);
        self.emitted.source.replacen(&include, &self.emitted.header, 1)
    }

    /// Writes them for a C compiler, which has to look for files in the folder; returns the source's path.
    pub fn write(&self, scratch: &Scratch) -> Result<PathBuf, Failure> {
        scratch.write(&self.names.header, self.emitted.header.as_bytes())?;
        if let (Some(name), Some(bytes)) = (&self.names.weights, &self.emitted.weights) {
            scratch.write(name, bytes)?;
        }
        scratch.write("model.c", self.emitted.source.as_bytes())
    }
}

/// The network in C.
pub fn c(compiled: &Compiled, names: CNames, hook: bool, selftest: Option<Golden>) -> CFiles {
    let options = c::Options {
        target: compiled.network.target,
        io: compiled.network.io,
        hook,
        selftest,
        weights: names.weights.clone().map_or(Weights::Arrays, Weights::File),
        header_name: names.header.clone(),
        model_hash: compiled.network.hash.clone(),
        input_ranges: compiled.network.input_ranges.clone(),
        scales: PortScales {
            inputs: scales(&compiled.network.ports.inputs),
            outputs: scales(&compiled.network.ports.outputs),
        },
        share: compiled.network.schedules == Schedules::Smallest,
    };
    CFiles { names, emitted: c::print(&compiled.program, &options) }
}

fn scales(ports: &BTreeMap<String, Port>) -> BTreeMap<String, (f32, i32)> {
    ports.iter().map(|(name, port)| (name.clone(), (port.scale, port.zero))).collect()
}

/// The bytes of one kind; header and source as one, fit for stdout.
pub fn single(compiled: &Compiled, kind: Emit, c: &CFiles) -> Result<Vec<u8>, Failure> {
    Ok(match kind {
        Emit::Graph => text::print(&compiled.network.graph).text,
        Emit::Onnx => return Ok(onnx::export(&compiled.network.graph)?),
        Emit::Plan => compiled.plan.to_string(),
        Emit::PlanSvg => plan::svg(&compiled.plan),
        Emit::Loops => print::print(&compiled.program),
        Emit::C => c.joined(),
    }
    .into_bytes())
}
