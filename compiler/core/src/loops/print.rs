//! Text of programs and functions: one line a statement, for eyes and diffs. Not parsed.
//!
//! `x[3 + {i - 1 in 0..8}*40 + {r ring 3}*8 + c]` is the element of `x` at offset 3, guarded in the
//! first dimension, in a ring of three positions in the second, plain in the third.

use super::index::{Atom, Index};
use super::ir::{
    Access, Binary, CallArg, Cast, Compare, Const, Expr, For, Function, Load, Mode, Reduce, Stmt, Store, Unary,
};
use super::program::{Arg, Place, Program};
use super::ty::{Scalar, Ty};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The whole program.
pub fn print(p: &Program) -> String {
    let mut out = String::new();
    let mut line = |s: String| {
        out.push_str(&s);
        out.push('\n');
    };
    let buffer = |b: usize| p.buffers.get(b).map_or_else(|| format!("?{b}"), |b| b.name.clone());
    line(format!("program {} {{", p.name));
    line(format!("  arena {} bytes, aligned to {}", p.arena_bytes, p.arena_align));
    for port in &p.inputs {
        line(format!("  input {} = {:?} : {}", buffer(port.buffer.0 as usize), port.name, port.ty));
    }
    for port in &p.outputs {
        line(format!("  output {} = {:?} : {}", buffer(port.buffer.0 as usize), port.name, port.ty));
    }
    for b in &p.buffers {
        let place = match &b.place {
            Place::Input(i) => format!("input {i}"),
            Place::Output(i) => format!("output {i}"),
            Place::Arena(offset) => format!("arena {offset}..{}", offset + b.bytes()),
            Place::Const(t) => format!("const {}", t.ty()),
        };
        line(format!("  buffer {} : {} x {} in {place}", b.name, b.len, b.elem));
    }
    for (i, s) in p.steps.iter().enumerate() {
        let args: Vec<String> = s
            .args
            .iter()
            .map(|a| match a {
                Arg::Buffer(b) => buffer(b.0 as usize),
                Arg::Index(i) => i.to_string(),
            })
            .collect();
        let name = p.functions.get(s.function.0 as usize).map_or("?", |f| &f.name);
        let origins: Vec<String> = s.origins.iter().map(|o| format!("{o:?}")).collect();
        let comment = if s.comment.is_empty() { String::new() } else { format!(", {}", s.comment) };
        line(format!("  step {i}: {name}({}) ; {}, {} MACs{comment}", args.join(", "), origins.join(" "), s.macs));
    }
    line("}".into());
    out + &functions(&p.functions)
}

/// All functions, each after a blank line.
pub fn functions(functions: &[Function]) -> String {
    functions.iter().map(|f| format!("\n{}", Printer::new(functions, f).function())).collect()
}

/// Names by number; a name that stands for several numbers gets a suffix from the second on.
fn unique(names: &[String]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    names
        .iter()
        .map(|name| {
            let n = seen.entry(name).or_default();
            *n += 1;
            if *n == 1 { name.clone() } else { format!("{name}.{n}") }
        })
        .collect()
}

struct Printer<'a> {
    functions: &'a [Function],
    function: &'a Function,
    index_names: Vec<String>,
    local_names: Vec<String>,
    out: String,
    depth: usize,
}

