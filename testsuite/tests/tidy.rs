//! Laws of the source tree that a compiler does not check. All violations are listed at once.
//!
//! Relies on the files of the workspace only, and reads Cargo.toml files line by line: they are
//! written in the plain form `name.workspace = true`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders at the top; those that begin with a dot come beside them.
const TOP: &[&str] = &["codegen", "compiler", "docs", "passes", "target", "testsuite"];

/// What each crate of the workspace may depend on, tests included. Passes and code generation never
/// see each other.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("tinyc-core", &[]),
    ("tinyc-compress", &["tinyc-core"]),
    ("tinyc-rewrite", &["tinyc-core"]),
    ("tinyc-codegen", &["tinyc-core"]),
    ("tinyc", &["tinyc-core", "tinyc-compress", "tinyc-rewrite", "tinyc-codegen"]),
    ("tinyc-testsuite", &["tinyc-core", "tinyc-compress", "tinyc-rewrite", "tinyc-codegen", "tinyc"]),
];

/// Crates that only one place names.
const NAMED_ONLY_IN: &[(&str, &str)] = &[
    ("petgraph", "compiler/core/src/graph.rs"),
    ("prost", "compiler/core/src/onnx/"),
    ("egg", "passes/rewrite/src/"),
    ("inkwell", "codegen/src/llvm/"),
];

/// Only the driver (and tests) touch files, processes and the environment.
const PURE: &[&str] = &["compiler/core/src/", "passes/", "codegen/src/"];
const IMPURE_PATHS: &[&str] = &["std::fs", "std::process", "std::net", "std::env"];

const MAX_LINES: usize = 400;
const LONG: &str = "Longer than 400 lines:";
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "common", "manager", "misc"];

/// A file of the workspace: path from its root, with `/`, and text.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }

    /// The `//!` lines at the top.
    fn header(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|l| l.starts_with("//!"))
    }

    /// Numbered lines without line comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, l)| (i + 1, l.split("//").next().unwrap_or(l)))
    }

    /// Numbered lines of code outside of tests, which stand at the end of a file or in their own.
    fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let test = self.path.contains("/tests/") || self.stem().ends_with("tests");
        self.code().take_while(move |(_, l)| !test && !l.contains("#[cfg(test)]"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All text files with one of these extensions, outside of `target` and folders with a dot.
fn files() -> Vec<File> {
    const TEXT: &[&str] = &["rs", "toml", "md", "sh", "py", "c", "h", "snap", "txt"];
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| TEXT.iter().any(|t| e == *t)) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|f| f.path == "testsuite/tests/tidy.rs"), "the walk found the workspace");
    files
}

/// Whether `word` stands in `line` on its own, not within a longer identifier.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(i, _)| {
        !line[..i].chars().next_back().is_some_and(part) && !line[i + word.len()..].chars().next().is_some_and(part)
    })
}

/// `(section, key)` of each entry of a Cargo.toml, with the crate name cut from `name.workspace`.
fn entries(toml: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in toml.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        if let Some(s) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            section = s.to_owned();
        } else if let Some((key, _)) = line.split_once('=') {
            let key = key.split('.').next().unwrap_or(key).trim();
            entries.push((section.clone(), key.to_owned()));
        }
    }
    entries
}

/// The value of `key = "value"` under `[package]`.
fn package_name(toml: &str) -> Option<&str> {
    let line = toml.lines().skip_while(|l| *l != "[package]").find(|l| l.starts_with("name = "))?;
    line.split('"').nth(1)
}

/// Crate manifests by package name.
fn manifests(files: &[File]) -> BTreeMap<&str, &File> {
    let crates = files.iter().filter(|f| f.path.ends_with("/Cargo.toml"));
    crates.filter_map(|f| package_name(&f.text).map(|name| (name, f))).collect()
}

#[track_caller]
fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn files_say_what_they_hold() {
    let mut bad = Vec::new();
    for f in files().iter().filter(|f| f.is_rust()) {
        if f.header().next().is_none() {
            bad.push(format!("{}: does not start with `//!`: what it holds, relies on, must not know", f.path));
        }
        let lines = f.text.lines().count();
        if lines > MAX_LINES && !f.header().any(|l| l.contains(LONG)) {
            bad.push(format!("{}: {lines} lines; split it, or say `//! {LONG} <reason>` in its header", f.path));
        }
        if EMPTY_NAMES.contains(&f.stem()) {
            bad.push(format!("{}: the name says nothing of what it holds", f.path));
        }
    }
    assert_none(bad);
}

