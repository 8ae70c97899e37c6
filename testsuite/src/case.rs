//! Case files: input, how to run it, and what must come out, in one readable file.
//!
//! ```text
//! # What the case shows.
//! exit: 1
//! --- model
//! <ir_version: 8, opset_import: ["" : 17]>
//! g (float[1] x) => (float[1] y) { y = Nope(x) }
//! --- stderr
//! error[E0103]: Nope is not supported
//! ```
//!
//! Lines of comment, lines `key: value`, then sections. Knows nothing of what they mean.

use std::path::{Path, PathBuf};
use std::{fs, io};

#[derive(Debug)]
pub struct Case {
    pub path: PathBuf,
    pub comment: String,
    pub settings: Vec<(String, String)>,
    pub sections: Vec<(String, String)>,
}

impl Case {
    pub fn parse(path: &Path, text: &str) -> Result<Case, String> {
        let mut case =
            Case { path: path.to_owned(), comment: String::new(), settings: Vec::new(), sections: Vec::new() };
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("--- ") {
                case.sections.push((name.to_owned(), String::new()));
            } else if let Some((_, text)) = case.sections.last_mut() {
                *text += line;
                text.push('\n');
            } else if line.starts_with('#') {
                case.comment += line;
                case.comment.push('\n');
            } else if let Some((key, value)) = line.split_once(": ") {
                case.settings.push((key.to_owned(), value.to_owned()));
            } else {
                return Err(format!("{}: cannot read {line:?}", path.display()));
            }
        }
        if case.comment.is_empty() {
            return Err(format!("{}: must begin with a comment that says what it shows", path.display()));
        }
        Ok(case)
    }

    /// All values of a key.
    pub fn settings<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.settings.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn setting<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.settings(key).next()
    }

    pub fn section(&self, name: &str) -> Option<&str> {
        self.sections.iter().find(|(n, _)| n == name).map(|(_, t)| t.as_str())
    }

    /// The file with another text in one section.
    pub fn with_section(&self, name: &str, new: &str) -> String {
        let mut text = self.comment.clone();
        for (key, value) in &self.settings {
            text += &format!("{key}: {value}\n");
        }
        for (section, old) in &self.sections {
            text += &format!("--- {section}\n{}", if section == name { new } else { old });
        }
        if self.section(name).is_none() {
            text += &format!("--- {name}\n{new}");
        }
        text
    }
}

/// All `.case` files of a folder of `testsuite/cases`, sorted by name.
pub fn all(folder: &str) -> io::Result<Vec<Result<Case, String>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(folder);
    let mut paths = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == "case"));
    paths.sort();
    paths.iter().map(|p| Ok(Case::parse(p, &fs::read_to_string(p)?))).collect()
}
