//! The way of a network from ONNX to a program, stage by stage.

use crate::cli::{Io, NetworkArgs, Optimize};
use crate::console::Console;
use crate::exit::Failure;
use crate::files;
use crate::input_ranges::{self, InputRanges};
use crate::quantize::{self, Calibration};
use crate::rewrites;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tinyc_codegen::c;
use tinyc_codegen::cost::{self, CodegenCost};
use tinyc_codegen::lower::lower;
use tinyc_codegen::plan::{Plan, plan};
use tinyc_codegen::select::{Schedules, select};
use tinyc_codegen::targets::{Board, Target};
use tinyc_codegen::validate::validate;
use tinyc_compress::given;
use tinyc_compress::layers::Layers;
use tinyc_compress::ports::Ports;
use tinyc_core::diag::{Code, Report};
use tinyc_core::graph::Graph;
use tinyc_core::loops::{Arg, Place, Program};
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::{text, verify};
use tinyc_rewrite::optimize::Outcome;
use tinyc_rewrite::{Options, PASSES, Queue};

/// A network as read and rewritten.
pub struct Network {
    pub graph: Graph,
    pub target: &'static Target,
    /// Where one was asked for; its core is the target.
    pub board: Option<&'static Board>,
    pub io: tinyc_codegen::Io,
    pub schedules: Schedules,
    /// What passes have relied on.
    pub input_ranges: InputRanges,
    /// SHA-256 of the model file, in hexadecimal.
    pub hash: String,
    /// The model and the files beside it that hold its tensors, in the order read.
    pub files: Vec<PathBuf>,
    pub optimized: Optimized,
    /// How integers of inputs and outputs stand for real numbers.
    pub ports: Ports,
    /// A quantized network as it was before its ports and pairs were realized, beside that of floats.
    pub layers: Option<Layers>,
}

/// What the optimizer did.
#[derive(Debug, Default)]
pub struct Optimized {
    /// Run after run.
    pub outcomes: Vec<Outcome>,
    /// Of all runs.
    pub time: Duration,
}

/// A network down to its program.
pub struct Compiled {
    pub network: Network,
    pub plan: Plan,
    pub program: Program,
}

impl Compiled {
    /// Bytes of constants that a step reads.
    pub fn step_weights(&self, step: usize) -> usize {
        let program = &self.program;
        let mut constants: Vec<_> = program.steps[step]
            .args
            .iter()
            .filter_map(|a| match a {
                Arg::Buffer(b) => Some(*b),
                Arg::Index(_) => None,
            })
            .filter(|b| matches!(program.buffers[b.0 as usize].place, Place::Const(_)))
            .collect();
        constants.sort();
        constants.dedup();
        constants.iter().map(|b| program.buffers[b.0 as usize].bytes()).sum()
    }

    /// Estimated cycles of each step; on a board with what it waits for constants in flash.
    pub fn step_cycles(&self) -> Vec<f64> {
        let target = self.network.target;
        let mut cycles = cost::steps(&self.program, target, &target.cycles);
        if let Some(flash) = self.network.board.and_then(|b| b.fetch.as_ref()) {
            for (i, loaded) in cost::loaded(&self.program, target).into_iter().enumerate() {
                cycles[i] += flash.waiting(self.step_weights(i), loaded);
            }
        }
        cycles
    }

    /// Estimated instructions of each step; nothing where there is no emulator that counts them.
    pub fn step_instructions(&self) -> Option<Vec<f64>> {
        let target = self.network.target;
        target.instructions.as_ref().map(|table| cost::steps(&self.program, target, table))
    }

    /// Number, operator, origins and result of a step, to name it in a message.
    pub fn step_name(&self, step: usize) -> String {
        let planned = &self.plan.steps[step];
        let names: Vec<&str> = self.program.steps[step].origins.iter().map(|o| &**o).collect();
        let types: Vec<String> = planned.writes.iter().map(|&b| self.plan.buffers[b].ty.to_string()).collect();
        format!("step {step}, {} {:?} : {}", planned.op, names.join(", "), types.join(", "))
    }
}

/// The core that a name on the command line means, and the board where it is one.
pub fn target(name: &str) -> Result<(&'static Target, Option<&'static Board>), Failure> {
    if let Some(board) = Board::find(name) {
        return Ok((board.core, Some(board)));
    }
    let target = Target::find(name).ok_or_else(|| {
        Failure::usage(format!("there is no target {name:?}")).help("`tinyc targets` lists cores and boards")
    })?;
    Ok((target, None))
}

