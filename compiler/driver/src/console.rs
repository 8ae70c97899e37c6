//! Where results and messages go, in which form, and what is said while something takes its time.

use crate::cli::{Color, DiagnosticFormat, MessageArgs};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::stages::Stages;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::ffi::OsString;
use std::io::Write;
use std::time::Instant;
use tinyc_core::diag::{Code, Diagnostic, Report, Severity};

pub struct Console<'a> {
    stdout: &'a mut (dyn Write + 'a),
    stderr: &'a mut (dyn Write + 'a),
    color: bool,
    verbose: bool,
    quiet: bool,
    json: bool,
    /// With `--time-passes`.
    stages: Option<Stages>,
    /// On a terminal, unless quiet.
    progress: Option<Progress>,
}

/// A diagnostic as one line of JSON; a plain message has neither code nor site.
#[derive(Serialize)]
struct Line<'a> {
    severity: String,
    code: Option<&'a str>,
    message: &'a str,
    file: Option<&'a str>,
    node: Option<&'a str>,
    op_type: Option<&'a str>,
    opset: Option<i64>,
    notes: &'a [String],
    help: Option<&'a str>,
}

impl Line<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }
}

/// Whether a command line that cannot be parsed asks for JSON.
pub fn wants_json(args: &[OsString]) -> bool {
    let pairs = args.iter().zip(args.iter().skip(1));
    args.iter().any(|a| a == "--diagnostic-format=json")
        || pairs.into_iter().any(|(a, b)| a == "--diagnostic-format" && b == "json")
}

impl<'a> Console<'a> {
    /// `terminal`: messages go to a terminal that takes colours.
    pub fn new(
        stdout: &'a mut (dyn Write + 'a),
        stderr: &'a mut (dyn Write + 'a),
        args: &MessageArgs,
        terminal: bool,
    ) -> Console<'a> {
        let json = args.diagnostic_format == DiagnosticFormat::Json;
        let color = match args.color {
            Color::Auto => terminal,
            Color::Always => true,
            Color::Never => false,
        };
        Console {
            stdout,
            stderr,
            color,
            verbose: args.verbose,
            quiet: args.quiet,
            json,
            stages: args.time_passes.then(Stages::default),
            progress: (terminal && !args.quiet && !json).then(Progress::start),
        }
    }

    /// Does a part of the work under a name. `size` tells of its result.
    pub fn stage<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Console<'a>) -> Result<T, Failure>,
        size: impl FnOnce(&T) -> String,
    ) -> Result<T, Failure> {
        if let Some(progress) = &self.progress {
            progress.say(name);
        }
        let start = Instant::now();
        let result = work(self)?;
        if let Some(stages) = &mut self.stages {
            stages.add(name, start.elapsed(), size(&result));
        }
        Ok(result)
    }

    /// Shows how many samples of how many are done; from any thread.
    pub fn counter(&self, what: &str) -> impl Fn(usize, usize) + Sync + use<> {
        let bar = self.progress.as_ref().map(Progress::counter);
        let what = what.to_owned();
        move |done, of| {
            if let Some(bar) = &bar {
                bar(&what, done, of);
            }
        }
    }

    /// The end of all stages.
    pub fn finish(&mut self) {
        self.progress = None;
        if let Some(stages) = self.stages.take() {
            self.say(stages.text().trim_end());
        }
    }

    /// A result, to stdout.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
    }

    /// A result that need not be text.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let stdout = &mut self.stdout;
        aside(self.progress.as_ref(), || stdout.write_all(bytes)).map_err(|e| stdout_failed(&e))
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|e| stdout_failed(&e))
    }

    /// A message, to stderr.
    pub fn say(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        if !self.json {
            return self.write(text);
        }
        let severity = Severity::Note.to_string();
        let line = Line {
            severity,
            code: None,
            message: text,
            file: None,
            node: None,
            op_type: None,
            opset: None,
            notes: &[],
            help: None,
        };
        self.write(&line.text());
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
        let texts: Vec<String> = shown.map(|d| if self.json { json(d) } else { self.render(d) }).collect();
        if !texts.is_empty() {
            self.write(&texts.join(if self.json { "\n" } else { "\n\n" }));
        }
        let errors = report.errors();
        if errors > 1 && !self.json {
            self.write(&format!("\n{errors} errors"));
        }
    }

    fn write(&mut self, text: &str) {
        let stderr = &mut self.stderr;
        let _ = aside(self.progress.as_ref(), || writeln!(stderr, "{text}"));
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

fn aside<T>(progress: Option<&Progress>, print: impl FnOnce() -> T) -> T {
    match progress {
        Some(progress) => progress.aside(print),
        None => print(),
    }
}

fn json(d: &Diagnostic) -> String {
    let site = d.site.as_deref();
    let line = Line {
        severity: d.severity.to_string(),
        code: Some(d.code.id),
        message: &d.message,
        file: d.file.as_deref(),
        node: site.map(|s| &*s.node),
        op_type: site.map(|s| &*s.op_type),
        opset: site.and_then(|s| s.opset),
        notes: &d.notes,
        help: d.help.as_deref(),
    };
    line.text()
}

fn stdout_failed(e: &std::io::Error) -> Failure {
    Failure::new(Code::Write, format!("cannot write to stdout: {e}"))
}
