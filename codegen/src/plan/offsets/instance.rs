//! The placement problem in the form that the searches read: time cut into sections.

use super::{Buffer, Pair};

/// Time is cut into *sections*: the moments at which a largest set of buffers is in use. Two buffers
/// are in use together if they share a section. Buffers of no bytes are in none.
pub(super) struct Instance<'a> {
    pub buffers: &'a [Buffer],
    /// Half-open range of sections of each buffer.
    pub spans: Vec<(usize, usize)>,
    /// The buffers of each section.
    pub members: Vec<Vec<usize>>,
    /// `(other, distance)`: how far above this buffer the other one may begin, where that is less
    /// than this buffer's size.
    above: Vec<Vec<(usize, usize)>>,
    /// A buffer before it that differs in nothing.
    pub twin: Vec<Option<usize>>,
}

/// Buffers that share no section with any others.
pub(super) struct Component {
    pub ids: Vec<usize>,
    /// It cannot take less.
    pub bound: usize,
    /// What it takes in the best placement found.
    pub bytes: usize,
}

impl<'a> Instance<'a> {
    pub fn new(buffers: &'a [Buffer], pairs: &[Pair]) -> Instance<'a> {
        let times = section_times(buffers);
        let spans: Vec<_> = buffers
            .iter()
            .map(|b| match b.size {
                0 => (0, 0),
                _ => (times.partition_point(|&t| t < b.first), times.partition_point(|&t| t <= b.last)),
            })
            .collect();
        let mut members = vec![Vec::new(); times.len()];
        for (id, &(from, to)) in spans.iter().enumerate() {
            for m in &mut members[from..to] {
                m.push(id);
            }
        }
        let mut above = vec![Vec::new(); buffers.len()];
        for p in pairs {
            debug_assert!(p.b_above <= buffers[p.a].size && p.a_above <= buffers[p.b].size);
            above[p.a].push((p.b, p.b_above));
            above[p.b].push((p.a, p.a_above));
        }
        let twin = twins(buffers, &spans, &above);
        Instance { buffers, spans, members, above, twin }
    }

    /// How far above `lower` the buffer `upper` must at least begin if both are in use together.
    pub fn distance(&self, lower: usize, upper: usize) -> usize {
        let special = self.above[lower].iter().find(|(o, _)| *o == upper);
        special.map_or(self.buffers[lower].size, |&(_, d)| d)
    }

    pub fn is_paired(&self, id: usize) -> bool {
        !self.above[id].is_empty()
    }

    pub fn together(&self, a: usize, b: usize) -> bool {
        self.spans[a].0 < self.spans[b].1 && self.spans[b].0 < self.spans[a].1
    }

    pub fn aligned(&self, id: usize, offset: usize) -> usize {
        offset.next_multiple_of(self.buffers[id].align)
    }

    /// The most that pairs among `ids`, all in use together, may save by overlapping.
    pub fn overlap(&self, ids: impl Iterator<Item = usize> + Clone) -> usize {
        let mut saved = 0;
        for a in ids.clone().filter(|&a| self.is_paired(a)) {
            for &(b, b_above) in self.above[a].iter().filter(|(b, _)| a < *b) {
                if ids.clone().any(|i| i == b) {
                    let (a_size, b_size) = (self.buffers[a].size, self.buffers[b].size);
                    let overlap = (a_size - b_above).max(b_size - self.distance(b, a));
                    saved += overlap.min(a_size).min(b_size);
                }
            }
        }
        saved
    }

    /// The bytes that a section takes at least: what is in use in it. Between buffers there are
    /// gaps up to the next multiple of what divides all alignments.
    fn bound(&self, section: usize) -> usize {
        let ids = &self.members[section];
        let buffers = ids.iter().map(|&id| &self.buffers[id]);
        if ids.iter().any(|&id| self.is_paired(id)) {
            let sum: usize = buffers.map(|b| b.size).sum();
            return sum.saturating_sub(self.overlap(ids.iter().copied()));
        }
        let grain = buffers.clone().fold(0, |g, b| gcd(g, b.align)).max(1);
        let gap = |b: &Buffer| b.size.next_multiple_of(grain) - b.size;
        let sum: usize = buffers.clone().map(|b| b.size + gap(b)).sum();
        sum - buffers.map(gap).max().unwrap_or(0)
    }

    pub fn components(&self) -> Vec<Component> {
        let mut by_start: Vec<usize> = (0..self.buffers.len()).filter(|&i| self.buffers[i].size > 0).collect();
        by_start.sort_by_key(|&i| (self.spans[i].0, i));
        let mut components: Vec<Component> = Vec::new();
        let mut end = 0;
        for id in by_start {
            let (from, to) = self.spans[id];
            match components.last_mut() {
                Some(c) if from < end => c.ids.push(id),
                _ => components.push(Component { ids: vec![id], bound: 0, bytes: 0 }),
            }
            end = end.max(to);
        }
        for c in &mut components {
            let from = self.spans[c.ids[0]].0;
            let to = c.ids.iter().map(|&id| self.spans[id].1).max().unwrap_or(from);
            c.bound = (from..to).map(|s| self.bound(s)).max().unwrap_or(0);
        }
        components
    }
}

/// The moments at which some buffer ends after another has begun: there the sets of buffers in use
/// are largest.
fn section_times(buffers: &[Buffer]) -> Vec<usize> {
    let used = || buffers.iter().filter(|b| b.size > 0);
    let mut starts: Vec<usize> = used().map(|b| b.first).collect();
    let mut ends: Vec<usize> = used().map(|b| b.last).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut times = Vec::new();
    let mut begun = 0;
    for end in ends {
        let before = begun;
        while begun < starts.len() && starts[begun] <= end {
            begun += 1;
        }
        if begun > before {
            times.push(end);
        }
    }
    times
}

fn twins(buffers: &[Buffer], spans: &[(usize, usize)], above: &[Vec<(usize, usize)>]) -> Vec<Option<usize>> {
    let mut last = std::collections::BTreeMap::new();
    let mut twin = vec![None; buffers.len()];
    for (id, b) in buffers.iter().enumerate().filter(|(id, b)| b.size > 0 && above[*id].is_empty()) {
        twin[id] = last.insert((b.size, b.align, spans[id]), id);
    }
    twin
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
