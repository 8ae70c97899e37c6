//! Micro-kernels of integer convolution channel by channel.
//!
//! Four channels at a time, some rows of the input are spread into planes in scratch memory: elements of
//! 16 bits, padded with the zero point, so that two neighbours are one word and what SMLAD takes, and no
//! window is at an edge. Then each channel's rows are summed (`tiles`).

mod tiles;

use super::block::Sums;
use tinyc_core::loops::{Access, Buf, Dim, Expr, Function, Index, Library, Load, Lower, Mode, Scalar, Stmt, Store, Ty};
use tinyc_core::ops::window::Window;

/// Channels that are spread together: bytes of a word.
pub const GROUP: usize = 4;

/// Rows of so many pixels are one body of a loop over rows; longer ones are loops over tiles.
const SHORT: usize = 12;

/// Bytes that loads and stores reach from an address; pairs of words reach a quarter of them.
const REACH: usize = 4096;

/// What the kernels of a layer compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes {
    pub rows: Window,
    pub columns: Window,
    /// Whether bytes of the input have signs.
    pub signed: bool,
    /// What padding is.
    pub zero: i32,
    pub result: Sums,
    /// Rows of the output that are computed from one spread.
    pub band: usize,
    /// Elements of the input and of the output from one row and pixel to the next.
    pub input: [usize; 2],
    pub output: [usize; 2],
    /// Whether kernels are as those of planes of other sizes, so that one does for all.
    pub compact: bool,
    /// Where scales are stored as 16 bits: the unit that they are multiples of.
    pub unit: Option<i32>,
}

fn at(buffer: Buf, index: impl Into<Index>) -> Access {
    Access { buffer, offset: 0, dims: vec![Dim { index: index.into(), stride: 1, ring: None, bound: None }] }
}

fn word(buffer: Buf, index: impl Into<Index>) -> Expr {
    Expr::Load(Box::new(Load { access: at(buffer, index), ty: Ty::I32, otherwise: None, mask: None }))
}

fn store(buffer: Buf, index: impl Into<Index>, value: Expr) -> Stmt {
    Stmt::Store(Store { access: at(buffer, index), value, mask: None })
}

impl Planes {
    /// Elements of a row of the plane that are read, or would be with a row to itself.
    fn reach(&self) -> usize {
        let w = &self.columns;
        (w.output - 1) * w.stride + w.span()
    }

    /// Pixels of the input that are read.
    pub fn pixels(&self) -> usize {
        let w = &self.columns;
        w.input.min(self.reach().saturating_sub(w.before))
    }

    /// Elements from one row to the next. Padding behind a row is that in front of the next.
    fn pitch(&self) -> usize {
        let before = self.columns.before;
        (before + self.pixels()).max(self.reach().saturating_sub(before)).next_multiple_of(2)
    }

    /// Rows of the input that a band reads.
    pub fn window(&self) -> usize {
        (self.band - 1) * self.rows.stride + self.rows.span()
    }

    /// Rows that are spread for a band: always as many, so that the kernels need not be told.
    pub fn spread_rows(&self) -> usize {
        let inside = |b: usize| {
            let first = (b * self.band).min(self.rows.output - self.band) * self.rows.stride;
            let (from, to) = (self.rows.before, self.rows.before + self.rows.input);
            (first + self.window()).min(to).saturating_sub(first.max(from))
        };
        (0..self.bands()).map(inside).max().unwrap_or(0)
    }

    /// First row of the output of band `b`: the last one ends where the output does.
    pub fn first(&self, b: &Index) -> Index {
        (b.clone() * self.band as i64).min((self.rows.output - self.band).into())
    }

    pub fn bands(&self) -> usize {
        self.rows.output.div_ceil(self.band)
    }

    /// For the band from row `first` of the output: the first row of the input that is spread, and where in
    /// the plane it comes.
    pub fn placed(&self, first: &Index) -> (Index, Index) {
        let needed = first.clone() * self.rows.stride as i64 - self.rows.before as i64;
        let last = (self.rows.input - self.spread_rows()).into();
        let from = needed.clone().max(0usize.into()).min(last);
        (from.clone(), from - needed + self.lead() as i64)
    }

    /// Rows of a plane in front of those that a band reads: at the end of the input more are spread than
    /// it needs.
    pub fn lead(&self) -> usize {
        let last = (self.rows.output - self.band) * self.rows.stride;
        (last + self.spread_rows()).saturating_sub(self.rows.before + self.rows.input)
    }

