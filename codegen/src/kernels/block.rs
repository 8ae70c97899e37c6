//! Micro-kernels of integer products: some channels times some pixels, requantized to 8 bits.
//!
//! Elements of a pixel come in pairs of 16 bits, which `widen` makes of bytes once for all channels.
//! SXTB16 takes bytes 0 and 2, then 1 and 3, so pairs are those, and weights lie in that order.
//! Requantization is `floor((sum * 2^shift * scale + 2^31) / 2^32) + zero`, limited to a range.

use tinyc_core::loops::{
    Access, Buf, Cast, Dim, Expr, Function, Index, Library, Load, Local, Lower, Mode, Stmt, Store,
};
use tinyc_core::loops::{Scalar, Ty};

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

/// Bytes of code that the products in the body of a loop may have: flash caches of small cores hold it.
const LOOP: usize = 768;

/// What a micro-kernel computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub channels: usize,
    pub pixels: usize,
    /// Elements that are multiplied; a multiple of four.
    pub depth: usize,
    pub weights: Weights,
    /// Elements of the result from one pixel to the next.
    pub stride: usize,
    pub shift: u32,
    pub zero: i8,
    /// Limits of the result.
    pub range: (i8, i8),
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

/// The elements of each pair, of a multiple of four.
fn pairs(depth: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..depth / 4).flat_map(|i| [[4 * i, 4 * i + 2], [4 * i + 1, 4 * i + 3]])
}

impl Block {
    /// Words of the pixels, as [`widen`] makes them: pair, pixel.
    pub fn input_words(&self) -> usize {
        self.depth / 2 * self.pixels
    }

    /// Words of the weights of the channels.
    pub fn weight_words(&self) -> usize {
        self.depth / 2 * self.words()
    }

    /// Words of weights that belong to a pair.
    fn words(&self) -> usize {
        if self.weights == Weights::Wide { self.channels } else { self.channels / 2 }
    }

    /// Words of start values and scales.
    pub fn parameter_words(&self) -> usize {
        2 * self.channels
    }

