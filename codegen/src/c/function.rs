//! Statements and functions as C text.

use super::body::{Body, BufferName, index_reads, prec, reads};
use super::expr::address;
use super::index::{index_type, loop_range};
use super::sites::Facts;
use super::unit::{Support, Unit, ty_name};
use crate::micro;
use std::collections::BTreeSet;
use tinyc_core::loops::{Binary, CallArg, Expr, Function, IndexVar, Mode, Scalar, Stmt, Store};

/// The definition of a function; of a micro-kernel, for compilers that take it, in assembly.
pub fn print(unit: &mut Unit<'_>, name: &str, f: &Function, facts: &Facts) -> String {
    let index_type = index_type(f, &facts.params);
    let upper = unit.upper.clone();
    let mut body = Body::new(unit);
    body.index_type = index_type;
    let mut params = Vec::new();
    for (i, b) in f.buffers.iter().enumerate() {
        let name = body.names.declare(&b.name);
        let constant = if b.mode == Mode::Read { "const " } else { "" };
        let restrict = if facts.is_disjoint(i as u32) { "restrict " } else { "" };
        params.push((format!("{constant}{} *{restrict}{name}", ty_name(b.elem)), name.clone()));
        body.buffers.push(BufferName { name, elem: b.elem });
    }
    for i in 0..f.index_params {
        let name = body.names.declare(&f.index_names[i as usize]);
        params.push((format!("{} {name}", ty_name(index_type)), name.clone()));
        body.vars.insert(IndexVar(i), (name, facts.params[i as usize]));
    }
    let mut live = Liveness::default();
    live.block(&f.body);
    body.block(f, &f.body, &live);
    let unused: String =
        params.iter().filter(|(_, n)| !body.used.contains(n)).map(|(_, n)| format!("    (void){n};\n")).collect();
    let list: Vec<String> = params.into_iter().map(|(p, _)| p).collect();
    let text = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
    let attribute = match (body.unit.small, facts.calls) {
        (false, _) => String::new(),
        (true, 0 | 1) => format!("{upper}_SMALL "),
        (true, _) => format!("{upper}_SHARED "),
    };
    let c = format!("{attribute}static {upper}_FAST_CODE_ATTR void {name}({text})\n{{\n{unused}{}}}\n", body.out);
    // Arguments have 32 bits.
    let code = (index_type == Scalar::I32).then(|| micro::compile(f, &facts.sites(), unit.target).ok()).flatten();
    let Some(code) = code else { return c };
    unit.uses_target = true;
    unit.uses_naked = true;
    let list: Vec<String> = list.into_iter().map(|p| format!("{p} {upper}_UNUSED")).collect();
    let text = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
    let assembly = statements(&code.lines);
    let condition = if code.unaligned { " && defined(__ARM_FEATURE_UNALIGNED)" } else { "" };
    format!(
        "#if {upper}_USE_NAKED{condition}\n{upper}_NAKED static {upper}_FAST_CODE_ATTR void {name}({text})\n{{\n\
         {assembly}}}\n#else\n{c}#endif\n"
    )
}

/// Lines of assembly. C99 has strings of up to 4095 characters, and compilers keep the order of such
/// statements.
fn statements(lines: &[String]) -> String {
    const MOST: usize = 4000;
    let mut out = String::new();
    let mut length = MOST;
    for l in lines {
        if length + l.len() > MOST {
            out.push_str(if out.is_empty() { "    __asm__(" } else { ");\n    __asm__(" });
            length = 0;
        }
        out.push_str(&format!("\n        \"{l}\\n\""));
        length += l.len() + 1;
    }
    out + ");\n"
}

/// Which locals are read, and which are set after their declaration.
#[derive(Default)]
struct Liveness {
    read: BTreeSet<u32>,
    set: BTreeSet<u32>,
}

impl Liveness {
    fn block(&mut self, block: &[Stmt]) {
        for s in block {
            match s {
                Stmt::Let(_, e) => reads(e, &mut self.read),
                Stmt::Set(l, e) => {
                    self.set.insert(l.id);
                    reads(e, &mut self.read);
                }
                Stmt::Store(s) => {
                    s.access.dims.iter().for_each(|d| index_reads(&d.index, &mut self.read));
                    reads(&s.value, &mut self.read);
                    s.mask.iter().for_each(|m| reads(m, &mut self.read));
                }
                Stmt::For(f) => self.block(&f.body),
                Stmt::Call(_, args) => {
                    for a in args {
                        match a {
                            CallArg::Buffer(_, i) | CallArg::Index(i) => index_reads(i, &mut self.read),
                        }
                    }
                }
            }
        }
    }
}

