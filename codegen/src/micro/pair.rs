//! Neighbouring words in one load or store: LDRD and STRD.

use super::Site;
use super::inst::{Block, Inst, Op, Reg, Width};
use super::schedule::{first_readers, may_touch};

/// Instructions between the first readers of two words that are worth loading at once: more would keep
/// a register for too long.
const WINDOW: usize = 12;

/// Joins what can be joined.
pub fn pair(block: &mut Block, sites: &[Site]) {
    loads(block, sites);
    stores(block, sites);
}

/// Base and offset of an access to one aligned word.
fn word(i: &Inst, load: bool) -> Option<(Reg, i64)> {
    let place = i.place()?;
    let one = i.moved() == 1 && place.aligned && place.width == Width::WORD && place.bump == 0;
    (one && load == matches!(i.op, Op::Load(_))).then_some((i.uses[0], place.offset))
}

fn loads(block: &mut Block, sites: &[Site]) {
    let readers = first_readers(block);
    let body = &mut block.body;
    let mut words: Vec<(Reg, i64, usize)> =
        body.iter().enumerate().filter_map(|(at, i)| word(i, true).map(|(base, offset)| (base, offset, at))).collect();
    words.sort_unstable();
    let mut gone = vec![false; body.len()];
    while !words.is_empty() {
        let (base, offset, a) = words.remove(0);
        let partner = words.iter().position(|&(other, next, b)| {
            let (first, last) = (a.min(b), a.max(b));
            (other, next) == (base, offset + 4)
                && readers[a].abs_diff(readers[b]) <= WINDOW
                && !body[first..last].iter().any(|i| may_touch(i, &body[last], sites))
        });
        let Some(partner) = partner else { continue };
        let (_, _, b) = words.remove(partner);
        // The pair is where the first of the two was.
        let (first, last) = (a.min(b), a.max(b));
        let out = vec![body[a].out[0], body[b].out[0]];
        body[first] = Inst { out, ..body[a].clone() };
        gone[last] = true;
    }
    let mut gone = gone.into_iter();
    body.retain(|_| !gone.next().unwrap_or_default());
}

/// Stores one behind the other, with nothing but what computes their values between them.
fn stores(block: &mut Block, sites: &[Site]) {
    let body = &mut block.body;
    let mut at = 0;
    while at < body.len() {
        if let Some((base, offset)) = word(&body[at], false)
            && let Some(after) = body[at + 1..].iter().position(|i| matches!(i.op, Op::Store(_)))
            && let Some((other, next)) = word(&body[at + 1 + after], false)
            && (other == base && next == offset + 4)
            && !body[at + 1..at + 1 + after].iter().any(|i| may_touch(&body[at], i, sites))
        {
            // The pair is where the second of the two was.
            let mut first = body.remove(at);
            let second = at + after;
            first.uses.push(body[second].uses[1]);
            body[second] = first;
        } else {
            at += 1;
        }
    }
}
