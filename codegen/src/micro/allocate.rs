//! Order and registers: the cheapest of some orders that the machine's registers suffice for.
//!
//! What is live across a block that does not read it may wait on the stack meanwhile; arguments are
//! there for nothing, as they are pushed together with the registers that have to be saved. In a loop,
//! constants of one instruction may be made where they are read, and its end may be loaded again. Other
//! values are never spilled: a function for which that does not suffice is refused.

use super::inst::{ARGUMENTS, Block, Inst, Op, Reg, Slot, modified_immediate};
use super::live::{Line, Webs};
use super::{Refusal, Site, pointers, schedule};
use std::collections::{BTreeMap, BTreeSet};

/// Instructions that loads are tried to be ahead of their readers.
const AHEAD: [usize; 5] = [0, 1, 2, 4, 8];

/// Instructions between two reads of a constant for which it is made again.
const APART: usize = 24;

/// Weight of a loop's body when orders are compared.
const TURNS: usize = 16;

pub struct Allocated {
    pub blocks: Vec<Block>,
    pub registers: BTreeMap<Reg, u8>,
    /// Arguments that are pushed, and words beside them.
    pub pushed: BTreeSet<u32>,
    pub own: u32,
}

/// The cheapest of the orders.
pub fn allocate(blocks: &[Block], next: Reg, sites: &[Site]) -> Result<Allocated, Refusal> {
    let found = AHEAD.iter().filter_map(|&ahead| attempt(blocks, next, sites, ahead));
    found.min_by_key(|a| a.cost()).ok_or_else(|| Refusal("it needs more registers than there are".into()))
}

impl Allocated {
    /// Instructions, and waits that the order causes.
    fn cost(&self) -> usize {
        let block = |b: &Block| {
            let insts: Vec<&Inst> = b.body.iter().chain(&b.tail).filter(|i| !self.is_void(i)).collect();
            let waits = insts.windows(2).filter(|w| w[0].is_load() && !w[1].is_load()).count();
            let reads = insts.windows(2).filter(|w| w[0].is_load() && w[1].uses.iter().any(|r| w[0].out.contains(r)));
            let times = if b.turn.is_some() { TURNS } else { 1 };
            times * (2 * insts.len() + waits + reads.count())
        };
        self.blocks.iter().map(block).sum()
    }

    /// A move from a register to itself.
    pub fn is_void(&self, i: &Inst) -> bool {
        i.op == Op::Move && self.registers.get(&i.out[0]) == self.registers.get(&i.uses[0])
    }
}

struct Attempt {
    blocks: Vec<Block>,
    next: Reg,
    pushed: BTreeSet<u32>,
    own: u32,
    /// Where values are on the stack.
    homes: BTreeMap<Reg, Slot>,
}

fn attempt(blocks: &[Block], next: Reg, sites: &[Site], ahead: usize) -> Option<Allocated> {
    let homes = (0..ARGUMENTS).map(|i| (i, Slot::Argument(i))).collect();
    let mut a = Attempt { blocks: blocks.to_vec(), next, pushed: BTreeSet::new(), own: 0, homes };
    loop {
        let mut placed = a.blocks.clone();
        for (at, block) in placed.iter_mut().enumerate() {
            // Registers that are not there before a loop's pointers are placed come behind all others.
            schedule::order(block, sites, if blocks[at].turn.is_some() { ahead } else { ahead.min(2) });
        }
        let mut next = a.next;
        for at in 0..placed.len() {
            pointers::place(&mut placed, at, &mut next);
        }
        let line = Line::of(&placed);
        match Webs::new(&line).color() {
            Ok(registers) => {
                return Some(Allocated { registers, pushed: a.pushed, own: a.own, blocks: placed });
            }
            Err(time) => {
                let block = (0..placed.len()).find(|&b| time <= line.times(b).1)?;
                a.relieve(&line, block)?;
            }
        }
    }
}

impl Attempt {
    /// Frees a register in a block, or, where that is before a loop, in the loop.
    fn relieve(&mut self, line: &Line<'_>, block: usize) -> Option<()> {
        let lives = line.lives();
        let before_loop = self.blocks.get(block + 1).is_some_and(|b| b.turn.is_some());
        [Some(block), before_loop.then_some(block + 1)].into_iter().flatten().find_map(|b| {
            let (begin, end) = line.times(b);
            let across = |r: &Reg| lives[r].iter().any(|i| i.0 < begin && i.1 > end) && !self.reads(b, *r);
            let waiting = lives.keys().filter(|r| across(r) && self.is_single(**r));
            let waiting = waiting.filter_map(|r| Some((!self.homes.contains_key(r), *r, self.back(b, *r)?)));
            match waiting.min() {
                Some((_, r, back)) => self.wait(r, b, back),
                None => self.make_again(b).or_else(|| self.keep_end(b)),
            }
        })
    }

