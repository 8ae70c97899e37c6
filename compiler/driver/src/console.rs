//! Where results and messages go.

use crate::cli::{Color, MessageArgs};
use crate::exit::Failure;
use anstyle::{AnsiColor, Style};
use std::io::Write;
use tinyc_core::diag::{Code, Diagnostic, Report, Severity};

pub struct Console<'a> {
    stdout: &'a mut (dyn Write + 'a),
    stderr: &'a mut (dyn Write + 'a),
    color: bool,
    verbose: bool,
    quiet: bool,
}

impl<'a> Console<'a> {
    pub fn new(
        stdout: &'a mut (dyn Write + 'a),
        stderr: &'a mut (dyn Write + 'a),
        args: &MessageArgs,
        auto_color: bool,
    ) -> Console<'a> {
        let color = match args.color {
            Color::Auto => auto_color,
            Color::Always => true,
            Color::Never => false,
        };
        Console { stdout, stderr, color, verbose: args.verbose, quiet: args.quiet }
    }

    /// A result, to stdout.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.stdout.write_all(text.as_bytes()).map_err(|e| stdout_failed(&e))
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|e| stdout_failed(&e))
    }

    /// A message, to stderr.
    pub fn say(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.stderr, "{text}");
        }
    }

    /// A message that only `-v` shows.
    pub fn verbose(&mut self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.say(&text());
        }
    }

    /// Diagnostics, to stderr; all but errors are left out when quiet.
    pub fn report(&mut self, report: &Report) {
        let shown = report.diagnostics.iter().filter(|d| !self.quiet || d.severity == Severity::Error);
        let texts: Vec<String> = shown.map(|d| self.render(d)).collect();
        if !texts.is_empty() {
            let _ = writeln!(self.stderr, "{}", texts.join("\n\n"));
        }
        let errors = report.errors();
        if errors > 1 {
            let _ = writeln!(self.stderr, "\n{errors} errors");
        }
    }

    fn render(&self, d: &Diagnostic) -> String {
        let plain = d.to_string();
        if !self.color {
            return plain;
        }
        let color = match d.severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Note => AnsiColor::Cyan,
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        let head = format!("{}[{}]", d.severity, d.code);
        plain.replacen(&head, &format!("{style}{head}{style:#}"), 1)
    }
}

fn stdout_failed(e: &std::io::Error) -> Failure {
    Failure::new(Code::Write, format!("cannot write to stdout: {e}"))
}