impl<'a> Printer<'a> {
    fn new(functions: &'a [Function], function: &'a Function) -> Printer<'a> {
        Printer {
            functions,
            function,
            index_names: unique(&function.index_names),
            local_names: unique(&function.local_names),
            out: String::new(),
            depth: 1,
        }
    }

    fn function(mut self) -> String {
        let f = self.function;
        let mode = |m| match m {
            Mode::Read => "read",
            Mode::Write => "write",
            Mode::ReadWrite => "read write",
        };
        let mut params: Vec<String> =
            f.buffers.iter().map(|b| format!("{}: {} {} x {}", b.name, mode(b.mode), b.len, b.elem)).collect();
        params.extend((0..f.index_params as usize).map(|i| format!("{}: index", self.index_name(i))));
        let micro = if f.micro { "micro " } else { "" };
        self.out = format!("{micro}fn {}({}) {{\n", f.name, params.join(", "));
        self.block(&f.body);
        self.out + "}\n"
    }

    fn index_name(&self, i: usize) -> &str {
        self.index_names.get(i).map_or("?", String::as_str)
    }

    fn line(&mut self, s: &str) {
        writeln!(self.out, "{:w$}{s}", "", w = 2 * self.depth).expect("writing to a string cannot fail");
    }

    fn block(&mut self, body: &[Stmt]) {
        for s in body {
            match s {
                Stmt::Let(l, e) => {
                    let s = format!("let {}: {} = {}", self.local(l.id), l.ty, self.expr(e));
                    self.line(&s);
                }
                Stmt::Set(l, e) => {
                    let s = format!("{} = {}", self.local(l.id), self.expr(e));
                    self.line(&s);
                }
                Stmt::Store(Store { access, value, mask }) => {
                    let mask = self.mask(mask.as_ref());
                    let s = format!("{}{mask} = {}", self.access(access, value.ty()), self.expr(value));
                    self.line(&s);
                }
                Stmt::For(For { var, lo, hi, step, body }) => {
                    let by = if *step == 1 { String::new() } else { format!(" by {step}") };
                    let name = self.index_name(var.0 as usize);
                    let s = format!("for {name} in {}..{}{by} {{", self.bound(lo), self.bound(hi));
                    self.line(&s);
                    self.depth += 1;
                    self.block(body);
                    self.depth -= 1;
                    self.line("}");
                }
                Stmt::Call(f, args) => {
                    let name = self.functions.get(f.0 as usize).map_or("?", |f| &f.name);
                    let args: Vec<String> = args
                        .iter()
                        .map(|a| match a {
                            CallArg::Buffer(b, at) if at.as_constant() == Some(0) => self.buffer(b.0).into(),
                            CallArg::Buffer(b, at) => format!("{}[{}..]", self.buffer(b.0), self.index(at)),
                            CallArg::Index(i) => self.index(i),
                        })
                        .collect();
                    let s = format!("{name}({})", args.join(", "));
                    self.line(&s);
                }
            }
        }
    }

    fn buffer(&self, b: u32) -> &str {
        self.function.buffers.get(b as usize).map_or("?", |b| &b.name)
    }

    fn local(&self, id: u32) -> &str {
        self.local_names.get(id as usize).map_or("?", String::as_str)
    }

    fn mask(&self, mask: Option<&Expr>) -> String {
        mask.map_or_else(String::new, |m| format!(" where {}", self.expr(m)))
    }

    /// The element type is shown where it is not that of the buffer.
    fn access(&self, a: &Access, ty: Ty) -> String {
        let mut parts = Vec::new();
        if a.offset != 0 || a.dims.is_empty() {
            parts.push(a.offset.to_string());
        }
        for d in &a.dims {
            let ring = d.ring.map_or_else(String::new, |m| format!(" ring {m}"));
            let bound = d.bound.map_or_else(String::new, |b| format!(" in 0..{b}"));
            let index = self.index(&d.index);
            let index = match (d.ring, d.bound) {
                (None, None) if d.stride == 1 => index,
                (None, None) => self.bound(&d.index),
                _ => format!("{{{index}{ring}{bound}}}"),
            };
            let stride = if d.stride == 1 { String::new() } else { format!("*{}", d.stride) };
            parts.push(format!("{index}{stride}"));
        }
        let same = self.function.buffers.get(a.buffer.0 as usize).is_some_and(|b| Ty::one(b.elem) == ty);
        let ty = if same { String::new() } else { format!(":{ty}") };
        format!("{}[{}]{ty}", self.buffer(a.buffer.0), parts.join(" + "))
    }

    /// In parentheses where it is a sum.
    fn bound(&self, i: &Index) -> String {
        let s = self.index(i);
        if s.contains(' ') && !s.starts_with("min(") && !s.starts_with("max(") { format!("({s})") } else { s }
    }

    fn index(&self, i: &Index) -> String {
        let mut out = String::new();
        let mut term = |negative: bool, s: String| {
            match (out.is_empty(), negative) {
                (true, true) => out.push('-'),
                (true, false) => {}
                (false, true) => out.push_str(" - "),
                (false, false) => out.push_str(" + "),
            }
            out.push_str(&s);
        };
        for (atom, k) in i.terms() {
            let factor = k.unsigned_abs();
            let s = self.atom(atom);
            term(*k < 0, if factor == 1 { s } else { format!("{factor}*{s}") });
        }
        if i.offset() != 0 || i.terms().is_empty() {
            term(i.offset() < 0, i.offset().unsigned_abs().to_string());
        }
        out
    }

    fn atom(&self, a: &Atom) -> String {
        match a {
            Atom::Var(v) => self.index_name(v.0 as usize).into(),
            Atom::Div(i, d) => format!("({} div {d})", self.bound(i)),
            Atom::Mod(i, d) => format!("({} mod {d})", self.bound(i)),
            Atom::Min(a, b) => format!("min({}, {})", self.index(a), self.index(b)),
            Atom::Max(a, b) => format!("max({}, {})", self.index(a), self.index(b)),
            Atom::Product(a, b) => format!("({} * {})", self.bound(a), self.bound(b)),
            Atom::Table(t, i) => format!("table{t:?}[{}]", self.index(i)),
            Atom::Data(e, bound) => format!("clamp({} in 0..{bound})", self.expr(e)),
        }
    }

    fn list(&self, v: &[Expr]) -> String {
        v.iter().map(|e| self.expr(e)).collect::<Vec<_>>().join(", ")
    }

    fn expr(&self, e: &Expr) -> String {
        match e {
            Expr::Const(c, 1) => constant(*c),
            Expr::Const(c, n) => format!("splat.{n}({})", constant(*c)),
            Expr::Local(l) => self.local(l.id).into(),
            Expr::Index(i, s) => format!("index.{s}({})", self.index(i)),
            Expr::Load(l) => {
                let Load { access, ty, otherwise, mask } = &**l;
                let text = format!("{}{}", self.access(access, *ty), self.mask(mask.as_ref()));
                match otherwise {
                    Some(o) => format!("({text} else {})", self.expr(o)),
                    None if mask.is_some() => format!("({text})"),
                    None => text,
                }
            }
            Expr::Unary(Unary::Neg, a) => format!("-{}", self.expr(a)),
            Expr::Unary(Unary::Not, a) => format!("!{}", self.expr(a)),
            Expr::Binary(op, a, b) => {
                let (a, b) = (self.expr(a), self.expr(b));
                let infix = match op {
                    Binary::Min => return format!("min({a}, {b})"),
                    Binary::UMin => return format!("umin({a}, {b})"),
                    Binary::Max => return format!("max({a}, {b})"),
                    Binary::UMax => return format!("umax({a}, {b})"),
                    Binary::Add => "+",
                    Binary::Sub => "-",
                    Binary::Mul => "*",
                    Binary::Div => "/",
                    Binary::UDiv => "/u",
                    Binary::Rem => "%",
                    Binary::URem => "%u",
                    Binary::And => "&",
                    Binary::Or => "|",
                    Binary::Xor => "^",
                    Binary::Shl => "<<",
                    Binary::Shr => ">>",
                    Binary::UShr => ">>u",
                };
                format!("({a} {infix} {b})")
            }
            Expr::Compare(op, a, b) => {
                let infix = match op {
                    Compare::Eq => "==",
                    Compare::Ne => "!=",
                    Compare::Lt => "<",
                    Compare::Le => "<=",
                    Compare::ULt => "<u",
                    Compare::ULe => "<=u",
                };
                format!("({} {infix} {})", self.expr(a), self.expr(b))
            }
            Expr::Select(c, a, b) => format!("({} ? {} : {})", self.expr(c), self.expr(a), self.expr(b)),
            Expr::Cast(op, ty, a) => {
                let name = match op {
                    Cast::Trunc => "trunc",
                    Cast::ZExt => "zext",
                    Cast::SExt => "sext",
                    Cast::FpToSi => "fptosi",
                    Cast::FpToUi => "fptoui",
                    Cast::SiToFp => "sitofp",
                    Cast::UiToFp => "uitofp",
                    Cast::FpCast => "fpcast",
                    Cast::Bits => "bits",
                };
                format!("{name}.{ty}({})", self.expr(a))
            }
            Expr::Splat(n, a) => format!("splat.{n}({})", self.expr(a)),
            Expr::Lanes(v) => format!("lanes({})", self.list(v)),
            Expr::Lane(n, a) => format!("lane.{n}({})", self.expr(a)),
            Expr::Reduce(op, a) => {
                let name = match op {
                    Reduce::Add => "add",
                    Reduce::Min => "min",
                    Reduce::Max => "max",
                };
                format!("reduce.{name}({})", self.expr(a))
            }
            Expr::Call(f, args) => format!("{}({})", f.name(), self.list(args)),
        }
    }
}

/// i32 and f32 plain, other types behind the digits.
fn constant(c: Const) -> String {
    match (c.scalar, c.as_int(), c.as_float()) {
        (Scalar::I1, ..) => (c.bits != 0).to_string(),
        (Scalar::I32, Some(v), _) => v.to_string(),
        (s, Some(v), _) => format!("{v}{s}"),
        (Scalar::F32, ..) => format!("{:?}", f32::from_bits(c.bits as u32)),
        (s, ..) => format!("{:?}{s}", f64::from_bits(c.bits)),
    }
}

#[cfg(test)]
mod tests;
