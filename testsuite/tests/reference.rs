//! Reference pages are generated from the code's own tables; this test fails where a page is stale.
//!
//! `TINYC_UPDATE_DOCS=1 cargo test -p tinyc-testsuite --test reference` writes them anew.

#![allow(clippy::unwrap_used)]

use clap::CommandFactory;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tinyc::cli::Cli;
use tinyc::device::Device;
use tinyc_codegen::targets::{Board, LOOP_BYTES, Target};
use tinyc_core::attrs::{AttrKind, AttrSpec};
use tinyc_core::diag::CODES;
use tinyc_core::op::{Import, OpId, Operand, Times};
use tinyc_core::verify::INVARIANTS;
use tinyc_rewrite::PASSES;

const COMMAND: &str = "TINYC_UPDATE_DOCS=1 cargo test -p tinyc-testsuite --test reference";

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)
}

/// Compares a file under `docs` with what it should hold, or writes that.
#[track_caller]
fn check(page: &str, want: &str) {
    if std::env::var_os("TINYC_UPDATE_DOCS").is_some() {
        fs::create_dir_all(path(page).parent().unwrap()).unwrap();
        fs::write(path(page), want).unwrap();
    }
    let have = fs::read_to_string(path(page)).unwrap_or_default();
    let differs = have.lines().zip(want.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(have.lines().count().min(want.lines().count())) + 1;
    assert!(have == want, "docs/{page} is stale from line {line} on; `{COMMAND}` writes it anew");
}

/// The same for what stands between two marks in a page that is otherwise written by hand.
#[track_caller]
fn check_section(page: &str, name: &str, want: &str) {
    let text = fs::read_to_string(path(page)).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).expect("the page has the mark");
    let (_, after) = rest.split_once(&end).expect("the page has the mark");
    check(page, &format!("{before}{begin}{want}{end}{after}"));
}

fn page(title: &str, printed_by: &str) -> String {
    format!("# {title}\n\n<!-- Written by `{COMMAND}`; do not edit. -->\n\nOn the command line: `{printed_by}`.\n")
}

/// For a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn operand(o: &Operand) -> String {
    match o.times {
        Times::Once => format!("`{}`", o.name),
        Times::Optional => format!("`{}` (optional)", o.name),
        Times::Variadic => format!("`{}` (one or more)", o.name),
    }
}

fn import(i: &Import) -> String {
    let domain = if i.domain.is_empty() { String::new() } else { format!("{}.", i.domain) };
    let versions = match i.until {
        i64::MAX => format!("from {}", i.since),
        until => format!("{} to {until}", i.since),
    };
    format!("{domain}{} {versions}", i.op_type)
}

fn attribute(a: &AttrSpec) -> String {
    let kind = match a.kind {
        AttrKind::Bool => "bool".to_owned(),
        AttrKind::Int => "integer".to_owned(),
        AttrKind::Ints => "integers".to_owned(),
        AttrKind::Float => "float".to_owned(),
        AttrKind::Floats => "floats".to_owned(),
        AttrKind::Word(words) => words.join(", "),
        AttrKind::DType => "element type".to_owned(),
    };
    format!("| `{}` | {} | {} |\n", a.name, cell(&kind), cell(a.doc))
}

#[test]
fn operators() {
    let mut s = page("Operators", "tinyc ops");
    s += "\nOperators of the graph, each with the ONNX operators and operator versions that it reads. ";
    s += "ONNX operators that only move constants and names (Constant, Identity, ...) become no operator.\n";
    let mut all: Vec<_> = OpId::ALL.iter().map(|id| id.op()).collect();
    all.sort_by_key(|op| op.name());
    for op in all {
        let operands: Vec<_> = op.operands().iter().map(operand).collect();
        let imports: Vec<_> = op.imports().iter().map(import).collect();
        write!(s, "\n## {}\n\n{}\n\n", op.name(), op.doc()).unwrap();
        let reads =
            if imports.is_empty() { "Rules make it.".into() } else { format!("Reads ONNX {}.", imports.join(", ")) };
        writeln!(s, "Operands: {}. {reads}", operands.join(", ")).unwrap();
        if !op.attrs().is_empty() {
            s += "\n| attribute | kind | meaning |\n|---|---|---|\n";
            s.extend(op.attrs().iter().map(attribute));
        }
        if let Some(example) = op.examples().first() {
            write!(s, "\n```text\n{example}\n```\n").unwrap();
        }
    }
    check("reference/operators.md", &s);
}

#[test]
fn errors() {
    let mut s = page("Diagnostics", "tinyc explain");
    for code in CODES {
        write!(s, "\n## {}: {}\n\n{}\n", code.id, code.title, code.explanation).unwrap();
    }
    check("reference/errors.md", &s);
}

#[test]
fn invariants() {
    let rows = INVARIANTS.iter().map(|i| format!("| {} | {} |\n", i.id, cell(i.text)));
    let table: String = rows.collect();
    check_section("architecture.md", "invariants", &format!("| | holds for every graph |\n|---|---|\n{table}"));
}

#[test]
fn command_line() {
    let mut s = page("Command line", "tinyc --help");
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let commands = cli.get_subcommands().filter(|c| c.get_name() != "help").cloned();
    for mut command in std::iter::once(cli.clone()).chain(commands) {
        let name = command.get_bin_name().unwrap_or("tinyc").to_owned();
        let help = command.render_long_help().to_string();
        let help: Vec<_> = help.lines().map(str::trim_end).collect();
        write!(s, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end()).unwrap();
    }
    check("reference/command-line.md", &s);
}

