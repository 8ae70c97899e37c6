//! Case files of graphs in text form: what they parse to, what the verifier says, what passes make
//! of them. `tinyc_testsuite::case` describes the files; the sections here are
//!
//! - `parse`: `graph`, and `printed` or `errors`;
//! - `verify`: `graph`, read without checks, and `errors`; the file's name begins with the invariant;
//! - `optimize`: `graph`, and `printed` after the passes that the setting `pass` names, with inputs in the
//!   ranges `input-range` (`NAME=LO:HI`), and exactly where the setting `exact` is `true`.
//!
//! `UPDATE_CASES=1` writes what comes out into the files, to be read before it is committed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::diag::Report;
use tinyc_core::graph::Graph;
use tinyc_core::text;
use tinyc_core::verify::{INVARIANTS, verify};
use tinyc_rewrite::{Options, Pass};
use tinyc_testsuite::case::{self, Case};

/// What comes out of a case: the name of its section, and the text.
type Outcome = (&'static str, String);

fn run(folder: &str, outcome: fn(&Case, &str) -> Outcome) {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    let cases = case::all(folder).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let case = case.unwrap();
        let input = case.section("graph").unwrap_or_else(|| panic!("{}: needs a section graph", case.path.display()));
        let (section, text) = outcome(&case, input);
        if update {
            fs::write(&case.path, case.with_section(section, &text)).unwrap();
        } else if case.section(section) != Some(text.as_str()) {
            wrong.push(format!("{}: {section} is\n{text}", case.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn outcome(result: Result<String, Report>) -> Outcome {
    match result {
        Ok(text) => ("printed", text),
        Err(report) => ("errors", report.to_string()),
    }
}

#[test]
fn parsing() {
    run("parse", |_, input| {
        outcome(text::parse(input, &[]).map(|graph| {
            let printed = text::print(&graph);
            let again = text::print(&text::parse(&printed.text, &printed.data).unwrap());
            assert_eq!(printed.text, again.text);
            printed.text
        }))
    });
}

#[test]
fn verifying() {
    run("verify", |case, input| {
        let graph: Graph = text::parse_unchecked(input, &[]).unwrap_or_else(|e| panic!("{}: {e}", case.path.display()));
        let report = verify(&graph).err().unwrap_or_else(|| panic!("{}: is accepted", case.path.display()));
        let file = case.path.file_name().unwrap().to_string_lossy().to_uppercase();
        let first = &report.diagnostics[0].message;
        assert!(first.starts_with(&file[..3]), "{file}: {first}");
        ("errors", report.to_string())
    });
}

#[test]
fn every_invariant_has_a_failing_case() {
    let cases: Vec<Case> = case::all("verify").unwrap().into_iter().map(|c| c.unwrap()).collect();
    for i in INVARIANTS {
        let prefix = i.id.to_lowercase();
        let found = cases.iter().any(|c| c.path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&prefix)));
        assert!(found, "{} ({})", i.id, i.text);
    }
}

/// `NAME=LO:HI`.
fn range(text: &str) -> Option<(String, (f64, f64))> {
    let (name, range) = text.rsplit_once('=')?;
    let (lo, hi) = range.split_once(':')?;
    Some((name.to_owned(), (lo.parse().ok()?, hi.parse().ok()?)))
}

#[test]
fn optimizing() {
    run("optimize", |case, input| {
        let mut graph = text::parse(input, &[]).unwrap_or_else(|e| panic!("{}: {e}", case.path.display()));
        let cost = CodegenCost::new(Target::find("generic").unwrap(), Io::Caller);
        let ranges = case.settings("input-range").map(|r| range(r).unwrap_or_else(|| panic!("{r} is no range")));
        let options = Options {
            input_ranges: ranges.collect(),
            exact: case.setting("exact") == Some("true"),
            ..Options::new(&cost)
        };
        for name in case.settings("pass") {
            let pass = Pass::find(name).unwrap_or_else(|| panic!("{}: no pass {name}", case.path.display()));
            (pass.run)(&mut graph, &options).unwrap();
            assert_eq!(
                (pass.run)(&mut graph, &options).unwrap().changes,
                0,
                "{}: {name} changes its own result",
                case.path.display()
            );
        }
        verify(&graph).unwrap();
        ("printed", text::print(&graph).text)
    });
}
