//! Convolutions that read one position each are matrix products over channels that lie last.
//!
//! Either form is made only behind a transpose between the two orders of axes, which goes behind it and may
//! meet its inverse there.

use super::constants::Matrix;
use super::floats;
use super::linear::{bias, plain};
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::attrs::Attrs;

pub const RULES: &[Rule] = &[
    Rule {
        name: "make-conv-gemm-behind-transpose",
        doc: "`conv(transpose(x), w, b) = transpose(reshape(gemm(reshape(x), reshape(w), b)))`, where the windows of the convolution are \
              all positions, one by one, without groups, and the transpose puts the last axis of `x` second.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?a (transpose ?p ?x) ?w ?b)",
        to: "(transpose ?p (reshape ?t (gemm ?g (reshape ?r ?x) (reshape ?s ?w) ?b)))",
        bind: |m| {
            let (x, w) = (m.shape("?x")?, m.shape("?w")?);
            let (&channels, positions) = x.split_last()?;
            if m.attrs("?p").extents("perm") != to_second(x.rank()) || !is_pointwise(m) {
                return None;
            }
            let rows = positions.iter().product();
            let bound = Bindings::default().attrs("?r", shape(&[rows, channels])).attrs("?s", shape(&[w[0], channels]));
            let bound = bound.attrs("?t", shape(&[positions, &w[..1]].concat()));
            Some(bound.attrs("?g", plain().with_bool("trans_b", true)))
        },
        examples: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?p {perm: [0,3,1,2]}; ?x f32[2,4,5,3]; ?w const \
             f32[6,3,1,1]; ?b const f32[6]",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?p {perm: [0,2,1]}; ?x f32[1,5,3]; ?w f32[2,3,1]; ?b _",
        ],
        declines: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?p {perm: [0,3,2,1]}; ?x f32[2,4,5,3]; ?w const \
             f32[6,3,1,1]; ?b _",
            "?a {strides: [2], pads: [0,0], dilations: [1], group: 1}; ?p {perm: [0,2,1]}; ?x f32[1,5,3]; ?w const f32[2,3,1]; ?b _",
            "?a {strides: [1], pads: [0,1], dilations: [1], group: 1}; ?p {perm: [0,2,1]}; ?x f32[1,5,3]; ?w const f32[2,3,1]; ?b _",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?p {perm: [0,2,1]}; ?x f32[1,5,3]; ?w const f32[2,3,2]; ?b _",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 2}; ?p {perm: [0,2,1]}; ?x f32[1,5,4]; ?w const f32[2,2,1]; ?b _",
        ],
    },
    Rule {
        name: "make-gemm-conv-behind-transpose",
        doc: "`x' w + c = reshape(transpose(conv(x, w, c)))` with the columns of `w` as filters, where the rows of `x'` are the positions \
              of `x`, whose channels a transpose puts last. `w` and `c`, if there is one, are constant.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (reshape ?r (transpose ?p ?x)) ?w ?c)",
        to: "(reshape ?t (transpose ?p (conv ?a ?x ?v ?d)))",
        bind: |m| {
            let (x, rows) = (m.shape("?x")?, m.attrs("?r").extents("shape"));
            let last = m.attrs("?p").extents("perm") == to_last(x.rank()) && rows.len() == 2 && rows[1] == x[1];
            let bound = filters(m, x.rank()).filter(|_| last)?;
            Some(bound.attrs("?t", shape(&m.result()?.shape)))
        },
        examples: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?r {shape: [40,3]}; ?p {perm: [0,2,3,1]}; ?x f32[2,3,4,5]; ?w \
             const f32[3,6]; ?c const f32[6]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?r {shape: [5,3]}; ?p {perm: [0,2,1]}; ?x f32[1,3,5]; ?w const \
             f32[2,3]; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?r {shape: [3,5]}; ?p {perm: [0,2,1]}; ?x f32[1,3,5]; ?w const \
             f32[2,5]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?r {shape: [5,3]}; ?p {perm: [0,2,1]}; ?x f32[1,3,5]; ?w f32[2,3]; \
             ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true}; ?r {shape: [5,3]}; ?p {perm: [0,2,1]}; ?x f32[1,3,5]; ?w const \
             f32[2,5]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?r {shape: [5,3]}; ?p {perm: [0,2,1]}; ?x f32[1,3,5]; ?w const \
             f32[2,3]; ?c const f32[5,1]",
        ],
    },
    Rule {
        name: "move-pointwise-conv-over-reshape",
        doc: "`conv(reshape(x), w, b) = reshape(conv(x, reshape(w), b))`, where the windows of the convolution are all positions, one by \
              one, and the reshape only renames positions.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?a (reshape ?r ?x) ?w ?b)",
        to: "(reshape ?t (conv ?c ?x (reshape ?s ?w) ?b))",
        bind: |m| {
            let (x, r, w) = (m.shape("?x")?, m.attrs("?r").extents("shape"), m.shape("?w")?);
            let image = (3..=4).contains(&x.rank()) && x.rank() != r.len() && x[..2] == r[..2];
            if !image || !is_pointwise(m) {
                return None;
            }
            let mut s = vec![1; x.rank()];
            s[..2].copy_from_slice(&w[..2]);
            let bound = Bindings::default().attrs("?c", pointwise(x.rank())).attrs("?s", shape(&s));
            Some(bound.attrs("?t", shape(&m.result()?.shape)))
        },
        examples: &[
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?r {shape: [1,3,20]}; ?x f32[1,3,4,5]; ?w const f32[2,3,1]; ?b const \
             f32[2]",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?r {shape: [1,3,2,4]}; ?x f32[1,3,8]; ?w const f32[2,3,1,1]; \
             ?b _",
        ],
        declines: &[
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?r {shape: [1,5,12]}; ?x f32[1,3,4,5]; ?w const f32[2,5,1]; ?b _",
            "?a {strides: [2], pads: [0,0], dilations: [1], group: 1}; ?r {shape: [1,3,20]}; ?x f32[1,3,4,5]; ?w const f32[2,3,1]; ?b _",
        ],
    },
];

