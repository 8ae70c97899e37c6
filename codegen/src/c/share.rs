//! Functions that are equal but for numbers, as one that gets those numbers.
//!
//! Callees come first, so a caller that passes other numbers on differs from its like in nothing but
//! numbers either. Numbers that are the same everywhere stay, and of those that grow together by whole
//! multiples one is passed. Lengths of buffers become the largest: only printers see what comes out.

use crate::micro;
use crate::targets::Target;
use std::collections::BTreeMap;
use tinyc_core::loops::{
    Access, Arg, Atom, CallArg, Const, Dim, Expr, FnId, For, Function, Index, IndexVar, Load, Program, Stmt, Store, Ty,
};

/// Bytes that an argument takes at each call, and an operation in a function, about.
const ARGUMENT: usize = 6;
const OPERATION: usize = 4;

/// The program with such functions merged wherever that makes it smaller.
pub fn share(program: &Program, target: &Target) -> Program {
    let mut program = program.clone();
    let mut open: Vec<FnId> = (0..program.functions.len() as u32).map(FnId).collect();
    while !open.is_empty() {
        // Those whose callees are done.
        let (now, later): (Vec<FnId>, Vec<FnId>) =
            open.iter().partition(|f| !callees(&program.functions[f.0 as usize].body).iter().any(|c| open.contains(c)));
        if now.is_empty() {
            break;
        }
        let mut alike: BTreeMap<Function, Vec<FnId>> = BTreeMap::new();
        for f in now {
            alike.entry(shape(&program.functions[f.0 as usize])).or_default().push(f);
        }
        for group in alike.into_values().filter(|group| group.len() > 1) {
            merge(&mut program, &group, target);
        }
        open = later;
    }
    program
}

fn callees(block: &[Stmt]) -> Vec<FnId> {
    let of = |s: &Stmt| match s {
        Stmt::For(f) => callees(&f.body),
        Stmt::Call(id, _) => vec![*id],
        _ => Vec::new(),
    };
    block.iter().flat_map(of).collect()
}

/// The function without names and numbers.
fn shape(f: &Function) -> Function {
    let mut f = renumbered(f, &mut |_| Index::atom(Atom::Var(IndexVar(u32::MAX))));
    f.name.clear();
    f.index_names.iter_mut().chain(&mut f.local_names).for_each(String::clear);
    for b in &mut f.buffers {
        b.name.clear();
        b.len = 0;
    }
    f
}

fn numbers(f: &Function) -> Vec<i64> {
    let mut out = Vec::new();
    renumbered(f, &mut |n| {
        out.push(n);
        n.into()
    });
    out
}

/// A number of a merged function: `factor * parameter + offset`.
#[derive(Clone, Copy)]
enum Number {
    Fixed(i64),
    Passed { parameter: usize, factor: i64, offset: i64 },
}

/// The numbers of the functions, one after the other, and what each function is passed.
fn solve(values: &[Vec<i64>], derive: bool) -> (Vec<Number>, Vec<Vec<i64>>) {
    let column = |k: usize| values.iter().map(|v| v[k]).collect::<Vec<i64>>();
    let spread = |c: &[i64]| c.iter().max().unwrap_or(&0) - c.iter().min().unwrap_or(&0);
    let mut order: Vec<usize> = (0..values[0].len()).collect();
    order.sort_by_key(|&k| spread(&column(k)));
    let mut passed: Vec<Vec<i64>> = Vec::new();
    let mut out = vec![Number::Fixed(0); order.len()];
    for k in order {
        let c = column(k);
        if spread(&c) == 0 {
            out[k] = Number::Fixed(c[0]);
            continue;
        }
        let found = passed.iter().enumerate().find_map(|(parameter, p)| {
            let other = p.iter().position(|v| *v != p[0])?;
            let factor = (c[other] - c[0]).checked_div(p[other] - p[0])?;
            let offset = c[0] - factor * p[0];
            let same = p.iter().zip(&c).all(|(p, c)| factor * p + offset == *c);
            (same && factor != 0 && (derive || (factor, offset) == (1, 0))).then_some((parameter, factor, offset))
        });
        let (parameter, factor, offset) = found.unwrap_or_else(|| {
            passed.push(c);
            (passed.len() - 1, 1, 0)
        });
        out[k] = Number::Passed { parameter, factor, offset };
    }
    (out, passed)
}

