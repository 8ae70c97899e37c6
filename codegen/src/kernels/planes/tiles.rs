//! The sums of a channel: tiles of pixels that read a word of the plane once for all of them.
//!
//! Weights are bytes, three of a row in a word: (0, 1, 1, 2), of which SXTB16 makes the pairs (0, 1) and (1, 2),
//! for windows that begin at the low and at the high half of a word.

use super::super::block::{Sums, requantize};
use super::{Planes, REACH, at, store, word};
use tinyc_core::loops::{Buf, Cast, Expr, Function, Index, Library, Load, Local, Lower, Mode, Scalar, Ty};
use tinyc_core::tensor::Data;
use tinyc_core::types::DType;

/// Pixels of a tile. Registers hold a sum for each of them, two words of weights, two of the plane, and
/// addresses of three buffers.
const TILE: usize = 6;

/// Segments of taps in a tile that are unrolled at most: flash caches of small cores hold what comes out.
const UNROLLED: usize = 12;

/// A half of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Low,
    High,
}

fn half(position: usize) -> Half {
    if position.is_multiple_of(2) { Half::Low } else { Half::High }
}

/// The product of two halves, added.
fn product(sum: Expr, (x, a): (Expr, Half), (w, b): (Expr, Half)) -> Expr {
    match (a, b) {
        (Half::Low, Half::Low) => Library::Smlabb.call([x, w, sum]),
        (Half::High, Half::High) => Library::Smlatt.call([x, w, sum]),
        (Half::Low, Half::High) => Library::Smlabt.call([x, w, sum]),
        (Half::High, Half::Low) => Library::Smlabt.call([w, x, sum]),
    }
}

/// Neighbouring taps of a row whose weights are one word.
struct Segment {
    first: usize,
    len: usize,
    /// The pairs are (0, 1) and (1, 2); otherwise they are (0, 1) and (2, 3).
    shared: bool,
}

impl Segment {
    /// Taps, of the segment, of the pairs that SXTB16 makes of the word.
    fn pairs(&self) -> [[usize; 2]; 2] {
        if self.shared { [[0, 1], [1, 2]] } else { [[0, 1], [2, 3]] }
    }

    /// The word of a row of weights.
    fn pack(&self, row: &[i8]) -> i32 {
        let tap = |t: usize| if t < self.len { row[self.first + t] as u8 } else { 0 };
        let [[a, b], [c, d]] = self.pairs();
        i32::from_le_bytes([tap(a), tap(c), tap(b), tap(d)])
    }
}

impl Planes {
    fn segments(&self) -> Vec<Segment> {
        let w = &self.columns;
        // Windows begin at both halves only where they are an odd number of elements apart.
        let shared = !w.stride.is_multiple_of(2) && w.kernel != 4;
        let most = if shared { 3 } else { 4 };
        let segment = |first| Segment { first, len: most.min(w.kernel - first), shared };
        (0..w.kernel).step_by(most).map(segment).collect()
    }

    /// Whether each tile is a call.
    pub fn is_tiled(&self) -> bool {
        self.compact || self.is_looped()
    }

    /// Whether rows of taps are a loop.
    fn is_looped(&self) -> bool {
        self.rows.kernel * self.segments().len() > UNROLLED
    }

    /// About how many instructions a layer takes.
    pub fn instructions(&self, channels: usize) -> usize {
        const CALL: usize = 30;
        let (groups, w) = (channels.div_ceil(super::GROUP), &self.columns);
        let spread = self.spread_rows() * (12 * self.filled().len() + if self.spreads_all() { 2 } else { CALL });
        let calls = if self.is_short() { 1 } else { self.band };
        let taps = self.rows.kernel * self.segments().len();
        let tiles = self.band * w.output.div_ceil(self.most()) * (5 + 5 * taps);
        let sums = self.band * w.output * (3 + self.rows.kernel * w.kernel.div_ceil(2));
        self.bands() * (groups * (spread + CALL) + channels * (calls * CALL + tiles + sums))
    }

    /// Words of the start value, scale and weights of a channel.
    pub fn parameter_words(&self) -> usize {
        self.head() + self.rows.kernel * self.segments().len()
    }

    pub fn parameter_type(&self) -> DType {
        if self.unit.is_some() { DType::I16 } else { DType::I32 }
    }

    /// Elements of memory that these words are.
    pub fn parameter_elements(&self) -> usize {
        // The scale is one, the others are two each.
        if self.unit.is_some() { 2 * self.parameter_words() - 1 } else { self.parameter_words() }
    }

    /// The words of channels as they lie in memory.
    pub fn packed(&self, channels: &[Vec<i32>]) -> Data {
        let Some(unit) = self.unit else { return Data::I32(channels.concat()) };
        let both = |w: i32| [w as i16, (w >> 16) as i16];
        let halves = |words: &Vec<i32>| {
            let scale = (words[1] / unit) as i16;
            both(words[0])
                .into_iter()
                .chain([scale])
                .chain(words[2..].iter().flat_map(|w| both(*w)))
                .collect::<Vec<i16>>()
        };
        Data::I16(channels.iter().flat_map(halves).collect())
    }

