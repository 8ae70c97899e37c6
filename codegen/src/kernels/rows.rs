//! A row of windows cut into pieces: the windows whose taps are all inside of the input, in tiles, and
//! those at the edges.

use tinyc_core::loops::{Index, Lower};
use tinyc_core::ops::window::Window;

/// Edges of more windows times taps are loops everywhere.
const UNROLLED: usize = 512;

/// Neighbouring windows of a row.
#[derive(Clone, Debug)]
pub struct Piece {
    /// First window.
    pub first: Index,
    pub pixels: usize,
    /// For each tap along the row the windows that have it, counted from `first`; `None`: each window
    /// is one of `first`.. and its taps are `lo..hi`, which depend on it.
    pub taps: Taps,
}

#[derive(Clone, Debug)]
pub enum Taps {
    /// All windows have all taps.
    All,
    /// For each tap, which windows have it.
    Some(Vec<Vec<bool>>),
    /// One window has the taps of a range.
    Range(Index, Index),
}

/// The taps along an axis of window `o` that lie inside of the input.
pub fn clipped(w: &Window, o: &Index) -> (Index, Index) {
    let first = Index::from(w.before) - o.clone() * w.stride as i64;
    let dilation = w.dilation as i64;
    let up = |i: Index| (i + (dilation - 1)).floor_div(dilation);
    let lo_needed = w.before > 0;
    let hi_needed = (w.output.max(1) - 1) * w.stride + w.span() > w.before + w.input;
    let lo = if lo_needed { up(first.clone()).max(0usize.into()) } else { 0usize.into() };
    let hi = if hi_needed { up(first + w.input as i64).min(w.kernel.into()) } else { w.kernel.into() };
    (lo, hi)
}

/// The windows `from..to` of a row that have all taps; none where some between have not.
fn whole(w: &Window) -> (usize, usize) {
    let whole = |o: usize| (0..w.kernel).all(|k| w.input_at(o, k).is_some());
    let left = (0..w.output).position(whole).unwrap_or(w.output);
    let right = (left..w.output).rev().find(|&o| whole(o)).map_or(left, |o| o + 1);
    if (left..right).all(whole) { (left, right) } else { (w.output, w.output) }
}

/// Whether the windows at the edges are loops instead of tiles.
fn looped(w: &Window, apart: bool) -> bool {
    let (left, right) = whole(w);
    apart || (left + w.output - right) * w.kernel > UNROLLED
}

/// How many windows of a row a tile can be cut from.
pub fn available(w: &Window, apart: bool) -> usize {
    let (left, right) = whole(w);
    if looped(w, apart) { right - left } else { w.output }.max(1)
}

/// Calls `body` for the pieces of a row. `apart`: windows at the edges are one piece each in a loop,
/// which takes less code; otherwise they are tiles whose taps are known, as long as there are few.
pub fn pieces(l: &mut Lower, w: &Window, pixels: usize, apart: bool, mut body: impl FnMut(&mut Lower, Piece)) {
    let has = |o: usize, k: usize| w.input_at(o, k).is_some();
    let (left, right) = whole(w);
    let known = |first: usize, pixels: usize| {
        let taps: Vec<Vec<bool>> = (0..w.kernel).map(|k| (0..pixels).map(|j| has(first + j, k)).collect()).collect();
        let all = taps.iter().flatten().all(|&t| t);
        Piece { first: first.into(), pixels, taps: if all { Taps::All } else { Taps::Some(taps) } }
    };
    let edge = |l: &mut Lower, from: usize, to: usize, body: &mut dyn FnMut(&mut Lower, Piece)| {
        l.repeat("ow", from, to, |l, ow| {
            let (lo, hi) = clipped(w, &ow);
            let all = lo.as_constant() == Some(0) && hi.as_constant() == Some(w.kernel as i64);
            body(l, Piece { first: ow, pixels: 1, taps: if all { Taps::All } else { Taps::Range(lo, hi) } });
        });
    };
    if looped(w, apart) {
        let tiles = (right - left) / pixels;
        let end = left + tiles * pixels;
        edge(l, 0, left, &mut body);
        l.repeat_by("ow", left, end, pixels as i64, |l, ow| {
            body(l, Piece { first: ow, pixels, taps: Taps::All });
        });
        edge(l, end, w.output, &mut body);
        return;
    }
    // Tiles from the left edge on while they touch it, a loop over those inside, tiles to the end.
    let mut next = 0;
    while next < left.min(w.output) {
        let n = pixels.min(w.output - next);
        body(l, known(next, n));
        next += n;
    }
    let tiles = right.saturating_sub(next) / pixels;
    let end = next + tiles * pixels;
    l.repeat_by("ow", next, end, pixels as i64, |l, ow| {
        body(l, Piece { first: ow, pixels, taps: Taps::All });
    });
    let mut next = end;
    while next < w.output {
        let n = pixels.min(w.output - next);
        body(l, known(next, n));
        next += n;
    }
}