/// Reads the model and runs all passes. `default_name` names the network where the user did not.
pub fn read(
    model: &Path,
    args: &NetworkArgs,
    default_name: &str,
    console: &mut Console<'_>,
) -> Result<Network, Failure> {
    let (target, board) = target(&args.target)?;
    check_pass_name(args)?;
    let name = match &args.name {
        Some(name) => c_name(name)?.to_owned(),
        None => c_name_from(default_name),
    };
    let bytes = files::read(model)?;
    let folder = model.parent().unwrap_or(Path::new("."));
    let read = RefCell::new(vec![model.to_owned()]);
    let external = |location: &str| {
        let path = folder.join(location);
        let bytes = std::fs::read(&path)?;
        if !read.borrow().contains(&path) {
            read.borrow_mut().push(path);
        }
        Ok(bytes)
    };
    let options = ImportOptions { name, dims: args.dims.iter().cloned().collect(), external: &external };
    let file = model.display().to_string();
    let work = |_: &mut Console<'_>| import(&bytes, &options).map_err(|r| r.in_file(&file).into());
    let imported = console.stage("import", work, |i| format!("{} nodes", i.graph.len()))?;
    console.report(&imported.report.in_file(&file));
    let mut graph = imported.graph;
    console.verbose(|| format!("imported {file}: {} nodes", graph.len()));
    after("import", &graph, args, console)?;
    let scales = given::check(&graph);
    if scales.has_errors() {
        return Err(scales.in_file(&file).into());
    }
    let mut input_ranges = input_ranges::resolve(&args.input_ranges, &graph)?;
    let mut files = read.into_inner();
    let mut layers = None;
    if let Some(calib) = &args.quantize.calib {
        let calibration = Calibration::read(&graph, calib, &args.quantize)?;
        // Scales are for the steps that are left: normalization folded, activations joined.
        rewrite(&mut graph, target, &input_ranges, args, console)?;
        let ranges = calibration.input_ranges(&graph, &input_ranges)?;
        rewrite(&mut graph, target, &ranges, args, console)?;
        layers = Some(calibration.quantize(&mut graph, console)?);
        files.push(calib.clone());
        after("quantize", &graph, args, console)?;
    } else if quantize::is_quantized(&graph) {
        layers = Some(Layers::of(&graph));
    }
    let ports = quantize::integer_ports(&mut graph, &args.quantize, console)?;
    input_ranges.retain(|name, _| !ports.inputs.contains_key(name));
    let optimized = rewrite(&mut graph, target, &input_ranges, args, console)?;
    if layers.is_some() {
        console.report(&quantize::left_in_floats(&graph));
    }
    let hash = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let (io, schedules) = (io(args), schedules(args));
    Ok(Network { graph, target, board, io, schedules, input_ranges, hash, files, optimized, ports, layers })
}

/// Runs the passes until none changes anything.
fn rewrite(
    graph: &mut Graph,
    target: &'static Target,
    input_ranges: &InputRanges,
    args: &NetworkArgs,
    console: &mut Console<'_>,
) -> Result<Optimized, Failure> {
    let cost = CodegenCost::new(target, io(args)).with(schedules(args));
    let input_ranges = input_ranges.clone();
    let options = Options {
        input_ranges,
        effort: args.effort,
        rounding: args.quantize.rounding.of_rules(),
        exact: args.exact,
        small: schedules(args) == Schedules::Smallest,
        cost: &cost,
    };
    let mut optimized = Optimized::default();
    let mut queue = Queue::new(&options);
    while let Some(pass) = queue.next() {
        let work = |_: &mut Console<'_>| Ok(((pass.run)(graph, &options)?, graph.len()));
        let start = Instant::now();
        let (done, _) = console.stage(pass.name, work, |(_, nodes)| format!("{nodes} nodes"))?;
        console.verbose(|| format!("{}: {} changes", pass.name, done.changes));
        after(pass.name, graph, args, console)?;
        queue.ran(pass, done.changes);
        if let Some(outcome) = done.outcome {
            optimized.outcomes.push(outcome);
            optimized.time += start.elapsed();
        }
    }
    rewrites::tell(&optimized.outcomes, args.explain_rewrites, console);
    Ok(optimized)
}

fn io(args: &NetworkArgs) -> tinyc_codegen::Io {
    match args.io {
        Io::Caller => tinyc_codegen::Io::Caller,
        Io::Arena => tinyc_codegen::Io::Arena,
    }
}

fn schedules(args: &NetworkArgs) -> Schedules {
    match args.optimize {
        Optimize::Speed => Schedules::Fastest,
        Optimize::Balance => Schedules::Fast,
        Optimize::Size => Schedules::Smallest,
    }
}

/// What happens between passes: the verifier in debug builds, and printing on request.
fn after(pass: &str, graph: &Graph, args: &NetworkArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        verify::verify(graph)?;
    }
    if args.print_ir_after.as_deref().is_some_and(|p| p == pass || p == "all") {
        console.say(&format!("; after {pass}\n{}", text::print(graph).text));
    }
    Ok(())
}

fn check_pass_name(args: &NetworkArgs) -> Result<(), Failure> {
    let names: Vec<_> = ["all", "import", "quantize"].into_iter().chain(PASSES.iter().map(|p| p.name)).collect();
    match &args.print_ir_after {
        Some(p) if !names.contains(&p.as_str()) => {
            Err(Failure::usage(format!("there is no pass {p:?}")).help(&format!("passes are {}", names.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Plans, lowers and validates.
pub fn compile(network: Network, console: &mut Console<'_>) -> Result<Compiled, Failure> {
    let (graph, target, io) = (&network.graph, network.target, network.io);
    let select = |_: &mut Console<'_>| Ok(select(graph, target, io, network.schedules)?);
    let selection = console.stage("select", select, |s| format!("{} functions", s.functions.len()))?;
    let plan = console.stage("plan", |_| Ok(plan(&selection, io)), |p| format!("{} B of arena", p.arena_bytes))?;
    let program = lower(&selection, &plan);
    console.stage("validate", |_| Ok(validate(&program)?), |_| format!("{} steps", program.steps.len()))?;
    Ok(Compiled { network, plan, program })
}

/// The user's name, if C allows it.
fn c_name(name: &str) -> Result<&str, Failure> {
    if c::is_identifier(name) {
        return Ok(name);
    }
    let message = format!("{name:?} is not a usable C name");
    let usable = c_name_from(name);
    let usable = if c::is_identifier(&usable) { usable } else { format!("{usable}_model") };
    Err(Failure { report: Report::from(tinyc_core::diag::Diagnostic::error(Code::BadName, message)) }
        .help(&format!("for example --name {usable}")))
}

/// A C identifier from any text.
fn c_name_from(text: &str) -> String {
    c::identifier(text, "model")
}
