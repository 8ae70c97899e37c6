//! Pointers of loops: where they stand, which access moves them, and where the loop ends.

use super::inst::{Block, Inst, Loop, Op, Pointer, Reg, Trips, add_immediate, encodable};
use super::select::add_text;

/// How a loop moves one pointer.
enum Move {
    /// The first access through it does, then all others reach back.
    First,
    /// The last one does.
    Last,
    /// An instruction of its own.
    Own,
}

/// Sets the offsets in the ordered body of the loop at `at`, and writes what comes before the loop.
/// `next` numbers new registers.
pub fn place(blocks: &mut [Block], at: usize, next: &mut Reg) {
    let Some(turn) = blocks[at].turn.clone() else { return };
    // Values that the loop carries are read behind it even if it never runs.
    let mut before = std::mem::take(&mut blocks[at - 1].tail);
    if let Trips::Parameter(n, ..) = turn.trips {
        before.push(Inst { op: Op::Guard, out: vec![], uses: vec![n] });
    }
    for p in &turn.pointers {
        let start = p.start + settle(&mut blocks[at], p);
        before.extend(sum(p.reg, p.base, start, next));
    }
    before.extend(end(&turn, next));
    if let Some(slot) = turn.kept {
        before.push(Inst { op: Op::Spill(slot), out: vec![], uses: vec![turn.end] });
    }
    blocks[at - 1].tail = before;
}

/// `out = base + by`.
fn sum(out: Reg, base: Reg, by: i64, next: &mut Reg) -> Vec<Inst> {
    if by == 0 {
        return vec![Inst::new(Op::Move, out, [base])];
    }
    if add_immediate(by) {
        return vec![Inst::plain(add_text(by), out, [base])];
    }
    *next += 1;
    let by = Inst { op: Op::Const(by as i32), out: vec![*next - 1], uses: vec![] };
    vec![by, Inst::plain("add %0, %1, %2", out, [base, *next - 1])]
}

/// What computes where the deciding pointer ends.
fn end(turn: &Loop, next: &mut Reg) -> Vec<Inst> {
    let p = &turn.pointers[0];
    match turn.trips {
        Trips::Constant(n) => sum(turn.end, p.reg, n * p.step, next),
        Trips::Parameter(n, ..) if p.step > 0 && p.step.count_ones() == 1 => {
            let shift = p.step.trailing_zeros();
            let text = if shift == 0 { "add %0, %1, %2".into() } else { format!("add %0, %1, %2, lsl #{shift}") };
            vec![Inst::plain(text, turn.end, [p.reg, n])]
        }
        Trips::Parameter(n, ..) => {
            *next += 1;
            let step = Inst { op: Op::Const(p.step as i32), out: vec![*next - 1], uses: vec![] };
            vec![step, Inst::plain("mla %0, %1, %2, %3", turn.end, [n, *next - 1, p.reg])]
        }
    }
}

/// Chooses who moves the pointer; how far it stands before the loop from where it would.
fn settle(body: &mut Block, p: &Pointer) -> i64 {
    let uses: Vec<usize> = (0..body.body.len()).filter(|&i| through(&body.body[i], p.reg)).collect();
    let reach: Vec<(i64, usize)> =
        uses.iter().filter_map(|&i| body.body[i].place().map(|place| (place.offset, body.body[i].moved()))).collect();
    let fits = |anchor: i64, mover: usize, moved: &dyn Fn(usize) -> i64| {
        reach.iter().enumerate().all(|(k, &(offset, n))| match k == mover {
            true => encodable(p.step, n, true),
            false => encodable(offset - anchor - moved(k), n, false),
        })
    };
    let (how, anchor) = match (reach.first(), reach.last()) {
        (Some(first), _) if fits(first.0, 0, &|_| p.step) => (Move::First, first.0),
        (_, Some(last)) if fits(last.0, reach.len() - 1, &|_| 0) => (Move::Last, last.0),
        _ => (Move::Own, 0),
    };
    for (k, &i) in uses.iter().enumerate() {
        let Some(place) = body.body[i].place_mut() else { continue };
        place.offset -= anchor;
        match how {
            Move::First if k == 0 => place.bump = p.step,
            Move::First => place.offset -= p.step,
            Move::Last if k + 1 == uses.len() => place.bump = p.step,
            Move::Last | Move::Own => {}
        }
    }
    if let Move::Own = how {
        body.tail.push(Inst::plain(add_text(p.step), p.reg, [p.reg]));
    }
    anchor
}

fn through(i: &Inst, pointer: Reg) -> bool {
    i.place().is_some() && i.uses[0] == pointer
}
