//! Calls replaced by the bodies of what they call, for those who ask what a function reads and writes.

use super::index::{Index, IndexVar};
use super::ir::{Access, Buf, CallArg, Dim, Expr, FnId, For, Function, Load, Local, Stmt, Store};
use std::borrow::Cow;
use std::collections::HashMap;

/// A function that calls none and does what `f` does; `functions` are those of the program.
pub fn inlined<'f>(f: &'f Function, functions: &[Function]) -> Cow<'f, Function> {
    if !calls(&f.body) {
        return Cow::Borrowed(f);
    }
    let mut inline = Inline { functions, out: f.clone() };
    let buffers = (0..f.buffers.len() as u32).map(|b| (Buf(b), Index::constant(0))).collect();
    let mut frame = Frame { buffers, vars: HashMap::new(), locals: 0, own: true };
    inline.out.body = inline.block(&f.body, &mut frame);
    Cow::Owned(inline.out)
}

fn calls(block: &[Stmt]) -> bool {
    block.iter().any(|s| match s {
        Stmt::For(l) => calls(&l.body),
        Stmt::Call(..) => true,
        Stmt::Let(..) | Stmt::Set(..) | Stmt::Store(_) => false,
    })
}

struct Inline<'a> {
    functions: &'a [Function],
    out: Function,
}

/// What the names of a function stand for in the one that calls it.
struct Frame {
    /// Buffer, and the element of it where the parameter begins.
    buffers: Vec<(Buf, Index)>,
    vars: HashMap<IndexVar, Index>,
    /// Added to the numbers of locals.
    locals: u32,
    /// The function itself: loops keep their variables.
    own: bool,
}

impl Frame {
    fn index(&self, i: &Index) -> Index {
        i.substitute(&|v| self.vars.get(&v).cloned(), &|e| self.expr(e))
    }

    /// The access under its own indices, which are replaced already.
    fn moved(&self, mut a: Access) -> Access {
        let (buffer, base) = &self.buffers[a.buffer.0 as usize];
        a.buffer = *buffer;
        a.offset += base.offset();
        let index = base.clone() - base.offset();
        if !index.terms().is_empty() {
            a.dims.push(Dim { index, stride: 1, ring: None, bound: None });
        }
        a
    }

    fn local(&self, l: Local) -> Local {
        Local { id: l.id + self.locals, ..l }
    }

    fn expr(&self, e: &Expr) -> Expr {
        e.rebuild(&|v| self.vars.get(&v).cloned(), &|e| match e {
            Expr::Local(l) => Expr::Local(self.local(l)),
            Expr::Load(l) => Expr::Load(Box::new(Load { access: self.moved(l.access.clone()), ..*l })),
            e => e,
        })
    }
}

