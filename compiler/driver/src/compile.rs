//! The main job: `tinyc model.onnx -o model.c`.

use crate::budget;
use crate::cli::{CompileArgs, Emit, StatsFormat, Weights};
use crate::console::Console;
use crate::depfile;
use crate::emit::{self, CNames};
use crate::exit::Failure;
use crate::export;
use crate::files;
use crate::input_ranges::{made_up, outside};
use crate::npz::Npz;
use crate::pipeline::{self, Compiled};
use crate::samples::column;
use crate::stats::Stats;
use std::path::{Path, PathBuf};
use tinyc_codegen::c::{Golden, Sample};
use tinyc_core::diag::Code;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::tensor::Tensor;

/// Compilers contract and reorder float sums under the user's flags; this bounds what that may change,
/// relative to the output's largest magnitude.
const SELFTEST_TOLERANCE: f64 = 1e-4;

pub fn run(model: &Path, args: &CompileArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let output = args.output.as_deref();
    let to_stdout = output == Some(Path::new("-"));
    // Nothing can lie beside it.
    let alone = to_stdout || output.is_some_and(files::is_special);
    let kinds = kinds(args);
    if output.is_none() && kinds.contains(&Emit::Onnx) {
        return Err(Failure::usage("an ONNX model is no text").help("give -o a file name, or - for stdout"));
    }
    if kinds == [Emit::Onnx] && !asks_for_code(args) {
        return export::run(model, args, console);
    }
    if to_stdout && args.stats.is_some() {
        return Err(Failure::usage("--stats and -o - both want stdout").help("give -o a file name"));
    }
    if alone && args.weights == Weights::Bin {
        return Err(Failure::usage("--weights=bin writes a file of its own").help("give -o a file name"));
    }
    let named_after = if to_stdout { model } else { output.unwrap_or(model) };
    let name = emit::stem(named_after);
    let compiled = pipeline::compile(pipeline::read(model, &args.network, &name, console)?, console)?;
    let golden = match &args.selftest {
        None => None,
        Some(data) => {
            Some(console.stage("evaluate", |c| golden(&compiled, data.as_deref(), c), |_| "1 samples".to_owned())?)
        }
    };
    let file = output.filter(|_| !to_stdout);
    let source = c_path(file, &compiled.program.name, kinds.len());
    let header = source.with_extension("h");
    let weights = source.with_file_name(format!("{}_weights.bin", emit::stem(&source)));
    let names = match alone {
        true => CNames::of(&compiled),
        false => CNames {
            header: emit::file_name(&header),
            weights: (args.weights == Weights::Bin).then(|| emit::file_name(&weights)),
        },
    };
    let print = |_: &mut Console<'_>| Ok(emit::c(&compiled, names, args.hook, golden));
    let size = |c: &emit::CFiles| format!("{} B of C", c.emitted.source.len() + c.emitted.header.len());
    let mut c = console.stage("print", print, size)?;
    let stats = Stats::of(&compiled, &c.emitted.sizes);
    budget::check(&args.budget, &compiled, &c, &stats, console)?;

    let c_files = kinds.contains(&Emit::C) && !alone;
    let mut written: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    if c_files {
        written.push((source, c.emitted.source.clone().into_bytes()));
        written.push((header, c.emitted.header.clone().into_bytes()));
        written.extend(c.emitted.weights.take().map(|bytes| (weights, bytes)));
    }
    let mut printed: Vec<u8> = Vec::new();
    for &kind in kinds.iter().filter(|k| **k != Emit::C || !c_files) {
        let bytes = emit::single(&compiled, kind, &c)?;
        match file {
            Some(path) if kinds.len() == 1 => written.push((path.to_owned(), bytes)),
            Some(path) => written.push((path.with_extension(emit::suffix(kind)), bytes)),
            None => printed.extend(bytes),
        }
    }
    let inputs: Vec<PathBuf> = compiled.network.files.iter().chain(args.selftest.iter().flatten()).cloned().collect();
    let outputs: Vec<&Path> = written.iter().map(|(p, _)| &**p).collect();
    let depfile = depfile::file(&args.depfile, &outputs, &inputs)?;
    written.extend(depfile);
    files::replaces_none_of(&written, &inputs)?;
    let bytes: usize = written.iter().map(|(_, bytes)| bytes.len()).sum();
    console.stage("write", |_| files::write_all(&written), |()| format!("{bytes} B"))?;
    console.print_bytes(&printed)?;
    for (path, _) in &written {
        console.verbose(|| format!("wrote {}", path.display()));
    }
    match args.stats {
        Some(StatsFormat::Json) => console.print(&stats.json()),
        Some(StatsFormat::Text) => console.print(&stats.text()),
        None => {
            console.say(&stats.line());
            Ok(())
        }
    }
}

/// What to write, each once.
fn kinds(args: &CompileArgs) -> Vec<Emit> {
    let onnx = args.output.as_ref().and_then(|o| o.extension()).is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
    let mut kinds = match &args.emit[..] {
        [] if onnx => vec![Emit::Onnx],
        [] => vec![Emit::C],
        given => given.to_vec(),
    };
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Whether options ask what only the compiled network tells.
fn asks_for_code(args: &CompileArgs) -> bool {
    let budget = args.budget.max_ram.or(args.budget.max_flash).is_some();
    budget || args.stats.is_some() || args.selftest.is_some()
}

/// Path of the C source. Its header goes beside it, so it must not be a header itself.
fn c_path(output: Option<&Path>, name: &str, kinds: usize) -> PathBuf {
    match output {
        Some(path) if kinds == 1 && path.extension().is_none_or(|e| e != "h") => path.to_owned(),
        Some(path) => path.with_extension("c"),
        None => PathBuf::from(format!("{name}.c")),
    }
}

/// One sample and its outputs by the reference evaluation.
fn golden(compiled: &Compiled, data: Option<&Path>, console: &mut Console<'_>) -> Result<Golden, Failure> {
    let ranges = &compiled.network.input_ranges;
    let ports = &compiled.program.inputs;
    let inputs: Vec<Tensor> = match data {
        None => ports.iter().enumerate().map(|(i, p)| made_up(ranges, &p.name, &p.ty, i as u64 + 1)).collect(),
        Some(path) => {
            let npz = Npz::read(path)?;
            let first = |p: &tinyc_core::loops::Port| {
                let column = column(&npz, &p.name, &p.ty, compiled.network.ports.inputs.get(&p.name))?;
                column.into_iter().next().ok_or_else(|| {
                    let message = format!("{} has no sample for input {:?}", path.display(), p.name);
                    Failure::new(Code::BadData, message)
                })
            };
            ports.iter().map(first).collect::<Result<_, _>>()?
        }
    };
    console.report(&outside(ranges, ports.iter().map(|p| p.name.as_str()).zip(&inputs)));
    let outputs = Evaluator.compile(&compiled.network.graph)?.run(&inputs)?;
    Ok(Golden { samples: vec![Sample { inputs, outputs }], tolerance: SELFTEST_TOLERANCE })
}
