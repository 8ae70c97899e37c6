//! The exact search: do these buffers fit into a capacity?
//!
//! If they fit at all, they fit so that the sum of their offsets is least; then every buffer lies
//! right on top of another one, or at the bottom, and could not move to a free place further down.
//! The search makes exactly such placements, from low offsets to high ones. What is left after each
//! placement falls apart into buffers that are never in use together; those are searched on their
//! own, so that a failure among some is not repeated for each placement of the others.

use super::instance::Instance;
use std::cmp::Reverse;

/// Placements on top of one another after which the search gives up, lest the stack run out.
const MAX_DEPTH: usize = 1500;

/// What a search for a capacity found.
#[derive(Debug)]
pub(super) enum Answer {
    Fits,
    /// No capacity below `least` does.
    Never {
        least: usize,
    },
    OutOfWork,
}

/// A buffer without a place; what has been placed below it does not let it lie under `floor`.
#[derive(Clone, Copy)]
struct Open {
    id: usize,
    floor: usize,
}

pub(super) struct Search<'a> {
    instance: &'a Instance<'a>,
    pub offsets: Vec<usize>,
    pub nodes: usize,
    limit: usize,
    /// Nodes after which the search for the present capacity gives up.
    until: usize,
    capacity: usize,
    /// The least capacity that would have let the search go on somewhere.
    least: usize,
    placed: Vec<bool>,
    depth: usize,
}

/// The last buffer placed: those after it lie higher, or as high with a larger index.
#[derive(Clone, Copy)]
struct Low {
    offset: usize,
    id: Option<usize>,
}

