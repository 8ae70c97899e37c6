//! Memory of tags: who wrote each byte last.
//!
//! Bytes that were written as one behind the other of one buffer have tags that count up. So the tags
//! are kept as *runs*, of which only the first tag is stored: what a loop wrote, or a whole buffer, is
//! mostly one, and to check or write any number of bytes takes a search among them.

use std::collections::BTreeMap;
use tinyc_core::loops::{Place, Program};

/// Buffer and logical byte of a written byte; 0 is no one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Tag(u64);

impl Tag {
    fn of(buffer: usize, byte: usize) -> Tag {
        Tag((buffer as u64 + 1) << 32 | byte as u64)
    }

    /// Of the byte that stands `n` further on in the same run.
    fn ahead(self, n: usize) -> Tag {
        if self.0 == 0 { self } else { Tag(self.0 + n as u64) }
    }
}

/// Where a buffer begins.
#[derive(Clone, Copy)]
enum Home {
    /// Read-only memory that holds nothing but this buffer; no tags are needed.
    Fixed,
    /// From this byte of the tagged memory on.
    At(usize),
}

/// The arena, then every output of the caller, as tagged bytes one behind the other.
pub struct Memory {
    size: usize,
    /// First tag of each run, by the byte where it begins. It goes on to the next one, or to the end;
    /// no two neighbours would be one run together. Addresses are below [`super::MAX_BYTES`].
    runs: BTreeMap<u32, Tag>,
    homes: Vec<Home>,
    bytes: Vec<usize>,
}

impl Memory {
    /// Inputs are written by the caller; nothing else is yet.
    pub fn new(program: &Program) -> Memory {
        let mut size = program.arena_bytes;
        let mut outputs = Vec::new();
        for port in &program.outputs {
            outputs.push(size);
            size += port.ty.bytes();
        }
        let home = |place: &Place| match place {
            Place::Arena(offset) => Home::At(*offset),
            Place::Output(i) => Home::At(outputs[*i]),
            Place::Input(_) | Place::Const(_) => Home::Fixed,
        };
        let mut memory = Memory {
            size,
            runs: BTreeMap::from([(0, Tag::default())]),
            homes: program.buffers.iter().map(|b| home(&b.place)).collect(),
            bytes: program.buffers.iter().map(|b| b.bytes()).collect(),
        };
        for port in &program.inputs {
            let b = port.buffer.0 as usize;
            if let Home::At(_) = memory.homes[b] {
                memory.write(b, 0, 0, memory.bytes[b]);
            }
        }
        memory
    }

    /// Whether the buffer is an input of the caller or a constant.
    pub fn is_fixed(&self, buffer: usize) -> bool {
        matches!(self.homes[buffer], Home::Fixed)
    }

    /// Whether two buffers share bytes that can be written.
    pub fn overlap(&self, a: usize, b: usize) -> bool {
        self.meet((a, 0, self.bytes[a]), (b, 0, self.bytes[b]))
    }

    /// Whether two runs of bytes, each a buffer's from some byte on, share any that can be written.
    pub fn meet(&self, (a, i, n): (usize, usize, usize), (b, j, m): (usize, usize, usize)) -> bool {
        match (self.homes[a], self.homes[b]) {
            (Home::At(x), Home::At(y)) => x + i < y + j + m && y + j < x + i + n,
            _ => false,
        }
    }

    /// Whether these bytes of two buffers that can be written are the same byte.
    pub fn same_place(&self, (a, i): (usize, usize), (b, j): (usize, usize)) -> bool {
        matches!((self.homes[a], self.homes[b]), (Home::At(x), Home::At(y)) if x + i == y + j)
    }

    /// Tags `n` bytes at byte `at` of a buffer as its logical bytes from `logical` on.
    pub fn write(&mut self, buffer: usize, at: usize, logical: usize, n: usize) {
        if let Home::At(home) = self.homes[buffer] {
            self.set(home + at, n, Tag::of(buffer, logical));
        }
    }

    /// Some of these bytes may have been written, as logical bytes from `logical` on where that is
    /// known: those that held something else hold nothing that can be relied on.
    pub fn write_some(&mut self, buffer: usize, at: usize, logical: Option<usize>, n: usize) {
        let Home::At(home) = self.homes[buffer] else { return };
        let (mut from, end) = (home + at, home + at + n);
        while from < end {
            let (tag, run_end) = self.run(from);
            let piece = run_end.min(end);
            if logical.is_none_or(|l| tag != Tag::of(buffer, l + from - home - at)) {
                self.set(from, piece - from, Tag::default());
            }
            from = piece;
        }
    }

