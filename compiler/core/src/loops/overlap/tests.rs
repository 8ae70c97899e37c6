//! What functions say of the order of their accesses.

use super::*;
use crate::loops::{Dim, Lower, Mode, Scalar, Store};
use crate::random::Random;

/// `y[i] = x[at(i)]` for 8 elements of 4 bytes.
fn copy(at: impl Fn(Index) -> Index) -> Option<usize> {
    let mut l = Lower::new("copy");
    let x = l.buffer("x", Scalar::F32, 16, Mode::Read);
    let y = l.buffer("y", Scalar::F32, 8, Mode::Write);
    let access =
        |buffer, index| Access { buffer, offset: 0, dims: vec![Dim { index, stride: 1, ring: None, bound: None }] };
    l.repeat("i", 0usize, 8usize, |l, i| {
        let load = Load { access: access(x, at(i.clone())), ty: Scalar::F32.into(), otherwise: None, mask: None };
        let value = Expr::Load(Box::new(load));
        l.push(Stmt::Store(Store { access: access(y, i), value, mask: None }));
    });
    distance(&l.finish(), &[x], y)
}

#[test]
fn copies_in_order_need_no_distance_and_reversals_all_of_it() {
    assert_eq!(copy(|i| i), Some(0));
    assert_eq!(copy(|i| i + 3), Some(0));
    assert_eq!(copy(|i| i * 2), Some(0));
    // Element 0 is read last, after 7 elements have been written.
    assert_eq!(copy(|i| -i + 7), Some(28));
    // i = 6 writes up to byte 28 and i = 7 reads element 3.
    assert_eq!(copy(|i| i.floor_div(2)), Some(16));
}

/// Four channels of five pixels, `y[p][c] = x[4 - p][c]`: each channel by itself, pixel by pixel into scratch and
/// back; or all channels of a pixel at a time.
fn turned(channels_apart: bool) -> (Option<usize>, bool) {
    let mut l = Lower::new("turned");
    let x = l.buffer("x", Scalar::I8, 20, Mode::Read);
    let t = l.buffer("t", Scalar::I8, 20, Mode::Write);
    let y = l.buffer("y", Scalar::I8, 20, Mode::Write);
    let at =
        |buffer, index| Access { buffer, offset: 0, dims: vec![Dim { index, stride: 1, ring: None, bound: None }] };
    let copy = |l: &mut Lower, from: Access, to: Access| {
        let value = Expr::Load(Box::new(Load { access: from, ty: Scalar::I8.into(), otherwise: None, mask: None }));
        l.push(Stmt::Store(Store { access: to, value, mask: None }));
    };
    let (outer, inner) = if channels_apart { (4usize, 5usize) } else { (5, 4) };
    l.repeat("o", 0usize, outer, |l, o| {
        let element = |p: Index, c: Index| p * 4 + c;
        let pixel = |i: &Index| if channels_apart { (i.clone(), o.clone()) } else { (o.clone(), i.clone()) };
        l.repeat("i", 0usize, inner, |l, i| {
            let (p, c) = pixel(&i);
            copy(l, at(x, element(p.clone(), c.clone())), at(t, element(p, c)));
        });
        l.repeat("j", 0usize, inner, |l, j| {
            let (p, c) = pixel(&j);
            copy(l, at(t, element(-p.clone() + 4, c.clone())), at(y, element(p, c)));
        });
    });
    let f = l.finish();
    (distance(&f, &[x], y), is_in_place(&f, &[x], y))
}

#[test]
fn a_channel_that_is_read_before_it_is_written_is_computed_in_place() {
    assert_eq!(turned(true), (Some(16), true));
    assert_eq!(turned(false), (Some(0), true));
}

#[test]
fn in_place_no_byte_is_read_after_it_is_written() {
    let reversed = |at: &dyn Fn(Index) -> Index| {
        let mut l = Lower::new("copy");
        let x = l.buffer("x", Scalar::I8, 8, Mode::Read);
        let y = l.buffer("y", Scalar::I8, 8, Mode::Write);
        let access =
            |buffer, index| Access { buffer, offset: 0, dims: vec![Dim { index, stride: 1, ring: None, bound: None }] };
        l.repeat("i", 0usize, 8usize, |l, i| {
            let load = Load { access: access(x, at(i.clone())), ty: Scalar::I8.into(), otherwise: None, mask: None };
            l.push(Stmt::Store(Store { access: access(y, i), value: Expr::Load(Box::new(load)), mask: None }));
        });
        is_in_place(&l.finish(), &[x], y)
    };
    assert!(reversed(&|i| i.clone()));
    assert!(!reversed(&|i| -i + 7));
}

/// Loops in each other with loads and stores between them, at random addresses; some loops have
/// bounds that depend on outer ones, and some addresses bounds or quotients.
fn nest(l: &mut Lower, r: &mut Random, (x, y): (Buf, Buf), vars: &mut Vec<Index>) {
    let access = |r: &mut Random, buffer, vars: &[Index]| {
        let factor = |r: &mut Random| r.below(7) as i64 - 3;
        let index = vars.iter().fold(Index::constant(0), |sum, v| match r.below(12) {
            0 => sum + v.clone().floor_div(2) * factor(r),
            _ => sum + v.clone() * factor(r),
        });
        let bound = (r.below(8) == 0).then_some(4);
        Access {
            buffer,
            offset: factor(r),
            dims: vec![Dim { index, stride: 1 + r.below(2) as i64, ring: None, bound }],
        }
    };
    for _ in 0..1 + r.below(3) {
        if vars.len() < 4 && r.below(2) == 0 {
            let (lo, mut hi) = (r.below(2), Index::from(2 + r.below(6)));
            if let Some(outer) = vars.last()
                && r.below(4) == 0
            {
                hi = hi.min(outer.clone() + 1);
            }
            l.repeat("i", lo, hi, |l, i| {
                vars.push(i);
                nest(l, r, (x, y), vars);
                vars.pop();
            });
        } else {
            let load = Load { access: access(r, x, vars), ty: Scalar::I8.into(), otherwise: None, mask: None };
            let value = Expr::Load(Box::new(load));
            l.push(Stmt::Store(Store { access: access(r, y, vars), value, mask: None }));
        }
    }
}

#[test]
fn corners_tell_what_all_turns_tell() {
    let mut shorter = 0;
    for seed in 0..1000 {
        let mut r = Random::new(seed);
        let mut l = Lower::new("nest");
        let x = l.buffer("x", Scalar::I8, 1, Mode::Read);
        let y = l.buffer("y", Scalar::I8, 1, Mode::Write);
        nest(&mut l, &mut r, (x, y), &mut Vec::new());
        let f = l.finish();
        let all = (0..64).map(IndexVar).collect();
        let distance = distance(&f, &[x], y);
        assert_eq!(distance, distance_with(&f, &[x], y, all), "seed {seed}");
        shorter += usize::from(distance.is_some_and(|d| d > 0));
    }
    assert!(shorter > 300, "{shorter}");
}
