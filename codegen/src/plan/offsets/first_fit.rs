//! First fit: one buffer after the other, each at the lowest offset that is free.
//!
//! All depends on which comes first. Several sequences that are known to do well are tried; then the
//! buffers that stick out of the best one come first in turn (Joslin and Clements, "Squeaky wheel
//! optimization", 1999).

use super::instance::Instance;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Turns of moving what sticks out to the front, and buffers placed in all of them at most.
const TURNS: usize = 40;
const PLACED: usize = 100_000;

/// Places `ids`, who share no section with other buffers, until they take no more than `enough`.
/// Writes the best offsets and gives the bytes they take.
pub(super) fn best_first_fit(
    instance: &Instance<'_>,
    ids: &[usize],
    enough: usize,
    offsets: &mut [usize],
    nodes: &mut usize,
) -> usize {
    let length = |i: usize| instance.buffers[i].last - instance.buffers[i].first + 1;
    let size = |i: usize| instance.buffers[i].size;
    let mut fit = FirstFit::new(instance);
    let mut best = usize::MAX;
    let mut order = Vec::new();
    let mut tried = |sequence: &[usize], best: &mut usize| {
        let bytes = fit.place(sequence);
        *nodes += sequence.len();
        if bytes < *best {
            *best = bytes;
            for &id in sequence {
                offsets[id] = fit.offsets[id];
            }
        }
        // What sticks out the farthest, lowest index first.
        let top = |id: usize| fit.offsets[id] + size(id);
        let highest = sequence.iter().copied().max_by_key(|&id| (top(id), Reverse(id)));
        (bytes, highest)
    };
    type Key<'k> = &'k dyn Fn(usize) -> (usize, usize);
    let layers = layers(instance, ids);
    let keys: [Key<'_>; 6] = [
        &|i| (size(i), length(i)),
        &|i| (length(i), size(i)),
        &|i| (size(i).saturating_mul(length(i)), size(i)),
        &|i| (usize::MAX - instance.buffers[i].first, size(i)),
        &|i| (instance.buffers[i].last, size(i)),
        &|i| (usize::MAX - layers[i], size(i)),
    ];
    for key in keys {
        if best <= enough {
            return best;
        }
        let mut sequence = ids.to_vec();
        sequence.sort_by_key(|&i| (Reverse(key(i)), i));
        let before = best;
        tried(&sequence, &mut best);
        if best < before {
            order = sequence;
        }
    }
    for _ in 0..TURNS.min(PLACED / ids.len()) {
        if best <= enough {
            break;
        }
        let (_, Some(highest)) = tried(&order, &mut best) else { break };
        order.retain(|&i| i != highest);
        order.insert(0, highest);
    }
    best
}

/// Numbers the buffers so that those of one layer are never in use together, with as few layers as
/// possible. Layer by layer, first fit places a chain, in which only neighbours meet, optimally.
fn layers(instance: &Instance<'_>, ids: &[usize]) -> Vec<usize> {
    let mut by_start = ids.to_vec();
    by_start.sort_by_key(|&i| (instance.spans[i].0, i));
    let mut layer = vec![0; instance.buffers.len()];
    let mut free = BinaryHeap::new();
    let mut used = BinaryHeap::new();
    let mut count = 0;
    for id in by_start {
        let (from, to) = instance.spans[id];
        while let Some(&Reverse((end, l))) = used.peek()
            && end <= from
        {
            used.pop();
            free.push(Reverse(l));
        }
        layer[id] = free.pop().map_or(count, |Reverse(l)| l);
        count = count.max(layer[id] + 1);
        used.push(Reverse((to, layer[id])));
    }
    layer
}

struct FirstFit<'a> {
    instance: &'a Instance<'a>,
    offsets: Vec<usize>,
    /// The buffers that have been placed, of each section.
    placed: Vec<Vec<usize>>,
    /// Those of them that begin with the section.
    begun: Vec<Vec<usize>>,
}

impl<'a> FirstFit<'a> {
    fn new(instance: &'a Instance<'a>) -> FirstFit<'a> {
        let sections = vec![Vec::new(); instance.members.len()];
        FirstFit { instance, offsets: vec![0; instance.buffers.len()], placed: sections.clone(), begun: sections }
    }

    /// Places the buffers in this sequence and gives the bytes they take.
    fn place(&mut self, sequence: &[usize]) -> usize {
        let instance = self.instance;
        for &id in sequence {
            let (from, to) = instance.spans[id];
            self.placed[from..to].iter_mut().for_each(Vec::clear);
            self.begun[from].clear();
        }
        let mut bytes = 0;
        let mut taken = Vec::new();
        for &id in sequence {
            let (from, to) = instance.spans[id];
            let others = self.placed[from].iter().chain(self.begun[from + 1..to].iter().flatten());
            taken.clear();
            taken.extend(others.map(|&other| {
                let at = self.offsets[other];
                // Offsets strictly between the two are not free.
                (at as i64 - instance.distance(id, other) as i64, at + instance.distance(other, id))
            }));
            taken.sort_unstable();
            let mut offset = 0;
            for &(below, above) in &taken {
                if offset as i64 <= below {
                    break;
                }
                if offset < above {
                    offset = instance.aligned(id, above);
                }
            }
            self.offsets[id] = offset;
            bytes = bytes.max(offset + instance.buffers[id].size);
            self.placed[from..to].iter_mut().for_each(|s| s.push(id));
            self.begun[from].push(id);
        }
        bytes
    }
}
