//! Instruction selection: statements to instructions over virtual registers.

use super::address::Known;
use super::inst::{ARGUMENTS, Block, Inst, Loop, Op, Pointer, Reg, Trips, Width, add_immediate, modified_immediate};
use super::{Refusal, Site};
use crate::targets::Target;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::loops::{Atom, Binary, Cast, Expr, For, Function, Index, IndexVar, Library, Scalar, Stmt, Store, Ty};

/// A function as blocks, and the number of registers.
pub fn select(f: &Function, sites: &[Site], target: &Target) -> Result<(Vec<Block>, Reg), Refusal> {
    let mut s = Select {
        f,
        sites,
        target,
        blocks: vec![Block::default()],
        next: ARGUMENTS,
        locals: BTreeMap::new(),
        fixed: BTreeMap::new(),
        open: None,
        known: Known::default(),
    };
    s.block(&f.body)?;
    Ok((s.blocks, s.next))
}

pub struct Select<'a> {
    pub f: &'a Function,
    pub sites: &'a [Site],
    pub target: &'a Target,
    pub blocks: Vec<Block>,
    pub next: Reg,
    pub locals: BTreeMap<u32, Reg>,
    /// Variables of loops of one turn.
    pub fixed: BTreeMap<IndexVar, i64>,
    /// The loop that is open: its variable, first value and step.
    pub open: Option<(IndexVar, i64, i64)>,
    pub known: Known,
}

pub fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

