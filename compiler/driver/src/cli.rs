//! The command line, by clap derive. Holds no behaviour.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compile a trained ONNX network to C for a microcontroller.
#[derive(Parser, Debug)]
#[command(
    name = "tinyc",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 ok, 1 model or data error, 2 usage, 4 verification mismatch, 70 internal error."
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
    /// List the supported operators
    Ops(OpsArgs),
    /// Explain a diagnostic code such as E0203
    Explain(ExplainArgs),
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
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// How the network is read and compiled; shared by all commands that do.
#[derive(Args, Debug, Clone)]
pub struct NetworkArgs {
    /// Name of the network in C [default: from the output's or the model's file name]
    #[arg(long)]
    pub name: Option<String>,

    /// Give a symbolic dimension a value, e.g. --dim batch=1
    #[arg(long = "dim", value_name = "NAME=VALUE", value_parser = parse_dim)]
    pub dims: Vec<(String, usize)>,

    /// What to generate code for: a core
    #[arg(long, default_value = "generic")]
    pub target: String,

    /// Who owns the memory of inputs and outputs
    #[arg(long, value_enum, default_value_t)]
    pub io: Io,

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

    /// What to write
    #[arg(long, value_enum, value_delimiter = ',', default_value = "c")]
    pub emit: Vec<Emit>,

    #[command(flatten)]
    pub network: NetworkArgs,

    /// Emit a hook that is called before and after each layer
    #[arg(long)]
    pub hook: bool,

    /// Emit a self-test with the first sample of an .npz file (or a made-up one) and its outputs
    #[arg(long, value_name = "NPZ", num_args = 0..=1, require_equals = true)]
    pub selftest: Option<Option<PathBuf>>,

    /// Print sizes to stdout
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub stats: Option<StatsFormat>,
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
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The network, an ONNX file
    pub model: PathBuf,

    /// Samples: arrays `input/NAME` (or the bare names) and, if there are any, `output/NAME`; axis 0
    /// counts samples [default: made-up samples]
    #[arg(long, value_name = "NPZ")]
    pub data: Option<PathBuf>,

    /// Compare each layer's result too
    #[arg(long)]
    pub per_layer: bool,

    /// Largest allowed difference of floats, relative to the range of the output
    #[arg(long, default_value_t = 1e-4)]
    pub tolerance: f64,

    /// Use at most this many samples
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,

    /// C compiler [default: $CC, or the first found of cc, gcc and clang]
    #[arg(long)]
    pub cc: Option<String>,

    /// Flags for the C compiler
    #[arg(long, default_value = "-std=c99 -O2", allow_hyphen_values = true)]
    pub cflags: String,

    #[command(flatten)]
    pub network: NetworkArgs,
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

fn parse_dim(s: &str) -> Result<(String, usize), String> {
    let (name, value) = s.rsplit_once('=').ok_or("expected NAME=VALUE")?;
    match value.parse() {
        Ok(v) if v > 0 && !name.is_empty() => Ok((name.to_owned(), v)),
        _ => Err(format!("{value:?} is not a positive extent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn dims_may_hold_equal_signs() {
        assert_eq!(parse_dim("a=b=3"), Ok(("a=b".to_owned(), 3)));
        assert!(parse_dim("a=0").is_err() && parse_dim("a").is_err() && parse_dim("=1").is_err());
    }
}