/// The order of axes that puts the last one second, behind the batch.
fn to_second(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(rank.checked_sub(1)).chain(1..rank.saturating_sub(1)).collect()
}

/// The order of axes that puts the second one last.
fn to_last(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(2..rank).chain([1]).collect()
}

/// Attributes of a reshape.
fn shape(shape: &[usize]) -> Attrs {
    Attrs::new().with_ints("shape", shape.iter().map(|&n| n as i64))
}

/// Whether the convolution `?a` of weights `?w` reads each position by itself, and all channels of it.
fn is_pointwise(m: &Match<'_>) -> bool {
    let (a, w) = (m.attrs("?a"), m.shape("?w"));
    w.is_some_and(|w| w[2..].iter().all(|&n| n == 1))
        && a.int("group") == 1
        && a.ints("pads").iter().all(|&p| p == 0)
        && a.ints("strides").iter().all(|&s| s == 1)
}

/// Attributes of such a convolution.
fn pointwise(rank: usize) -> Attrs {
    let axes = rank - 2;
    Attrs::new()
        .with_ints("strides", vec![1; axes])
        .with_ints("pads", vec![0; 2 * axes])
        .with_ints("dilations", vec![1; axes])
        .with_int("group", 1)
}

/// The gemm `?g` as a convolution of images of this rank: `?a`, `?v` and `?d`.
fn filters(m: &Match<'_>, rank: usize) -> Option<Bindings> {
    let (g, w) = (m.attrs("?g"), m.constant("?w").filter(|w| w.dtype().is_float())?);
    let plain = g.float("alpha") == 1.0 && g.float("beta") == 1.0 && !g.bool("trans_a");
    if !plain || !(3..=4).contains(&rank) {
        return None;
    }
    let v = Matrix::of(w, g.bool("trans_b"))?.transposed();
    let mut shape = vec![1; rank];
    (shape[0], shape[1]) = (v.rows, v.columns);
    let (dtype, c) = (w.dtype(), bias(m, "?g", "?c", v.rows)?);
    let bound = Bindings::default().attrs("?a", pointwise(rank)).tensor("?v", floats(dtype, &shape, v.numbers));
    Some(match c {
        Some(c) => bound.tensor("?d", floats(dtype, &[c.len()], c)),
        None => bound.absent("?d"),
    })
}