    /// Rows of a plane: those that bands read, and what is in front.
    pub fn plane_rows(&self) -> usize {
        self.lead() + self.window().max(self.spread_rows() + self.rows.before)
    }

    /// Words of a row of a plane.
    pub fn row_words(&self) -> usize {
        self.pitch() / 2
    }

    /// Words of a plane.
    pub fn plane_words(&self) -> usize {
        let behind = self.reach().next_multiple_of(2).saturating_sub(self.pitch());
        self.plane_rows() * self.row_words() + behind / 2
    }

    /// Words that hold elements of the input, in a row.
    fn filled(&self) -> std::ops::Range<usize> {
        let before = self.columns.before;
        before / 2..(before + self.pixels()).div_ceil(2)
    }

    /// Whether some words are padding in all bands.
    pub fn has_fixed_padding(&self) -> bool {
        self.filled() != (0..self.row_words()) || self.plane_words() > self.plane_rows() * self.row_words()
    }

    /// The word that padding is.
    pub fn padding(&self) -> i32 {
        (self.zero & 0xffff) | self.zero << 16
    }

    /// Whether a kernel takes all rows of a band.
    pub fn is_short(&self) -> bool {
        let w = self.columns.output;
        w <= SHORT && w * self.output[1] <= REACH && !self.is_tiled()
    }

    /// Whether a call spreads all rows of a band.
    pub fn spreads_all(&self) -> bool {
        !self.compact && self.filled().len() <= SHORT && self.pixels() * self.input[1] <= REACH / 2
    }

    /// Bytes of four channels to four planes: input, planes.
    pub fn spread(&self, name: &str) -> Function {
        // Distances of elements that others replace are no immediates.
        let mut l = if self.compact { Lower::new(name) } else { Lower::micro(name) };
        let rows = if self.spreads_all() { self.spread_rows() } else { 1 };
        let [row, pixel] = self.input;
        let x = l.buffer("x", Scalar::I8, (rows - 1) * row + (self.pixels() - 1) * pixel + GROUP, Mode::Read);
        let planes = (GROUP - 1) * self.plane_words() + rows * self.row_words();
        let t = l.buffer("t", Scalar::I32, planes, Mode::Write);
        let (filled, before) = (self.filled(), self.columns.before);
        let pair = |l: &mut Lower, row: Index, to: Index, k: Option<usize>, column: Index| {
            // Whether the halves of pair `k` are elements.
            let inside = |e: usize| k.is_none_or(|k| (before..before + self.pixels()).contains(&(2 * k + e)));
            let element = |l: &mut Lower, e: usize| match inside(e) {
                true => {
                    let i = (column.clone() + e as i64 - before as i64) * pixel as i64;
                    l.bind("x", word(x, row.clone() + i))
                }
                false => Expr::int(Scalar::I32, i32::from_le_bytes([self.zero as u8; 4]).into()),
            };
            let (a, b) = (element(l, 0), element(l, 1));
            let low = l.bind("low", Library::Pkhbt.call([a.clone(), b.clone()]));
            let high = l.bind("high", Library::Pkhtb.call([b, a]));
            let unpack = match self.signed {
                true => [Library::Sxtb16, Library::Sxtb16Ror8],
                false => [Library::Uxtb16, Library::Uxtb16Ror8],
            };
            for (c, (halves, f)) in [(&low, 0), (&low, 1), (&high, 0), (&high, 1)].into_iter().enumerate() {
                let value = unpack[f].call([halves.clone()]);
                l.push(store(t, to.clone() + (c * self.plane_words()) as i64, value));
            }
        };
        if self.spreads_all() {
            l.repeat("row", 0usize, rows, |l, r| {
                for k in filled {
                    let to = r.clone() * self.row_words() as i64 + k as i64;
                    pair(l, r.clone() * row as i64, to, Some(k), (2 * k).into());
                }
            });
        } else {
            let whole = before.div_ceil(2)..(before + self.pixels()) / 2;
            for k in filled.start..whole.start {
                pair(&mut l, 0usize.into(), k.into(), Some(k), (2 * k).into());
            }
            l.repeat("k", whole.start, whole.end, |l, k| pair(l, 0usize.into(), k.clone(), None, k * 2));
            for k in whole.end..filled.end {
                pair(&mut l, 0usize.into(), k.into(), Some(k), (2 * k).into());
            }
        }
        l.finish()
    }
}
