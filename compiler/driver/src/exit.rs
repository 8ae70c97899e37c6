//! Exit statuses, and the failure that ends a command.

use tinyc_core::diag::{Code, Diagnostic, Report};

pub const OK: u8 = 0;
/// Something is wrong with the model or the data.
pub const MODEL: u8 = 1;
/// Something is wrong with the command line or a path on it, or a tool is missing.
pub const USAGE: u8 = 2;
/// The network needs more than it may.
pub const BUDGET: u8 = 3;
/// Compiled code and reference differ.
pub const MISMATCH: u8 = 4;
/// A defect of tinyc.
pub const INTERNAL: u8 = 70;

/// Why a command ends without its result.
#[derive(Debug)]
pub struct Failure {
    pub report: Report,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure { report: Diagnostic::error(code, message).into() }
    }

    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Code::Usage, message)
    }

    /// Adds a help line to the last diagnostic.
    pub fn help(mut self, help: &str) -> Failure {
        if let Some(d) = self.report.diagnostics.last_mut() {
            d.help = Some(help.to_owned());
        }
        self
    }

    /// The status that the worst of the diagnostics calls for.
    pub fn exit_code(&self) -> u8 {
        self.report.diagnostics.iter().map(|d| status(d.code)).max().unwrap_or(MODEL)
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Failure {
        Failure { report }
    }
}

fn status(code: Code) -> u8 {
    match code {
        Code::Usage | Code::Read | Code::Write | Code::BadName | Code::NoTool => USAGE,
        Code::Budget => BUDGET,
        Code::Mismatch => MISMATCH,
        Code::Internal | Code::Invariant | Code::PlanRejected => INTERNAL,
        _ => MODEL,
    }
}