/// One function for all of the group, if that is smaller.
fn merge(program: &mut Program, group: &[FnId], target: &Target) {
    let members: Vec<Function> = group.iter().map(|f| program.functions[f.0 as usize].clone()).collect();
    let values: Vec<Vec<i64>> = members.iter().map(numbers).collect();
    let of = |k: usize| {
        let mut numbers = values[k].iter();
        renumbered(&members[0], &mut |_| numbers.next().copied().unwrap_or_default().into()).body
    };
    // Equal shapes list equal numbers in equal places, unless indices were sorted by them.
    let agrees =
        |k: usize| values[k].len() == values[0].len() && of(k) == renumbered(&members[k], &mut Index::from).body;
    if !(1..members.len()).all(agrees) {
        return;
    }
    let merged = [true, false].into_iter().find_map(|derive| {
        let (numbers, passed) = solve(&values, derive);
        let f = with_parameters(&members, &numbers, passed.len());
        let sites: Vec<micro::Site> =
            f.buffers.iter().map(|b| micro::Site { align: b.elem.bytes().max(4), disjoint: true }).collect();
        (!f.micro || micro::compile(&f, &sites, target).is_ok()).then_some((f, passed))
    });
    let Some((f, passed)) = merged else { return };
    let calls = members.len().max(2);
    if passed.len() * ARGUMENT * calls > (members.len() - 1) * values[0].len() * OPERATION {
        return;
    }
    program.functions[group[0].0 as usize] = f;
    let given: BTreeMap<FnId, Vec<i64>> =
        group.iter().enumerate().map(|(k, f)| (*f, passed.iter().map(|p| p[k]).collect())).collect();
    for f in &mut program.functions {
        redirect(&mut f.body, group[0], &given);
    }
    for s in &mut program.steps {
        if let Some(numbers) = given.get(&s.function) {
            s.args.extend(numbers.iter().map(|n| Arg::Index(*n)));
            s.function = group[0];
        }
    }
}

fn redirect(block: &mut [Stmt], to: FnId, given: &BTreeMap<FnId, Vec<i64>>) {
    for s in block {
        match s {
            Stmt::For(f) => redirect(&mut f.body, to, given),
            Stmt::Call(id, args) => {
                if let Some(numbers) = given.get(id) {
                    args.extend(numbers.iter().map(|n| CallArg::Index((*n).into())));
                    *id = to;
                }
            }
            _ => {}
        }
    }
}

/// The first function, with what differs as parameters behind its own.
fn with_parameters(members: &[Function], numbers: &[Number], count: usize) -> Function {
    let mut all = members[0].clone();
    for (i, b) in all.buffers.iter_mut().enumerate() {
        b.len = members.iter().map(|m| m.buffers[i].len).max().unwrap_or(0);
    }
    let own = all.index_params;
    shift(&mut all, own, count as u32);
    let mut next = numbers.iter();
    let mut f = renumbered(&all, &mut |_| match next.next() {
        Some(Number::Passed { parameter, factor, offset }) => {
            Index::from(IndexVar(own + *parameter as u32)) * *factor + *offset
        }
        Some(Number::Fixed(n)) => Index::constant(*n),
        None => unreachable!("a number for each"),
    });
    f.index_params += count as u32;
    let names = (0..count).map(|i| format!("n{i}"));
    f.index_names.splice(own as usize..own as usize, names);
    f
}

/// Makes room for variables from `from` on.
fn shift(f: &mut Function, from: u32, by: u32) {
    let moved = |v: IndexVar| if v.0 < from { v } else { IndexVar(v.0 + by) };
    f.body = Rebuild { number: &mut |n| n.into(), var: &moved }.block(&f.body);
}