    /// Weights as the kernel reads them, from rows of channels; `None` where they do not fit.
    pub fn pack(&self, rows: &[i8]) -> Option<Vec<i32>> {
        let row = |c: usize, i: usize| i32::from(rows[c * self.depth + i]);
        let mut out = Vec::with_capacity(self.weight_words());
        for [i, j] in pairs(self.depth) {
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
        bias.iter().enumerate().map(start).chain(scale.iter().copied()).collect()
    }

    /// Whether sums of inputs of so large a magnitude are right for the weights: all fit in 32 bits, and
    /// those of the second of two joined channels in 24.
    pub fn holds(&self, rows: &[i8], bias: &[i32], input: i64) -> bool {
        let sum = |c: usize| {
            let row = &rows[c * self.depth..(c + 1) * self.depth];
            input * row.iter().map(|w| i64::from(w.unsigned_abs())).sum::<i64>() + i64::from(bias[c].unsigned_abs())
        };
        (0..self.channels).all(|c| {
            let bits = if self.weights == Weights::Joined && c % 2 == 1 { 23 } else { 31 };
            sum(c) << self.shift < 1 << 31 && sum(c) < 1 << bits
        })
    }

    /// The kernel: pixels, weights, parameters, result.
    pub fn function(&self, name: &str) -> Function {
        assert!(self.depth.is_multiple_of(4) && (self.weights == Weights::Wide || self.channels.is_multiple_of(2)));
        let mut l = Lower::micro(name);
        let x = l.buffer("x", Scalar::I32, self.input_words(), Mode::Read);
        let w = l.buffer("w", Scalar::I32, self.weight_words(), Mode::Read);
        let p = l.buffer("p", Scalar::I32, self.parameter_words(), Mode::Read);
        let y = l.buffer("y", Scalar::I8, (self.pixels - 1) * self.stride + self.channels, Mode::Write);
        let mut sums: Vec<Vec<Local>> = Vec::new();
        for c in 0..self.channels {
            let start = |q| (format!("sum{c}_{q}"), word(p, c));
            let sum = (0..self.pixels).map(start).map(|(name, start)| l.variable(&name, start)).collect();
            sums.push(sum);
        }
        let pairs = self.depth / 2;
        let unrolled = self.unrolled();
        let turns = pairs / unrolled;
        l.repeat("k", 0usize, turns, |l, k| {
            for i in 0..unrolled {
                self.pair(l, x, w, k.clone() * unrolled as i64 + i as i64, &sums);
            }
        });
        for i in turns * unrolled..pairs {
            self.pair(&mut l, x, w, i.into(), &sums);
        }
        if self.weights == Weights::Joined {
            for c in (1..self.channels).step_by(2) {
                for (first, both) in sums[c - 1].iter().zip(&sums[c]) {
                    let second = (Expr::from(*both) - (*first).into()) >> int(8);
                    l.set(*both, second);
                }
            }
        }
        let scales: Vec<Expr> =
            (0..self.channels).map(|c| l.bind(&format!("scale{c}"), word(p, self.channels + c))).collect();
        for (c, scale) in scales.into_iter().enumerate() {
            for (q, sum) in sums[c].iter().enumerate() {
                let value = self.requantize((*sum).into(), scale.clone()).cast(Cast::Trunc, Ty::I8);
                l.push(Stmt::Store(Store { access: at(y, q * self.stride + c), value, mask: None }));
            }
        }
        l.finish()
    }

    /// Pairs that a turn of the loop multiplies.
    fn unrolled(&self) -> usize {
        let (c, q) = (self.channels, self.pixels);
        let loads = q.div_ceil(2) + self.words().div_ceil(2);
        let more = match self.weights {
            Weights::Wide => 0,
            Weights::Bytes => 2 * self.words(),
            Weights::Joined => self.words(),
        };
        let pairs = self.depth / 2;
        let most = (LOOP / (4 * (c * q + loads + more))).clamp(1, pairs);
        // Rather turns of equal length than some pairs left over.
        (most / 2 + 1..=most).rev().find(|n| pairs.is_multiple_of(*n)).unwrap_or(most)
    }

    /// Adds the products of pair `i`, two pixels at a time: with all at once, registers run out.
    fn pair(&self, l: &mut Lower, x: Buf, w: Buf, i: Index, sums: &[Vec<Local>]) {
        let first = i.clone() * self.pixels as i64;
        let mut weights: Vec<Vec<(usize, Expr)>> = vec![Vec::new(); self.words()];
        for q in (0..self.pixels).step_by(2) {
            let inputs: Vec<(usize, Expr)> = (q..self.pixels.min(q + 2))
                .map(|q| (q, l.bind(&format!("x{q}"), word(x, first.clone() + q as i64))))
                .collect();
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

    fn requantize(&self, sum: Expr, scale: Expr) -> Expr {
        let sum = if self.shift == 0 { sum } else { sum << int(self.shift.into()) };
        let scaled = Library::Smmlar.call([sum, scale, int(self.zero.into())]);
        let value = Library::Ssat8.call([scaled]);
        let value = if self.range.0 > i8::MIN { value.max(int(self.range.0.into())) } else { value };
        if self.range.1 < i8::MAX { value.min(int(self.range.1.into())) } else { value }
    }
}

/// Elements of pixels, `stride` bytes from one to the next, as the words that a [`Block`] reads.
pub fn widen(name: &str, pixels: usize, depth: usize, stride: usize) -> Function {
    assert!(depth.is_multiple_of(4));
    let mut l = Lower::micro(name);
    let x = l.buffer("x", Scalar::I8, (pixels - 1) * stride + depth, Mode::Read);
    let y = l.buffer("y", Scalar::I32, depth / 2 * pixels, Mode::Write);
    l.repeat("k", 0usize, depth / 4, |l, k| {
        let words: Vec<Expr> =
            (0..pixels).map(|q| l.bind(&format!("x{q}"), word(x, k.clone() * 4 + (q * stride) as i64))).collect();
        for (half, f) in [Library::Sxtb16, Library::Sxtb16Ror8].into_iter().enumerate() {
            for (q, x) in words.iter().enumerate() {
                let index = k.clone() * (2 * pixels) as i64 + (half * pixels + q) as i64;
                let value = f.call([x.clone()]);
                l.push(Stmt::Store(Store { access: at(y, index), value, mask: None }));
            }
        }
    });
    l.finish()
}
