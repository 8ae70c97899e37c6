//! The book under `docs` holds together: every page is in its table of contents, links and anchors
//! resolve, command lines parse, C compiles, and the example that the tutorial ends with runs.
//!
//! Generated pages are checked by `reference`. README.md is held to the same, as far as it applies.

#![allow(clippy::unwrap_used)]

use clap::Parser as _;
use clap::error::ErrorKind;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc::cli::Cli;
use tinyc::depfile::long_options;
use tinyc_testsuite::cc::{self, Folder};
use tinyc_testsuite::command::tinyc;
use tinyc_testsuite::shared;

/// What a code block may say that it is. C that is to compile by itself, after `#include`s of networks,
/// is `c,compile`.
const LANGUAGES: &[&str] = &["sh", "c", "c,compile", "cmake", "make", "python", "text"];

/// Networks whose headers the C in the book includes. All are the example's.
const NETWORKS: &[&str] = &["digits", "kws", "vad", "model"];

struct Page {
    /// From the root of the repository.
    path: PathBuf,
    anchors: BTreeSet<String>,
    links: Vec<String>,
    /// Language and text.
    code: Vec<(String, String)>,
}

/// The anchor that mdBook (and GitHub) give a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().chars().collect::<Vec<_>>().into_iter().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

fn page(path: &Path) -> Page {
    let text = fs::read_to_string(shared::root().join(path)).unwrap();
    let mut page = Page { path: path.to_owned(), anchors: BTreeSet::new(), links: Vec::new(), code: Vec::new() };
    let mut heading = None;
    let mut seen = BTreeMap::<String, usize>::new();
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let id = anchor(&heading.take().unwrap_or_default());
                let n = seen.entry(id.clone()).or_default();
                page.anchors.insert(if *n == 0 { id } else { format!("{id}-{n}") });
                *n += 1;
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                page.code.push((language, String::new()));
            }
            Event::Text(t) | Event::Code(t) => match (&mut heading, page.code.last_mut()) {
                (Some(h), _) => *h += &t,
                // Text behind a block as well, which nobody reads: a block is over at its end.
                (None, Some((_, code))) if !code.ends_with(END) => *code += &t,
                _ => {}
            },
            Event::End(TagEnd::CodeBlock) => page.code.last_mut().unwrap().1 += END,
            _ => {}
        }
    }
    page.code.iter_mut().for_each(|(_, code)| code.truncate(code.len() - END.len()));
    page
}

/// Ends a code block while a page is read.
const END: &str = "\0";

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(shared::root().join(folder)).unwrap().map(Result::unwrap) {
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

/// All pages of the book, its table of contents, and README.md.
fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md")];
    files(Path::new("docs"), &mut paths);
    paths.sort();
    paths.iter().map(|p| page(p)).collect()
}

/// `docs/how-to/../ir.md` as `docs/ir.md`; `None` when it leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    for part in path {
        match part.to_str() {
            Some("..") => drop(parts.pop()?),
            Some(".") => {}
            _ => parts.push(part),
        }
    }
    Some(parts.iter().collect())
}

#[track_caller]
fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let pages = pages();
    let summary = pages.iter().find(|p| p.path == Path::new("docs/SUMMARY.md")).expect("there is one");
    let listed: BTreeSet<PathBuf> = summary.links.iter().map(|l| Path::new("docs").join(l)).collect();
    assert_eq!(listed.len(), summary.links.len(), "a page is listed twice");
    let written = pages.iter().map(|p| p.path.clone()).filter(|p| p.starts_with("docs"));
    let written: BTreeSet<PathBuf> = written.filter(|p| p != Path::new("docs/SUMMARY.md")).collect();
    assert_eq!(listed, written);
}