#[test]
fn nothing_is_left_unfinished() {
    // In two parts, so that this file does not name them itself.
    let forbidden =
        [concat!("#[ig", "nore"), concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    let marker = concat!("TO", "DO");
    let mut bad = Vec::new();
    for f in files().iter().filter(|f| [".rs", ".c", ".h", ".py", ".sh"].iter().any(|e| f.path.ends_with(e))) {
        for (i, line) in f.text.lines().enumerate() {
            for what in forbidden.iter().filter(|w| line.contains(*w)) {
                bad.push(format!("{}:{}: {what}", f.path, i + 1));
            }
            if has_word(line, marker) && !line.contains(&format!("{marker}(#")) {
                bad.push(format!("{}:{}: {marker} without the number of an issue: {marker}(#12)", f.path, i + 1));
            }
        }
    }
    assert_none(bad);
}

#[test]
fn no_path_of_someones_machine() {
    let starts = ["home", "root", "Users", "work", "farm"].map(|d| format!("/{d}/"));
    let mut bad = Vec::new();
    for f in &files() {
        for (i, line) in f.text.lines().enumerate() {
            let absolute = |at: usize| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "_.-*}".contains(c))
            };
            if starts.iter().any(|s| line.match_indices(s.as_str()).any(|(at, _)| absolute(at))) {
                bad.push(format!("{}:{}: {}", f.path, i + 1, line.trim()));
            }
        }
    }
    assert_none(bad);
}

#[test]
fn the_top_level_has_its_folders_and_no_others() {
    let mut bad = Vec::new();
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') && !TOP.contains(&name.as_str()) {
            bad.push(format!("{name}/"));
        }
    }
    assert_none(bad);
}

#[test]
fn crates_depend_as_designed() {
    let files = files();
    let manifests = manifests(&files);
    let mut bad = Vec::new();
    for (name, manifest) in &manifests {
        let Some((_, allowed)) = MAY_DEPEND.iter().find(|(n, _)| n == name) else {
            bad.push(format!("{}: {name} is not in MAY_DEPEND", manifest.path));
            continue;
        };
        for (section, key) in entries(&manifest.text) {
            let dependency = section.ends_with("dependencies") && manifests.contains_key(key.as_str());
            if dependency && !allowed.contains(&key.as_str()) {
                bad.push(format!("{}: [{section}] {key}", manifest.path));
            }
        }
    }
    bad.extend(MAY_DEPEND.iter().filter(|(n, _)| !manifests.contains_key(n)).map(|(n, _)| format!("no crate {n}")));
    assert_none(bad);
}

#[test]
fn crates_share_lints_and_package_fields() {
    let files = files();
    let mut bad = Vec::new();
    for manifest in manifests(&files).values() {
        let mut lines = manifest.text.lines().skip_while(|l| *l != "[lints]");
        if lines.nth(1) != Some("workspace = true") {
            bad.push(format!("{}: no `[lints]` with `workspace = true`", manifest.path));
        }
        for field in ["version", "edition", "rust-version", "license"] {
            if !manifest.text.lines().any(|l| l == format!("{field}.workspace = true")) {
                bad.push(format!("{}: no `{field}.workspace = true`", manifest.path));
            }
        }
    }
    assert_none(bad);
}

#[test]
fn each_library_is_named_in_one_place() {
    let mut bad = Vec::new();
    for f in files().iter().filter(|f| f.is_rust() && f.path != "testsuite/tests/tidy.rs") {
        for (library, home) in NAMED_ONLY_IN.iter().filter(|(_, home)| !f.path.starts_with(home)) {
            let uses = f.code().filter(|(_, l)| has_word(l, library));
            bad.extend(uses.map(|(n, _)| format!("{}:{n}: {library} belongs to {home}", f.path)));
        }
    }
    assert_none(bad);
}

#[test]
fn only_the_driver_does_io() {
    let mut bad = Vec::new();
    for f in files().iter().filter(|f| f.is_rust() && PURE.iter().any(|p| f.path.starts_with(p))) {
        for (n, line) in f.product_code() {
            for what in IMPURE_PATHS.iter().filter(|w| line.contains(*w)) {
                bad.push(format!("{}:{n}: {what}", f.path));
            }
        }
    }
    assert_none(bad);
}

#[test]
fn words_and_manifests_are_read_as_meant() {
    assert!(has_word("use egg::Pattern;", "egg"));
    assert!(!has_word("let eggs = nutmegg;", "egg"));
    let toml = "[dependencies]\ntinyc-core.workspace = true\n# x = 1\n[dev-dependencies]\ninsta = \"1\"\n";
    let want = [("dependencies", "tinyc-core"), ("dev-dependencies", "insta")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(entries(toml), want);
}

#[test]
fn dependencies_have_their_reasons() {
    let files = files();
    let manifests = manifests(&files);
    let used =
        manifests.values().flat_map(|m| entries(&m.text)).filter(|(section, _)| section.ends_with("dependencies"));
    let used: BTreeSet<String> = used.map(|(_, name)| name).filter(|n| !manifests.contains_key(n.as_str())).collect();
    let page = files.iter().find(|f| f.path == "docs/dependencies.md").expect("the page is there");
    let rows = page.text.lines().skip_while(|l| !l.starts_with("|---")).skip(1).take_while(|l| l.starts_with('|'));
    let first = rows.filter_map(|l| l.split('|').nth(1));
    let told: BTreeSet<String> = first.flat_map(|c| c.split(',')).map(|c| c.trim().to_owned()).collect();
    let mut bad: Vec<_> = used.difference(&told).map(|n| format!("{n}: not in docs/dependencies.md")).collect();
    bad.extend(told.difference(&used).map(|n| format!("{n}: in docs/dependencies.md, but no crate uses it")));
    assert_none(bad);
}
