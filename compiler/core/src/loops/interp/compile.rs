//! Turns a function into code for a register machine: flat, jumps resolved, every expression and
//! index in numbered 64-bit registers, a vector in consecutive ones.

use super::super::index::{Atom, Index, IndexVar};
use super::super::ir::{Access, Binary, CallArg, Cast, Expr, For, Function, Local, Mode, Stmt};
use super::super::semantics::{self, OnBits};
use super::super::ty::{Scalar, Ty};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Reg = usize;

/// `constant + sum(factor * register)`, wrapping: what an access makes of it is bounds-checked.
#[derive(Debug)]
pub struct Affine {
    pub constant: i64,
    pub terms: Vec<(Reg, i64)>,
}

#[derive(Debug)]
pub enum Instr {
    Copy {
        to: Reg,
        from: Reg,
        lanes: usize,
    },
    Fn1 {
        f: fn(u64) -> u64,
        to: Reg,
        a: Reg,
        lanes: usize,
    },
    Fn2 {
        f: fn(u64, u64) -> u64,
        to: Reg,
        a: Reg,
        b: Reg,
        lanes: usize,
    },
    /// The condition is one register, or one a lane.
    Select {
        to: Reg,
        c: Reg,
        per_lane: bool,
        a: Reg,
        b: Reg,
        lanes: usize,
    },
    Splat {
        to: Reg,
        a: Reg,
        lanes: usize,
    },
    /// Bytes of a vector as lanes of another width.
    Rebytes {
        to: Reg,
        a: Reg,
        from: Ty,
        into: Ty,
    },
    Index {
        to: Reg,
        index: Affine,
    },
    Div {
        to: Reg,
        a: Reg,
        by: i64,
    },
    Mod {
        to: Reg,
        a: Reg,
        by: i64,
    },
    Min {
        to: Reg,
        a: Reg,
        b: Reg,
    },
    Max {
        to: Reg,
        a: Reg,
        b: Reg,
    },
    Table {
        to: Reg,
        table: Arc<[i32]>,
        at: Reg,
    },
    Clamp {
        to: Reg,
        a: Reg,
        bound: i64,
    },
    /// Jumps when the index is not in `0..bound`.
    Outside {
        index: Affine,
        bound: i64,
        target: usize,
    },
    Jump {
        target: usize,
    },
    Load {
        to: Reg,
        buffer: usize,
        index: Affine,
        width: usize,
        lanes: usize,
        mask: Option<Reg>,
    },
    Store {
        from: Reg,
        buffer: usize,
        index: Affine,
        width: usize,
        lanes: usize,
        mask: Option<Reg>,
    },
    /// Skips a loop without iterations.
    Enter {
        var: Reg,
        hi: Reg,
        exit: usize,
    },
    Next {
        var: Reg,
        hi: Reg,
        step: i64,
        body: usize,
    },
    /// Buffers with the first element that the callee gets, then integer arguments.
    Call {
        function: usize,
        buffers: Vec<(usize, Reg)>,
        indices: Vec<Reg>,
    },
}

/// A compiled function.
#[derive(Debug)]
pub struct Code {
    pub instrs: Vec<Instr>,
    /// Registers at entry: constants in place, zeros elsewhere.
    pub registers: Vec<u64>,
}

/// What is wrong with the function.
type Misuse = String;

pub fn compile(functions: &[Function], f: &Function) -> Result<Code, Misuse> {
    let mut c = Compiler {
        functions,
        function: f,
        code: Code { instrs: Vec::new(), registers: vec![0; f.index_names.len()] },
        constants: BTreeMap::new(),
        locals: BTreeMap::new(),
        in_scope: (0..f.index_names.len()).map(|v| v < f.index_params as usize).collect(),
    };
    if f.index_names.len() < f.index_params as usize {
        return Err(format!("{} integer parameters, {} index names", f.index_params, f.index_names.len()));
    }
    c.block(&f.body)?;
    Ok(c.code)
}

struct Compiler<'a> {
    functions: &'a [Function],
    function: &'a Function,
    code: Code,
    constants: BTreeMap<u64, Reg>,
    locals: BTreeMap<u32, (Reg, Ty)>,
    /// By index variable; its register has the variable's number.
    in_scope: Vec<bool>,
}

