//! Diagnostics: what is wrong, where in the user's model, and what to do about it.
//!
//! Every diagnostic has a code from the one table in `codes`. Stages collect diagnostics in a
//! [`Report`] so that all problems of a stage are shown at once. Rendering is plain text; colour
//! belongs to the driver.

mod codes;

pub use codes::{CODES, Code};

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// The ONNX node that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Node name as in the model; where that is empty, `#index`.
    pub node: String,
    /// ONNX operator, with its domain unless that is the default one.
    pub op_type: String,
    /// Opset version that the model imports for the operator's domain, if it does.
    pub opset: Option<i64>,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    pub message: String,
    /// File name as the user gave it.
    pub file: Option<String>,
    pub site: Option<Box<Site>>,
    /// Facts such as operand types, one a line.
    pub notes: Vec<String>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: None,
            site: None,
            notes: Vec::new(),
            help: None,
        }
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn at(mut self, site: Site) -> Diagnostic {
        self.site = Some(Box::new(site));
        self
    }

    pub fn in_file(mut self, file: impl Into<String>) -> Diagnostic {
        self.file = Some(file.into());
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// ```text
/// error[E0203]: gemm: inner dimensions differ: 64 and 128
///   --> model.onnx: node "/fc1/Gemm" (Gemm, opset 13)
///    = input 0 "flat" : f32[1,64]
///    = help: ...
/// ```
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        match (&self.file, &self.site) {
            (None, None) => {}
            (Some(file), None) => write!(f, "\n  --> {file}")?,
            (file, Some(s)) => {
                let file = file.as_deref().map_or(String::new(), |x| format!("{x}: "));
                write!(f, "\n  --> {file}node {:?} ({}", s.node, s.op_type)?;
                match s.opset {
                    None => f.write_str(")")?,
                    Some(opset) => write!(f, ", opset {opset})")?,
                }
            }
        }
        for note in &self.notes {
            write!(f, "\n   = {note}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n   = help: {help}")?;
        }
        Ok(())
    }
}

/// The diagnostics of a stage, in the order found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub fn push(&mut self, d: Diagnostic) {
        self.diagnostics.push(d);
    }

    pub fn extend(&mut self, other: Report) {
        self.diagnostics.extend(other.diagnostics);
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Names the file in every diagnostic that names none.
    pub fn in_file(mut self, file: &str) -> Report {
        for d in &mut self.diagnostics {
            d.file.get_or_insert_with(|| file.to_owned());
        }
        self
    }
}

impl From<Diagnostic> for Report {
    fn from(d: Diagnostic) -> Report {
        Report { diagnostics: vec![d] }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            writeln!(f, "{d}")?;
        }
        Ok(())
    }
}

/// What an operator finds wrong with its operands or attributes. The caller knows the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpError {
    pub code: Code,
    pub message: String,
    pub help: Option<String>,
}

impl OpError {
    pub fn new(code: Code, message: impl Into<String>) -> OpError {
        OpError { code, message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> OpError {
        self.help = Some(help.into());
        self
    }

    pub fn diagnostic(self) -> Diagnostic {
        Diagnostic { help: self.help, ..Diagnostic::error(self.code, self.message) }
    }
}
