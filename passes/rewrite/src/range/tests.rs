//! Ranges against evaluation: of every operator's examples, and of sums in several orders.

use super::*;
use crate::range::sums::Sum;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::op::OpId;
use tinyc_core::ops::example::as_graph;
use tinyc_core::random::Random;
use tinyc_core::text;

/// In 0..=1, the ends often.
fn unit(r: &mut Random) -> f64 {
    match r.below(8) {
        0 => 0.0,
        1 => 1.0,
        _ => r.below(1 << 20) as f64 / f64::from(1 << 20),
    }
}

/// A tensor and ranges that hold it: of random channels of a random axis, inside of `lo..hi`.
fn drawn(ty: &TensorType, lo: f64, hi: f64, r: &mut Random) -> (Tensor, Ranges) {
    let axis = r.below(ty.shape.rank().max(1));
    let n = ty.shape.get(axis).copied().unwrap_or(1);
    let ends: Vec<(f64, f64)> = (0..n)
        .map(|_| {
            let (a, b) = (lo + (hi - lo) * unit(r), lo + (hi - lo) * unit(r));
            match r.below(4) {
                // Zero is where signs and divisions change.
                0 if lo <= 0.0 && 0.0 <= hi => (0.0_f64.min(a), 0.0_f64.max(a)),
                1 => (a, a),
                _ => (a.min(b), a.max(b)),
            }
        })
        .collect();
    let inner: usize = ty.shape.iter().skip(axis + 1).product();
    let at = |i: usize| ends[i / inner.max(1) % n.max(1)];
    let values = (0..ty.elements()).map(|i| at(i).0 + (at(i).1 - at(i).0) * unit(r)).collect();
    let tensor = Tensor::of::<f64>(ty.shape.clone(), values).cast(ty.dtype);
    let rounded = Tensor::of::<f64>([n, 2], ends.iter().flat_map(|e| [e.0, e.1]).collect()).cast(ty.dtype).to_f64s();
    let each = rounded.chunks(2).map(|e| Range::new(if e[0] == 0.0 { -0.0 } else { e[0] }, e[1] + 0.0)).collect();
    (tensor, Ranges::new(axis, each))
}

fn holds(ranges: &Ranges, t: &Tensor) -> Result<(), String> {
    let n = t.shape().get(ranges.axis()).copied().unwrap_or(1);
    let inner: usize = t.shape().iter().skip(ranges.axis() + 1).product();
    let exact = |v: f64| t.dtype().is_float() || v.abs() < scalar::EXACT;
    for (i, v) in t.to_f64s().into_iter().enumerate() {
        let r = ranges.at(i / inner.max(1) % n.max(1));
        if exact(v) && !r.contains(v) {
            return Err(format!("element {i}: {v:e} is not in {r:?}"));
        }
    }
    Ok(())
}

#[test]
fn evaluation_of_examples_lies_in_their_ranges() {
    let mut bounded = std::collections::BTreeSet::new();
    for (op, example) in OpId::ALL.iter().flat_map(|op| op.op().examples().iter().map(move |e| (*op, *e))) {
        let (text, limits) = as_graph(example);
        let graph: Graph = text::parse(&text, &[]).unwrap();
        let types: Vec<TensorType> = graph.inputs().iter().map(|&i| graph.node(i).tensor().clone()).collect();
        let node = graph.ids().map(|id| graph.node(id)).find(|n| matches!(n.kind, Kind::Op(..))).unwrap();
        let Kind::Op(_, attrs) = &node.kind else { unreachable!() };
        for seed in 0..40 {
            let mut r = Random::new(seed);
            let mut types = types.iter();
            let drawn: Vec<Option<(Tensor, Ranges, bool)>> = limits
                .iter()
                .map(|l| {
                    l.map(|(lo, hi)| {
                        let (t, ranges) = drawn(types.next().unwrap(), lo, hi, &mut r);
                        let known = r.below(2) == 0;
                        (t.clone(), if known { Ranges::of_constant(&t) } else { ranges }, known)
                    })
                })
                .collect();
            let tys: Vec<Option<TensorType>> = drawn.iter().map(|d| d.as_ref().map(|d| d.0.ty())).collect();
            let operands: Vec<Option<Operand<'_>>> = drawn
                .iter()
                .zip(&tys)
                .map(|(d, ty)| {
                    let (d, ty) = (d.as_ref()?, ty.as_ref()?);
                    Some(Operand { ty, ranges: &d.1, constant: d.2.then_some(&d.0) })
                })
                .collect();
            let ranges = transfer(op, attrs, &operands, node.ty.parts());
            let x: Vec<Option<&Tensor>> = drawn.iter().map(|d| d.as_ref().map(|d| &d.0)).collect();
            for (y, ranges) in op.op().eval(attrs, &x).unwrap().iter().zip(&ranges) {
                holds(ranges, y)
                    .unwrap_or_else(|e| panic!("{example}, seed {seed}: {e}\noperands {operands:?}\nresult {y:?}"));
                if ranges.all() != Range::of(y.dtype()) {
                    bounded.insert(op);
                }
            }
        }
    }
    assert!(bounded.len() > 60, "bounds of {} operators: {bounded:?}", bounded.len());
}

