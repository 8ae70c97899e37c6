//! Placements against an independent checker, and against exhaustion where that is possible.

use super::*;
use tinyc_core::random::Random;

fn buffer(size: usize, first: usize, last: usize) -> Buffer {
    Buffer { size, align: 1, first, last }
}

/// Whether no two buffers in use at one step overlap, unless a pair lets them. Written from the
/// definitions; shares nothing with the search.
fn is_valid(buffers: &[Buffer], pairs: &[Pair], offsets: &[usize]) -> bool {
    for (i, x) in buffers.iter().enumerate() {
        if !offsets[i].is_multiple_of(x.align) {
            return false;
        }
        for (j, y) in buffers.iter().enumerate().skip(i + 1) {
            let together = x.first.max(y.first) <= x.last.min(y.last);
            let apart = offsets[i] + x.size <= offsets[j] || offsets[j] + y.size <= offsets[i];
            let allowed = pairs.iter().any(|p| match (p.a, p.b) {
                (a, b) if (a, b) == (i, j) => {
                    offsets[j] >= offsets[i] + p.b_above || offsets[i] >= offsets[j] + p.a_above
                }
                (a, b) if (a, b) == (j, i) => {
                    offsets[i] >= offsets[j] + p.b_above || offsets[j] >= offsets[i] + p.a_above
                }
                _ => false,
            });
            if together && x.size > 0 && y.size > 0 && !apart && !allowed {
                return false;
            }
        }
    }
    true
}

/// The least arena, found by trying all offsets.
fn exhaust(buffers: &[Buffer], pairs: &[Pair]) -> usize {
    fn fits(buffers: &[Buffer], pairs: &[Pair], offsets: &mut Vec<usize>, capacity: usize) -> bool {
        let n = offsets.len();
        if !is_valid(&buffers[..n], pairs, offsets) {
            return false;
        }
        if n == buffers.len() {
            return true;
        }
        for offset in 0..=capacity.saturating_sub(buffers[n].size) {
            if offset + buffers[n].size > capacity {
                break;
            }
            offsets.push(offset);
            if fits(buffers, pairs, offsets, capacity) {
                return true;
            }
            offsets.pop();
        }
        false
    }
    (0..).find(|&c| fits(buffers, pairs, &mut Vec::new(), c)).unwrap()
}

#[track_caller]
fn checked(buffers: &[Buffer], pairs: &[Pair]) -> Placement {
    let p = place(buffers, pairs, NODES);
    assert!(is_valid(buffers, pairs, &p.offsets), "{buffers:?} {pairs:?} {:?}", p.offsets);
    let top = buffers.iter().zip(&p.offsets).filter(|(b, _)| b.size > 0).map(|(b, o)| b.size + o).max();
    assert_eq!(p.bytes, top.unwrap_or(0));
    assert!(p.bound <= p.bytes);
    assert_eq!(p.proof == Proof::Optimal, p.bound == p.bytes);
    p
}

fn random(r: &mut Random, n: usize, steps: usize, sizes: usize, aligns: &[usize]) -> Vec<Buffer> {
    (0..n)
        .map(|_| {
            let first = r.below(steps);
            let last = (first + r.below(steps.div_ceil(2))).min(steps - 1);
            Buffer { size: r.below(sizes + 1), align: aligns[r.below(aligns.len())], first, last }
        })
        .collect()
}

#[test]
fn nothing_takes_nothing() {
    assert_eq!(checked(&[], &[]).bytes, 0);
    assert_eq!(checked(&[buffer(0, 0, 9), buffer(0, 3, 4)], &[]).bytes, 0);
}

#[test]
fn intervals_are_closed() {
    assert_eq!(checked(&[buffer(8, 0, 1), buffer(8, 1, 2)], &[]).bytes, 16);
    assert_eq!(checked(&[buffer(8, 0, 1), buffer(8, 2, 3)], &[]).bytes, 8);
}

#[test]
fn small_instances_equal_exhaustion() {
    let mut r = Random::new(1);
    for round in 0..400 {
        let n = 2 + r.below(5);
        let aligns: &[usize] = if round % 2 == 0 { &[1] } else { &[1, 2, 4] };
        let buffers = random(&mut r, n, 6, 5, aligns);
        let p = checked(&buffers, &[]);
        assert_eq!(p.proof, Proof::Optimal, "{buffers:?}");
        assert_eq!(p.bytes, exhaust(&buffers, &[]), "{buffers:?}");
    }
}

