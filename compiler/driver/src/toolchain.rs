//! The host's C compiler.

use crate::exit::Failure;
use std::path::Path;
use std::process::{Command, Output};
use tinyc_core::diag::Code;

/// A C compiler that can be run.
pub struct Cc {
    program: String,
}

impl Cc {
    /// The one asked for, else `$CC`, else the first that runs.
    pub fn find(wanted: Option<&str>) -> Result<Cc, Failure> {
        let from_env = std::env::var("CC").ok().filter(|c| !c.is_empty());
        let candidates: Vec<String> = match wanted.map(str::to_owned).or(from_env) {
            Some(one) => vec![one],
            None => ["cc", "gcc", "clang"].map(str::to_owned).to_vec(),
        };
        let runs = |c: &String| Command::new(c).arg("--version").output().is_ok_and(|o| o.status.success());
        match candidates.iter().find(|c| runs(c)) {
            Some(program) => Ok(Cc { program: program.clone() }),
            None => {
                let message = format!("no C compiler found (tried {})", candidates.join(", "));
                Err(Failure::new(Code::NoTool, message).help("install the package gcc or clang, or give --cc"))
            }
        }
    }

    /// Compiles and links sources into an executable.
    pub fn build(&self, flags: &str, sources: &[&Path], executable: &Path) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(flags.split_whitespace()).args(sources).arg("-o").arg(executable);
        run(command, &self.program).map(drop)
    }
}

/// Runs a program to its end; a failure shows what it printed.
pub fn run(mut command: Command, name: &str) -> Result<Output, Failure> {
    let output = command.output().map_err(|e| Failure::new(Code::NoTool, format!("cannot run {name}: {e}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut failure = Failure::new(Code::NoTool, format!("{name} failed ({})", output.status));
    for d in &mut failure.report.diagnostics {
        d.notes.extend(text.lines().take(20).map(str::to_owned));
    }
    Err(failure)
}
