//! `tinyc model.onnx -o model.opt.onnx`: the network after all passes as an ONNX model, without a plan and
//! without C, so for networks too that no target has kernels for.

use crate::cli::CompileArgs;
use crate::console::Console;
use crate::depfile;
use crate::emit;
use crate::exit::Failure;
use crate::files;
use crate::pipeline;
use std::path::{Path, PathBuf};
use tinyc_core::onnx;

pub fn run(model: &Path, args: &CompileArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let file = args.output.as_deref().filter(|o| *o != Path::new("-"));
    let network = pipeline::read(model, &args.network, &emit::stem(model), console)?;
    let export = |_: &mut Console<'_>| Ok(onnx::export(&network.graph)?);
    let bytes = console.stage("export", export, |bytes| format!("{} B", bytes.len()))?;
    let size = bytes.len();
    let outputs: Vec<&Path> = file.into_iter().collect();
    let depfile = depfile::file(&args.depfile, &outputs, &network.files)?;
    let mut written: Vec<(PathBuf, Vec<u8>)> = depfile.into_iter().collect();
    match file {
        Some(path) => written.push((path.to_owned(), bytes)),
        None => console.print_bytes(&bytes)?,
    }
    files::replaces_none_of(&written, &network.files)?;
    files::write_all(&written)?;
    for (path, _) in &written {
        console.verbose(|| format!("wrote {}", path.display()));
    }
    console.say(&format!("{}: {size} B of ONNX, opset {}", network.graph.name, onnx::EXPORT_OPSET));
    Ok(())
}