impl<'a> Search<'a> {
    pub fn new(instance: &'a Instance<'a>, limit: usize) -> Search<'a> {
        let n = instance.buffers.len();
        Search {
            instance,
            offsets: vec![0; n],
            nodes: 0,
            limit,
            until: 0,
            capacity: 0,
            least: usize::MAX,
            placed: vec![false; n],
            depth: 0,
        }
    }

    /// The end of the highest of these buffers.
    pub fn top(&self, ids: &[usize]) -> usize {
        ids.iter().map(|&id| self.offsets[id] + self.instance.buffers[id].size).max().unwrap_or(0)
    }

    /// Places `ids`, who share no section with other buffers, in `capacity` bytes. Uses up to half of
    /// the work that is left.
    pub fn fit(&mut self, ids: &[usize], capacity: usize) -> Answer {
        self.capacity = capacity;
        self.least = usize::MAX;
        self.until = self.nodes + (self.limit - self.nodes).div_ceil(2);
        let mut open: Vec<Open> = ids.iter().map(|&id| Open { id, floor: 0 }).collect();
        open.sort_by_key(|o| (self.instance.spans[o.id].0, o.id));
        let fits = self.fit_all(&open, Low { offset: 0, id: None });
        for &id in ids {
            self.placed[id] = false;
        }
        match fits {
            Some(true) => Answer::Fits,
            Some(false) => Answer::Never { least: self.least },
            None => Answer::OutOfWork,
        }
    }

    /// Whether `open`, sorted by their first section, fit; `None` if work ran out.
    fn fit_all(&mut self, open: &[Open], low: Low) -> Option<bool> {
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for (i, o) in open.iter().enumerate() {
            let (from, to) = self.instance.spans[o.id];
            if i > start && from >= end {
                parts.push(&open[start..i]);
                start = i;
            }
            end = end.max(to);
        }
        if start < open.len() {
            parts.push(&open[start..]);
        }
        // All bounds before any search: the cheapest failure first.
        if !parts.iter().all(|part| self.within_bounds(part, low)) {
            return Some(false);
        }
        for part in parts {
            let fits = self.fit_part(part, low);
            if fits != Some(true) {
                for o in open {
                    self.placed[o.id] = false;
                }
                return fits;
            }
        }
        Some(true)
    }

    /// Whether each section has room for what is still to come above the lowest possible offset.
    fn within_bounds(&mut self, part: &[Open], low: Low) -> bool {
        let instance = self.instance;
        let start = instance.spans[part[0].id].0;
        let end = part.iter().map(|o| instance.spans[o.id].1).max().unwrap_or(start);
        let mut sections = vec![(usize::MAX, 0usize); end - start];
        let mut paired = false;
        for o in part {
            let (from, to) = instance.spans[o.id];
            let floor = o.floor.max(instance.aligned(o.id, low.offset));
            let size = instance.buffers[o.id].size;
            paired |= instance.is_paired(o.id);
            for s in &mut sections[from - start..to - start] {
                s.0 = s.0.min(floor);
                s.1 += size;
            }
            if floor + size > self.capacity {
                self.least = self.least.min(floor + size);
                return false;
            }
        }
        for (i, (floor, sum)) in sections.into_iter().enumerate().filter(|(_, s)| s.1 > 0) {
            let mut needed = floor + sum;
            if paired && needed > self.capacity {
                let open = instance.members[start + i].iter().copied().filter(|&id| !self.placed[id]);
                needed = needed.saturating_sub(instance.overlap(open));
            }
            if needed > self.capacity {
                self.least = self.least.min(needed);
                return false;
            }
        }
        true
    }

    /// Whether `part` fits, all of which hangs together in time.
    fn fit_part(&mut self, part: &[Open], low: Low) -> Option<bool> {
        let instance = self.instance;
        if let Some(i) = self.bottom(part, low) {
            return self.fit_with(part, i, Low { offset: low.offset, id: None });
        }
        // Above this, one of the buffers could lie underneath.
        let ceiling = part.iter().map(|o| o.floor + instance.buffers[o.id].size).min().unwrap_or(0);
        let mut choices: Vec<usize> = (0..part.len())
            .filter(|&i| {
                let Open { id, floor } = part[i];
                let tie = floor == low.offset && low.id.is_some_and(|l| id < l && !instance.is_paired(id));
                let twin_first = instance.twin[id].is_some_and(|t| !self.placed[t]);
                floor >= low.offset && floor < ceiling && !tie && !twin_first
            })
            .collect();
        choices.sort_by_key(|&i| {
            let Open { id, floor } = part[i];
            let (from, to) = instance.spans[id];
            (floor, Reverse((to - from, instance.buffers[id].size)), id)
        });
        for i in choices {
            if self.fit_with(part, i, Low { offset: part[i].floor, id: Some(part[i].id) })? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// A buffer that is in use with all others and may lie as low as any: it lies at the bottom
    /// without loss, as any placement that has others below it can swap them.
    fn bottom(&self, part: &[Open], low: Low) -> Option<usize> {
        let instance = self.instance;
        let start = instance.spans[part[0].id].0;
        let end = part.iter().map(|o| instance.spans[o.id].1).max()?;
        let floor = |o: &Open| o.floor.max(instance.aligned(o.id, low.offset));
        let lowest = part.iter().map(floor).min()?;
        let grain = part.iter().map(|o| instance.buffers[o.id].align).max()?;
        part.iter().position(|o| {
            instance.spans[o.id] == (start, end)
                && floor(o) == lowest
                && o.floor == lowest
                && instance.buffers[o.id].size.is_multiple_of(grain)
                && part.iter().all(|o| grain.is_multiple_of(instance.buffers[o.id].align))
                && !part.iter().any(|o| instance.is_paired(o.id))
        })
    }

    /// Places buffer `i` of `part` at its floor, then the rest.
    fn fit_with(&mut self, part: &[Open], i: usize, low: Low) -> Option<bool> {
        let instance = self.instance;
        if self.nodes >= self.until || self.depth == MAX_DEPTH {
            return None;
        }
        self.nodes += part.len().div_ceil(64);
        let Open { id, floor } = part[i];
        self.offsets[id] = floor;
        self.placed[id] = true;
        let raised = |o: &Open| {
            let above = if instance.together(id, o.id) { floor + instance.distance(id, o.id) } else { 0 };
            Open { id: o.id, floor: o.floor.max(instance.aligned(o.id, above)) }
        };
        let rest: Vec<Open> = part.iter().filter(|o| o.id != id).map(raised).collect();
        self.depth += 1;
        let fits = self.fit_all(&rest, low);
        self.depth -= 1;
        if fits != Some(true) {
            self.placed[id] = false;
        }
        fits
    }
}
