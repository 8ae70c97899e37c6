//! The `tinyc` command.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

/// Deep graphs recurse deeply; the main thread's stack is the user's to limit, not ours to rely on.
const STACK_BYTES: usize = 256 << 20;

fn main() -> ExitCode {
    let work = || {
        let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tinyc::run(std::env::args_os(), &mut stdout().lock(), &mut stderr().lock(), color)
    };
    let status = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(std::thread::JoinHandle::join);
    match status {
        Ok(Ok(code)) => ExitCode::from(code),
        _ => {
            let internal = tinyc_core::diag::Code::Internal;
            let _ = writeln!(stderr(), "error[{internal}]: {}\n{}", internal.title, internal.explanation);
            ExitCode::from(tinyc::exit::INTERNAL)
        }
    }
}
