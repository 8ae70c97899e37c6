//! Runs an emulator until it ends or has taken too long.

use crate::exit::Failure;
use crate::files;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tinyc_core::diag::Code;

/// Lines of output that a message shows, the last ones.
const SHOWN: usize = 12;

/// How often it is looked whether the emulator has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// What the program prints. Its output goes through files in the folder, so it never waits for a reader.
pub fn run(program: &str, arguments: &[&str], folder: &Path, limit: Duration) -> Result<String, Failure> {
    let failed = |e: std::io::Error| Failure::new(Code::NoTool, format!("cannot run {program}: {e}"));
    let (out, err) = (folder.join("emulator.out"), folder.join("emulator.err"));
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.stdout(File::create(&out).map_err(failed)?).stderr(File::create(&err).map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break Some(status),
            None if start.elapsed() >= limit => {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                break None;
            }
            None => std::thread::sleep(PAUSE),
        }
    };
    let text = |path: &Path| files::read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    let (out, err) = (text(&out)?, text(&err)?);
    let message = match status {
        Some(status) if status.success() => return Ok(out),
        Some(status) => format!("{program} failed ({status})"),
        None => format!("{program} has not ended after {} seconds", limit.as_secs()),
    };
    let mut failure = Failure::new(Code::NoTool, message);
    let lines: Vec<&str> = out.lines().chain(err.lines()).filter(|l| !l.is_empty()).collect();
    for d in &mut failure.report.diagnostics {
        d.notes.extend(lines[lines.len().saturating_sub(SHOWN)..].iter().map(|l| shortened(l)));
    }
    Err(match status {
        Some(_) => failure.help("\"fault\" is followed by the core's cause of it and the address of the instruction"),
        None => failure.help("--timeout gives it longer"),
    })
}

/// A line of results is as long as the results.
fn shortened(line: &str) -> String {
    const LONG: usize = 120;
    match line.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn said(script: &str, limit: Duration) -> Result<String, String> {
        let folder = files::Scratch::new().map_err(|f| f.report.to_string())?;
        run("sh", &["-c", script], &folder.path(""), limit).map_err(|f| f.report.to_string())
    }

    #[test]
    fn failures_show_the_end_of_what_was_printed() {
        let long = Duration::from_secs(60);
        assert_eq!(said("echo fine", long).as_deref(), Ok("fine\n"));
        let crashed = said("seq 100; echo broken >&2; exit 3", long).unwrap_err();
        assert!(crashed.contains("exit status: 3") && crashed.contains("broken"), "{crashed}");
        assert!(crashed.contains(" 100") && !crashed.contains(" 88\n"), "{crashed}");
        let late = said("echo begun; exec sleep 1000", Duration::from_millis(300)).unwrap_err();
        assert!(late.contains("has not ended") && late.contains("begun"), "{late}");
    }
}
