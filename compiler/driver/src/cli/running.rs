//! Arguments of the commands that run networks, here or on an emulated board.

use super::NetworkArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How C is compiled to run on this machine.
#[derive(Args, Debug)]
pub struct HostArgs {
    /// C compiler [default: $CC, or the first found of cc, gcc and clang]
    #[arg(long)]
    pub cc: Option<String>,

    /// Flags for the C compiler
    #[arg(long, default_value = "-std=c99 -O2", allow_hyphen_values = true)]
    pub cflags: String,
}

#[derive(Args, Debug)]
pub struct RunArgs {
    /// The network, an ONNX file
    pub model: PathBuf,

    /// Samples: arrays `input/NAME`, or the bare names; axis 0 counts samples
    #[arg(long, value_name = "NPZ")]
    pub input: PathBuf,

    /// Where results go: arrays `output/NAME`, axis 0 as in the input
    #[arg(short, long, value_name = "NPZ")]
    pub output: PathBuf,

    /// What computes them
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,

    #[command(flatten)]
    pub host: HostArgs,

    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The reference evaluation
    #[default]
    Eval,
    /// The emitted C, through a C compiler of this machine
    C,
}

#[derive(Args, Debug)]
pub struct BenchArgs {
    /// The network, an ONNX file
    pub model: PathBuf,

    /// Samples: arrays `input/NAME`, or the bare names; axis 0 counts samples [default: made-up samples]
    #[arg(long, value_name = "NPZ")]
    pub data: Option<PathBuf>,

    /// Use at most this many samples; the first one is counted, all are compared
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,

    /// Compiler of the network's C: gcc (the target's), clang, or a program
    #[arg(long, default_value = "gcc")]
    pub cc: Option<String>,

    /// How hard it optimizes
    #[arg(short = 'O', value_name = "LEVEL", default_value = "3", value_parser = ["0", "1", "2", "3", "s", "z"])]
    pub level: String,

    /// Its flags beside those of the target
    #[arg(long, default_value = "-std=c99", value_name = "FLAGS", allow_hyphen_values = true)]
    pub cflags: String,

    /// Compiler for this machine, with whose results those of integer networks are compared [default: $CC,
    /// or the first found of cc, gcc and clang]
    #[arg(long, value_name = "CC")]
    pub host_cc: Option<String>,

    /// Largest allowed difference of floats, relative to the range of the output
    #[arg(long, default_value_t = 1e-4)]
    pub tolerance: f64,

    /// Show shares of the figures that others have on this network, from a file of JSON
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Give up on the emulator after so long
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,

    #[command(flatten)]
    pub network: NetworkArgs,
}
