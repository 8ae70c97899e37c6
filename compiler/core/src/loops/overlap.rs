//! Order of accesses: how far a result must begin below an operand so that writing the one never
//! destroys what is still to be read of the other.
//!
//! The proof is read off the function: its stores to the result are visited in the order in which they
//! run, and behind each one stands the lowest address of the operand that is read later. Loops that
//! store nothing to the result are not run; the interval of what they read says the same. Of loops
//! over which all addresses are linear, only the two first and the two last turns are run: the distance
//! between a store in turn `i` and a load in turn `j`, `i < j` or `i = j`, is then linear in both and
//! largest at a corner of all such pairs, whatever the other loops do.

use super::index::{Atom, Index, IndexVar};
use super::ir::{Access, Buf, Expr, Function, Load, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// Statements visited at most.
const LIMIT: usize = 1 << 20;

/// Bytes by which `result` has to begin below any of `operands`, which are parameters that get the
/// same buffer: with the operand at address `a` and the result at `a - distance` or lower, the function
/// computes what it does without overlap. 0: both may begin at one address. `None` where the function
/// is too long to be looked through, calls others, or has parameters.
pub fn distance(f: &Function, operands: &[Buf], result: Buf) -> Option<usize> {
    distance_with(f, operands, result, BTreeSet::new())
}

/// Whether the function computes what it does without overlap where the result begins at the very address of
/// `operands`: no byte is read after it has been written. All turns of all loops are run that read or write them,
/// so this also holds where, say, all of a channel is read before that channel is written. `false` where the function
/// is too long to be looked through.
pub fn is_in_place(f: &Function, operands: &[Buf], result: Buf) -> bool {
    let Some(events) = events(f, operands, result, Turns::All) else { return false };
    let bytes = events.iter().map(|e| e.to).max().unwrap_or(0).max(0) as usize;
    let mut written = vec![false; bytes];
    events.iter().all(|e| {
        let Ok(from) = usize::try_from(e.from) else { return false };
        let bytes = &mut written[from..e.to as usize];
        if e.writes {
            bytes.fill(true);
        }
        e.writes || !bytes.contains(&true)
    })
}

/// The same as [`distance`], with all turns run of the loops over `bent`.
fn distance_with(f: &Function, operands: &[Buf], result: Buf, bent: BTreeSet<IndexVar>) -> Option<usize> {
    let (mut lowest_read, mut distance) = (i64::MAX, 0);
    for e in events(f, operands, result, Turns::Telling(bent))?.iter().rev() {
        if !e.writes {
            lowest_read = lowest_read.min(e.from);
        } else if lowest_read < i64::MAX {
            distance = distance.max(e.to - lowest_read);
        }
    }
    usize::try_from(distance).ok()
}

/// Reads of operands and writes of the result, in their order.
fn events(f: &Function, operands: &[Buf], result: Buf, turns: Turns) -> Option<Vec<Event>> {
    if f.index_params > 0 {
        return None;
    }
    let element = |b: Buf| f.buffers[b.0 as usize].elem.bytes() as i64;
    let mut walk =
        Walk { operands, result, element: &element, ranges: BTreeMap::new(), turns, events: Vec::new(), left: LIMIT };
    walk.block(&f.body)?;
    Some(walk.events)
}

/// Which turns of loops are run.
enum Turns {
    /// Of loops that store to the result, those that tell how far addresses are apart: two at each end, and all of
    /// loops over variables that some address met so far is not linear in, or some loop's bounds depend on.
    Telling(BTreeSet<IndexVar>),
    /// Of loops that read operands or store to the result, all.
    All,
}

/// Bytes of an operand that are read, or of the result that are written.
#[derive(Clone, Copy, Debug)]
struct Event {
    writes: bool,
    from: i64,
    to: i64,
}

struct Walk<'a> {
    operands: &'a [Buf],
    result: Buf,
    element: &'a dyn Fn(Buf) -> i64,
    /// Values of index variables: one where the loop is run, all of them where it is not.
    ranges: BTreeMap<IndexVar, (i64, i64)>,
    turns: Turns,
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
                        && let Some((first, last)) = self.interval(&s.access)
                    {
                        let (element, bytes) = ((self.element)(self.result), s.value.ty().bytes() as i64);
                        self.events.push(Event { writes: true, from: first * element, to: last * element + bytes });
                    }
                }
                Stmt::For(l) => {
                    let (lo, hi) = (self.range(&l.lo), self.range(&l.hi));
                    self.bend(&l.lo);
                    self.bend(&l.hi);
                    if lo.0 >= hi.1 {
                        continue;
                    }
                    if !self.is_run(&l.body) {
                        self.ranges.insert(l.var, (lo.0, hi.1 - 1));
                        self.block(&l.body)?;
                        continue;
                    }
                    // The loops around it are run too, so its bounds are known.
                    let turns = (hi.1 - 1 - lo.0) / l.step + 1;
                    let mut turn = 0;
                    while turn < turns {
                        let i = lo.0 + turn * l.step;
                        self.ranges.insert(l.var, (i, i));
                        self.block(&l.body)?;
                        turn += 1;
                        if turn == 2 && self.is_told_by_ends(l.var) {
                            turn = turn.max(turns - 2);
                        }
                    }
                }
                Stmt::Call(..) => return None,
            }
        }
        Some(())
    }

    /// Whether turns of a loop are run, or what its body reads is taken for all of them at once.
    fn is_run(&self, body: &[Stmt]) -> bool {
        match self.turns {
            Turns::Telling(_) => self.stores(body),
            Turns::All => self.stores(body) || self.reads(body),
        }
    }

    fn is_told_by_ends(&self, var: IndexVar) -> bool {
        matches!(&self.turns, Turns::Telling(bent) if !bent.contains(&var))
    }

    fn stores(&self, block: &[Stmt]) -> bool {
        block.iter().any(|s| match s {
            Stmt::Store(s) => s.access.buffer == self.result,
            Stmt::For(l) => self.stores(&l.body),
            Stmt::Call(..) => true,
            Stmt::Let(..) | Stmt::Set(..) => false,
        })
    }

    fn reads(&self, block: &[Stmt]) -> bool {
        block.iter().any(|s| match s {
            Stmt::Let(_, e) | Stmt::Set(_, e) => self.reads_in(e),
            Stmt::Store(s) => self.reads_in(&s.value),
            Stmt::For(l) => self.reads(&l.body),
            Stmt::Call(..) => true,
        })
    }

    fn reads_in(&self, e: &Expr) -> bool {
        let here = matches!(e, Expr::Load(l) if self.operands.contains(&l.access.buffer));
        // Addresses may be loaded too.
        here || matches!(e, Expr::Load(_) | Expr::Index(..)) && has_data(e)
            || e.children().into_iter().any(|e| self.reads_in(e))
    }

    /// What the index depends on bends.
    fn bend(&mut self, i: &Index) {
        for (atom, _) in i.terms() {
            match atom {
                Atom::Var(v) => {
                    if let Turns::Telling(bent) = &mut self.turns {
                        bent.insert(*v);
                    }
                }
                _ => self.bend_within(atom),
            }
        }
    }

    /// What input data decides lies in an interval that depends on nothing.
    fn bend_within(&mut self, atom: &Atom) {
        atom.parts().for_each(|i| self.bend(i));
    }

    fn range(&self, i: &Index) -> (i64, i64) {
        i.range(&|v| self.ranges.get(&v).copied().unwrap_or((0, 0)))
    }

    /// First and last element that an access may reach; `None` if its bounds never hold.
    fn interval(&mut self, a: &Access) -> Option<(i64, i64)> {
        for d in &a.dims {
            match d.bound.or(d.ring) {
                Some(_) => self.bend(&d.index),
                None => d.index.terms().iter().for_each(|(atom, _)| self.bend_within(atom)),
            }
        }
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
            && let Some((first, last)) = self.interval(&l.access)
        {
            let element = (self.element)(l.access.buffer);
            let read = Event { writes: false, from: first * element, to: last * element + l.ty.bytes() as i64 };
            match self.events.last_mut() {
                // Only the lowest of them counts.
                Some(e) if !e.writes && matches!(self.turns, Turns::Telling(_)) => e.from = e.from.min(read.from),
                _ => self.events.push(read),
            }
        }
    }

    fn expr(&mut self, e: &Expr) {
        match e {
            Expr::Index(i, _) => self.index(i),
            Expr::Load(l) => {
                l.access.dims.iter().for_each(|d| self.index(&d.index));
                self.read(l);
            }
            _ => {}
        }
        e.children().into_iter().for_each(|e| self.expr(e));
    }

    /// Loads inside of data-dependent indices.
    fn index(&mut self, i: &Index) {
        i.each_data(&mut |e| self.expr(e));
    }
}

/// Whether an address depends on what is loaded.
fn has_data(e: &Expr) -> bool {
    let mut found = false;
    match e {
        Expr::Index(i, _) => i.each_data(&mut |_| found = true),
        Expr::Load(l) => l.access.dims.iter().for_each(|d| d.index.each_data(&mut |_| found = true)),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests;
