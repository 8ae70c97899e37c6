//! Order of accesses: how far a result must begin below an operand so that writing the one never
//! destroys what is still to be read of the other.
//!
//! The proof is read off the function: its stores to the result are visited in the order in which they
//! run, and behind each one stands the lowest address of the operand that is read later. Loops that
//! store nothing to the result are not run; the interval of what they read says the same.

use super::index::{Index, IndexVar};
use super::ir::{Access, Buf, Expr, Function, Load, Stmt};
use std::collections::BTreeMap;

/// Statements visited at most.
const LIMIT: usize = 1 << 22;

/// Bytes by which `result` has to begin below any of `operands`, which are parameters that get the
/// same buffer: with the operand at address `a` and the result at `a - distance` or lower, the function
/// computes what it does without overlap. 0: both may begin at one address. `None` where the function
/// is too long to be looked through, calls others, or has parameters.
pub fn distance(f: &Function, operands: &[Buf], result: Buf) -> Option<usize> {
    if f.index_params > 0 {
        return None;
    }
    let element = |b: Buf| f.buffers[b.0 as usize].elem.bytes() as i64;
    let mut walk =
        Walk { operands, result, element: &element, ranges: BTreeMap::new(), events: Vec::new(), left: LIMIT };
    walk.block(&f.body)?;
    let (mut lowest_read, mut distance) = (i64::MAX, 0);
    for e in walk.events.iter().rev() {
        match *e {
            Event::Read(from) => lowest_read = lowest_read.min(from),
            Event::Write(to) if lowest_read < i64::MAX => distance = distance.max(to - lowest_read),
            Event::Write(_) => {}
        }
    }
    usize::try_from(distance).ok()
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Lowest byte of the operand that is read.
    Read(i64),
    /// End of the bytes of the result that are written.
    Write(i64),
}

struct Walk<'a> {
    operands: &'a [Buf],
    result: Buf,
    element: &'a dyn Fn(Buf) -> i64,
    /// Values of index variables: one where the loop is run, all of them where it is not.
    ranges: BTreeMap<IndexVar, (i64, i64)>,
    events: Vec<Event>,
    left: usize,
}

