//! The order of a block's instructions.
//!
//! Arithmetic stays in the order of the source, which its author chose to need few registers. Loads,
//! constants and addresses come as late as they may, or a given number of instructions before that: a load whose result is read by the next instruction, or that has no other
//! load beside it, makes some cores wait.

use super::Site;
use super::inst::{Block, Inst, Op, Reg};
use std::collections::{BTreeMap, BTreeSet};

/// Where in the source the results of each instruction are first read; the end of the block for those
/// that only what follows reads.
pub fn first_readers(block: &Block) -> Vec<usize> {
    let body = &block.body;
    let mut reader: BTreeMap<Reg, usize> = BTreeMap::new();
    for (at, i) in body.iter().enumerate().rev() {
        for &r in &i.uses {
            reader.insert(r, at);
        }
    }
    let first = |i: &Inst| i.out.iter().filter_map(|r| reader.get(r)).min().copied().unwrap_or(body.len());
    body.iter().map(first).collect()
}

/// Whether one of the two is a store to what the other may reach.
pub fn may_touch(a: &Inst, b: &Inst, sites: &[Site]) -> bool {
    let (Some(p), Some(q)) = (a.place(), b.place()) else { return false };
    if matches!((&a.op, &b.op), (Op::Load(_), Op::Load(_))) {
        return false;
    }
    if p.buffer != q.buffer {
        return !(sites[p.buffer as usize].disjoint || sites[q.buffer as usize].disjoint);
    }
    let overlap = p.offset < q.end(b.moved()) && q.offset < p.end(a.moved());
    a.uses[0] != b.uses[0] || overlap
}

/// Orders the block's body; loads are `ahead` instructions before what reads them.
pub fn order(block: &mut Block, sites: &[Site], ahead: usize) {
    let body = &block.body;
    let n = body.len();
    // What is computed from nothing of the block but the like.
    let mut bound: BTreeSet<Reg> = BTreeSet::new();
    let mut free = vec![false; n];
    for (at, i) in body.iter().enumerate() {
        free[at] = !i.out.is_empty() && i.uses.len() < 3 && !i.uses.iter().any(|r| bound.contains(r));
        let value = matches!(i.op, Op::Load(_));
        if !free[at] || value {
            bound.extend(&i.out);
        }
    }
    // Twice the place in the source, so that what has to be before an instruction has a number between.
    let mut keys: Vec<i64> = (0..n as i64).map(|i| 2 * i).collect();
    let readers = first_readers(block);
    for at in (0..n).rev() {
        let i = &body[at];
        if free[at] {
            let ahead = if i.is_load() { 2 * ahead as i64 } else { 0 };
            let reader = keys.get(readers[at]).copied().unwrap_or(2 * n as i64);
            keys[at] = reader - 1 - ahead;
        }
    }
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut maker: BTreeMap<Reg, usize> = BTreeMap::new();
    for (at, i) in body.iter().enumerate() {
        before[at].extend(i.uses.iter().filter_map(|r| maker.get(r)));
        if i.place().is_some() {
            before[at].extend((0..at).filter(|&b| may_touch(&body[b], i, sites)));
        }
        maker.extend(i.out.iter().map(|&r| (r, at)));
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    for (at, b) in before.iter().enumerate() {
        b.iter().for_each(|&b| after[b].push(at));
    }
    let mut ready: BTreeSet<(i64, usize)> = (0..n).filter(|&i| waits[i] == 0).map(|i| (keys[i], i)).collect();
    let mut sorted = Vec::with_capacity(n);
    while let Some((_, at)) = ready.pop_first() {
        sorted.push(body[at].clone());
        for &next in &after[at] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.insert((keys[next], next));
            }
        }
    }
    block.body = sorted;
}