#[test]
fn links_and_anchors_resolve() {
    let pages = pages();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for page in &pages {
        for link in page.links.iter().filter(|l| !l.starts_with("https://")) {
            checked += 1;
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let to = match file {
                "" => Some(page.path.clone()),
                _ => normal(&page.path.parent().unwrap().join(file)),
            };
            let book = page.path.starts_with("docs");
            let there = to.as_ref().filter(|t| {
                let target = shared::root().join(t);
                // The rendered book has the files under docs, and no listings of folders.
                if book { target.is_file() && t.starts_with("docs") } else { target.exists() }
            });
            let there = there.is_some_and(|t| match anchor {
                None => true,
                Some(a) => pages.iter().any(|p| p.path == *t && p.anchors.contains(a)),
            });
            if !there {
                wrong.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert_none(wrong);
    assert!(checked > 50, "{checked} links");
}

/// The words of a shell command up to the first pipe, redirection or comment; quotes are taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quote, mut open) = (None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, '|' | '>' | ';' | '&') => break,
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, c) if c.is_whitespace() => {
                if open || words.last().is_some_and(|w| !w.is_empty()) {
                    words.push(String::new());
                }
                open = false;
            }
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    if words.last().is_some_and(String::is_empty) && !open {
        words.pop();
    }
    words
}

#[test]
fn command_lines_parse() {
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for page in pages() {
        for (language, code) in &page.code {
            if !LANGUAGES.contains(&language.as_str()) {
                wrong.push(format!("{}: a code block in {language:?}", page.path.display()));
            }
            if language != "sh" {
                continue;
            }
            for line in code.replace("\\\n", " ").lines().filter(|l| l.trim_start().starts_with("tinyc ")) {
                parsed += 1;
                if let Err(e) = Cli::try_parse_from(long_options(words(line).into_iter().map(Into::into)))
                    && !matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
                {
                    wrong.push(format!("{}: {line}\n{e}", page.path.display()));
                }
            }
        }
    }
    assert_none(wrong);
    assert!(parsed > 20, "{parsed} command lines");
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words("tinyc a.onnx  -o 'b c'   # why"), ["tinyc", "a.onnx", "-o", "b c"]);
    assert_eq!(words(r#"tinyc x --cflags "" > y"#), ["tinyc", "x", "--cflags", ""]);
}

#[test]
fn c_compiles() {
    if !cc::have("gcc") {
        return;
    }
    let folder = Folder::new();
    let model = shared::digits().0.display().to_string();
    for name in NETWORKS {
        let output = folder.path().join(format!("{name}.c")).display().to_string();
        let run = tinyc([&model, "-o", &output, "--name", name, "--hook", "--selftest"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
    let mut wrong = Vec::new();
    let mut compiled = 0;
    for page in pages() {
        for (_, code) in page.code.iter().filter(|(language, _)| language == "c,compile") {
            let source = folder.write("snippet.c", code);
            let mut gcc = Command::new("gcc");
            gcc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]).arg(source);
            let made = gcc.output().unwrap();
            compiled += 1;
            if !made.status.success() {
                wrong.push(format!("{}: {}", page.path.display(), String::from_utf8_lossy(&made.stderr)));
            }
        }
    }
    assert_none(wrong);
    assert!(compiled > 4, "{compiled} pieces of C");
}

/// What the tutorial ends with: the network on an emulated board, by the script that it names.
#[test]
fn the_board_classifies_digits() {
    if !(cc::have("arm-none-eabi-gcc") && cc::have("qemu-system-arm")) {
        return;
    }
    let folder = Folder::new();
    let mut script = Command::new(shared::root().join("docs/examples/board/run.sh"));
    let run = script.arg(folder.path()).env("TINYC", env!("CARGO_BIN_EXE_tinyc-under-test")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{stdout}{stderr}");
    let said = stdout.lines().find(|l| l.ends_with("digits are right")).expect("it says how many are right");
    let tutorial = fs::read_to_string(shared::root().join("docs/tutorial/board.md")).unwrap();
    assert!(tutorial.contains(&format!("`{said}`")), "the tutorial says something else than {said:?}");
}