impl Walk<'_> {
    fn block(&mut self, block: &[Stmt]) -> Option<()> {
        for s in block {
            self.left = self.left.checked_sub(1)?;
            match s {
                Stmt::Let(_, e) | Stmt::Set(_, e) => self.expr(e),
                Stmt::Store(s) => {
                    s.access.dims.iter().for_each(|d| self.index(&d.index));
                    self.expr(&s.value);
                    s.mask.iter().for_each(|m| self.expr(m));
                    if s.access.buffer == self.result
                        && let Some((_, last)) = self.interval(&s.access)
                    {
                        let ty = s.value.ty();
                        self.events.push(Event::Write(last * (self.element)(self.result) + ty.bytes() as i64));
                    }
                }
                Stmt::For(l) => {
                    let (lo, hi) = (self.range(&l.lo), self.range(&l.hi));
                    if self.stores(&l.body) {
                        // The loops around it are run too, so its bounds are known.
                        let mut i = lo.0;
                        while i < hi.1 {
                            self.ranges.insert(l.var, (i, i));
                            self.block(&l.body)?;
                            i += l.step;
                        }
                    } else if lo.0 < hi.1 {
                        self.ranges.insert(l.var, (lo.0, hi.1 - 1));
                        self.block(&l.body)?;
                    }
                }
                Stmt::Call(..) => return None,
            }
        }
        Some(())
    }

    fn stores(&self, block: &[Stmt]) -> bool {
        block.iter().any(|s| match s {
            Stmt::Store(s) => s.access.buffer == self.result,
            Stmt::For(l) => self.stores(&l.body),
            Stmt::Call(..) => true,
            Stmt::Let(..) | Stmt::Set(..) => false,
        })
    }

    fn range(&self, i: &Index) -> (i64, i64) {
        i.range(&|v| self.ranges.get(&v).copied().unwrap_or((0, 0)))
    }

    /// First and last element that an access may reach; `None` if its bounds never hold.
    fn interval(&self, a: &Access) -> Option<(i64, i64)> {
        let (mut first, mut last) = (a.offset, a.offset);
        for d in &a.dims {
            let (mut lo, mut hi) = self.range(&d.index);
            if let Some(bound) = d.bound {
                (lo, hi) = (lo.max(0), hi.min(bound - 1));
                if lo > hi {
                    return None;
                }
            }
            if let Some(ring) = d.ring {
                (lo, hi) = if lo >= 0 && hi < ring { (lo, hi) } else { (0, ring - 1) };
            }
            let (a, b) = (lo * d.stride, hi * d.stride);
            first += a.min(b);
            last += a.max(b);
        }
        Some((first, last))
    }

    fn read(&mut self, l: &Load) {
        if self.operands.contains(&l.access.buffer)
            && let Some((first, _)) = self.interval(&l.access)
        {
            let from = first * (self.element)(l.access.buffer);
            match self.events.last_mut() {
                Some(Event::Read(lowest)) => *lowest = from.min(*lowest),
                _ => self.events.push(Event::Read(from)),
            }
        }
    }

    fn expr(&mut self, e: &Expr) {
        match e {
            Expr::Const(..) | Expr::Local(_) => {}
            Expr::Index(i, _) => self.index(i),
            Expr::Load(l) => {
                l.access.dims.iter().for_each(|d| self.index(&d.index));
                self.read(l);
                l.otherwise.iter().chain(&l.mask).for_each(|e| self.expr(e));
            }
            Expr::Unary(_, a) | Expr::Cast(_, _, a) | Expr::Splat(_, a) | Expr::Lane(_, a) | Expr::Reduce(_, a) => {
                self.expr(a);
            }
            Expr::Binary(_, a, b) | Expr::Compare(_, a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Expr::Select(c, a, b) => [c, a, b].into_iter().for_each(|e| self.expr(e)),
            Expr::Lanes(v) | Expr::Call(_, v) => v.iter().for_each(|e| self.expr(e)),
        }
    }

    /// Loads inside of data-dependent indices.
    fn index(&mut self, i: &Index) {
        use super::index::Atom;
        for (atom, _) in i.terms() {
            match atom {
                Atom::Var(_) => {}
                Atom::Div(i, _) | Atom::Mod(i, _) | Atom::Table(_, i) => self.index(i),
                Atom::Min(a, b) | Atom::Max(a, b) => {
                    self.index(a);
                    self.index(b);
                }
                Atom::Data(e, _) => self.expr(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::{Lower, Mode, Scalar};

    /// `y[i] = x[at(i)]` for 8 elements of 4 bytes.
    fn copy(at: impl Fn(Index) -> Index) -> Option<usize> {
        let mut l = Lower::new("copy");
        let x = l.buffer("x", Scalar::F32, 16, Mode::Read);
        let y = l.buffer("y", Scalar::F32, 8, Mode::Write);
        let access = |buffer, index| Access {
            buffer,
            offset: 0,
            dims: vec![crate::loops::Dim { index, stride: 1, ring: None, bound: None }],
        };
        l.repeat("i", 0usize, 8usize, |l, i| {
            let load = Load { access: access(x, at(i.clone())), ty: Scalar::F32.into(), otherwise: None, mask: None };
            let value = Expr::Load(Box::new(load));
            l.push(Stmt::Store(crate::loops::Store { access: access(y, i), value, mask: None }));
        });
        distance(&l.finish(), &[x], y)
    }

    #[test]
    fn copies_in_order_need_no_distance_and_reversals_all_of_it() {
        assert_eq!(copy(|i| i), Some(0));
        assert_eq!(copy(|i| i + 3), Some(0));
        assert_eq!(copy(|i| i * 2), Some(0));
        // Element 0 is read last, after 7 elements have been written.
        assert_eq!(copy(|i| -i + 7), Some(28));
        // i = 6 writes up to byte 28 and i = 7 reads element 3.
        assert_eq!(copy(|i| i.floor_div(2)), Some(16));
    }
}