#[test]
fn small_instances_with_pairs_equal_exhaustion() {
    let mut r = Random::new(2);
    for _ in 0..400 {
        let n = 2 + r.below(4);
        let buffers = random(&mut r, n, 5, 5, &[1, 2]);
        let mut pairs = Vec::new();
        for a in 0..n {
            for b in a + 1..n {
                if r.below(3) == 0 {
                    let (b_above, a_above) = (r.below(buffers[a].size + 1), r.below(buffers[b].size + 1));
                    pairs.push(Pair { a, b, b_above, a_above });
                }
            }
        }
        let p = checked(&buffers, &pairs);
        let least = exhaust(&buffers, &pairs);
        assert!(p.bound <= least, "{buffers:?} {pairs:?}: {p:?}, but {least} is enough");
        assert_eq!(p.bytes, least, "{buffers:?} {pairs:?}");
    }
}

/// Buffers cut out of a rectangle, so that the least arena is its height and first fit rarely finds it.
fn cut(r: &mut Random, buffers: &mut Vec<Buffer>, steps: (usize, usize), height: usize, pieces: usize) {
    let length = steps.1 - steps.0 + 1;
    if pieces <= 1 || (height < 2 && length < 2) {
        buffers.push(buffer(height, steps.0, steps.1));
        return;
    }
    let left = 1 + r.below(pieces - 1);
    if length > 1 && (height < 2 || r.below(2) == 0) {
        let middle = steps.0 + r.below(length - 1);
        cut(r, buffers, (steps.0, middle), height, left);
        cut(r, buffers, (middle + 1, steps.1), height, pieces - left);
    } else {
        let low = 1 + r.below(height - 1);
        cut(r, buffers, steps, low, left);
        cut(r, buffers, steps, height - low, pieces - left);
    }
}

#[test]
fn cut_rectangles_are_put_together_again() {
    let mut r = Random::new(3);
    let mut searched = 0;
    for round in 0..60 {
        let mut buffers = Vec::new();
        cut(&mut r, &mut buffers, (0, 100), 10_000, 20 + round / 2);
        let p = checked(&buffers, &[]);
        assert_eq!(p.bound, 10_000, "the pieces fill the rectangle at every step");
        assert_eq!(p.bytes, 10_000, "{} pieces, {} nodes", buffers.len(), p.nodes);
        searched += usize::from(place(&buffers, &[], 0).bytes > 10_000);
    }
    assert!(searched >= 5, "first fit alone solved all but {searched}");
}

/// Only a search can tell that the bound of live bytes cannot be reached.
#[test]
fn a_bound_that_cannot_be_reached_is_raised() {
    let wide = Buffer { align: 4, ..buffer(2, 0, 0) };
    let p = checked(&[wide, wide, buffer(1, 0, 0)], &[]);
    assert_eq!((p.bytes, p.bound, p.proof), (6, 6, Proof::Optimal));
}

#[test]
fn no_work_gives_first_fit_and_an_honest_gap() {
    let mut r = Random::new(5);
    let mut gaps = 0;
    for _ in 0..50 {
        let buffers = random(&mut r, 40, 20, 900, &[4]);
        let p = place(&buffers, &[], 0);
        assert!(is_valid(&buffers, &[], &p.offsets));
        let best = checked(&buffers, &[]);
        assert!(p.bound <= best.bytes && best.bytes <= p.bytes);
        gaps += usize::from(p.proof != Proof::Optimal);
    }
    assert!(gaps > 0);
}

#[test]
fn the_answer_is_the_same_each_time() {
    let buffers = random(&mut Random::new(6), 60, 30, 2000, &[1, 4, 16]);
    assert_eq!(place(&buffers, &[], 5000), place(&buffers, &[], 5000));
}

#[test]
fn ten_thousand_buffers_of_a_chain() {
    let mut r = Random::new(7);
    let buffers: Vec<Buffer> =
        (0..10_000).map(|i| Buffer { align: 4, ..buffer(4 + r.below(5000), i, i + 1) }).collect();
    assert_eq!(checked(&buffers, &[]).proof, Proof::Optimal);
}
