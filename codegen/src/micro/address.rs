//! Values that the arguments decide: addresses, and what they are computed from. In a loop they are
//! computed before it, but for the pointers that it moves.

use super::Refusal;
use super::inst::{ARGUMENTS, Inst, Op, Place, Pointer, Reg, Slot, Width, add_immediate};
use super::select::{Select, add_text, refuse};
use std::collections::BTreeMap;
use tinyc_core::loops::{Access, Atom, Expr, Index, IndexVar};

/// Bytes from a pointer that all accesses reach, and the distance of pointers to what lies further away.
const NEAR: (std::ops::RangeInclusive<i64>, i64) = (-128..=1020, 1024);

/// The same of accesses to bytes and halves, which are never two at once.
const NARROW: (std::ops::RangeInclusive<i64>, i64) = (-128..=3967, 4096);

/// Sum of products of parameters: variable and factor.
type Terms = Vec<(IndexVar, i64)>;

/// Values that a block has.
#[derive(Default)]
pub struct Known {
    constants: BTreeMap<i32, Reg>,
    stacked: BTreeMap<u32, Reg>,
    pointers: BTreeMap<(u32, Terms, i64), Reg>,
    /// Those that the loop moves; the bytes that a turn moves them by.
    moving: BTreeMap<(u32, Terms, i64, i64), Reg>,
}

impl Select<'_> {
    pub fn parameter(&self, v: IndexVar) -> u32 {
        self.f.buffers.len() as u32 + v.0
    }

    /// An argument of the function in a register.
    pub fn argument(&mut self, i: u32) -> Reg {
        if i < ARGUMENTS {
            return i;
        }
        if let Some(&r) = self.known.stacked.get(&i) {
            return r;
        }
        let out = self.fresh();
        self.emit_outside(Inst { op: Op::Reload(Slot::Argument(i)), out: vec![out], uses: vec![] });
        self.known.stacked.insert(i, out);
        out
    }

    pub fn constant(&mut self, v: i32) -> Reg {
        if let Some(&r) = self.known.constants.get(&v) {
            return r;
        }
        let out = self.fresh();
        self.emit_outside(Inst { op: Op::Const(v), out: vec![out], uses: vec![] });
        self.known.constants.insert(v, out);
        out
    }

    /// A value from outside of the loop, and so much.
    pub fn offset(&mut self, r: Reg, by: i64) -> Reg {
        if by == 0 {
            return r;
        }
        let out = self.fresh();
        match add_immediate(by) {
            true => self.emit_outside(Inst::plain(add_text(by), out, [r])),
            false => {
                let c = self.constant(by as i32);
                self.emit_outside(Inst::plain("add %0, %1, %2", out, [r, c]));
            }
        }
        out
    }

    /// `r + factor * parameter`, outside of the loop.
    fn plus(&mut self, r: Reg, v: IndexVar, factor: i64) -> Reg {
        let n = self.argument(self.parameter(v));
        let out = self.fresh();
        if factor > 0 && factor.count_ones() == 1 {
            let text = format!("add %0, %1, %2, lsl #{}", factor.trailing_zeros());
            let text = text.trim_end_matches(", lsl #0").to_owned();
            self.emit_outside(Inst::plain(text, out, [r, n]));
        } else {
            let c = self.constant(factor as i32);
            self.emit_outside(Inst::plain("mla %0, %1, %2, %3", out, [n, c, r]));
        }
        out
    }

    /// The index with the variables of loops of one turn as numbers.
    pub fn resolve(&self, i: &Index) -> Index {
        i.substitute(&|v| self.fixed.get(&v).map(|c| Index::constant(*c)), &Expr::clone)
    }

    /// Terms of parameters, factor of the open loop's variable, constant.
    pub fn affine(&self, i: &Index) -> Result<(Terms, i64, i64), Refusal> {
        let i = self.resolve(i);
        let (mut terms, mut moving) = (Vec::new(), 0);
        for (atom, k) in i.terms() {
            match atom {
                Atom::Var(v) if v.0 < self.f.index_params => terms.push((*v, *k)),
                Atom::Var(_) => moving = *k,
                _ => return refuse("an index that is not affine"),
            }
        }
        Ok((terms, moving, i.offset()))
    }

    /// Base register and place of an access.
    pub fn address(&mut self, a: &Access, width: Width) -> Result<(Reg, Place), Refusal> {
        if a.dims.iter().any(|d| d.ring.is_some() || d.bound.is_some()) {
            return refuse("a guard or a ring");
        }
        let buffer = a.buffer.0;
        let bytes = self.f.buffers[buffer as usize].elem.bytes() as i64;
        let (terms, moving, constant) = self.affine(&a.flat())?;
        let terms: Terms = terms.into_iter().map(|(v, k)| (v, k * bytes)).collect();
        let (lo, step) = self.open.map_or((0, 1), |(_, lo, step)| (lo, step));
        let first = (constant + moving * lo) * bytes;
        let step = moving * step * bytes;
        let distances = terms.iter().map(|t| t.1).chain([first, step, self.sites[buffer as usize].align as i64]);
        let aligned = distances.fold(0, gcd) % i64::from(width.bytes) == 0;
        let (near, apart) = if width.bytes == 4 { NEAR } else { NARROW };
        let start = if near.contains(&first) { 0 } else { first.div_euclid(apart) * apart };
        let base = match step {
            0 => self.pointer(buffer, terms, start),
            _ => self.moving_pointer(buffer, terms, start, step),
        };
        Ok((base, Place { buffer, offset: first - start, bump: 0, width, aligned }))
    }

    fn pointer(&mut self, buffer: u32, terms: Terms, start: i64) -> Reg {
        let key = (buffer, terms, start);
        if let Some(&r) = self.known.pointers.get(&key) {
            return r;
        }
        let mut r = self.argument(buffer);
        for &(v, k) in &key.1 {
            r = self.plus(r, v, k);
        }
        r = self.offset(r, start);
        self.known.pointers.insert(key, r);
        r
    }

    fn moving_pointer(&mut self, buffer: u32, terms: Terms, start: i64, step: i64) -> Reg {
        let key = (buffer, terms, start, step);
        if let Some(&r) = self.known.moving.get(&key) {
            return r;
        }
        let base = self.pointer(buffer, key.1.clone(), 0);
        let reg = self.fresh();
        let pointer = Pointer { reg, base, start, step };
        let turn = self.blocks.last_mut().and_then(|b| b.turn.as_mut()).expect("only loops move");
        turn.pointers.push(pointer);
        self.known.moving.insert(key, reg);
        reg
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}