    /// Word `i` of the parameters, but for the scale.
    fn parameter(&self, p: Buf, i: Index) -> Expr {
        match (self.unit, i.as_constant()) {
            (None, _) | (Some(_), Some(0)) => word(p, i),
            (Some(_), _) => word(p, i * 2 - 1),
        }
    }

    fn scale(&self, p: Buf) -> Expr {
        let Some(unit) = self.unit else { return word(p, 1usize) };
        let half = Load { access: at(p, 2usize), ty: Ty::I16, otherwise: None, mask: None };
        Expr::Load(Box::new(half)).cast(Cast::SExt, Ty::I32) * Expr::int(Scalar::I32, unit.into())
    }

    fn is_narrow(&self) -> bool {
        self.result != Sums::Kept
    }

    /// Words in front of the weights.
    fn head(&self) -> usize {
        if self.is_narrow() { 2 } else { 1 }
    }

    /// Start value, scale and weights of a channel as the kernels read them. The zero point of the input is
    /// not taken off its elements, so the start value has to be less by it times the sum of the weights.
    pub fn parameters(&self, bias: i32, scale: i32, weights: &[i8]) -> Vec<i32> {
        let segments = self.segments();
        let rows = weights.chunks_exact(self.columns.kernel);
        let words = rows.flat_map(|row| segments.iter().map(|s| s.pack(row)));
        [bias].into_iter().chain(self.is_narrow().then_some(scale)).chain(words).collect()
    }

    /// Pixels that a tile has at most.
    fn most(&self) -> usize {
        // Registers that hold addresses of other rows of the plane; one is free.
        let rows = 4 * (self.rows.span() - 1) * self.row_words() * 4 / REACH;
        TILE.min(REACH / self.output[1].max(1)).saturating_sub(rows.saturating_sub(1)).max(1)
    }

    /// Pixels of the tiles of a row, one after the other.
    fn tiles(&self) -> Vec<usize> {
        let pixels = self.columns.output;
        let n = pixels.div_ceil(self.most());
        (0..n).map(|i| pixels / n + usize::from(i < pixels % n)).collect()
    }

    /// Pixels of the tiles of a loop, which all have to begin at a low half, and of what is left over.
    pub fn looped_tiles(&self) -> (usize, usize) {
        let (w, odd) = (self.columns.output, !self.columns.stride.is_multiple_of(2));
        let sizes = (1..=self.most().min(w)).rev().filter(|t| !odd || t.is_multiple_of(2) || *t == w);
        let tile = sizes.min_by_key(|t| w.div_ceil(*t)).unwrap_or(1);
        (tile, w % tile)
    }

    /// Calls of [`Planes::tile`] for a row, or rows: the kernel and where it begins, in pixels.
    pub fn kernels(&self, name: &str) -> Vec<(Function, usize, usize)> {
        if self.is_short() {
            return vec![(self.short(name), 0, 1)];
        }
        let w = self.columns.output;
        let (tile, left) = self.looped_tiles();
        let calls = w / tile;
        match self.is_tiled() {
            false => vec![(self.long(name, tile, left), 0, 1)],
            true => {
                let rest = (left > 0).then(|| (self.single(&format!("{name}_rest"), left), w - left, 1));
                let all = (self.single(name, tile), 0, calls);
                [all].into_iter().chain(rest).collect()
            }
        }
    }

    /// Parameters of a kernel that computes `rows` rows of `pixels` pixels: plane, parameters, result.
    fn buffers(&self, l: &mut Lower, rows: usize, pixels: usize) -> [Buf; 3] {
        let (up, w) = (self.rows.stride, &self.columns);
        let reach = ((pixels - 1) * w.stride + w.span()).div_ceil(2);
        let words = ((rows - 1) * up + self.rows.span() - 1) * self.row_words() + reach;
        let t = l.buffer("t", Scalar::I32, words, Mode::Read);
        let elem = if self.unit.is_some() { Scalar::I16 } else { Scalar::I32 };
        let p = l.buffer("p", elem, self.parameter_elements(), Mode::Read);
        let [row, pixel] = self.output;
        let elem = if self.is_narrow() { Scalar::I8 } else { Scalar::I32 };
        let y = l.buffer("y", elem, (rows - 1) * row + (pixels - 1) * pixel + 1, Mode::Write);
        [t, p, y]
    }

    /// All rows of a band.
    fn short(&self, name: &str) -> Function {
        let mut l = Lower::micro(name);
        let buffers = self.buffers(&mut l, self.band, self.columns.output);
        l.repeat("row", 0usize, self.band, |l, r| {
            let mut first = 0;
            for pixels in self.tiles() {
                let from = r.clone() * (self.rows.stride * self.row_words()) as i64;
                let to = r.clone() * self.output[0] as i64 + (first * self.output[1]) as i64;
                self.tile(l, buffers, from, first * self.columns.stride, to, pixels);
                first += pixels;
            }
        });
        l.finish()
    }

