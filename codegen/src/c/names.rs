//! C identifiers and text that is safe inside of comments and strings.
//!
//! Every name at file scope begins with the model's prefix, so names of locals only have to avoid
//! keywords, each other, and that prefix.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Keywords of C99 to C23 and of C++, and names that the included headers or compilers define.
const RESERVED: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "i386",
    "if",
    "inline",
    "int",
    "linux",
    "long",
    "main",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unix",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
];

/// Letters, digits and single underscores, beginning with a letter; `fallback` when nothing is left.
pub fn identifier(name: &str, fallback: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !(out.is_empty() || out.ends_with('_')) {
            out.push(c);
        }
    }
    let out = out.trim_end_matches('_');
    match out.chars().next() {
        None => fallback.to_owned(),
        Some(c) if c.is_ascii_digit() => format!("{fallback}_{out}"),
        Some(_) => out.to_owned(),
    }
}

/// Whether names in the emitted C may begin with this.
pub fn is_identifier(name: &str) -> bool {
    identifier(name, "") == name && !RESERVED.contains(&name)
}

/// First of `base`, `base_2`, `base_3`, ... that is not taken.
fn unused(base: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_owned();
    }
    (2..).map(|i| format!("{base}_{i}")).find(|n| !taken(n)).expect("there are more numbers than names")
}

/// Names at file scope.
#[derive(Debug, Default)]
pub struct Globals {
    taken: BTreeSet<String>,
}

impl Globals {
    /// Takes `wanted`, or a name like it.
    pub fn declare(&mut self, wanted: &str) -> String {
        let name = unused(wanted, |n| self.taken.contains(n));
        self.taken.insert(name.clone());
        name
    }
}

/// Names of parameters and locals in nested blocks. A name is free again where its block has ended.
#[derive(Debug)]
pub struct Locals {
    prefixes: [String; 2],
    active: Vec<String>,
}

impl Locals {
    pub fn new(prefix: &str, upper: &str) -> Locals {
        Locals { prefixes: [format!("{prefix}_"), format!("{upper}_")], active: Vec::new() }
    }

    pub fn declare(&mut self, wanted: &str) -> String {
        let mut base = identifier(wanted, "v");
        if self.prefixes.iter().any(|p| base.starts_with(p)) {
            base = format!("v_{base}");
        }
        if RESERVED.contains(&base.as_str()) || base.ends_with("_t") || base.chars().all(|c| !c.is_ascii_lowercase()) {
            base.push_str("_v");
        }
        let name = unused(&base, |n| self.active.iter().any(|a| a == n));
        self.active.push(name.clone());
        name
    }

    /// The state to come back to at the end of a block.
    pub fn mark(&self) -> usize {
        self.active.len()
    }

    pub fn release(&mut self, mark: usize) {
        self.active.truncate(mark);
    }
}

/// What a step is called after the ONNX nodes that it came from. C99 compilers need not take strings of
/// more than 4,095 characters, and nobody reads them: from [`LONGEST`] on, their number stands for them.
pub fn layer(origins: &[Arc<str>]) -> String {
    let mut name = String::new();
    for (i, origin) in origins.iter().enumerate() {
        if i > 0 && name.len() + origin.len() > LONGEST {
            return format!("{name} and {} more", origins.len() - i);
        }
        name = if i == 0 { origin.chars().take(LONGEST).collect() } else { format!("{name}, {origin}") };
    }
    name
}

const LONGEST: usize = 1000;

/// Text that neither ends a comment nor begins one, contains no trigraph, no line break and no
/// character outside of ASCII.
pub fn comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\\' => '/',
            c if c.is_ascii() && !c.is_ascii_control() => c,
            _ => '_',
        };
        if matches!((out.chars().last(), c), (Some('*'), '/') | (Some('/'), '*') | (Some('?'), '?')) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// A string literal of ASCII characters.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '?' => out.extend(['\\', c]),
            c if c.is_ascii() && !c.is_ascii_control() => out.push(c),
            _ => out.push('_'),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_plain() {
        for (name, want) in [("conv1/Relu:0", "conv1_Relu_0"), ("é", "v"), ("1x", "v_1x"), ("__a__b", "a_b")] {
            assert_eq!(identifier(name, "v"), want);
        }
    }

    #[test]
    fn locals_avoid_keywords_each_other_and_globals() {
        let mut l = Locals::new("kws", "KWS");
        let names: Vec<String> =
            ["int", "class", "x", "x", "kws_run", "KWS_OK", "int8_t", "N"].iter().map(|n| l.declare(n)).collect();
        assert_eq!(names, ["int_v", "class_v", "x", "x_2", "v_kws_run", "v_KWS_OK", "int8_t_v", "N_v"]);
        let mark = l.mark();
        assert_eq!(l.declare("i"), "i");
        l.release(mark);
        assert_eq!(l.declare("i"), "i");
    }

    #[test]
    fn names_of_layers_are_short() {
        let names: Vec<Arc<str>> = (0..900).map(|i| format!("node{i}").into()).collect();
        assert_eq!(layer(&names[..2]), "node0, node1");
        let all = layer(&names);
        assert!(all.len() < LONGEST + 20 && all.ends_with(" more"), "{all}");
        assert_eq!(layer(&["x".repeat(5000).into()]).len(), LONGEST);
        assert_eq!(layer(&[]), "");
    }

    #[test]
    fn comments_stay_comments() {
        for text in ["a*/b", "/*", "??/\n", "*\\", "/**/", "a\\\n", "naïve", "???"] {
            let out = comment(text);
            assert!(!out.contains("*/") && !out.contains("/*") && !out.contains("??"), "{out}");
            assert!(out.is_ascii() && !out.contains(['\n', '\\']), "{out}");
        }
        assert_eq!(string("a\"b\\c??\n"), r#""a\"b\\c\?\?_""#);
    }
}
