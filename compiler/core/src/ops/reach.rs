//! Which taps of a transposed convolution reach a position of its result, along one axis.
//!
//! Tap `k` carries element `i` to position `i * stride - before + k * dilation`. Positions that are a
//! whole number of strides apart are reached by the same taps, from neighbouring elements. So positions
//! fall into *phases*, and a position is the `round`th of its phase.

use super::window::Window;
use crate::loops::Index;
use std::collections::BTreeMap;

/// Where a tap carries elements: `count` of them from `element` on, the first to `position`, each next one
/// a stride further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub element: usize,
    pub position: usize,
    pub count: usize,
}

impl Span {
    pub fn of(w: &Window, k: usize) -> Span {
        let (stride, shift) = (w.stride as i64, (k * w.dilation) as i64 - w.before as i64);
        let element = (-shift).max(0).unsigned_abs().div_ceil(w.stride as u64) as i64;
        let end = (w.output as i64 - shift).max(0).unsigned_abs().div_ceil(w.stride as u64) as i64;
        let count = end.min(w.input as i64) - element;
        if count <= 0 {
            return Span { element: 0, position: 0, count: 0 };
        }
        Span { element: element as usize, position: (element * stride + shift) as usize, count: count as usize }
    }
}

/// The taps of each phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// As many as the stride, or as there are positions.
    pub phases: usize,
    /// Of each phase that taps reach: them in ascending order, and the element that round 0 has from them,
    /// which may lie outside. Round `n` has the `n`th behind it.
    taps: BTreeMap<usize, Vec<(usize, i64)>>,
    /// Taps of the phase that has most; at least 1.
    pub slots: usize,
    input: usize,
    rounds: usize,
}

impl Reach {
    pub fn of(w: &Window) -> Reach {
        let phases = w.stride.min(w.output);
        let mut taps: BTreeMap<usize, Vec<(usize, i64)>> = BTreeMap::new();
        for k in 0..w.kernel {
            let Span { element, position, count } = Span::of(w, k);
            if count > 0 {
                let first = element as i64 - (position / phases) as i64;
                taps.entry(position % phases).or_default().push((k, first));
            }
        }
        let slots = taps.values().map(Vec::len).max().unwrap_or(1);
        Reach { phases, taps, slots, input: w.input, rounds: w.output.div_ceil(phases) }
    }

    /// The taps of each phase, and whether each of them reaches all positions of the phase.
    pub fn each(&self) -> impl Iterator<Item = Vec<(usize, bool)>> {
        let rest = self.phases - self.taps.len();
        let inside = |first: i64| first >= 0 && first + self.rounds as i64 <= self.input as i64;
        let taps = self.taps.values().map(move |taps| taps.iter().map(|&(k, first)| (k, inside(first))).collect());
        taps.chain((rest > 0).then(Vec::new))
    }

    /// How many entries [`Reach::tap`] and [`Reach::element`] look at, and may hold in a table.
    pub fn entries(&self) -> usize {
        self.phases.saturating_mul(self.slots)
    }

    /// How many positions before and behind the elements [`Reach::element`] leads to.
    pub fn outside(&self) -> (usize, usize) {
        let firsts = || self.taps.values().flatten().map(|&(_, first)| first);
        let full = firsts().count() == self.entries();
        let last = firsts().max().into_iter().chain((!full).then_some(self.input as i64)).max().unwrap_or(0);
        let before = firsts().min().unwrap_or(0).min(0).unsigned_abs() as usize;
        (before, (last + self.rounds as i64 - self.input as i64).max(0) as usize)
    }

    /// The tap in `slot` for position `p`; any, where the phase has fewer.
    pub fn tap(&self, p: &Index, slot: &Index) -> Index {
        self.entry(p, slot, |tap| tap.map_or(0, |(k, _)| k as i64))
    }

    /// The element from which that tap reaches position `p`; one outside, where there is none.
    pub fn element(&self, p: &Index, slot: &Index) -> Index {
        let round = if self.rounds == 1 { Index::constant(0) } else { p.clone().floor_div(self.phases as i64) };
        round + self.entry(p, slot, |tap| tap.map_or(self.input as i64, |(_, first)| first))
    }

    /// A number for each phase and slot.
    fn entry(&self, p: &Index, slot: &Index, of: impl Fn(Option<(usize, i64)>) -> i64) -> Index {
        let phase = match self.phases {
            1 => Index::constant(0),
            _ if self.rounds == 1 => p.clone(),
            phases => p.clone().modulo(phases as i64),
        };
        let at = |r: usize, s: usize| of(self.taps.get(&r).and_then(|taps| taps.get(s)).copied());
        let table: Vec<i64> = (0..self.phases).flat_map(|r| (0..self.slots).map(move |s| at(r, s))).collect();
        // Most are sums, and need no table.
        let by_phase = table.get(self.slots).map_or(0, |v| v - table[0]);
        let by_slot = if self.slots > 1 { table[1] - table[0] } else { 0 };
        let sum = |i: usize| table[0] + (i / self.slots) as i64 * by_phase + (i % self.slots) as i64 * by_slot;
        if (0..table.len()).all(|i| sum(i) == table[i]) {
            return phase * by_phase + slot.clone() * by_slot + table[0];
        }
        Index::lookup(table.iter().map(|&v| v as i32).collect(), phase * self.slots as i64 + slot.clone())
    }
}
