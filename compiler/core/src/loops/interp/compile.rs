//! Turns a function into code for a register machine: flat, jumps resolved, every expression and
//! index in numbered 64-bit registers, a vector in consecutive ones.

use super::super::index::{Atom, Index, IndexVar};
use super::super::ir::{Access, BufferParam, CallArg, Cast, Expr, For, Function, Local, Mode, Stmt};
use super::super::ty::{Scalar, Ty};
use super::code::{Affine, Code, Instr, Reg};
use std::collections::BTreeMap;

/// What is wrong with the function.
pub type Misuse = String;

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

pub struct Compiler<'a> {
    functions: &'a [Function],
    function: &'a Function,
    pub code: Code,
    constants: BTreeMap<u64, Reg>,
    pub locals: BTreeMap<u32, (Reg, Ty)>,
    /// By index variable; its register has the variable's number.
    in_scope: Vec<bool>,
}

impl Compiler<'_> {
    pub fn fresh(&mut self, lanes: u16) -> Reg {
        let r = self.code.registers.len();
        self.code.registers.resize(r + usize::from(lanes), 0);
        r
    }

    pub fn constant(&mut self, bits: u64) -> Reg {
        if let Some(&r) = self.constants.get(&bits) {
            return r;
        }
        let r = self.fresh(1);
        self.code.registers[r] = bits;
        self.constants.insert(bits, r);
        r
    }

    pub fn emit(&mut self, i: Instr) {
        self.code.instrs.push(i);
    }

    pub fn here(&self) -> usize {
        self.code.instrs.len()
    }

    /// Lets the jump at `at` lead to the next instruction.
    pub fn land(&mut self, at: usize) {
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

    fn buffer(&self, b: u32) -> Result<&BufferParam, Misuse> {
        self.function
            .buffers
            .get(b as usize)
            .ok_or_else(|| format!("names buffer {b} of {}", self.function.buffers.len()))
    }

    fn local_name(&self, l: Local) -> String {
        self.function.local_names.get(l.id as usize).cloned().unwrap_or_else(|| l.id.to_string())
    }

    pub fn local(&self, l: Local) -> Result<Reg, Misuse> {
        match self.locals.get(&l.id) {
            Some(&(r, ty)) if ty == l.ty => Ok(r),
            Some((_, ty)) => Err(format!("local {} is {ty}, used as {}", self.local_name(l), l.ty)),
            None => Err(format!("local {} is not in scope", self.local_name(l))),
        }
    }

    /// Guards, then the element's index; the jumps taken where a guard fails.
    pub fn access(&mut self, a: &Access, ty: Ty) -> Result<(Affine, Vec<usize>), Misuse> {
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

    pub fn mask(&mut self, mask: Option<&Expr>, ty: Ty) -> Result<Option<Reg>, Misuse> {
        mask.map(|m| self.expr_of(m, ty.with(Scalar::I1))).transpose()
    }

    fn affine(&mut self, i: &Index) -> Result<Affine, Misuse> {
        let terms = i.terms().iter().map(|(a, k)| Ok((self.atom(a)?, *k))).collect::<Result<_, Misuse>>()?;
        Ok(Affine { constant: i.offset(), terms })
    }

    /// The value as i64 in a register.
    pub fn index(&mut self, i: &Index) -> Result<Reg, Misuse> {
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
            Atom::Div(_, by) | Atom::Mod(_, by) | Atom::Data(_, by) if *by <= 0 => {
                return Err(format!("an index divided or bounded by {by}"));
            }
            Atom::Div(i, by) => Instr::Div { to, a: self.index(i)?, by: *by },
            Atom::Mod(i, by) => Instr::Mod { to, a: self.index(i)?, by: *by },
            Atom::Min(a, b) => Instr::Min { to, a: self.index(a)?, b: self.index(b)? },
            Atom::Max(a, b) => Instr::Max { to, a: self.index(a)?, b: self.index(b)? },
            Atom::Product(a, b) => Instr::Product { to, a: self.index(a)?, b: self.index(b)? },
            Atom::Table(t, i) => Instr::Table { to, table: t.clone(), at: self.index(i)? },
            Atom::Data(e, bound) => {
                let wide = (**e).clone().cast(Cast::SExt, Ty::I64);
                Instr::Clamp { to, a: self.expr_of(&wide, Ty::I64)?, bound: *bound }
            }
        };
        self.emit(instr);
        Ok(to)
    }
}
