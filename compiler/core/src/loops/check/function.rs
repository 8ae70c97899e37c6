//! The rules inside of functions: scopes, types, accesses, calls.

use super::super::index::{Atom, Index};
use super::super::ir::{Access, CallArg, Cast, Expr, FnId, For, Function, Local, Mode, Stmt};
use super::super::semantics::{self, Fn1, Fn2, Visit1, Visit2};
use super::super::ty::{Scalar, Ty};
use super::Checker;
use super::bounds::{Interval, Scope};
use std::collections::BTreeMap;

/// Functions that a function calls.
pub fn callees(f: &Function) -> Vec<usize> {
    fn walk(body: &[Stmt], out: &mut Vec<usize>) {
        for s in body {
            match s {
                Stmt::Call(f, _) => out.push(f.0 as usize),
                Stmt::For(f) => walk(&f.body, out),
                Stmt::Let(..) | Stmt::Set(..) | Stmt::Store(_) => {}
            }
        }
    }
    let mut out = Vec::new();
    walk(&f.body, &mut out);
    out
}

/// Checks a function for integer arguments in the intervals; without them, all but bounds.
pub fn check(checker: &mut Checker<'_>, function: &Function, arguments: Option<&[Interval]>) {
    let params = function.index_params as usize;
    let mut scope = Scope { intervals: vec![None; function.index_names.len().max(params)], params, ..Scope::default() };
    for p in 0..params {
        scope.intervals[p] = Some(arguments.map_or((0, 0), |a| a[p]));
    }
    let mut c = Check { checker, function, scope, bounds: arguments.is_some(), locals: BTreeMap::new() };
    if function.buffers.iter().any(|b| b.elem == Scalar::I1) {
        c.report("L06", "a buffer of i1".into());
    }
    c.block(&function.body);
}

struct Check<'c, 'p, 'f> {
    checker: &'c mut Checker<'p>,
    function: &'f Function,
    scope: Scope<'f>,
    /// Whether the intervals of parameters are known.
    bounds: bool,
    locals: BTreeMap<u32, Ty>,
}

/// Asks whether an operation is defined.
struct Defined;

impl Visit1 for Defined {
    type Out = ();
    fn visit<F: Fn1>(self) {}
}

impl Visit2 for Defined {
    type Out = ();
    fn visit<F: Fn2>(self) {}
}

impl<'f> Check<'_, '_, 'f> {
    fn report(&mut self, rule: &str, message: String) {
        let message = format!("{}: {message}", self.function.name);
        self.checker.report(rule, message);
    }

