//! The command line, by clap derive. Holds no behaviour. `running` has the commands that run networks,
//! `quantizing` how they are made integers.

mod quantizing;
mod running;

pub use quantizing::{IntegerType, IoType, QuantizeArgs};
pub use running::{BenchArgs, Engine, HostArgs, RunArgs};

use crate::values;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compile a trained ONNX network to C for a microcontroller.
#[derive(Parser, Debug)]
#[command(
    name = "tinyc",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 ok, 1 model or data error, 2 usage, 3 budget not met, 4 verification mismatch, \
                  70 internal error."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The network, an ONNX file
    pub model: Option<PathBuf>,

    #[command(flatten)]
    pub compile: CompileArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show whether a network can be compiled, and what each layer needs
    Check(CheckArgs),
    /// Compile for this machine, run, and compare with the reference evaluation and given outputs
    Verify(VerifyArgs),
    /// Run a network on samples and write what it gives
    Run(RunArgs),
    /// Run a network on an emulated board: instructions, memory, and whether results are right
    Bench(BenchArgs),
    /// List the cores and boards that code is generated for
    Targets(TargetsArgs),
    /// List the supported operators
    Ops(OpsArgs),
    /// List the rules by which networks are rewritten
    Rules(RulesArgs),
    /// Explain a diagnostic code such as E0203
    Explain(ExplainArgs),
    /// Print what a build system includes to compile models
    Integration(IntegrationArgs),
    /// Print a script that completes command lines in a shell
    Completions(CompletionsArgs),
    /// Print a manual page, for man or a package
    Man(ManArgs),
}

/// What is said on stderr.
#[derive(Args, Debug, Clone, Default)]
pub struct MessageArgs {
    /// Say what is being done
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Colour messages
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: Color,

    /// In what form to say it; json is an object a line
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub diagnostic_format: DiagnosticFormat,

    /// Show how long each stage took and how large its result is
    #[arg(long, global = true)]
    pub time_passes: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiagnosticFormat {
    #[default]
    Text,
    Json,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimize {
    /// Fewest cycles
    Speed,
    /// Fewest cycles, but for some where weights of half the size do
    #[default]
    Balance,
    /// Fewest bytes of weights and code
    Size,
}

/// How the network is read and compiled; shared by all commands that do.
#[derive(Args, Debug, Clone)]
pub struct NetworkArgs {
    /// Name of the network in C [default: from the output's or the model's file name]
    #[arg(long)]
    pub name: Option<String>,

    /// Give a symbolic dimension a value, e.g. --dim batch=1
    #[arg(long = "dim", value_name = "NAME=VALUE", value_parser = values::dim)]
    pub dims: Vec<(String, usize)>,

    /// Smallest and largest element of a float input, which passes may rely on, e.g. --input-range
    /// image=0:1; the name may be left out where there is one such input
    #[arg(long = "input-range", value_name = "NAME=LO:HI", value_parser = values::input_range, allow_hyphen_values = true)]
    pub input_ranges: Vec<values::InputRange>,

    /// What to generate code for: a core or a board, which `tinyc targets` lists
    #[arg(long, default_value = "generic")]
    pub target: String,

    /// Who owns the memory of inputs and outputs
    #[arg(long, value_enum, default_value_t)]
    pub io: Io,

    #[command(flatten)]
    pub quantize: QuantizeArgs,

    /// What functions are chosen for: cycles, bytes, or cycles as long as they are worth their bytes
    #[arg(long, value_enum, default_value_t)]
    pub optimize: Optimize,

    /// How hard to look for equal forms that cost less: 0 not at all, each level beyond 1 twice as hard
    #[arg(long, value_name = "LEVEL", default_value_t = 1)]
    pub effort: u32,

    /// Rewrite the network only where every bit of its outputs stays; otherwise it is taken to compute no NaN
    #[arg(long)]
    pub exact: bool,

    /// Say on stderr which rules led to the network's new form, and where
    #[arg(long)]
    pub explain_rewrites: bool,

    /// Print the graph to stderr after a pass, or after each
    #[arg(long, value_name = "PASS", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub print_ir_after: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Io {
    /// The caller passes buffers
    #[default]
    Caller,
    /// They lie in the arena
    Arena,
}

#[derive(Args, Debug, Clone)]
pub struct CompileArgs {
    /// Output file, or - for stdout [default: the model's name with the suffix .c]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// What to write [default: onnx where the output's suffix is .onnx, else c]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub emit: Vec<Emit>,

    #[command(flatten)]
    pub network: NetworkArgs,

    /// Where constants go
    #[arg(long, value_enum, default_value_t)]
    pub weights: Weights,

    /// Emit a hook that is called before and after each layer
    #[arg(long)]
    pub hook: bool,

    /// Emit a self-test with the first sample of an .npz file (or a made-up one) and its outputs
    #[arg(long, value_name = "NPZ", num_args = 0..=1, require_equals = true)]
    pub selftest: Option<Option<PathBuf>>,

    #[command(flatten)]
    pub budget: BudgetArgs,

    #[command(flatten)]
    pub depfile: DepfileArgs,

    /// Print sizes to stdout
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub stats: Option<StatsFormat>,
}

const BUDGETS: &str = "Budgets (K, KB and KiB are 1024 bytes, as in linker scripts; M likewise)";
const DEPFILE: &str = "Dependency file for make and ninja (-MD, as of gcc and clang, does too)";

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Arrays in the C source
    #[default]
    C,
    /// A file NAME_weights.bin beside it, which GNU assembly in the source includes
    Bin,
}

/// What the device has room for. Nothing is written when the network needs more.
#[derive(Args, Debug, Clone)]
pub struct BudgetArgs {
    /// Fail unless arena, the caller's inputs and outputs, state and context fit
    #[arg(long, help_heading = BUDGETS, value_name = "BYTES", value_parser = values::bytes)]
    pub max_ram: Option<usize>,