    /// One row, tile by tile.
    fn long(&self, name: &str, tile: usize, left: usize) -> Function {
        let mut l = Lower::micro(name);
        let w = &self.columns;
        let buffers = self.buffers(&mut l, 1, w.output);
        let whole = w.output - left;
        l.repeat("tile", 0usize, whole / tile, |l, i| {
            let from = i.clone() * (tile * w.stride / 2) as i64;
            self.tile(l, buffers, from, 0, i * (tile * self.output[1]) as i64, tile);
        });
        if left > 0 {
            self.tile(&mut l, buffers, 0usize.into(), whole * w.stride, (whole * self.output[1]).into(), left);
        }
        l.finish()
    }

    /// One tile.
    fn single(&self, name: &str, pixels: usize) -> Function {
        let mut l = Lower::micro(name);
        let buffers = self.buffers(&mut l, 1, pixels);
        self.tile(&mut l, buffers, 0usize.into(), 0, 0usize.into(), pixels);
        l.finish()
    }

    /// Some pixels of a row: from word `from` and element `first` behind it on.
    fn tile(&self, l: &mut Lower, [t, p, y]: [Buf; 3], from: Index, first: usize, to: Index, pixels: usize) {
        let bias = l.bind("bias", self.parameter(p, 0usize.into()));
        let sums: Vec<Local> = (0..pixels).map(|q| l.variable(&format!("sum{q}"), bias.clone())).collect();
        let segments = self.segments();
        let turns = if self.is_looped() { self.rows.kernel } else { 1 };
        let unrolled = self.rows.kernel / turns;
        l.repeat("i", 0usize, turns, |l, i| {
            for u in 0..unrolled {
                let row = from.clone() + (i.clone() + u as i64) * (self.rows.dilation * self.row_words()) as i64;
                for (k, s) in segments.iter().enumerate() {
                    let w = (i.clone() + u as i64) * segments.len() as i64 + (self.head() + k) as i64;
                    self.segment(l, s, self.parameter(p, w), (t, &row, first), &sums);
                }
            }
        });
        let scale = self.is_narrow().then(|| l.bind("scale", self.scale(p)));
        for (q, sum) in sums.into_iter().enumerate() {
            let value = match (self.result, &scale) {
                (Sums::Narrow { shift, zero, range }, Some(scale)) => {
                    let zero = Expr::int(Scalar::I32, zero.into());
                    requantize(sum.into(), shift, scale, &zero, range).cast(Cast::Trunc, Ty::I8)
                }
                _ => sum.into(),
            };
            l.push(store(y, to.clone() + (q * self.output[1]) as i64, value));
        }
    }

    /// Adds the products of some taps of a row, word by word of the plane.
    fn segment(
        &self,
        l: &mut Lower,
        s: &Segment,
        weights: Expr,
        (t, row, first): (Buf, &Index, usize),
        sums: &[Local],
    ) {
        let w = &self.columns;
        let packed = l.bind("w", weights);
        let mut pairs = vec![l.bind("even", Library::Sxtb16.call([packed.clone()]))];
        if s.len > 2 {
            pairs.push(l.bind("odd", Library::Sxtb16Ror8.call([packed])));
        }
        let mut products: Vec<(usize, usize, Product)> = Vec::new();
        for q in 0..sums.len() {
            let place = |tap: usize| first + q * w.stride + (s.first + tap) * w.dilation;
            let mut tap = 0;
            while tap < s.len {
                let both = (w.dilation == 1 && half(place(tap)) == Half::Low && tap + 1 < s.len)
                    .then(|| s.pairs().iter().position(|p| *p == [tap, tap + 1]))
                    .flatten();
                let (what, taps) = match both {
                    Some(pair) => (Product::Pair(pair), 2),
                    None => {
                        let of = |p: &[usize; 2]| p.iter().position(|t| *t == tap);
                        let pair = usize::from(of(&s.pairs()[0]).is_none());
                        let high = of(&s.pairs()[pair]) == Some(1);
                        (Product::One(half(place(tap)), pair, if high { Half::High } else { Half::Low }), 1)
                    }
                };
                products.push((place(tap) / 2, q, what));
                tap += taps;
            }
        }
        products.sort_by_key(|(word, q, _)| (*word, *q));
        let mut last = None;
        for (at, q, what) in products {
            let x = match &last {
                Some((same, x)) if *same == at => Expr::clone(x),
                _ => l.bind("x", word(t, row.clone() + at as i64)),
            };
            last = Some((at, x.clone()));
            let sum = Expr::from(sums[q]);
            let value = match what {
                Product::Pair(p) => Library::Smlad.call([x, pairs[p].clone(), sum]),
                Product::One(a, p, b) => product(sum, (x, a), (pairs[p].clone(), b)),
            };
            l.set(sums[q], value);
        }
    }
}

/// What is multiplied with a word of the plane.
enum Product {
    /// A pair of weights.
    Pair(usize),
    /// A half of it with a half of a pair.
    One(Half, usize, Half),
}
