//! The `tinyc` command line: arguments, files, the pipeline, reports and exit codes.
//!
//! The only crate with I/O. Passes and code generation are libraries that it puts in a row
//! (`pipeline`); each command is a file.

mod bench;
mod budget;
mod check;
pub mod cli;
mod compile;
pub mod console;
pub mod depfile;
pub mod device;
mod emit;
pub mod exit;
mod explain;
mod export;
mod files;
mod host;
mod input_ranges;
mod integration;
mod manual;
pub mod npz;
mod ops;
pub mod pipeline;
mod progress;
mod quantize;
mod rewrites;
mod rules;
mod run;
mod samples;
mod stages;
mod stats;
mod table;
mod targets;
mod toolchain;
mod values;
mod verify;

use clap::Parser;
use console::Console;
use exit::Failure;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Deep graphs recurse deeply; the main thread's stack is the user's to limit, not ours to rely on.
const STACK_BYTES: usize = 256 << 20;

/// The program: [`run`] on the process's own arguments and streams.
pub fn main() -> ExitCode {
    let work = || {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr(), color)
    };
    let status = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(std::thread::JoinHandle::join);
    match status {
        Ok(Ok(code)) => ExitCode::from(code),
        _ => {
            let internal = tinyc_core::diag::Code::Internal;
            let _ = writeln!(std::io::stderr(), "error[{internal}]: {}\n{}", internal.title, internal.explanation);
            ExitCode::from(exit::INTERNAL)
        }
    }
}

/// Runs the command line `args` (with the program's name first); returns the exit status.
///
/// `color` is what `--color auto` means here: `stderr` is a terminal that takes colours, and lines drawn
/// anew. Results go to `stdout`, messages to `stderr`.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    mut stdout: &mut dyn Write,
    mut stderr: &mut dyn Write,
    color: bool,
) -> u8 {
    let args = depfile::long_options(args);
    let cli = match cli::Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() && console::wants_json(&args) => {
            let messages = cli::MessageArgs { diagnostic_format: cli::DiagnosticFormat::Json, ..Default::default() };
            let text = e.render().to_string();
            let message = text.trim().strip_prefix("error: ").unwrap_or(&text).trim();
            Console::new(&mut stdout, &mut stderr, &messages, false).report(&Failure::usage(message).report);
            return exit::USAGE;
        }
        Err(e) => {
            let text = e.render();
            let text = if color { text.ansi().to_string() } else { text.to_string() };
            let (stream, status): (&mut dyn Write, u8) =
                if e.use_stderr() { (&mut stderr, exit::USAGE) } else { (&mut stdout, exit::OK) };
            let _ = stream.write_all(text.as_bytes());
            return status;
        }
    };
    let mut console = Console::new(&mut stdout, &mut stderr, &cli.messages, color);
    let result = dispatch(&cli, &mut console);
    console.finish();
    match result.and_then(|()| console.flush()) {
        Ok(()) => exit::OK,
        Err(failure) => {
            console.report(&failure.report);
            failure.exit_code()
        }
    }
}

fn dispatch(cli: &cli::Cli, console: &mut Console<'_>) -> Result<(), Failure> {
    match &cli.command {
        None => match &cli.model {
            Some(model) => compile::run(model, &cli.compile, console),
            None => Err(Failure::usage("no model given").help("try `tinyc model.onnx -o model.c`, or `tinyc --help`")),
        },
        Some(cli::Command::Check(args)) => check::run(args, console),
        Some(cli::Command::Verify(args)) => verify::run(args, console),
        Some(cli::Command::Run(args)) => run::run(args, console),
        Some(cli::Command::Bench(args)) => bench::run(args, console),
        Some(cli::Command::Targets(args)) => targets::run(args, console),
        Some(cli::Command::Ops(args)) => ops::run(args, console),
        Some(cli::Command::Rules(args)) => rules::run(args, console),
        Some(cli::Command::Explain(args)) => explain::run(args, console),
        Some(cli::Command::Integration(args)) => integration::run(args, console),
        Some(cli::Command::Completions(args)) => manual::completions(args, console),
        Some(cli::Command::Man(args)) => manual::man(args, console),
    }
}