    fn reads(&self, block: usize, r: Reg) -> bool {
        let b = &self.blocks[block];
        let turn = b.turn.as_ref().is_some_and(|t| t.end_read == r || t.pointers.iter().any(|p| p.reg == r));
        turn || b.body.iter().chain(&b.tail).any(|i| i.uses.contains(&r) || i.out.contains(&r))
    }

    /// Whether the register is written once, in a body, or holds an argument.
    fn is_single(&self, r: Reg) -> bool {
        r < ARGUMENTS || self.blocks.iter().any(|b| b.body.iter().any(|i| i.out.contains(&r)))
    }

    /// The block behind `block` in which the register has to be there again.
    fn back(&self, block: usize, r: Reg) -> Option<usize> {
        let reads = |at: &usize| self.reads(*at, r) || self.blocks[*at].turn.as_ref().is_some_and(|t| t.is_made_of(r));
        let first = (block + 1..self.blocks.len()).find(reads)?;
        // Not in a loop, but before it.
        let back = first - usize::from(self.blocks[first].turn.is_some());
        (back > block).then_some(back)
    }

    /// Lets a value wait on the stack while the block runs, until `back`.
    fn wait(&mut self, r: Reg, block: usize, back: usize) -> Option<()> {
        let home = match self.homes.get(&r) {
            Some(&home) => home,
            None => {
                let home = Slot::Own(self.own);
                let made = self.blocks.iter().position(|b| b.body.iter().any(|i| i.out.contains(&r)))?;
                self.blocks[made].body.push(Inst { op: Op::Spill(home), out: vec![], uses: vec![r] });
                self.own += 1;
                home
            }
        };
        if let Slot::Argument(i) = home
            && i < ARGUMENTS
        {
            self.pushed.insert(i);
        }
        let again = self.next;
        self.next += 1;
        self.homes.extend([(r, home), (again, home)]);
        for b in &mut self.blocks[block + 1..] {
            let operands = b.body.iter_mut().chain(&mut b.tail).flat_map(|i| &mut i.uses);
            operands.chain(b.turn.iter_mut().flat_map(|t| t.made_of())).filter(|x| **x == r).for_each(|x| *x = again);
        }
        self.blocks[back].body.insert(0, Inst { op: Op::Reload(home), out: vec![again], uses: vec![] });
        Some(())
    }

    /// A constant from outside of the loop is made in it, near to what reads it.
    fn make_again(&mut self, block: usize) -> Option<()> {
        self.blocks[block].turn.as_ref()?;
        let outside = self.blocks.iter().enumerate().filter(|(at, _)| *at != block).flat_map(|(_, b)| &b.body);
        let constants = outside.filter_map(|i| match i.op {
            Op::Const(v) if modified_immediate(v) || modified_immediate(!v) => Some((i.out[0], v)),
            _ => None,
        });
        let body = &self.blocks[block].body;
        let (r, v) = constants.filter(|(r, _)| body.iter().any(|i| i.uses.contains(r))).min()?;
        let (mut made, mut last) = (Vec::new(), None);
        for (at, mut i) in std::mem::take(&mut self.blocks[block].body).into_iter().enumerate() {
            if i.uses.contains(&r) {
                if last.is_none_or(|last| at - last > APART) {
                    made.push(Inst { op: Op::Const(v), out: vec![self.next], uses: vec![] });
                    self.next += 1;
                }
                last = Some(at);
                i.uses.iter_mut().filter(|x| **x == r).for_each(|x| *x = self.next - 1);
            }
            made.push(i);
        }
        self.blocks[block].body = made;
        let read = |b: &Block| {
            let operand = b.body.iter().chain(&b.tail).any(|i| i.uses.contains(&r));
            operand || b.turn.as_ref().is_some_and(|t| t.is_made_of(r))
        };
        if !self.blocks.iter().any(read) {
            self.blocks.iter_mut().for_each(|b| b.body.retain(|i| !i.out.contains(&r)));
        }
        Some(())
    }

    /// The end of the loop comes from the stack each turn.
    fn keep_end(&mut self, block: usize) -> Option<()> {
        let slot = Slot::Own(self.own);
        let again = self.next;
        let turn = self.blocks[block].turn.as_mut().filter(|t| t.kept.is_none())?;
        turn.kept = Some(slot);
        turn.end_read = again;
        self.own += 1;
        self.next += 1;
        self.blocks[block].body.push(Inst { op: Op::Reload(slot), out: vec![again], uses: vec![] });
        Some(())
    }
}