/// Terms of a sum in order, in reverse, in pairs, and fused, each from the start and with it added last.
fn computed(start: f32, terms: &[(f32, f32)]) -> Vec<f32> {
    let plain = |s: f32, t: &(f32, f32)| s + t.0 * t.1;
    let fused = |s: f32, t: &(f32, f32)| t.0.mul_add(t.1, s);
    let mut pairs: Vec<f32> = terms.iter().map(|t| t.0 * t.1).collect();
    while pairs.len() > 1 {
        pairs = pairs.chunks(2).map(|p| p.iter().sum()).collect();
    }
    vec![
        terms.iter().fold(start, plain),
        terms.iter().rev().fold(start, plain),
        terms.iter().fold(start, fused),
        terms.iter().rev().fold(start, fused),
        terms.iter().fold(0.0, plain) + start,
        terms.iter().rev().fold(0.0, fused) + start,
        pairs.first().copied().unwrap_or(0.0) + start,
    ]
}

#[test]
fn sums_lie_in_their_range_in_every_order() {
    for seed in 0..2000 {
        let mut r = Random::new(seed);
        let scale = [1.0, 1e-30, 1e18, 1e-42][r.below(4)];
        let number = |r: &mut Random| match r.below(5) {
            0 => 0.0,
            1 => -0.0,
            2 => r.signed().abs(),
            _ => r.signed() * scale,
        };
        let n = r.below(30);
        let terms: Vec<(f32, f32)> = (0..n).map(|_| (number(&mut r), number(&mut r))).collect();
        let start = number(&mut r);
        let mut sum = Sum::new(Range::point(start.into()));
        terms.iter().for_each(|t| sum.add(Range::point(t.0.into()), Range::point(t.1.into()), 1));
        let range = sum.range(DType::F32);
        for v in computed(start, &terms) {
            // A start of -0.0 that is added last may meet a sum of 0.0.
            assert!(
                range.contains(v.into()) || v == 0.0 && range.is_zero() && start == 0.0,
                "{seed}: {v:e} not in {range:?}"
            );
        }
    }
}

#[test]
fn what_is_exact_is_a_point() {
    let x = Range::new(-0.0, 1.0);
    let mut sum = Sum::new(Range::point(0.3_f32.into()));
    sum.add(x, Range::point(0.0), 9);
    sum.add(Range::point(0.0), Range::point(5.0), 1);
    assert_eq!(sum.range(DType::F32).constant(), Some(0.3_f32.into()));
    let below = Range::new(-3.0, -1e-30);
    assert_eq!(scalar::choose(below, Range::point(0.0), false).constant(), Some(0.0));
    assert_eq!(scalar::choose(Range::new(-3.0, -0.0), Range::point(0.0), false), Range::new(-0.0, 0.0));
}

#[test]
fn bounds_are_joined_by_channel() {
    let by = |axis, each: &[(f64, f64)]| Ranges::new(axis, each.iter().map(|&(lo, hi)| Range::new(lo, hi)).collect());
    let (a, b) = (by(1, &[(0.0, 2.0), (1.0, 5.0)]), by(1, &[(-1.0, 1.0), (2.0, 9.0)]));
    assert_eq!(a.intersect(&b), by(1, &[(0.0, 1.0), (2.0, 5.0)]));
    let c = by(2, &[(0.0, 3.0), (0.0, 4.0)]);
    assert_eq!(a.intersect(&c), by(1, &[(0.0, 2.0), (1.0, 4.0)]));
    assert_eq!(c.intersect(&a), a.intersect(&c));
    // What nothing can be stays as it was.
    assert_eq!(by(1, &[(3.0, 4.0)]).intersect(&by(1, &[(1.0, 2.0)])), by(1, &[(3.0, 4.0)]));
}

#[test]
fn unknown_floats_have_no_bounds_until_something_limits_them() {
    let ty = TensorType::new(DType::F32, [1, 3]);
    let any = Ranges::any(&ty);
    let of = |op, ranges: &Ranges| {
        let x = Operand { ty: &ty, ranges, constant: None };
        transfer(op, &Default::default(), &[Some(x)], std::slice::from_ref(&ty))[0].all()
    };
    assert_eq!(of(OpId::relu, &any), Range { lo: -0.0, hi: f64::INFINITY, nan: true });
    let sigmoid = of(OpId::sigmoid, &Ranges::whole(&ty, Range::new(-1e30, 1e30)));
    assert!(!sigmoid.nan && sigmoid.lo == 0.0 && sigmoid.hi == 1.0, "{sigmoid:?}");
}
