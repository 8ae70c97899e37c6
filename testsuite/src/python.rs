//! Python with the packages of `testsuite/requirements.txt`: what `TINYC_PYTHON` names. `testsuite/run.sh`
//! makes one.

use crate::shared;
use std::path::Path;
use std::process::Command;

/// Runs a script of the testsuite, and returns what it prints if it succeeds, else all that it said.
/// `None`, and a message that says so, where there is no such Python.
///
/// # Panics
/// When there is none and tools are required (see `cc::have`).
pub fn run<S: AsRef<std::ffi::OsStr>>(
    script: &str,
    args: impl IntoIterator<Item = S>,
) -> Option<Result<String, String>> {
    let Some(python) = std::env::var_os("TINYC_PYTHON") else {
        let required = std::env::var_os("TINYC_REQUIRE_TOOLS").is_some();
        assert!(!required, "TINYC_PYTHON names no Python with the packages of testsuite/requirements.txt");
        eprintln!("skipped: TINYC_PYTHON names no Python with the packages of testsuite/requirements.txt");
        return None;
    };
    let script = shared::root().join(Path::new("testsuite/tests").join(script));
    let output = match Command::new(&python).arg(script).args(args).output() {
        Ok(output) => output,
        Err(e) => return Some(Err(format!("{}: {e}", python.display()))),
    };
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    Some(if output.status.success() { Ok(stdout) } else { Err(stdout + &stderr) })
}
