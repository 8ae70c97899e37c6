//! Where registers hold values, which of them are one, and a register of the machine for each.

use super::inst::{ARGUMENTS, Block, Inst, Op, Reg};
use std::collections::{BTreeMap, BTreeSet};

/// Registers of the machine that hold values, those first that need not be saved: r0 to r3, r12, then
/// r4 to r11 and the link register.
pub const MACHINE: [u8; 14] = [0, 1, 2, 3, 12, 4, 5, 6, 7, 14, 8, 9, 10, 11];

/// Closed intervals of time. Instruction `i` reads at `2i` and writes at `2i + 1`.
type Life = Vec<(i64, i64)>;

/// All instructions in order; each loop's first and last, the compare at its end among them.
pub struct Line<'a> {
    pub insts: Vec<&'a Inst>,
    /// First instruction of each block, and of what is behind the last one.
    pub starts: Vec<usize>,
    /// Reads of the ends of loops.
    turns: Vec<Option<(usize, [Reg; 2])>>,
}

/// What stands for the compare and branch at the end of a loop: nothing is written.
static TURN: Inst = Inst { op: Op::Guard, out: Vec::new(), uses: Vec::new() };

impl<'a> Line<'a> {
    pub fn of(blocks: &'a [Block]) -> Line<'a> {
        let mut line = Line { insts: Vec::new(), starts: Vec::new(), turns: Vec::new() };
        for b in blocks {
            line.starts.push(line.insts.len());
            line.insts.extend(b.body.iter().chain(&b.tail));
            line.turns.push(b.turn.as_ref().map(|t| (line.insts.len(), [t.pointers[0].reg, t.end_read])));
            if b.turn.is_some() {
                line.insts.push(&TURN);
            }
        }
        line.starts.push(line.insts.len());
        line
    }

    /// Times of a block: from its first read to its last write.
    pub fn times(&self, block: usize) -> (i64, i64) {
        (2 * self.starts[block] as i64, 2 * self.starts[block + 1] as i64 - 1)
    }

    fn loops(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        (0..self.turns.len()).filter(|&b| self.turns[b].is_some()).map(|b| self.times(b))
    }

    pub fn lives(&self) -> BTreeMap<Reg, Life> {
        let (mut writes, mut reads): (BTreeMap<Reg, Vec<i64>>, BTreeMap<Reg, Vec<i64>>) = Default::default();
        for (at, i) in self.insts.iter().enumerate() {
            i.out.iter().for_each(|r| writes.entry(*r).or_default().push(2 * at as i64 + 1));
            i.uses.iter().for_each(|r| reads.entry(*r).or_default().push(2 * at as i64));
        }
        for (at, regs) in self.turns.iter().flatten() {
            regs.iter().for_each(|r| reads.entry(*r).or_default().push(2 * *at as i64));
        }
        for r in 0..ARGUMENTS {
            if reads.contains_key(&r) {
                writes.entry(r).or_default().insert(0, -1);
            }
        }
        let none = Vec::new();
        writes.iter().map(|(r, w)| (*r, self.life(w, reads.get(r).unwrap_or(&none)))).collect()
    }

    fn life(&self, writes: &[i64], reads: &[i64]) -> Life {
        let mut life: Life = writes
            .iter()
            .enumerate()
            .map(|(k, &from)| {
                let next = writes.get(k + 1).copied().unwrap_or(i64::MAX);
                let last = reads.iter().copied().filter(|&u| u > from && u < next).max();
                (from, last.unwrap_or(from))
            })
            .collect();
        // Around the loops: what a turn reads before it writes it has been written before the turn.
        for (begin, end) in self.loops() {
            let inside = |t: &&i64| (begin..=end).contains(*t);
            let read = reads.iter().filter(inside).min();
            let written = writes.iter().filter(inside).min();
            let carried = read.is_some_and(|r| written.is_none_or(|w| r <= w));
            if !carried {
                continue;
            }
            match writes.iter().filter(inside).max() {
                // The next turn reads what the last write of this one left.
                Some(last) => extend(&mut life, *last, end),
                None => {
                    if let Some(from) = writes.iter().filter(|w| **w < begin).max() {
                        extend(&mut life, *from, end);
                    }
                }
            }
        }
        life
    }
}

/// The interval that begins at `from` lasts at least `to`.
fn extend(life: &mut Life, from: i64, to: i64) {
    if let Some(i) = life.iter_mut().find(|i| i.0 == from) {
        i.1 = i.1.max(to);
    }
}

fn overlap(a: &Life, b: &Life) -> bool {
    a.iter().any(|x| b.iter().any(|y| x.0 <= y.1 && y.0 <= x.1))
}

/// Registers that are one, by the register that stands for them.
pub struct Webs {
    of: BTreeMap<Reg, Reg>,
    lives: BTreeMap<Reg, Life>,
}

impl Webs {
    /// Joins the two sides of each move where their lives allow it; then what an instruction writes with
    /// an operand that ends there, so that a value that a loop carries leaves no gap in its turns.
    pub fn new(line: &Line<'_>) -> Webs {
        let lives = line.lives();
        let of = lives.keys().map(|r| (*r, *r)).collect();
        let mut webs = Webs { of, lives };
        for i in line.insts.iter().filter(|i| i.op == Op::Move) {
            webs.join(i.out[0], i.uses[0]);
        }
        for i in line.insts.iter().filter(|i| matches!(i.op, Op::Plain(_) | Op::Choose(_))) {
            // Sums are the last operand.
            let _ = i.uses.iter().rev().any(|r| webs.join(i.out[0], *r));
        }
        webs
    }

