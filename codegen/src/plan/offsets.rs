//! Addresses in the arena: first fit, slots taken by decreasing size or in order of time.

use super::{Slot, SlotPlace};
use std::cmp::Reverse;

/// Gives every slot in the arena its offset and returns the size of the arena.
pub fn place(slots: &mut [Slot], steps: usize) -> usize {
    let arena: Vec<usize> = (0..slots.len()).filter(|&i| slots[i].in_arena()).collect();
    let mut by_size = arena.clone();
    by_size.sort_by_key(|&i| (Reverse(slots[i].bytes), slots[i].first, i));
    let mut by_time = arena;
    by_time.sort_by_key(|&i| (slots[i].first, Reverse(slots[i].bytes), i));
    let (size, offsets) = [by_size, by_time]
        .into_iter()
        .map(|sequence| first_fit(slots, &sequence, steps))
        .min_by_key(|(size, _)| *size)
        .expect("two sequences are tried");
    for (i, offset) in offsets {
        slots[i].place = SlotPlace::Arena(offset);
    }
    size
}

fn first_fit(slots: &[Slot], sequence: &[usize], steps: usize) -> (usize, Vec<(usize, usize)>) {
    let mut placed = Intervals::new(steps + 1);
    let mut offsets = vec![0; slots.len()];
    let mut size = 0;
    for &i in sequence {
        let slot = &slots[i];
        let mut taken: Vec<(usize, usize)> = Vec::new();
        placed.overlapping(slot.first, slot.last, |j| taken.push((offsets[j], offsets[j] + slots[j].bytes)));
        taken.sort_unstable();
        let mut at = 0usize;
        for (begin, end) in taken {
            if at + slot.bytes <= begin {
                break;
            }
            at = at.max(end.next_multiple_of(slot.align));
        }
        if slot.bytes == 0 {
            at = 0;
        } else {
            placed.insert(slot.first, slot.last, i);
        }
        offsets[i] = at;
        size = size.max(at + slot.bytes);
    }
    (size, sequence.iter().map(|&i| (i, offsets[i])).collect())
}

/// Intervals of time, found by overlap: a segment tree for those that cover a moment, and lists by
/// first moment.
struct Intervals {
    width: usize,
    tree: Vec<Vec<usize>>,
    starting: Vec<Vec<usize>>,
}

impl Intervals {
    fn new(moments: usize) -> Intervals {
        let width = moments.next_power_of_two();
        Intervals { width, tree: vec![Vec::new(); 2 * width], starting: vec![Vec::new(); moments] }
    }

    fn insert(&mut self, first: usize, last: usize, item: usize) {
        self.starting[first].push(item);
        let (mut lo, mut hi) = (first + self.width, last + self.width + 1);
        while lo < hi {
            if lo % 2 == 1 {
                self.tree[lo].push(item);
                lo += 1;
            }
            if hi % 2 == 1 {
                hi -= 1;
                self.tree[hi].push(item);
            }
            lo /= 2;
            hi /= 2;
        }
    }

    /// Each item whose interval shares a moment with `first..=last`, once: those that cover `first`
    /// and those that start later.
    fn overlapping(&self, first: usize, last: usize, mut see: impl FnMut(usize)) {
        let mut node = first + self.width;
        while node > 0 {
            self.tree[node].iter().copied().for_each(&mut see);
            node /= 2;
        }
        self.starting[first + 1..=last].iter().flatten().copied().for_each(&mut see);
    }
}
