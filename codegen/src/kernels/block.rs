//! Micro-kernels of integer products: some channels times some pixels, requantized to 8 bits.
//!
//! Elements of a pixel come in pairs of 16 bits, which `Block::widen` makes of bytes once for all channels, or as
//! bytes. Those without sign are taken as less by 128.
//! Weights that a zero point of their own makes too large for 8 bits are stored less the middle of their
//! channel. That middle is the weight of one more pair, the halves of the pixel's total.
//! SXTB16 takes bytes 0 and 2, then 1 and 3, so pairs are those, and weights lie in that order.
//! Requantization is `floor((sum * 2^shift * scale + 2^31) / 2^32) + zero`, limited to a range.

mod stored;

use crate::targets::LOOP_BYTES;
use tinyc_core::loops::{
    Access, Buf, Cast, Dim, Expr, Function, Index, Library, Load, Local, Lower, Mode, Stmt, Store,
};
use tinyc_core::loops::{Scalar, Ty};

pub use stored::{centered, unit};

/// How weights lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Pairs of 16 bits.
    Wide,
    /// Bytes: the pairs of two channels in one word.
    Bytes,
    /// Bytes, with the pairs of two channels in the halves of one word as `first + 256 * second`. The sums
    /// of both come from one product, and those of the first alone from another.
    Joined,
}

/// Turns bytes without sign to bytes with one that are less by 128.
const FLIP: i64 = 0x8080_8080u32 as i32 as i64;

/// Adds up a pair.
const ONES: i64 = 0x1_0001;

/// How the elements of pixels lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// As [`Block::widen`] makes them.
    Wide,
    /// Bytes of one pixel; whether they have a sign.
    Bytes(bool),
}

/// What becomes of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// They are requantized after a shift, and limited; `zero` is the zero point of the result.
    Narrow { shift: u32, zero: i32, range: (i64, i64) },
    /// 32 bits.
    Kept,
}

/// What a micro-kernel computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub channels: usize,
    pub pixels: usize,
    /// Elements that are multiplied; a multiple of four.
    pub depth: usize,
    /// Whether one more pair holds the total of the elements. Only for inputs that [`Block::widen`] makes.
    pub totals: bool,
    pub weights: Weights,
    pub inputs: Inputs,
    /// Elements of the result from one pixel to the next.
    pub stride: usize,
    pub result: Sums,
    /// Whether loops and shifts are as those of kernels of other sizes, so that one does for all.
    pub compact: bool,
    /// Where two scales share a word: the unit that they are multiples of.
    pub unit: Option<i32>,
}

fn at(buffer: Buf, index: impl Into<Index>) -> Access {
    Access { buffer, offset: 0, dims: vec![Dim { index: index.into(), stride: 1, ring: None, bound: None }] }
}

fn word(buffer: Buf, index: impl Into<Index>) -> Expr {
    Expr::Load(Box::new(Load { access: at(buffer, index), ty: Ty::I32, otherwise: None, mask: None }))
}

fn int(v: i64) -> Expr {
    Expr::int(Scalar::I32, v)
}

impl Block {
    /// Elements that a channel has weights for.
    pub fn elements(&self) -> usize {
        self.depth + if self.totals { 2 } else { 0 }
    }

    /// The elements of each pair.
    fn pairs(&self) -> impl Iterator<Item = [usize; 2]> {
        let total = self.totals.then_some([self.depth, self.depth + 1]);
        (0..self.depth / 4).flat_map(|i| [[4 * i, 4 * i + 2], [4 * i + 1, 4 * i + 3]]).chain(total)
    }

    /// Words of the pixels, as [`Block::widen`] makes them: pair, pixel.
    pub fn input_words(&self) -> usize {
        self.elements() / 2 * self.pixels
    }

    /// Words of the weights of the channels.
    pub fn weight_words(&self) -> usize {
        self.elements() / 2 * self.words()
    }

    /// Words of weights that belong to a pair.
    fn words(&self) -> usize {
        if self.weights == Weights::Wide { self.channels } else { self.channels / 2 }
    }

    /// Words of start values and scales.
    pub fn parameter_words(&self) -> usize {
        match self.result {
            Sums::Narrow { .. } if self.unit.is_some() => self.channels + self.channels.div_ceil(2),
            Sums::Narrow { .. } => 2 * self.channels,
            Sums::Kept => self.channels,
        }
    }

