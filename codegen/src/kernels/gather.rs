//! Taps of pixels as runs of bytes: row of the window by row, column by column, channel by channel.
//!
//! Where channels are last, a row of taps is one run of memory, and words are copied. Taps in the padding
//! are the zero point.

use super::rows::clipped;
use tinyc_core::loops::{Access, Buf, Dim, Expr, Index, Load, Lower, Scalar, Stmt, Store, Ty, View};
use tinyc_core::ops::window::Window;

/// Runs of up to so many words are copied without a loop.
const UNROLLED: usize = 4;

pub struct Gather<'a> {
    /// Any axes in front, then row, column, channel.
    pub x: &'a View,
    pub rows: &'a Window,
    pub columns: &'a Window,
    /// Bytes from one pixel to the next: the taps, and up to a multiple of four.
    pub depth: usize,
    pub zero: i64,
    /// Whether all is in loops, so that functions for other sizes are equal but for numbers.
    pub compact: bool,
}

fn store(buffer: Buf, index: Index, value: Expr) -> Stmt {
    let dims = vec![Dim { index, stride: 1, ring: None, bound: None }];
    Stmt::Store(Store { access: Access { buffer, offset: 0, dims }, value, mask: None })
}

/// Four bytes from an element on.
fn word(view: &View, at: &[Index]) -> Expr {
    match view.read(at) {
        Expr::Load(load) => Expr::Load(Box::new(Load { ty: Ty::I32, ..*load })),
        _ => unreachable!("operands of schedules are strided"),
    }
}

/// 1 where the index is 1 or more, 0 where it is not.
fn positive(i: Index) -> Index {
    i.min(1usize.into()).max(0usize.into())
}

/// A view of elements in a row, and the index of its last axis.
type At<'v> = &'v dyn Fn(&Index) -> (View, Vec<Index>);

impl Gather<'_> {
    fn channels(&self) -> usize {
        self.x.axes[self.x.rank() - 1].extent
    }

    /// Sets what is behind the taps of pixel `q`, and stays.
    pub fn tail(&self, l: &mut Lower, to: Buf, q: &Index) {
        let taps = self.rows.kernel * self.columns.kernel * self.channels();
        self.run(l, (taps, self.depth), 1, |l, k| {
            l.push(store(to, q.clone() * self.depth as i64 + k, Expr::int(Scalar::I8, 0)));
        });
    }

    /// The pixel at `(row, column)` of the result as bytes `q * depth..` of a buffer.
    pub fn pixel(&self, l: &mut Lower, front: &[Index], row: &Index, column: &Index, to: Buf, q: Index) {
        let (c, kw) = (self.channels() as i64, self.columns.kernel as i64);
        let first = q * self.depth as i64;
        let ((top, bottom), (left, right)) = (clipped(self.rows, row), clipped(self.columns, column));
        let missing = |from: &Index, to: &Index, n: usize| from.clone() - to.clone() + n as i64;
        let beside = positive(missing(&left, &right, self.columns.kernel));
        let edge = positive(missing(&top, &bottom, self.rows.kernel).max(beside.clone()));
        let byte = (self.zero & 0xff) * 0x0101_0101;
        l.repeat("edge", 0usize, edge, |l, _| {
            l.repeat("k", 0usize, self.depth / 4, |l, k| {
                let value = Expr::int(Scalar::I32, i64::from(byte as u32 as i32));
                l.push(store(to, first.clone() + k * 4, value));
            });
        });
        let dense = self.x.axes[self.x.rank() - 1].stride == 1 || c == 1;
        let run = (self.columns.dilation == 1).then(|| self.x.merged(self.x.rank() - 2)).flatten();
        let run = run.filter(|run| run.axes[run.rank() - 1].stride == 1);
        l.repeat("kh", top, bottom, |l, kh| {
            let from = self.rows.at(row, &kh) - self.rows.before as i64;
            let start = self.columns.at(column, &0usize.into()) - self.columns.before as i64;
            let place = first.clone() + kh * (kw * c);
            if let Some(run) = &run {
                // Elements of the row of taps.
                let at = |t: &Index| {
                    let index = [front, &[from.clone(), start.clone() * c + t.clone()]].concat();
                    (run.clone(), index)
                };
                if c % 4 == 0 {
                    l.repeat_by("t", left * c, right * c, 4, |l, t| copy_word(l, &at, &t, to, &place));
                    return;
                }
                l.repeat("whole", beside.clone(), 1usize, |l, _| self.copy(l, &at, (kw * c) as usize, to, &place));
                l.repeat("beside", 0usize, beside, |l, _| {
                    l.repeat("t", left * c, right * c, |l, t| copy_byte(l, &at, &t, to, &place));
                });
                return;
            }
            l.repeat("kw", left, right, |l, kw| {
                let column = self.columns.at(column, &kw) - self.columns.before as i64;
                let place = place.clone() + kw * c;
                let at = |t: &Index| (self.x.clone(), [front, &[from.clone(), column.clone(), t.clone()]].concat());
                match dense {
                    true => self.copy(l, &at, c as usize, to, &place),
                    false => l.repeat("c", 0usize, c, |l, t| copy_byte(l, &at, &t, to, &place)),
                }
            });
        });
    }

    /// A loop over bytes from one place to another.
    fn run(&self, l: &mut Lower, (from, to): (usize, usize), step: i64, body: impl FnOnce(&mut Lower, Index)) {
        match self.compact {
            true => l.turns("t", from.into(), to.into(), step, body),
            false => l.repeat_by("t", from, to, step, body),
        }
    }

    /// A run of bytes: words, and what is left.
    fn copy(&self, l: &mut Lower, at: At<'_>, bytes: usize, to: Buf, place: &Index) {
        let words = bytes / 4;
        if words <= UNROLLED && !self.compact {
            (0..words).for_each(|i| copy_word(l, at, &(4 * i).into(), to, place));
        } else {
            self.run(l, (0, words * 4), 4, |l, t| copy_word(l, at, &t, to, place));
        }
        self.run(l, (words * 4, bytes), 1, |l, t| copy_byte(l, at, &t, to, place));
    }
}

fn copy_word(l: &mut Lower, at: At<'_>, t: &Index, to: Buf, place: &Index) {
    let (view, index) = at(t);
    l.push(store(to, place.clone() + t.clone(), word(&view, &index)));
}

fn copy_byte(l: &mut Lower, at: At<'_>, t: &Index, to: Buf, place: &Index) {
    let (view, index) = at(t);
    l.push(store(to, place.clone() + t.clone(), view.read(&index)));
}