    /// The first of `n` bytes that is not the logical byte asked for.
    pub fn first_wrong(&self, buffer: usize, at: usize, logical: usize, n: usize) -> Option<usize> {
        let Home::At(home) = self.homes[buffer] else { return None };
        if n == 0 {
            return None;
        }
        let (tag, run_end) = self.run(home + at);
        if tag != Tag::of(buffer, logical) {
            return Some(at);
        }
        // What follows the run does not continue it.
        (run_end < home + at + n).then(|| run_end - home)
    }

    /// Tag of a byte, and where its run ends.
    fn run(&self, byte: usize) -> (Tag, usize) {
        let (&begin, tag) = self.runs.range(..=byte as u32).next_back().expect("a run begins at byte 0");
        let end = self.runs.range(byte as u32 + 1..).next().map_or(self.size, |(&next, _)| next as usize);
        (tag.ahead(byte - begin as usize), end)
    }

    /// Makes `n` bytes a run that begins with this tag.
    fn set(&mut self, from: usize, n: usize, tag: Tag) {
        if n == 0 {
            return;
        }
        let end = from + n;
        let after = (end < self.size).then(|| self.run(end).0);
        self.runs.extract_if(from as u32..=end as u32, |_, _| true).for_each(drop);
        if let Some(after) = after.filter(|t| *t != tag.ahead(n)) {
            self.runs.insert(end as u32, after);
        }
        let before = self.runs.range(..from as u32).next_back().map(|(&b, t)| t.ahead(from - b as usize));
        if before != Some(tag) {
            self.runs.insert(from as u32, tag);
        }
    }

    /// `element 3 of %x is overwritten by element 5 of %y`, for logical byte `logical` at byte `at`.
    pub fn describe(&self, program: &Program, buffer: usize, at: usize, logical: usize) -> String {
        let element = |b: usize, byte: usize| {
            format!("element {} of %{}", byte / program.buffers[b].elem.bytes(), program.buffers[b].name)
        };
        let asked = element(buffer, logical);
        let Home::At(home) = self.homes[buffer] else { return format!("{asked} is not there") };
        match self.run(home + at).0 {
            Tag(0) => format!("{asked} is not written"),
            Tag(t) => format!("{asked} is overwritten by {}", element((t >> 32) as usize - 1, t as u32 as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::random::Random;

    const BYTES: usize = 48;

    /// Two buffers over one arena, and no writes yet.
    fn memory() -> Memory {
        Memory {
            size: BYTES + 8,
            runs: BTreeMap::from([(0, Tag::default())]),
            homes: vec![Home::At(0), Home::At(8)],
            bytes: vec![BYTES; 2],
        }
    }

    /// Runs say what one tag for each byte says, and none could be joined to its neighbour.
    #[test]
    fn runs_are_tags_of_bytes() {
        for seed in 0..400 {
            let mut r = Random::new(seed);
            let (mut memory, mut tags) = (memory(), [Tag::default(); BYTES + 8]);
            for _ in 0..60 {
                let (buffer, at) = (r.below(2), r.below(BYTES));
                let n = r.below(BYTES + 1 - at);
                // Mostly the byte itself, as without a ring.
                let logical = if r.below(4) == 0 { r.below(100) } else { at };
                let home = 8 * buffer + at;
                let places = home..home + n;
                match r.below(4) {
                    0 => {
                        let logical = (r.below(2) == 0).then_some(logical);
                        memory.write_some(buffer, at, logical, n);
                        for (i, t) in tags[places].iter_mut().enumerate() {
                            if logical.is_none_or(|l| *t != Tag::of(buffer, l + i)) {
                                *t = Tag::default();
                            }
                        }
                    }
                    1 => {
                        let wrong =
                            tags[places].iter().enumerate().position(|(i, t)| *t != Tag::of(buffer, logical + i));
                        assert_eq!(memory.first_wrong(buffer, at, logical, n), wrong.map(|i| at + i), "seed {seed}");
                    }
                    _ => {
                        memory.write(buffer, at, logical, n);
                        for (i, t) in tags[places].iter_mut().enumerate() {
                            *t = Tag::of(buffer, logical + i);
                        }
                    }
                }
                let joined = (1..tags.len()).filter(|&i| tags[i] == tags[i - 1].ahead(1)).count();
                assert_eq!(memory.runs.len(), tags.len() - joined, "seed {seed}");
                assert!((0..tags.len()).all(|i| memory.run(i).0 == tags[i]), "seed {seed}");
            }
        }
    }
}
