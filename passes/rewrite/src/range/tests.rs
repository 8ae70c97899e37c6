//! Ranges against evaluation: of every operator's examples, and of sums in several orders.

use super::*;
use crate::range::sums::Sum;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::loops::Scalar;
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
    let mut each: Vec<Range> =
        rounded.chunks(2).map(|e| Range::new(if e[0] == 0.0 { -0.0 } else { e[0] }, e[1] + 0.0)).collect();
    for range in each.iter_mut().filter(|_| ty.dtype.is_float()) {
        // Nothing more is known of a value than what a relu tells, or not even that.
        match r.below(8) {
            0 => range.lo = f64::NEG_INFINITY,
            1 => range.hi = f64::INFINITY,
            2 => *range = Range::ANY,
            _ => {}
        }
    }
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
            let x: Vec<Option<&Tensor>> = drawn.iter().map(|d| d.as_ref().map(|d| &d.0)).collect();
            let results = op.op().eval(attrs, &x).unwrap();
            let is_nan = |t: &Tensor| t.dtype().is_float() && t.to_f64s().iter().any(|v| v.is_nan());
            for nans in [Nans::Kept, Nans::Excluded] {
                let ranges = transfer(op, attrs, &operands, node.ty.parts(), nans);
                for (y, ranges) in results.iter().zip(&ranges).filter(|(y, _)| nans == Nans::Kept || !is_nan(y)) {
                    holds(ranges, y).unwrap_or_else(|e| {
                        panic!("{example}, seed {seed}, {nans:?}: {e}\noperands {operands:?}\nresult {y:?}")
                    });
                    if ranges.all() != nans.restrict(Ranges::any(&y.ty())).all() {
                        bounded.insert(op);
                    }
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
        let open = seed % 3;
        let terms: Vec<(f32, f32)> = (0..n).map(|_| (number(&mut r), number(&mut r))).collect();
        let start = number(&mut r);
        let mut sum = Sum::new(Range::point(start.into()));
        for &(x, w) in &terms {
            // What is known of the first factor ends at it, or does not end, on one side or on both.
            let (below, above) = (open > 0 && r.below(2) == 0, open > 1 && r.below(2) == 0);
            let lo = if below { f64::NEG_INFINITY } else { x.into() };
            let hi = if above { f64::INFINITY } else { x.into() };
            sum.add(Range::new(lo, hi), Range::point(w.into()), 1);
        }
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

/// Relus leave numbers however large: what has one sign bounds a sum on that side.
#[test]
fn sums_of_what_is_unbounded_on_one_side_are_bounded_on_one() {
    let sum = |start: f64, terms: &[(Range, f64)]| {
        let mut sum = Sum::new(Range::point(start));
        terms.iter().for_each(|(x, w)| sum.add(*x, Range::point(*w), 9));
        sum.range(DType::F32)
    };
    let positive = Range::new(-0.0, f64::INFINITY);
    let numbers = Range::new(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(sum(-0.5, &[(positive, -1.0), (positive, -1e30)]), Range::new(f64::NEG_INFINITY, -0.5));
    assert_eq!(sum(6.0, &[(positive, 1e-40)]), Range::new(6.0, f64::INFINITY));
    // Beside what is bounded: 9 + 0.5 and what rounding adds.
    let beside = sum(0.5, &[(positive, -1.0), (Range::new(0.0, 1.0), 1.0)]);
    assert!(beside.hi >= 9.5 && beside.hi < 9.5001 && beside.lo == f64::NEG_INFINITY && !beside.nan, "{beside:?}");
    // Infinities of both signs may meet, and infinity times zero is a NaN.
    assert_eq!(sum(1.0, &[(positive, 1.0), (positive, -1.0)]), Range::ANY);
    assert_eq!(sum(1.0, &[(numbers, 0.0)]), Range { nan: true, ..Range::point(1.0) });
    // Sums overflow on the side of their large terms only.
    assert_eq!(sum(-1.0, &[(Range::new(0.0, 3e38), -3.0)]), Range::new(f64::NEG_INFINITY, -1.0));
}

#[test]
fn products_of_what_is_unbounded_with_zero_are_zero_or_nan() {
    let numbers = Range::new(f64::NEG_INFINITY, f64::INFINITY);
    let product = scalar::mul(numbers, Range::point(0.0), Scalar::F32);
    assert_eq!(product, Range { lo: -0.0, hi: 0.0, nan: true });
    let product = scalar::mul(Range::new(1.0, f64::INFINITY), Range::new(0.0, 2.0), Scalar::F32);
    assert_eq!(product, Range { lo: 0.0, hi: f64::INFINITY, nan: true });
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
    let of = |op, ranges: &Ranges, nans| {
        let x = Operand { ty: &ty, ranges, constant: None };
        transfer(op, &Default::default(), &[Some(x)], std::slice::from_ref(&ty), nans)[0].all()
    };
    assert_eq!(of(OpId::relu, &any, Nans::Kept), Range { lo: -0.0, hi: f64::INFINITY, nan: true });
    assert_eq!(of(OpId::relu, &any, Nans::Excluded), Range::new(-0.0, f64::INFINITY));
    assert_eq!(of(OpId::log, &any, Nans::Excluded), Range::new(f64::NEG_INFINITY, f64::INFINITY));
    for (large, nans) in [(1e30, Nans::Kept), (f64::INFINITY, Nans::Excluded)] {
        let sigmoid = of(OpId::sigmoid, &Ranges::whole(&ty, Range::new(-large, large)), nans);
        assert!(!sigmoid.nan && sigmoid.lo == 0.0 && sigmoid.hi == 1.0, "{sigmoid:?}");
    }
}