    /// Whether the two could be joined.
    fn join(&mut self, a: Reg, b: Reg) -> bool {
        let (a, b) = (self.web(a), self.web(b));
        if a == b || (a < ARGUMENTS && b < ARGUMENTS) || overlap(&self.lives[&a], &self.lives[&b]) {
            return false;
        }
        let (keep, drop) = (a.min(b), a.max(b));
        let more = self.lives.remove(&drop).unwrap_or_default();
        self.lives.entry(keep).or_default().extend(more);
        self.of.values_mut().filter(|w| **w == drop).for_each(|w| *w = keep);
        true
    }

    fn web(&self, r: Reg) -> Reg {
        self.of.get(&r).copied().unwrap_or(r)
    }

    /// From the first to the last time of each web, by begin.
    fn hulls(&self) -> Vec<(i64, i64, Reg)> {
        let hull = |(r, life): (&Reg, &Life)| {
            let begin = life.iter().map(|i| i.0).min().unwrap_or(0);
            let end = life.iter().map(|i| i.1).max().unwrap_or(0);
            (begin, end, *r)
        };
        let mut hulls: Vec<_> = self.lives.iter().map(hull).collect();
        hulls.sort_unstable();
        hulls
    }

    /// A register of the machine for each, or a time at which there are too few. Intervals on a line need
    /// no more registers than there are values at some time, and taking them by their begin finds those:
    /// arguments all begin at once.
    pub fn color(&self) -> Result<BTreeMap<Reg, u8>, i64> {
        let mut busy: Vec<(i64, u8)> = Vec::new();
        let mut chosen: BTreeMap<Reg, u8> = BTreeMap::new();
        for (begin, end, web) in self.hulls() {
            busy.retain(|b| b.0 >= begin);
            let taken: BTreeSet<u8> = busy.iter().map(|b| b.1).collect();
            let free = match web < ARGUMENTS {
                true => Some(web as u8),
                false => MACHINE.into_iter().find(|m| !taken.contains(m)),
            };
            let Some(m) = free else { return Err(begin) };
            busy.push((end, m));
            chosen.insert(web, m);
        }
        Ok(self.of.iter().filter_map(|(r, w)| Some((*r, *chosen.get(w)?))).collect())
    }
}