#[test]
fn targets() {
    let mut s = page("Targets", "tinyc targets");
    s += "\n`--target` takes a core or one of the [boards](#boards). A core is what instructions there are, and how C compilers spell and select them. The C for any of \
          them compiles everywhere: where the condition does not hold, instructions are replaced by their portable \
          meaning, with the same results.\n";
    for t in Target::ALL {
        write!(s, "\n## {}\n\n{}.\n\n| | |\n|---|---|\n", t.name, t.doc).unwrap();
        let mut row = |what: &str, value: String| {
            if !value.is_empty() {
                writeln!(s, "| {what} | {} |", cell(&value)).unwrap();
            }
        };
        let code = |v: &str| if v.is_empty() { String::new() } else { format!("`{v}`") };
        row("compiler that `--max-flash` asks", code(t.compiler));
        row("its flags", code(&t.c_flags.join(" ")));
        row("clang's", code(&if t.triple.is_empty() { String::new() } else { format!("--target={}", t.triple) }));
        row(
            "loads and stores",
            if t.unaligned { "at any address".into() } else { "at multiples of their size".into() },
        );
        row("instructions where", code(t.condition));
        row("headers", t.headers.iter().map(|h| format!("`<{h}>`")).collect::<Vec<_>>().join(", "));
        let functions = t.library.iter().flat_map(|l| l.iter()).map(|(f, _)| format!("`{f:?}`"));
        row("library functions as instructions", functions.collect::<Vec<_>>().join(", "));
        row(
            "vectors, at most",
            if t.max_lanes > 1 { format!("{} lanes of a byte", t.max_lanes) } else { String::new() },
        );
        row("alignment of arena and weights", format!("{} bytes", t.align));
        row("machine of QEMU for `tinyc bench`", Device::of(t).map_or(String::new(), |d| code(d.machine)));
    }
    s += &"\n## Boards\n\nA board is a core with a clock and memories: code is that of the core, `tinyc bench` adds time \
          and, where power is known, energy. They are no budgets: a firmware holds more than a network, so only \
          `--max-ram` and `--max-flash` end a build, and a network that is too large for the board by itself is told \
          of. RAM is the largest memory in one piece, flash is that of the chip, power what is published (energy by \
          time in the logs of MLPerf Tiny); a dash where it is a chip of its own, or not known. *Waits* are cycles beyond \
          the first until a line of flash is there at that clock, *caches* what is kept of code and of data: the \
          estimate for a board adds what a layer waits for constants that its cache does not hold. Loops of \
          schedules have at most {LOOP} bytes of code, which all caches of code hold.\n\n\
          | board | | core | clock | RAM | flash | power | waits | line | caches | source |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n"
    .replace("{LOOP}", &LOOP_BYTES.to_string());
    for b in Board::ALL {
        let kib = |n: usize| format!("{} KiB", n / 1024);
        let flash = b.flash.map_or("-".to_owned(), kib);
        let power = b.power_mw.map_or("-".to_owned(), |(lo, hi)| format!("{lo} to {hi} mW"));
        let (clock, ram) = (b.clock_hz / 1_000_000, kib(b.ram));
        let [waits, line, caches, source] = b.fetch.as_ref().map_or(["-", "-", "-", ""].map(str::to_owned), |f| {
            let caches =
                if f.code_cache == 0 { "none".to_owned() } else { format!("{} / {} B", f.code_cache, f.data_cache) };
            [f.waits.to_string(), format!("{} B", f.line), caches, cell(f.source)]
        });
        let (name, doc, core) = (b.name, cell(b.doc), b.core.name);
        writeln!(
            s,
            "| {name} | {doc} | {core} | {clock} MHz | {ram} | {flash} | {power} | {waits} | {line} | {caches} | {source} |"
        )
        .unwrap();
    }
    check("reference/targets.md", &s);
}

#[test]
fn passes() {
    let mut s = page("Passes", "tinyc model.onnx -o - --emit graph --print-ir-after");
    s += "\nPasses run in this order, again and again until none changes anything. They keep what the network \
          computes to the bit, unless their line says how they round.\n\n| pass | what it does |\n|---|---|\n";
    s.extend(PASSES.iter().map(|p| format!("| `{}` | {} |\n", p.name, cell(p.doc))));
    check("reference/passes.md", &s);
}

#[test]
fn rules() {
    let mut s = page("Rewriting rules", "tinyc rules");
    s += "\nEach rule is an equality. The optimizer adds its right form wherever the left one is found, and takes what is \
          cheapest on the target. *Exact* rules keep every bit; of the others the largest difference is given that their \
          two forms may have on operands of about 1, relative to 1 and the element. `?a` stands for attributes, `?x*...` \
          for any number of operands, `_` for an absent one.\n";
    for subject in tinyc_rewrite::rules::SUBJECTS {
        write!(s, "\n## {}\n", subject.name).unwrap();
        for rule in subject.rules {
            s += &format!("\n### {}\n\n{} {}\n\n", rule.name, rule.doc, rule.accuracy);
            s += &format!("```text\n{}\n=> {}\n```\n\nFor example:\n\n", rule.from, rule.to);
            s += &format!("```text\n{}```\n", tinyc_rewrite::example::shown(rule, rule.examples[0]).unwrap());
        }
    }
    check("reference/rules.md", &s);
}