impl Select<'_> {
    pub fn fresh(&mut self) -> Reg {
        self.next += 1;
        self.next - 1
    }

    fn emit(&mut self, i: Inst) {
        self.blocks.last_mut().expect("there is a block").body.push(i);
    }

    /// A value that does not change in the open loop.
    pub fn emit_outside(&mut self, i: Inst) {
        let at = self.blocks.len() - 1 - usize::from(self.open.is_some());
        self.blocks[at].body.push(i);
    }

    fn plain(&mut self, text: impl Into<String>, uses: &[Reg]) -> Reg {
        let out = self.fresh();
        self.emit(Inst::plain(text, out, uses));
        out
    }

    fn block(&mut self, block: &[Stmt]) -> Result<(), Refusal> {
        for s in block {
            match s {
                Stmt::Let(l, e) | Stmt::Set(l, e) => {
                    if l.ty != Ty::I32 {
                        return refuse(format!("a local of {}", l.ty));
                    }
                    let value = self.value(e)?;
                    self.locals.insert(l.id, value);
                }
                Stmt::Store(s) => self.store(s)?,
                Stmt::For(f) => self.repeat(f)?,
                Stmt::Call(..) => return refuse("a call"),
            }
        }
        Ok(())
    }

    fn repeat(&mut self, f: &For) -> Result<(), Refusal> {
        let Some(lo) = self.resolve(&f.lo).as_constant() else { return refuse("a loop that begins anywhere") };
        let hi = self.resolve(&f.hi);
        let constant = hi.as_constant().map(|hi| (hi - lo + f.step - 1).div_euclid(f.step).max(0));
        match constant {
            Some(0) => return Ok(()),
            Some(1) => {
                self.fixed.insert(f.var, lo);
                self.block(&f.body)?;
                self.fixed.remove(&f.var);
                return Ok(());
            }
            _ if self.open.is_some() => return refuse("a loop in a loop"),
            _ => {}
        }
        let trips = match constant {
            Some(n) => Trips::Constant(n),
            None => {
                let [(Atom::Var(v), 1)] = hi.terms() else { return refuse("trips that are no parameter") };
                if f.step != 1 || v.0 >= self.f.index_params {
                    return refuse("trips that are no parameter");
                }
                let n = self.argument(self.parameter(*v));
                Trips::Parameter(self.offset(n, hi.offset() - lo), v.0, hi.offset() - lo)
            }
        };
        let carried = self.carried(&f.body);
        let mut moves = Vec::new();
        for &l in &carried {
            let merged = self.fresh();
            moves.push(Inst::new(Op::Move, merged, [self.locals[&l]]));
            self.locals.insert(l, merged);
        }
        let outer = self.locals.clone();
        self.blocks.last_mut().expect("there is a block").tail = moves;
        let end = self.fresh();
        let turn = Loop { trips, pointers: Vec::new(), end, end_read: end, kept: None };
        self.blocks.push(Block { turn: Some(turn), ..Block::default() });
        self.known = Known::default();
        self.open = Some((f.var, lo, f.step));
        self.block(&f.body)?;
        self.close(&carried, &outer);
        Ok(())
    }

    /// The end of a loop's body: the values that the next turn reads.
    fn close(&mut self, carried: &[u32], outer: &BTreeMap<u32, Reg>) {
        let (mut copies, mut moves) = (Vec::new(), Vec::new());
        let merged: BTreeSet<Reg> = carried.iter().map(|l| outer[l]).collect();
        for l in carried {
            let mut value = self.locals[l];
            if value == outer[l] {
                continue;
            }
            if merged.contains(&value) {
                // It is written by one of the moves before it is read by another.
                let copy = self.fresh();
                copies.push(Inst::new(Op::Move, copy, [value]));
                value = copy;
            }
            moves.push(Inst::new(Op::Move, outer[l], [value]));
        }
        copies.extend(moves);
        self.open = None;
        self.known = Known::default();
        self.locals.clone_from(outer);
        let body = self.blocks.last_mut().expect("the loop's");
        body.tail = copies;
        if body.turn.as_ref().is_some_and(|t| t.pointers.is_empty()) {
            // Nothing moves: turns are counted.
            let (reg, base) = (self.fresh(), self.fresh());
            let turn = self.blocks.last_mut().and_then(|b| b.turn.as_mut()).expect("the loop's");
            turn.pointers.push(Pointer { reg, base, start: 0, step: 1 });
            let before = self.blocks.len() - 2;
            self.blocks[before].body.push(Inst { op: Op::Const(0), out: vec![base], uses: vec![] });
        }
        self.blocks.push(Block::default());
    }

    /// Locals from outside of a loop that its body sets.
    fn carried(&self, body: &[Stmt]) -> Vec<u32> {
        fn collect(block: &[Stmt], out: &mut BTreeSet<u32>) {
            for s in block {
                match s {
                    Stmt::Set(l, _) => drop(out.insert(l.id)),
                    Stmt::For(f) => collect(&f.body, out),
                    _ => {}
                }
            }
        }
        let mut set = BTreeSet::new();
        collect(body, &mut set);
        set.into_iter().filter(|l| self.locals.contains_key(l)).collect()
    }

    fn store(&mut self, s: &Store) -> Result<(), Refusal> {
        let ty = s.value.ty();
        if s.mask.is_some() || ty.lanes > 1 || !matches!(ty.scalar, Scalar::I8 | Scalar::I16 | Scalar::I32) {
            return refuse(format!("a store of {ty}"));
        }
        let value = match &s.value {
            Expr::Cast(Cast::Trunc, _, wide) if wide.ty() == Ty::I32 => self.value(wide)?,
            Expr::Const(c, _) => {
                let v = c.as_int().unwrap_or_default();
                self.constant(v as i32)
            }
            Expr::Load(_) if ty != Ty::I32 => self.load(&s.value, false)?,
            value if ty == Ty::I32 => self.value(value)?,
            _ => return refuse(format!("a value of {ty}")),
        };
        let width = Width { bytes: ty.bytes() as u8, signed: false };
        let (base, place) = self.address(&s.access, width)?;
        self.emit(Inst { op: Op::Store(place), out: vec![], uses: vec![base, value] });
        Ok(())
    }

    /// A load, extended to 32 bits.
    fn load(&mut self, e: &Expr, signed: bool) -> Result<Reg, Refusal> {
        let Expr::Load(l) = e else { return refuse("an operand that is not 32 bits wide") };
        let scalar = matches!(l.ty, Ty::I8 | Ty::I16 | Ty::I32);
        if !scalar || l.otherwise.is_some() || l.mask.is_some() {
            return refuse(format!("a load of {}", l.ty));
        }
        let bytes = l.ty.bytes() as u8;
        let (base, place) = self.address(&l.access, Width { bytes, signed: signed && bytes < 4 })?;
        let out = self.fresh();
        self.emit(Inst::new(Op::Load(place), out, [base]));
        Ok(out)
    }

    /// A value of 32 bits.
    fn value(&mut self, e: &Expr) -> Result<Reg, Refusal> {
        match e {
            _ if e.ty() != Ty::I32 => refuse(format!("a value of {}", e.ty())),
            Expr::Const(c, _) => Ok(self.constant(c.as_int().unwrap_or_default() as i32)),
            Expr::Local(l) => Ok(self.locals[&l.id]),
            Expr::Index(i, _) => self.index(i),
            Expr::Load(_) => self.load(e, false),
            Expr::Cast(c @ (Cast::SExt | Cast::ZExt), _, x) => {
                let signed = *c == Cast::SExt;
                match &**x {
                    Expr::Cast(Cast::Trunc, to, wide) if matches!(*to, Ty::I8 | Ty::I16) => {
                        let width = Width { bytes: to.bytes() as u8, signed: false };
                        let v = self.value(wide)?;
                        Ok(self.plain(format!("{}xt{} %0, %1", if signed { 's' } else { 'u' }, width.suffix()), &[v]))
                    }
                    x => self.load(x, signed),
                }
            }
            Expr::Binary(op, a, b) => self.binary(*op, a, b),
            Expr::Call(f, args) => self.call(*f, args),
            _ => refuse("an expression beyond the vocabulary"),
        }
    }

    fn index(&mut self, i: &Index) -> Result<Reg, Refusal> {
        let (terms, moving, constant) = self.affine(i)?;
        match terms[..] {
            _ if moving != 0 => refuse("a loop's variable as a value"),
            [] => Ok(self.constant(constant as i32)),
            [(v, 1)] => {
                let r = self.argument(self.parameter(v));
                Ok(self.offset(r, constant))
            }
            _ => refuse("a sum of parameters as a value"),
        }
    }

    fn call(&mut self, f: Library, args: &[Expr]) -> Result<Reg, Refusal> {
        let Some(text) = self.target.spelling(f).and_then(|s| s.instruction()) else {
            return refuse(format!("{}, which is no instruction", f.name()));
        };
        let args = args.iter().map(|a| self.value(a)).collect::<Result<Vec<Reg>, _>>()?;
        Ok(self.plain(text, &args))
    }

    fn binary(&mut self, op: Binary, a: &Expr, b: &Expr) -> Result<Reg, Refusal> {
        if let (Binary::Add | Binary::Sub, Expr::Binary(Binary::Mul, x, y)) = (op, b) {
            let (sum, x, y) = (self.value(a)?, self.value(x)?, self.value(y)?);
            let name = if op == Binary::Add { "mla" } else { "mls" };
            return Ok(self.plain(format!("{name} %0, %1, %2, %3"), &[x, y, sum]));
        }
        let constant = match b {
            Expr::Const(c, _) => c.as_int().map(|v| v as i32),
            _ => None,
        };
        let x = self.value(a)?;
        let shift = match op {
            Binary::Shl => Some("lsl"),
            Binary::Shr => Some("asr"),
            Binary::UShr => Some("lsr"),
            _ => None,
        };
        if let Some(name) = shift {
            return match constant.map(|c| c & 31) {
                None => refuse("a shift that varies"),
                Some(0) => Ok(x),
                Some(n) => Ok(self.plain(format!("{name} %0, %1, #{n}"), &[x])),
            };
        }
        let name = match op {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::And => "and",
            Binary::Or => "orr",
            Binary::Xor => "eor",
            Binary::Min | Binary::Max => {
                let y = self.value(b)?;
                let out = self.fresh();
                let condition = if op == Binary::Min { "gt" } else { "lt" };
                self.emit(Inst::new(Op::Choose(condition), out, [x, y]));
                return Ok(out);
            }
            _ => return refuse(format!("{op:?}")),
        };
        let text = match (op, constant) {
            (Binary::Add, Some(c)) if add_immediate(c.into()) => Some(add_text(c.into())),
            (Binary::Sub, Some(c)) if add_immediate(c.into()) => Some(add_text(-i64::from(c))),
            (Binary::And | Binary::Or | Binary::Xor, Some(c)) if modified_immediate(c) => {
                Some(format!("{name} %0, %1, #{c}"))
            }
            (Binary::And, Some(c)) if modified_immediate(!c) => Some(format!("bic %0, %1, #{}", !c)),
            _ => None,
        };
        if let Some(text) = text {
            return Ok(self.plain(text, &[x]));
        }
        let y = self.value(b)?;
        Ok(self.plain(format!("{name} %0, %1, %2"), &[x, y]))
    }
}

/// Addition of an immediate.
pub fn add_text(by: i64) -> String {
    if by < 0 { format!("sub %0, %1, #{}", -by) } else { format!("add %0, %1, #{by}") }
}