    /// The rows of the channels from one on.
    pub fn rows<'r>(&self, all: &'r [i16], first: usize) -> &'r [i16] {
        &all[first * self.elements()..][..self.channels * self.elements()]
    }

    /// Weights as the kernel reads them, from rows of channels; `None` where they do not fit.
    pub fn pack(&self, rows: &[i16]) -> Option<Vec<i32>> {
        let row = |c: usize, i: usize| i32::from(rows[c * self.elements() + i]);
        if self.weights == Weights::Bytes && rows.iter().any(|w| i8::try_from(*w).is_err()) {
            return None;
        }
        let mut out = Vec::with_capacity(self.weight_words());
        for [i, j] in self.pairs() {
            for c in 0..self.words() {
                let halves = match self.weights {
                    Weights::Wide => [row(c, i), row(c, j)],
                    _ => [i, j].map(|i| row(2 * c, i) + 256 * row(2 * c + 1, i)),
                };
                // A low byte below zero borrows from the high one, which only a joined half may do.
                let [low, high] = match self.weights {
                    Weights::Bytes => [i, j].map(|i| (row(2 * c, i) & 0xff) | row(2 * c + 1, i) << 8),
                    _ => halves,
                };
                i16::try_from(low).ok()?;
                i16::try_from(high).ok()?;
                out.push((low & 0xffff) | high << 16);
            }
        }
        Some(out)
    }

    /// Start values, then scales, from the biases and scales of the channels.
    pub fn parameters(&self, bias: &[i32], scale: &[i32]) -> Vec<i32> {
        let start = |(c, b): (usize, &i32)| match self.weights {
            Weights::Joined if c % 2 == 1 => b.wrapping_mul(256).wrapping_add(bias[c - 1]),
            _ => *b,
        };
        let starts = bias.iter().enumerate().map(start);
        match (self.result, self.unit) {
            (Sums::Kept, _) => starts.collect(),
            (Sums::Narrow { .. }, None) => starts.chain(scale.iter().copied()).collect(),
            (Sums::Narrow { .. }, Some(unit)) => {
                let half = |s: Option<&i32>| s.map_or(0, |s| s / unit);
                let word = |pair: &[i32]| half(pair.first()) & 0xffff | half(pair.get(1)) << 16;
                starts.chain(scale.chunks(2).map(word)).collect()
            }
        }
    }

    /// Whether sums of inputs of so large a magnitude are right for the weights: all fit in 32 bits, and
    /// those of the second of two joined channels in 24.
    pub fn holds(&self, rows: &[i16], bias: &[i32], input: i64) -> bool {
        let half = self.depth as i64 / 2;
        let most = |i: usize, w: &i16| i64::from(w.unsigned_abs()) * if i < self.depth { 1 } else { half };
        let sum = |c: usize| {
            let row = rows[c * self.elements()..][..self.elements()].iter().enumerate();
            input * row.map(|(i, w)| most(i, w)).sum::<i64>() + i64::from(bias[c].unsigned_abs())
        };
        (0..self.channels).all(|c| {
            let bits = if self.weights == Weights::Joined && c % 2 == 1 { 23 } else { 31 };
            sum(c) < 1 << bits
        })
    }

    /// The kernel: pixels, weights, parameters, result.
    pub fn function(&self, name: &str) -> Function {
        assert!(self.depth.is_multiple_of(4) && (self.weights == Weights::Wide || self.channels.is_multiple_of(2)));
        assert!(!self.totals || self.inputs == Inputs::Wide);
        let mut l = Lower::micro(name);
        let x = match self.inputs {
            Inputs::Wide => l.buffer("x", Scalar::I32, self.input_words(), Mode::Read),
            Inputs::Bytes(_) => l.buffer("x", Scalar::I8, self.depth, Mode::Read),
        };
        let w = l.buffer("w", Scalar::I32, self.weight_words(), Mode::Read);
        let p = l.buffer("p", Scalar::I32, self.parameter_words(), Mode::Read);
        let narrow = matches!(self.result, Sums::Narrow { .. });
        let element = if narrow { Scalar::I8 } else { Scalar::I32 };
        let y = l.buffer("y", element, (self.pixels - 1) * self.stride + self.channels, Mode::Write);
        let mut sums: Vec<Vec<Local>> = Vec::new();
        for c in 0..self.channels {
            let start = |q| (format!("sum{c}_{q}"), word(p, c));
            let sum = (0..self.pixels).map(start).map(|(name, start)| l.variable(&name, start)).collect();
            sums.push(sum);
        }
        let steps = self.steps();
        let unrolled = self.unrolled();
        let turns = steps / unrolled;
        l.repeat("k", 0usize, turns, |l, k| {
            for i in 0..unrolled {
                self.step(l, x, w, k.clone() * unrolled as i64 + i as i64, &sums);
            }
        });
        for i in turns * unrolled..steps {
            self.step(&mut l, x, w, i.into(), &sums);
        }
        if self.weights == Weights::Joined {
            for c in (1..self.channels).step_by(2) {
                for (first, both) in sums[c - 1].iter().zip(&sums[c]) {
                    let second = (Expr::from(*both) - (*first).into()) >> int(8);
                    l.set(*both, second);
                }
            }
        }
        let scale = |l: &mut Lower, c: usize| {
            let value = match self.unit {
                None => word(p, self.channels + c),
                Some(unit) => {
                    let both = word(p, self.channels + c / 2);
                    let half = match c % 2 {
                        0 => both.cast(Cast::Trunc, Ty::I16).cast(Cast::SExt, Ty::I32),
                        _ => both >> int(16),
                    };
                    half * int(unit.into())
                }
            };
            l.bind(&format!("scale{c}"), value)
        };
        // Those of one pixel are made where they are wanted: they take more registers than words.
        let first = narrow && (self.pixels > 1 || self.unit.is_none());
        let scales: Vec<Expr> = (0..self.channels).filter(|_| first).map(|c| scale(&mut l, c)).collect();
        // Pixel by pixel: the address of each is wanted once.
        for q in 0..self.pixels {
            for (c, sums) in sums.iter().enumerate() {
                let value = match self.result {
                    Sums::Narrow { shift, zero, range } => {
                        // A product with a number that others replace, where the shift is an immediate.
                        let (sum, shift) = match self.compact {
                            true => (Expr::from(sums[q]) * int(1 << shift), 0),
                            false => (sums[q].into(), shift),
                        };
                        let scale = scales.get(c).cloned().unwrap_or_else(|| scale(&mut l, c));
                        requantize(sum, shift, &scale, &int(zero.into()), range).cast(Cast::Trunc, Ty::I8)
                    }
                    Sums::Kept => sums[q].into(),
                };
                l.push(Stmt::Store(Store { access: at(y, q * self.stride + c), value, mask: None }));
            }
        }
        l.finish()
    }

    /// Pairs of which inputs are made at once.
    fn pairs_of_step(&self) -> usize {
        if self.inputs == Inputs::Wide { 1 } else { 2 }
    }

    fn steps(&self) -> usize {
        self.elements() / 2 / self.pairs_of_step()
    }

    /// Steps in a turn of the loop.
    fn unrolled(&self) -> usize {
        if self.compact {
            return 2 / self.pairs_of_step();
        }
        let (c, q) = (self.channels, self.pixels);
        let loads = q.div_ceil(2) + self.words().div_ceil(2) + usize::from(self.inputs != Inputs::Wide);
        let more = match self.weights {
            Weights::Wide => 0,
            Weights::Bytes => 2 * self.words(),
            Weights::Joined => self.words(),
        };
        let steps = self.steps();
        // With two turns or more, what only the end needs waits on the stack.
        let most = (LOOP_BYTES / (4 * self.pairs_of_step() * (c * q + loads + more))).clamp(1, (steps / 2).max(1));
        // Rather turns of equal length than some steps left over.
        (most / 2 + 1..=most).rev().find(|n| steps.is_multiple_of(*n)).unwrap_or(most)
    }

    /// Adds the products of pair `i`, or of the two pairs of the four bytes there.
    fn step(&self, l: &mut Lower, x: Buf, w: Buf, i: Index, sums: &[Vec<Local>]) {
        let Inputs::Bytes(signed) = self.inputs else {
            let first = i.clone() * self.pixels as i64;
            return self.pair(l, &|q| word(x, first.clone() + q as i64), w, i, sums);
        };
        let bytes = l.bind("x", word(x, i.clone() * 4));
        let bytes = if signed { bytes } else { l.bind("x", bytes ^ int(FLIP)) };
        let halves = [Library::Sxtb16, Library::Sxtb16Ror8].map(|f| f.call([bytes.clone()]));
        for (half, value) in halves.into_iter().enumerate() {
            self.pair(l, &|_| value.clone(), w, i.clone() * 2 + half as i64, sums);
        }
    }

    /// Adds the products of pair `i`, two pixels at a time: with all at once, registers run out.
    fn pair(&self, l: &mut Lower, x: &dyn Fn(usize) -> Expr, w: Buf, i: Index, sums: &[Vec<Local>]) {
        let mut weights: Vec<Vec<(usize, Expr)>> = vec![Vec::new(); self.words()];
        for q in (0..self.pixels).step_by(2) {
            let inputs: Vec<(usize, Expr)> =
                (q..self.pixels.min(q + 2)).map(|q| (q, l.bind(&format!("x{q}"), x(q)))).collect();
            for (c, weights) in weights.iter_mut().enumerate() {
                if weights.is_empty() {
                    let word = l.bind(&format!("w{c}"), word(w, i.clone() * self.words() as i64 + c as i64));
                    *weights = self.unpacked(l, c, word);
                }
                for (channel, w) in weights {
                    for (q, x) in &inputs {
                        let sum = sums[*channel][*q];
                        l.set(sum, Library::Smlad.call([w.clone(), x.clone(), sum.into()]));
                    }
                }
            }
        }
    }

    /// Channels of word `c` of the weights, and what each multiplies with.
    fn unpacked(&self, l: &mut Lower, c: usize, word: Expr) -> Vec<(usize, Expr)> {
        let mut half = |name: &str, f: Library| l.bind(&format!("w{c}_{name}"), f.call([word.clone()]));
        match self.weights {
            Weights::Wide => vec![(c, word)],
            Weights::Bytes => {
                vec![(2 * c, half("first", Library::Sxtb16)), (2 * c + 1, half("second", Library::Sxtb16Ror8))]
            }
            Weights::Joined => {
                let first = half("first", Library::Sxtb16);
                vec![(2 * c + 1, word), (2 * c, first)]
            }
        }
    }

    /// Elements of the pixels, `stride` bytes from one to the next, as the words that the kernel reads.
    pub fn widen(&self, name: &str, stride: usize, signed: bool) -> Function {
        let pixels = self.pixels;
        let mut l = Lower::micro(name);
        let x = l.buffer("x", Scalar::I8, (pixels - 1) * stride + self.depth, Mode::Read);
        let y = l.buffer("y", Scalar::I32, self.input_words(), Mode::Write);
        let totals: Vec<Local> = match self.totals {
            true => (0..pixels).map(|q| l.variable(&format!("total{q}"), int(0))).collect(),
            false => Vec::new(),
        };
        l.repeat("k", 0usize, self.depth / 4, |l, k| {
            let bytes = |q: usize| {
                let word = word(x, k.clone() * 4 + (q * stride) as i64);
                if signed { word } else { word ^ int(FLIP) }
            };
            let words: Vec<Expr> = (0..pixels).map(|q| l.bind(&format!("x{q}"), bytes(q))).collect();
            for (half, f) in [Library::Sxtb16, Library::Sxtb16Ror8].into_iter().enumerate() {
                for (q, x) in words.iter().enumerate() {
                    let index = k.clone() * (2 * pixels) as i64 + (half * pixels + q) as i64;
                    let value = l.bind("pair", f.call([x.clone()]));
                    if let Some(total) = totals.get(q) {
                        l.set(*total, Library::Smlad.call([value.clone(), int(ONES), (*total).into()]));
                    }
                    l.push(Stmt::Store(Store { access: at(y, index), value, mask: None }));
                }
            }
        });
        for (q, total) in totals.into_iter().enumerate() {
            let low = l.bind("low", Expr::from(total) >> int(1));
            let high = l.bind("high", Expr::from(total) - low.clone());
            let index = self.depth / 2 * pixels + q;
            l.push(Stmt::Store(Store { access: at(y, index), value: Library::Pkhbt.call([low, high]), mask: None }));
        }
        l.finish()
    }
}

/// As the operator says.
pub fn requantize(sum: Expr, shift: u32, scale: &Expr, zero: &Expr, range: (i64, i64)) -> Expr {
    let sum = if shift == 0 { sum } else { sum << int(shift.into()) };
    let scaled = Library::Smmlar.call([sum, scale.clone(), zero.clone()]);
    match range {
        (-128, 127) => Library::Ssat8.call([scaled]),
        (0, 255) => Library::Usat8.call([scaled]),
        // Bounds within those of the saturation cost one instruction each that is not there.
        (lo, 127) if lo >= -128 => Library::Ssat8.call([scaled]).max(int(lo)),
        (-128, hi) if hi <= 127 => Library::Ssat8.call([scaled]).min(int(hi)),
        (lo, hi) => scaled.max(int(lo)).min(int(hi)),
    }
}