    /// Fail unless weights and code fit, as the target's C compiler makes them
    #[arg(long, help_heading = BUDGETS, value_name = "BYTES", value_parser = values::bytes)]
    pub max_flash: Option<usize>,

    /// C compiler that measures code for --max-flash [default: the target's]
    #[arg(long, help_heading = BUDGETS, value_name = "CC")]
    pub size_cc: Option<String>,

    /// Its flags, beside those of the target
    #[arg(long, help_heading = BUDGETS, value_name = "FLAGS", default_value = "-std=c99 -O2", allow_hyphen_values = true)]
    pub size_cflags: String,
}

/// As gcc and clang spell it: `depfile::long_options` turns one dash into two.
#[derive(Args, Debug, Clone)]
pub struct DepfileArgs {
    /// Write what the output was made from, beside it with the suffix .d
    #[arg(long = "MD", help_heading = DEPFILE)]
    pub md: bool,

    /// Write it to this file
    #[arg(long = "MF", help_heading = DEPFILE, value_name = "FILE")]
    pub mf: Option<PathBuf>,

    /// Give each file that the output was made from a rule without recipe, so that make goes on when it
    /// is gone
    #[arg(long = "MP", help_heading = DEPFILE)]
    pub mp: bool,

    /// Name the target of the rule [default: the files written]
    #[arg(long = "MT", help_heading = DEPFILE, value_name = "TARGET")]
    pub mt: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsFormat {
    Text,
    Json,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emit {
    /// The graph after all passes
    Graph,
    /// The same as an ONNX model
    Onnx,
    /// The order of the layers and where each value lies in memory
    Plan,
    /// The arena over time, as a picture
    #[value(name = "plan.svg")]
    PlanSvg,
    /// The loops that the C is printed from
    Loops,
    /// C source and header
    C,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The network, an ONNX file
    pub model: PathBuf,

    #[command(flatten)]
    pub network: NetworkArgs,

    #[command(flatten)]
    pub budget: BudgetArgs,
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The network, an ONNX file
    pub model: PathBuf,

    /// Samples: arrays `input/NAME` (or the bare names) and, if there are any, `output/NAME`, and `labels`
    /// of classes; axis 0 counts samples. A quantized network is compared with that of floats too
    /// [default: made-up samples]
    #[arg(long, value_name = "NPZ")]
    pub data: Option<PathBuf>,

    /// Compare each layer's result too; of a quantized network tell how much noise each value has
    #[arg(long)]
    pub per_layer: bool,

    /// Largest allowed difference of floats, relative to the range of the output
    #[arg(long, default_value_t = 1e-4)]
    pub tolerance: f64,

    /// Use at most this many samples
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,

    /// Another network on the same samples, an ONNX file: how often the two agree, and whether one is better
    #[arg(long, value_name = "MODEL", requires = "data")]
    pub reference: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub host: HostArgs,

    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Args, Debug)]
pub struct TargetsArgs {
    /// Only those whose name contains this
    pub filter: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct RulesArgs {
    /// Only rules whose name contains this; with its examples, where it is the whole name
    pub filter: Option<String>,
}

#[derive(Args, Debug)]
pub struct OpsArgs {
    /// Only operators whose name contains this
    pub filter: Option<String>,
}

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The code, e.g. E0203 [default: list all]
    pub code: Option<String>,
}

#[derive(Args, Debug)]
pub struct IntegrationArgs {
    #[arg(value_enum)]
    pub system: BuildSystem,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildSystem {
    /// The package tinycConfig.cmake, with tinyc_add_model
    Cmake,
    /// The include tinyc.mk for GNU make, with a pattern rule
    Make,
}

#[derive(Args, Debug)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub struct ManArgs {
    /// The page of this command [default: that of tinyc itself]
    pub command: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