impl Compiler<'_> {
    fn fresh(&mut self, lanes: u16) -> Reg {
        let r = self.code.registers.len();
        self.code.registers.resize(r + usize::from(lanes), 0);
        r
    }

    fn constant(&mut self, bits: u64) -> Reg {
        if let Some(&r) = self.constants.get(&bits) {
            return r;
        }
        let r = self.fresh(1);
        self.code.registers[r] = bits;
        self.constants.insert(bits, r);
        r
    }

    fn emit(&mut self, i: Instr) {
        self.code.instrs.push(i);
    }

    fn here(&self) -> usize {
        self.code.instrs.len()
    }

    /// Lets the jump at `at` lead to the next instruction.
    fn land(&mut self, at: usize) {
        let here = self.here();
        match &mut self.code.instrs[at] {
            Instr::Outside { target, .. } | Instr::Jump { target } | Instr::Enter { exit: target, .. } => {
                *target = here
            }
            _ => unreachable!("only jumps land"),
        }
    }

    fn block(&mut self, body: &[Stmt]) -> Result<(), Misuse> {
        let outer: Vec<u32> = self.locals.keys().copied().collect();
        for s in body {
            self.stmt(s)?;
        }
        self.locals.retain(|id, _| outer.binary_search(id).is_ok());
        Ok(())
    }

    fn stmt(&mut self, s: &Stmt) -> Result<(), Misuse> {
        match s {
            Stmt::Let(local, e) => {
                let from = self.expr_of(e, local.ty)?;
                let to = self.fresh(local.ty.lanes);
                self.emit(Instr::Copy { to, from, lanes: local.ty.lanes.into() });
                match self.locals.insert(local.id, (to, local.ty)) {
                    None => Ok(()),
                    Some(_) => Err(format!("local {} is declared twice", self.local_name(*local))),
                }
            }
            Stmt::Set(local, e) => {
                let to = self.local(*local)?;
                let from = self.expr_of(e, local.ty)?;
                self.emit(Instr::Copy { to, from, lanes: local.ty.lanes.into() });
                Ok(())
            }
            Stmt::Store(s) => {
                let ty = s.value.ty();
                let (index, outside) = self.access(&s.access, ty)?;
                let buffer = s.access.buffer.0 as usize;
                if self.function.buffers[buffer].mode == Mode::Read {
                    return Err(format!("stores to {}, which is only read", self.function.buffers[buffer].name));
                }
                let from = self.expr(&s.value)?;
                let mask = self.mask(s.mask.as_ref(), ty)?;
                let (width, lanes) = (ty.scalar.bytes(), ty.lanes.into());
                self.emit(Instr::Store { from, buffer, index, width, lanes, mask });
                outside.into_iter().for_each(|at| self.land(at));
                Ok(())
            }
            Stmt::For(f) => self.repeat(f),
            Stmt::Call(id, args) => {
                let callee = self.functions.get(id.0 as usize).ok_or_else(|| format!("calls function {}", id.0))?;
                let n = callee.buffers.len();
                if args.len() != n + callee.index_params as usize {
                    return Err(format!("calls {} with {} arguments", callee.name, args.len()));
                }
                let (mut buffers, mut indices) = (Vec::new(), Vec::new());
                for (i, arg) in args.iter().enumerate() {
                    match arg {
                        CallArg::Buffer(b, at) if i < n => {
                            let (given, want) = (self.buffer(b.0)?, &callee.buffers[i]);
                            if given.elem != want.elem || (given.mode == Mode::Read && want.mode != Mode::Read) {
                                return Err(format!("{} is no argument for {}", given.name, want.name));
                            }
                            buffers.push((b.0 as usize, self.index(at)?));
                        }
                        CallArg::Index(i) if indices.len() + n < args.len() && buffers.len() == n => {
                            indices.push(self.index(i)?);
                        }
                        _ => return Err(format!("calls {} with arguments in disorder", callee.name)),
                    }
                }
                self.emit(Instr::Call { function: id.0 as usize, buffers, indices });
                Ok(())
            }
        }
    }

    fn repeat(&mut self, f: &For) -> Result<(), Misuse> {
        if f.step <= 0 {
            return Err(format!("loop step {}", f.step));
        }
        let var = f.var.0 as usize;
        if self.in_scope.get(var) != Some(&false) {
            return Err(format!("loop variable {var} is not fresh"));
        }
        let index = self.affine(&f.lo)?;
        let hi = self.index(&f.hi)?;
        self.emit(Instr::Index { to: var, index });
        let enter = self.here();
        self.emit(Instr::Enter { var, hi, exit: 0 });
        self.in_scope[var] = true;
        self.block(&f.body)?;
        self.in_scope[var] = false;
        self.emit(Instr::Next { var, hi, step: f.step, body: enter + 1 });
        self.land(enter);
        Ok(())
    }

    fn buffer(&self, b: u32) -> Result<&super::super::ir::BufferParam, Misuse> {
        self.function
            .buffers
            .get(b as usize)
            .ok_or_else(|| format!("names buffer {b} of {}", self.function.buffers.len()))
    }

    fn local_name(&self, l: Local) -> String {
        self.function.local_names.get(l.id as usize).cloned().unwrap_or_else(|| l.id.to_string())
    }

    fn local(&self, l: Local) -> Result<Reg, Misuse> {
        match self.locals.get(&l.id) {
            Some(&(r, ty)) if ty == l.ty => Ok(r),
            Some((_, ty)) => Err(format!("local {} is {ty}, used as {}", self.local_name(l), l.ty)),
            None => Err(format!("local {} is not in scope", self.local_name(l))),
        }
    }

    /// Guards, then the element's index; the jumps taken where a guard fails.
    fn access(&mut self, a: &Access, ty: Ty) -> Result<(Affine, Vec<usize>), Misuse> {
        let buffer = self.buffer(a.buffer.0)?;
        if ty.scalar == Scalar::I1 || buffer.elem == Scalar::I1 {
            return Err(format!("{}: i1 has no place in memory", buffer.name));
        }
        let mut outside = Vec::new();
        for d in &a.dims {
            if let Some(bound) = d.bound {
                let index = self.affine(&d.index)?;
                outside.push(self.here());
                self.emit(Instr::Outside { index, bound, target: 0 });
            }
        }
        if let Some(m) = a.dims.iter().find_map(|d| d.ring.filter(|&m| m <= 0)) {
            return Err(format!("a ring of {m} positions"));
        }
        Ok((self.affine(&a.flat())?, outside))
    }

    fn mask(&mut self, mask: Option<&Expr>, ty: Ty) -> Result<Option<Reg>, Misuse> {
        mask.map(|m| self.expr_of(m, ty.with(Scalar::I1))).transpose()
    }

    fn affine(&mut self, i: &Index) -> Result<Affine, Misuse> {
        let terms = i.terms().iter().map(|(a, k)| Ok((self.atom(a)?, *k))).collect::<Result<_, Misuse>>()?;
        Ok(Affine { constant: i.offset(), terms })
    }

    /// The value as i64 in a register.
    fn index(&mut self, i: &Index) -> Result<Reg, Misuse> {
        if let Some(c) = i.as_constant() {
            return Ok(self.constant(c as u64));
        }
        if let ([(a, 1)], 0) = (i.terms(), i.offset()) {
            return self.atom(a);
        }
        let index = self.affine(i)?;
        let to = self.fresh(1);
        self.emit(Instr::Index { to, index });
        Ok(to)
    }

    fn atom(&mut self, a: &Atom) -> Result<Reg, Misuse> {
        let to = match a {
            Atom::Var(IndexVar(v)) => {
                let v = *v as usize;
                return match self.in_scope.get(v) {
                    Some(true) => Ok(v),
                    _ => Err(format!("index variable {v} is not in scope")),
                };
            }
            _ => self.fresh(1),
        };
        let instr = match a {
            Atom::Var(_) => unreachable!("returned above"),
            Atom::Div(i, by) => Instr::Div { to, a: self.index(i)?, by: *by },
            Atom::Mod(i, by) => Instr::Mod { to, a: self.index(i)?, by: *by },
            Atom::Min(a, b) => Instr::Min { to, a: self.index(a)?, b: self.index(b)? },
            Atom::Max(a, b) => Instr::Max { to, a: self.index(a)?, b: self.index(b)? },
            Atom::Table(t, i) => Instr::Table { to, table: t.clone(), at: self.index(i)? },
            Atom::Data(e, bound) => {
                let wide = (**e).clone().cast(Cast::SExt, Ty::I64);
                Instr::Clamp { to, a: self.expr_of(&wide, Ty::I64)?, bound: *bound }
            }
        };
        self.emit(instr);
        Ok(to)
    }

    fn expr_of(&mut self, e: &Expr, ty: Ty) -> Result<Reg, Misuse> {
        if e.ty() != ty {
            return Err(format!("{} where {ty} is needed", e.ty()));
        }
        self.expr(e)
    }

    /// Code of an expression; its value starts at the register.
    fn expr(&mut self, e: &Expr) -> Result<Reg, Misuse> {
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
