//! Memory of tags: who wrote each byte last.

use tinyc_core::loops::{Place, Program};

/// Buffer and logical byte of a written byte; 0 is no one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Tag(u64);

impl Tag {
    fn of(buffer: usize, byte: usize) -> Tag {
        Tag((buffer as u64 + 1) << 32 | byte as u64)
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

/// The arena, then every output of the caller, as one run of tagged bytes.
pub struct Memory {
    tags: Vec<Tag>,
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
            tags: vec![Tag::default(); size],
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
        match (self.homes[a], self.homes[b]) {
            (Home::At(x), Home::At(y)) => x < y + self.bytes[b] && y < x + self.bytes[a],
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
            for (i, t) in self.tags[home + at..home + at + n].iter_mut().enumerate() {
                *t = Tag::of(buffer, logical + i);
            }
        }
    }

    /// Some of these bytes may have been written, as logical bytes from `logical` on where that is
    /// known: those that held something else hold nothing that can be relied on.
    pub fn write_some(&mut self, buffer: usize, at: usize, logical: Option<usize>, n: usize) {
        if let Home::At(home) = self.homes[buffer] {
            for (i, t) in self.tags[home + at..home + at + n].iter_mut().enumerate() {
                if logical.is_none_or(|l| *t != Tag::of(buffer, l + i)) {
                    *t = Tag::default();
                }
            }
        }
    }

    /// The first of `n` bytes that is not the logical byte asked for.
    pub fn first_wrong(&self, buffer: usize, at: usize, logical: usize, n: usize) -> Option<usize> {
        match self.homes[buffer] {
            Home::Fixed => None,
            Home::At(home) => {
                let tags = &self.tags[home + at..home + at + n];
                tags.iter().enumerate().position(|(i, t)| *t != Tag::of(buffer, logical + i)).map(|i| at + i)
            }
        }
    }

    /// `element 3 of %x is overwritten by element 5 of %y`, for logical byte `logical` at byte `at`.
    pub fn describe(&self, program: &Program, buffer: usize, at: usize, logical: usize) -> String {
        let element = |b: usize, byte: usize| {
            format!("element {} of %{}", byte / program.buffers[b].elem.bytes(), program.buffers[b].name)
        };
        let asked = element(buffer, logical);
        let Home::At(home) = self.homes[buffer] else { return format!("{asked} is not there") };
        match self.tags[home + at] {
            Tag(0) => format!("{asked} is not written"),
            Tag(t) => format!("{asked} is overwritten by {}", element((t >> 32) as usize - 1, t as u32 as usize)),
        }
    }
}