impl Inline<'_> {
    fn block(&mut self, body: &[Stmt], frame: &mut Frame) -> Vec<Stmt> {
        let mut out = Vec::new();
        for s in body {
            match s {
                Stmt::Let(l, e) => out.push(Stmt::Let(frame.local(*l), frame.expr(e))),
                Stmt::Set(l, e) => out.push(Stmt::Set(frame.local(*l), frame.expr(e))),
                Stmt::Store(s) => {
                    let dims = s.access.dims.iter().map(|d| Dim { index: frame.index(&d.index), ..d.clone() });
                    let access = frame.moved(Access { dims: dims.collect(), ..s.access.clone() });
                    let (value, mask) = (frame.expr(&s.value), s.mask.as_ref().map(|m| frame.expr(m)));
                    out.push(Stmt::Store(Store { access, value, mask }));
                }
                Stmt::For(l) => {
                    let (lo, hi) = (frame.index(&l.lo), frame.index(&l.hi));
                    let mut var = l.var;
                    if !frame.own {
                        var = IndexVar(self.out.index_names.len() as u32);
                        self.out.index_names.push(String::new());
                        frame.vars.insert(l.var, var.into());
                    }
                    let body = self.block(&l.body, frame);
                    out.push(Stmt::For(For { var, lo, hi, step: l.step, body }));
                }
                Stmt::Call(f, args) => out.extend(self.call(*f, args, frame)),
            }
        }
        out
    }

    fn call(&mut self, f: FnId, args: &[CallArg], frame: &Frame) -> Vec<Stmt> {
        let functions = self.functions;
        let callee = &functions[f.0 as usize];
        let locals = self.out.local_names.len() as u32;
        self.out.local_names.extend(callee.local_names.iter().cloned());
        let mut inner = Frame { buffers: Vec::new(), vars: HashMap::new(), locals, own: false };
        for a in args {
            match a {
                CallArg::Buffer(b, i) => {
                    let (buffer, base) = &frame.buffers[b.0 as usize];
                    inner.buffers.push((*buffer, base.clone() + frame.index(i)));
                }
                CallArg::Index(i) => {
                    inner.vars.insert(IndexVar(inner.vars.len() as u32), frame.index(i));
                }
            }
        }
        self.block(&callee.body, &mut inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::{Cast, Lower, Mode, Scalar, Ty, overlap};

    fn at(buffer: Buf, index: Index) -> Access {
        Access { buffer, offset: 0, dims: vec![Dim { index, stride: 1, ring: None, bound: None }] }
    }

    fn load(buffer: Buf, index: Index, ty: Ty) -> Expr {
        Expr::Load(Box::new(Load { access: at(buffer, index), ty, otherwise: None, mask: None }))
    }

    /// `y[i] = x[i + n]` for four bytes, from a scratch that is filled first.
    fn functions() -> Vec<Function> {
        let copy = |name: &str, with_n: bool| {
            let mut l = Lower::new(name);
            let x = l.buffer("x", Scalar::I8, 6, Mode::Read);
            let y = l.buffer("y", Scalar::I8, 4, Mode::Write);
            let n = if with_n { l.index_param("n") } else { Index::constant(0) };
            l.repeat("i", 0usize, 4usize, |l, i| {
                let value = l.bind("v", load(x, i.clone() + n, Ty::I8));
                let value = value.cast(Cast::SExt, Ty::I32).cast(Cast::Trunc, Ty::I8);
                l.push(Stmt::Store(Store { access: at(y, i), value, mask: None }));
            });
            l.finish()
        };
        let mut l = Lower::new("all");
        let x = l.buffer("x", Scalar::I8, 24, Mode::Read);
        let y = l.buffer("y", Scalar::I8, 16, Mode::Write);
        let t = l.buffer("t", Scalar::I8, 6, Mode::ReadWrite);
        let zero = || Index::constant(0);
        l.repeat("i", 0usize, 4usize, |l, i| {
            let from = CallArg::Buffer(x, i.clone() * 4);
            l.push(Stmt::Call(
                FnId(0),
                vec![from, CallArg::Buffer(t, zero()), CallArg::Index((i.clone()).floor_div(2))],
            ));
            l.push(Stmt::Call(FnId(1), vec![CallArg::Buffer(t, zero()), CallArg::Buffer(y, i * 4)]));
        });
        vec![copy("moved", true), copy("copy", false), l.finish()]
    }

    #[test]
    fn calls_become_what_they_call() {
        let functions = functions();
        let flat = inlined(&functions[2], &functions);
        assert!(!calls(&flat.body), "{flat:?}");
        assert_eq!(flat.local_names.len(), 2);
        // Element 4i + 1 at most is read after 4i elements have been written.
        assert_eq!(overlap::distance(&functions[2], &[Buf(0)], Buf(1)), None);
        assert_eq!(overlap::distance(&flat, &[Buf(0)], Buf(1)), Some(0));
        assert!(matches!(inlined(&functions[0], &functions), Cow::Borrowed(_)));
    }
}
