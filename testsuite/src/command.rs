//! The `tinyc` command in this process.

use std::ffi::OsString;

/// What a run of the command gave.
#[derive(Debug)]
pub struct Run {
    pub status: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `tinyc` with these arguments, without colour.
pub fn tinyc<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("tinyc".into()).chain(args.into_iter().map(Into::into));
    let status = tinyc::run(args, &mut out, &mut err, false);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { status, stdout: text(out), stderr: text(err) }
}
