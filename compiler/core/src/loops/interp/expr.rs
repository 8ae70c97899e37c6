//! Code of expressions; vectors in consecutive registers, library calls inline.

use super::super::ir::{Binary, Cast, Expr};
use super::super::semantics::{self, OnBits};
use super::super::ty::{Scalar, Ty};
use super::code::{Instr, Reg};
use super::compile::{Compiler, Misuse};
use std::collections::BTreeMap;

impl Compiler<'_> {
    pub fn expr_of(&mut self, e: &Expr, ty: Ty) -> Result<Reg, Misuse> {
        if e.ty() != ty {
            return Err(format!("{} where {ty} is needed", e.ty()));
        }
        self.expr(e)
    }

    /// Code of an expression; its value starts at the register.
    pub fn expr(&mut self, e: &Expr) -> Result<Reg, Misuse> {
        let ty = e.ty();
        let lanes = usize::from(ty.lanes);
        Ok(match e {
            Expr::Const(c, 1) => self.constant(c.bits),
            Expr::Const(c, n) => {
                let to = self.fresh(*n);
                self.code.registers[to..].fill(c.bits);
                to
            }
            Expr::Local(l) => self.local(*l)?,
            Expr::Index(i, s) => {
                let a = self.index(i)?;
                match s {
                    Scalar::I64 => a,
                    _ => self.fn1(semantics::cast(Cast::Trunc, Scalar::I64, *s, OnBits), a, ty, || {
                        format!("{s} as index")
                    })?,
                }
            }
            Expr::Load(l) => {
                if l.access.is_guarded() != l.otherwise.is_some() {
                    return Err("a load has a value for failed guards exactly if it has guards".into());
                }
                let (index, outside) = self.access(&l.access, ty)?;
                let mask = self.mask(l.mask.as_ref(), ty)?;
                let to = self.fresh(ty.lanes);
                let (buffer, width) = (l.access.buffer.0 as usize, ty.scalar.bytes());
                self.emit(Instr::Load { to, buffer, index, width, lanes, mask });
                if let Some(otherwise) = &l.otherwise {
                    let done = self.here();
                    self.emit(Instr::Jump { target: 0 });
                    outside.into_iter().for_each(|at| self.land(at));
                    let from = self.expr_of(otherwise, ty)?;
                    self.emit(Instr::Copy { to, from, lanes });
                    self.land(done);
                }
                to
            }
            Expr::Unary(op, a) => {
                let a = self.expr(a)?;
                self.fn1(semantics::unary(*op, ty.scalar, OnBits), a, ty, || format!("{op:?} of {ty}"))?
            }
            Expr::Cast(Cast::Bits, into, a) if a.ty().lanes != into.lanes => {
                let from = a.ty();
                if from.bytes() != into.bytes() || from.scalar == Scalar::I1 || into.scalar == Scalar::I1 {
                    return Err(format!("bits of {from} as {into}"));
                }
                let a = self.expr(a)?;
                let to = self.fresh(into.lanes);
                self.emit(Instr::Rebytes { to, a, from, into: *into });
                to
            }
            Expr::Cast(op, _, a) => {
                let from = a.ty();
                if from.lanes != ty.lanes {
                    return Err(format!("{op:?} of {from} to {ty}"));
                }
                let a = self.expr(a)?;
                self.fn1(semantics::cast(*op, from.scalar, ty.scalar, OnBits), a, ty, || {
                    format!("{op:?} of {from} to {ty}")
                })?
            }
            Expr::Binary(op, a, b) => self.fn2(*op, a, b)?,
            Expr::Compare(op, a, b) => {
                let from = a.ty();
                let f = semantics::compare(*op, from.scalar, OnBits).ok_or_else(|| format!("{op:?} of {from}"))?;
                let (a, b) = (self.expr(a)?, self.expr_of(b, from)?);
                let to = self.fresh(ty.lanes);
                self.emit(Instr::Fn2 { f, to, a, b, lanes });
                to
            }
            Expr::Select(c, a, b) => {
                let per_lane = c.ty() != Ty::I1;
                if per_lane && c.ty() != ty.with(Scalar::I1) {
                    return Err(format!("select of {ty} by {}", c.ty()));
                }
                let (c, a, b) = (self.expr(c)?, self.expr(a)?, self.expr_of(b, ty)?);
                let to = self.fresh(ty.lanes);
                self.emit(Instr::Select { to, c, per_lane, a, b, lanes });
                to
            }
            Expr::Splat(_, a) => {
                let a = self.expr_of(a, Ty::one(ty.scalar))?;
                let to = self.fresh(ty.lanes);
                self.emit(Instr::Splat { to, a, lanes });
                to
            }
            Expr::Lanes(v) => {
                let from = v.iter().map(|e| self.expr_of(e, Ty::one(ty.scalar))).collect::<Result<Vec<_>, _>>()?;
                let to = self.fresh(ty.lanes);
                for (i, from) in from.into_iter().enumerate() {
                    self.emit(Instr::Copy { to: to + i, from, lanes: 1 });
                }
                to
            }
            Expr::Lane(n, a) if *n < a.ty().lanes => self.expr(a)? + usize::from(*n),
            Expr::Lane(n, a) => return Err(format!("lane {n} of {}", a.ty())),
            Expr::Reduce(op, v) => {
                let from = v.ty();
                let f = semantics::binary(op.binary(), ty.scalar, OnBits).ok_or_else(|| format!("{op:?} of {from}"))?;
                let v = self.expr(v)?;
                let to = self.fresh(1);
                self.emit(Instr::Copy { to, from: v, lanes: 1 });
                for i in 1..usize::from(from.lanes) {
                    self.emit(Instr::Fn2 { f, to, a: to, b: v + i, lanes: 1 });
                }
                to
            }
            Expr::Call(f, args) => {
                let d = f.definition();
                if args.len() != d.params.len() {
                    return Err(format!("calls {} with {} arguments", f.name(), args.len()));
                }
                let mut inner = BTreeMap::new();
                for (a, &ty) in args.iter().zip(&d.params) {
                    inner.insert(inner.len() as u32, (self.expr_of(a, ty)?, ty));
                }
                let outer = std::mem::replace(&mut self.locals, inner);
                for (_, value) in &d.lets {
                    let r = self.expr(value)?;
                    self.locals.insert(self.locals.len() as u32, (r, value.ty()));
                }
                let result = self.expr(&d.result)?;
                self.locals = outer;
                result
            }
        })
    }

    fn fn1(
        &mut self,
        f: Option<fn(u64) -> u64>,
        a: Reg,
        ty: Ty,
        undefined: impl FnOnce() -> String,
    ) -> Result<Reg, Misuse> {
        let f = f.ok_or_else(undefined)?;
        let to = self.fresh(ty.lanes);
        self.emit(Instr::Fn1 { f, to, a, lanes: ty.lanes.into() });
        Ok(to)
    }

    fn fn2(&mut self, op: Binary, a: &Expr, b: &Expr) -> Result<Reg, Misuse> {
        let ty = a.ty();
        let f = semantics::binary(op, ty.scalar, OnBits).ok_or_else(|| format!("{op:?} of {ty}"))?;
        let (a, b) = (self.expr(a)?, self.expr_of(b, ty)?);
        let to = self.fresh(ty.lanes);
        self.emit(Instr::Fn2 { f, to, a, b, lanes: ty.lanes.into() });
        Ok(to)
    }
}