    fn require(&mut self, holds: bool, rule: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.report(rule, message());
        }
    }

    fn block(&mut self, body: &'f [Stmt]) {
        let outer = self.locals.clone();
        for s in body {
            match s {
                Stmt::Let(l, e) => {
                    self.expr(e);
                    self.require(e.ty() == l.ty, "L03", || format!("local {} : {} is given {}", l.id, l.ty, e.ty()));
                    let fresh = self.locals.insert(l.id, l.ty).is_none();
                    self.require(fresh, "L02", || format!("local {} is declared twice", l.id));
                }
                Stmt::Set(l, e) => {
                    self.local(*l);
                    self.expr(e);
                    self.require(e.ty() == l.ty, "L03", || format!("local {} : {} is given {}", l.id, l.ty, e.ty()));
                }
                Stmt::Store(s) => {
                    self.expr(&s.value);
                    self.access(&s.access, s.value.ty(), s.mask.as_ref());
                    if let Some(b) = self.function.buffers.get(s.access.buffer.0 as usize) {
                        self.require(b.mode != Mode::Read, "L08", || {
                            format!("stores to {}, which is only read", b.name)
                        });
                    }
                }
                Stmt::For(f) => self.repeat(f),
                Stmt::Call(f, args) => self.call(*f, args),
            }
        }
        self.locals = outer;
    }

    fn repeat(&mut self, f: &'f For) {
        self.index(&f.lo);
        self.index(&f.hi);
        let data = f.lo.depends_on_data() || f.hi.depends_on_data();
        self.require(!data, "L07", || "data decides a loop's bounds".into());
        self.require(f.step > 0, "L07", || format!("a loop steps by {}", f.step));
        let var = super::number(f.var);
        match self.scope.intervals.get(var) {
            None => return self.report("L01", format!("a loop's variable {var} has no name")),
            Some(Some(_)) => return self.report("L02", format!("loop variable {var} is declared twice")),
            Some(None) if data || f.step <= 0 => return,
            Some(None) => {}
        }
        // The body of a loop that never runs has nothing to prove.
        let interval = if self.bounds { self.scope.interval(f) } else { Some((0, 0)) };
        if interval.is_some() {
            self.scope.intervals[var] = interval;
            self.scope.loops.push(f);
            self.block(&f.body);
            self.scope.loops.pop();
            self.scope.intervals[var] = None;
        }
    }

    fn call(&mut self, id: FnId, args: &'f [CallArg]) {
        let functions = &self.checker.program.functions;
        let Some(callee) = functions.get(id.0 as usize) else {
            return self.report("L01", format!("calls function {}", id.0));
        };
        let n = callee.buffers.len();
        let fits = args.len() == n + callee.index_params as usize
            && args.iter().enumerate().all(|(i, a)| matches!(a, CallArg::Buffer(..)) == (i < n));
        if !fits {
            return self.report("L09", format!("calls {} with other arguments than it declares", callee.name));
        }
        let mut indices = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            match arg {
                CallArg::Index(v) => {
                    self.index(v);
                    self.require(!v.depends_on_data(), "L07", || {
                        format!("data decides an argument of {}", callee.name)
                    });
                    indices.push(self.scope.range(v));
                }
                CallArg::Buffer(b, at) => {
                    self.index(at);
                    let want = &callee.buffers[i];
                    let Some(b) = self.function.buffers.get(b.0 as usize) else {
                        self.report("L01", format!("names buffer {}", b.0));
                        continue;
                    };
                    let agrees = b.elem == want.elem && (b.mode != Mode::Read || want.mode == Mode::Read);
                    self.require(agrees, "L09", || format!("gives {} to {} as {}", b.name, callee.name, want.name));
                    let room = b.len as i64 - want.len as i64 + 1;
                    let inside = !self.bounds || self.scope.within(at, room);
                    self.require(inside, "L11", || format!("{} of {} leaves {}", want.name, callee.name, b.name));
                }
            }
        }
        if self.bounds {
            self.checker.function(id.0 as usize, indices);
        }
    }

    fn local(&mut self, l: Local) {
        match self.locals.get(&l.id) {
            None => self.report("L01", format!("local {} is not in scope", l.id)),
            Some(&ty) => self.require(ty == l.ty, "L03", || format!("local {} : {ty} is used as {}", l.id, l.ty)),
        }
    }

    /// Variables, tables and expressions inside of an index.
    fn index(&mut self, i: &Index) {
        for (atom, _) in i.terms() {
            match atom {
                Atom::Var(v) => {
                    let known = self.scope.intervals.get(super::number(*v)).is_some_and(Option::is_some);
                    self.require(known, "L01", || format!("index variable {} is not in scope", v.0));
                }
                Atom::Div(i, d) | Atom::Mod(i, d) => {
                    self.index(i);
                    self.require(*d > 0, "L03", || format!("an index divided by {d}"));
                }
                Atom::Min(a, b) | Atom::Max(a, b) | Atom::Product(a, b) => {
                    self.index(a);
                    self.index(b);
                }
                Atom::Table(t, i) => {
                    self.index(i);
                    let inside = !self.bounds || self.scope.within(i, t.len() as i64);
                    self.require(inside, "L12", || format!("a table of {} is looked up outside", t.len()));
                }
                Atom::Data(e, bound) => {
                    self.expr(e);
                    let integer = e.ty().lanes == 1 && !e.ty().scalar.is_float() && *bound > 0;
                    self.require(integer, "L03", || format!("{} as an index in 0..{bound}", e.ty()));
                }
            }
        }
    }

    fn access(&mut self, a: &Access, ty: Ty, mask: Option<&Expr>) {
        for d in &a.dims {
            self.index(&d.index);
            let positive = d.ring.is_none_or(|m| m > 0);
            self.require(positive, "L03", || format!("a ring of {:?} positions", d.ring));
            if !positive {
                return;
            }
        }
        if let Some(mask) = mask {
            self.expr(mask);
            let agrees = ty.lanes > 1 && mask.ty() == ty.with(Scalar::I1);
            self.require(agrees, "L05", || format!("an access of {ty} masked by {}", mask.ty()));
        }
        self.require(ty.scalar != Scalar::I1, "L06", || "an access of i1".into());
        let Some(b) = self.function.buffers.get(a.buffer.0 as usize) else {
            return self.report("L01", format!("names buffer {}", a.buffer.0));
        };
        if self.bounds {
            // Lanes beyond the first may be masked off.
            let bytes = if mask.is_some() { ty.scalar.bytes() } else { ty.bytes() };
            let last = b.len as i64 - bytes.div_ceil(b.elem.bytes()) as i64;
            if let Err((lo, hi)) = self.scope.reaches(a, last) {
                let what = format!("{ty} at {lo}..={hi} of {} ({} x {})", b.name, b.len, b.elem);
                self.report("L11", what);
            }
        }
    }

    fn expr(&mut self, e: &Expr) {
        let ty = e.ty();
        match e {
            Expr::Const(..) => {}
            Expr::Local(l) => self.local(*l),
            Expr::Index(i, s) => {
                self.index(i);
                self.require(!s.is_float() && *s != Scalar::I1, "L03", || format!("an index as {s}"));
            }
            Expr::Load(l) => {
                self.access(&l.access, ty, l.mask.as_ref());
                if let Some(o) = &l.otherwise {
                    self.expr(o);
                }
                let agrees =
                    l.access.is_guarded() == l.otherwise.is_some() && l.otherwise.as_ref().is_none_or(|o| o.ty() == ty);
                self.require(agrees, "L04", || format!("a load of {ty} and what it is where guards fail"));
            }
            Expr::Unary(op, a) => {
                self.expr(a);
                let defined = semantics::unary(*op, ty.scalar, Defined).is_some();
                self.require(defined, "L03", || format!("{op:?} of {ty}"));
            }
            Expr::Binary(op, a, b) => {
                self.both(a, b);
                let defined = semantics::binary(*op, ty.scalar, Defined).is_some();
                self.require(defined, "L03", || format!("{op:?} of {ty}"));
            }
            Expr::Compare(op, a, b) => {
                self.both(a, b);
                let defined = semantics::compare(*op, a.ty().scalar, Defined).is_some();
                self.require(defined, "L03", || format!("{op:?} of {}", a.ty()));
            }
            Expr::Select(c, a, b) => {
                self.expr(c);
                self.both(a, b);
                let agrees = c.ty() == Ty::I1 || c.ty() == ty.with(Scalar::I1);
                self.require(agrees, "L05", || format!("a select of {ty} by {}", c.ty()));
            }
            Expr::Cast(op, to, a) => {
                self.expr(a);
                let from = a.ty();
                let memory = from.scalar != Scalar::I1 && to.scalar != Scalar::I1;
                let defined = if *op == Cast::Bits && from.lanes != to.lanes {
                    memory && from.bytes() == to.bytes()
                } else {
                    from.lanes == to.lanes && semantics::cast(*op, from.scalar, to.scalar, Defined).is_some()
                };
                self.require(defined, "L03", || format!("{op:?} of {from} to {to}"));
            }
            Expr::Splat(n, a) => {
                self.expr(a);
                self.require(a.ty().lanes == 1 && *n > 0, "L03", || format!("{} in {n} lanes", a.ty()));
            }
            Expr::Lanes(v) => {
                v.iter().for_each(|e| self.expr(e));
                let agree = !v.is_empty() && v.iter().all(|e| e.ty() == Ty::one(ty.scalar));
                self.require(agree, "L03", || format!("{} lanes of {}", v.len(), ty.scalar));
            }
            Expr::Lane(n, a) => {
                self.expr(a);
                self.require(*n < a.ty().lanes, "L03", || format!("lane {n} of {}", a.ty()));
            }
            Expr::Reduce(op, a) => {
                self.expr(a);
                let defined = semantics::binary(op.binary(), ty.scalar, Defined).is_some();
                self.require(defined, "L03", || format!("{op:?} of {}", a.ty()));
            }
            Expr::Call(f, args) => {
                args.iter().for_each(|a| self.expr(a));
                let given: Vec<Ty> = args.iter().map(Expr::ty).collect();
                self.require(given == f.definition().params, "L03", || format!("{} of {given:?}", f.name()));
            }
        }
    }

    fn both(&mut self, a: &Expr, b: &Expr) {
        self.expr(a);
        self.expr(b);
        self.require(a.ty() == b.ty(), "L03", || format!("{} with {}", a.ty(), b.ty()));
    }
}