impl Body<'_, '_> {
    fn block(&mut self, f: &Function, block: &[Stmt], live: &Liveness) {
        let mark = self.names.mark();
        for s in block {
            self.stmt(f, s, live);
        }
        self.names.release(mark);
    }

    fn stmt(&mut self, f: &Function, s: &Stmt, live: &Liveness) {
        match s {
            // Expressions have no effects, so what is not read need not be computed.
            Stmt::Let(l, _) | Stmt::Set(l, _) if !live.read.contains(&l.id) => {}
            Stmt::Let(l, e) => {
                let ty = self.unit.ty(l.ty);
                let value = self.value(e);
                let name = self.names.declare(f.local_names.get(l.id as usize).map_or("v", |n| n));
                let changes = live.set.contains(&l.id);
                let range = (!changes && l.ty.lanes == 1 && !l.ty.scalar.is_float()).then(|| self.range(e));
                let constant = if changes { "" } else { "const " };
                self.line(&format!("{constant}{ty} {name} = {value};"));
                self.define(l.id, name, range);
            }
            Stmt::Set(l, e) => self.set(*l, e),
            Stmt::Store(s) => self.store(s),
            Stmt::For(l) => {
                let range = loop_range(&l.lo, &l.hi, &|v| self.var_range(v));
                let (lo, hi) = (self.index(&l.lo).text, self.index(&l.hi).at_least(prec::ADD));
                let mark = self.names.mark();
                let name = self.names.declare(&f.index_names[l.var.0 as usize]);
                let step = if l.step == 1 { format!("{name}++") } else { format!("{name} += {}", l.step) };
                let ty = ty_name(self.index_type);
                self.line(&format!("for ({ty} {name} = {lo}; {name} < {hi}; {step}) {{"));
                self.vars.insert(l.var, (name, range));
                self.depth += 1;
                self.block(f, &l.body, live);
                self.depth -= 1;
                self.line("}");
                self.names.release(mark);
            }
            Stmt::Call(id, args) => {
                let name = self.unit.functions.get(id).cloned();
                let name = name.expect("callees are printed before their callers");
                let args: Vec<String> = args
                    .iter()
                    .map(|a| match a {
                        CallArg::Buffer(b, i) => {
                            let index = self.index(i).text;
                            address(&self.buffer(*b).name, &index)
                        }
                        CallArg::Index(i) => self.index(i).text,
                    })
                    .collect();
                self.line(&format!("{name}({});", args.join(", ")));
            }
        }
    }

    fn set(&mut self, l: tinyc_core::loops::Local, e: &Expr) {
        let name = self.local(l);
        // `x += y` where it computes the same without a conversion.
        if let Expr::Binary(op @ (Binary::Add | Binary::Sub | Binary::Mul), a, b) = e
            && **a == Expr::Local(l)
            && l.ty.lanes == 1
            && l.ty.scalar.is_float()
        {
            let operator = match op {
                Binary::Add => "+=",
                Binary::Sub => "-=",
                _ => "*=",
            };
            let b = self.expr(b).text;
            self.line(&format!("{name} {operator} {b};"));
            return;
        }
        let value = self.value(e);
        self.line(&format!("{name} = {value};"));
    }

    fn store(&mut self, s: &Store) {
        let ty = s.value.ty();
        let (index, conditions) = self.access(&s.access);
        let value = self.value(&s.value);
        let mask = s.mask.as_ref().map(|m| self.expr(m).text);
        let buffer = self.buffer(s.access.buffer);
        let element = format!("{}[{}]", buffer.name, index.text);
        let address = address(&buffer.name, &index.text);
        let statement = match mask {
            Some(mask) => {
                let name = self.unit.support(Support::StoreMasked(ty));
                format!("{name}({address}, {value}, {mask});")
            }
            None if ty.lanes == 1 && ty.scalar == buffer.elem => format!("{element} = {value};"),
            None => {
                let name = self.unit.support(Support::Store(ty));
                format!("{name}({address}, {value});")
            }
        };
        if conditions.is_empty() {
            self.line(&statement);
        } else {
            self.line(&format!("if ({}) {{", conditions.join(" && ")));
            self.depth += 1;
            self.line(&statement);
            self.depth -= 1;
            self.line("}");
        }
    }
}