/// The function with other numbers, each of them asked for in the same order for functions of equal shape.
/// Unguarded accesses become flat.
fn renumbered(f: &Function, number: &mut dyn FnMut(i64) -> Index) -> Function {
    Function { body: Rebuild { number, var: &|v| v }.block(&f.body), ..f.clone() }
}

struct Rebuild<'a> {
    number: &'a mut dyn FnMut(i64) -> Index,
    var: &'a dyn Fn(IndexVar) -> IndexVar,
}

impl Rebuild<'_> {
    fn block(&mut self, block: &[Stmt]) -> Vec<Stmt> {
        block.iter().map(|s| self.stmt(s)).collect()
    }

    fn stmt(&mut self, s: &Stmt) -> Stmt {
        match s {
            Stmt::Let(l, e) => Stmt::Let(*l, self.expr(e)),
            Stmt::Set(l, e) => Stmt::Set(*l, self.expr(e)),
            Stmt::Store(s) => Stmt::Store(Store {
                access: self.access(&s.access),
                value: self.expr(&s.value),
                mask: s.mask.as_ref().map(|m| self.expr(m)),
            }),
            Stmt::For(f) => Stmt::For(For {
                var: (self.var)(f.var),
                lo: self.index(&f.lo),
                hi: self.index(&f.hi),
                step: f.step,
                body: self.block(&f.body),
            }),
            Stmt::Call(id, args) => {
                let arg = |a: &CallArg| match a {
                    CallArg::Buffer(b, i) => CallArg::Buffer(*b, self.index(i)),
                    CallArg::Index(i) => CallArg::Index(self.index(i)),
                };
                Stmt::Call(*id, args.iter().map(arg).collect())
            }
        }
    }

    fn access(&mut self, a: &Access) -> Access {
        if a.dims.iter().any(|d| d.ring.is_some() || d.bound.is_some()) {
            let dims = a.dims.iter().map(|d| Dim { index: self.index(&d.index), ..d.clone() }).collect();
            return Access { dims, ..a.clone() };
        }
        let dims = vec![Dim { index: self.index(&a.flat()), stride: 1, ring: None, bound: None }];
        Access { buffer: a.buffer, offset: 0, dims }
    }

    fn index(&mut self, i: &Index) -> Index {
        let mut sum = (self.number)(i.offset());
        for (atom, k) in i.terms() {
            let atom = match atom {
                Atom::Var(v) => (self.var)(*v).into(),
                Atom::Div(i, d) => self.index(i).floor_div(*d),
                Atom::Mod(i, d) => self.index(i).modulo(*d),
                Atom::Min(a, b) => self.index(a).min(self.index(b)),
                Atom::Max(a, b) => self.index(a).max(self.index(b)),
                Atom::Product(a, b) => self.index(a).times(self.index(b)),
                Atom::Table(t, i) => Index::lookup(t.clone(), self.index(i)),
                Atom::Data(e, bound) => Index::data(self.expr(e), *bound),
            };
            sum = sum + atom.times((self.number)(*k));
        }
        sum
    }

    fn expr(&mut self, e: &Expr) -> Expr {
        match e {
            Expr::Const(c, 1) if Ty::one(c.scalar) == Ty::I32 => {
                let number = (self.number)(c.as_int().unwrap_or_default());
                match number.as_constant() {
                    Some(n) => Expr::Const(Const::int(c.scalar, n), 1),
                    None => Expr::Index(number, c.scalar),
                }
            }
            Expr::Index(i, s) => Expr::Index(self.index(i), *s),
            Expr::Load(l) => Expr::Load(Box::new(Load {
                access: self.access(&l.access),
                ty: l.ty,
                otherwise: l.otherwise.as_ref().map(|e| self.expr(e)),
                mask: l.mask.as_ref().map(|e| self.expr(e)),
            })),
            _ => e.with_operands(&mut |e| self.expr(e)),
        }
    }
}

#[cfg(test)]
mod tests;
