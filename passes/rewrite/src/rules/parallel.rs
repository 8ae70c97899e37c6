//! Convolutions and products of one value as one with all their filters.
//!
//! What a concatenation joins again is one of them at once. Else the results are slices of the merged
//! one, and functions behind the slices move in front of them: forms of what all other rules have brought
//! into its form (`crate::parallel`).

use super::constants::Along;
use super::floats;
use super::positions::Positions;
use crate::rule::{Accuracy, Bindings, Bound, Match, Rule, always};
use std::collections::BTreeSet;
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

pub const JOINED: &[Rule] = &[
    Rule {
        name: "merge-convs-of-concat",
        doc: "`concat(conv(x, w, b), ..) = conv(x, concat(w, ..), concat(b, ..))` along the channels, over constants and without \
              groups. All have a bias or none has.",
        accuracy: Accuracy::Exact,
        from: "(concat ?k (conv ?a ?x ?w* ?b*)...)",
        to: "(conv ?a ?x ?w ?b)",
        bind: |m| {
            let (w, b) = (m.each("?w"), m.each("?b"));
            let filters = joined(m, &w, 0).filter(|_| w.len() > 1 && m.attrs("?a").int("group") == 1)?;
            let channels = m.result()?.shape.axis(m.attrs("?k").int("axis")) == Some(1);
            let b = bias(m, &b, || joined(m, &b, 0)).filter(|_| channels)?;
            Some(Bindings(vec![("?b", b)]).tensor("?w", filters))
        },
        examples: &[
            "?k {axis: 1}; ?a {strides: [1,2], pads: [1,0,0,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w0 const f32[3,2,2,2]; \
             ?w1 const f32[1,2,2,2]; ?b0 const f32[3]; ?b1 const f32[1]",
            "?k {axis: -2}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,2,5]; ?w0 const f32[1,2,3]; ?w1 const \
             f32[4,2,3]; ?b0 _; ?b1 _",
        ],
        declines: &[
            "?k {axis: 2}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,2,5]; ?w0 const f32[3,2,2]; ?w1 const \
             f32[3,2,2]; ?b0 _; ?b1 _",
            "?k {axis: 1}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 2}; ?x f32[1,2,5]; ?w0 const f32[2,1,2]; ?w1 const \
             f32[4,1,2]; ?b0 _; ?b1 _",
            "?k {axis: 1}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,2,5]; ?w0 const f32[3,2,2]; ?w1 const \
             f32[3,2,2]; ?b0 const f32[3]; ?b1 _",
        ],
    },
    Rule {
        name: "merge-gemms-of-concat",
        doc: "`concat(x w + c, ..) = x concat(w, ..) + concat(c, ..)` along the columns, over constants. All add a row or none does.",
        accuracy: Accuracy::Exact,
        from: "(concat ?k (gemm ?g ?x ?w* ?c*)...)",
        to: "(gemm ?g ?x ?w ?c)",
        bind: |m| {
            let (w, c) = (m.each("?w"), m.each("?c"));
            let all = joined(m, &w, columns(m)).filter(|_| w.len() > 1)?;
            let aside = m.result()?.shape.axis(m.attrs("?k").int("axis")) == Some(1);
            let c = bias(m, &c, || rows(m, &w, &c)).filter(|_| aside)?;
            Some(Bindings(vec![("?c", c)]).tensor("?w", all))
        },
        examples: &[
            "?k {axis: 1}; ?g {alpha: 0.5, beta: 2.0, trans_a: true, trans_b: false}; ?x f32[3,2]; ?w0 const f32[3,4]; ?w1 const \
             f32[3,1]; ?c0 const f32[1]; ?c1 const f32[1,1]",
            "?k {axis: -1}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w0 const f32[4,3]; ?w1 const \
             f32[2,3]; ?c0 _; ?c1 _",
        ],
        declines: &[
            "?k {axis: 0}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w0 const f32[4,3]; ?w1 const \
             f32[4,3]; ?c0 _; ?c1 _",
            "?k {axis: 1}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w0 const f32[4,3]; ?w1 const \
             f32[2,3]; ?c0 const f32[2,1]; ?c1 const f32[2]",
        ],
    },
    Rule {
        name: "merge-matmuls-of-concat",
        doc: "`concat(matmul(x, w), ..) = matmul(x, concat(w, ..))` along the columns, over constants.",
        accuracy: Accuracy::Exact,
        from: "(concat ?k (matmul ?x ?w*)...)",
        to: "(matmul ?x ?w)",
        bind: |m| {
            let (w, rank) = (m.each("?w"), m.result()?.shape.rank());
            let last = m.shape("?w0")?.rank().checked_sub(1).filter(|&d| d > 0)?;
            let all = joined(m, &w, last).filter(|_| w.len() > 1)?;
            let aside = m.result()?.shape.axis(m.attrs("?k").int("axis")) == rank.checked_sub(1);
            (aside && rank > 1 && m.shape("?x")?.rank() > 1).then(|| Bindings::default().tensor("?w", all))
        },
        examples: &["?k {axis: -1}; ?x f32[2,5,3]; ?w0 const f32[3,4]; ?w1 const f32[3,2]"],
        declines: &["?k {axis: 1}; ?x f32[2,5,3]; ?w0 const f32[3,4]; ?w1 const f32[3,4]"],
    },
];

pub const PAIRS: &[Rule] = &[
    Rule {
        name: "merge-parallel-convs",
        doc: "`p = conv(x, w, b), q = conv(x, v, c)` are slices of `conv(x, concat(w, v), concat(b, c))`, over constants and without \
              groups. Both have a bias or none has. No filter is in both `w` and `v`, and the one whose bits are smaller comes first.",
        accuracy: Accuracy::Exact,
        from: "?p = (conv ?a ?x ?w ?b), ?q = (conv ?a ?x ?v ?c)",
        to: "?p = (slice ?s (conv ?a ?x ?wv ?d)), ?q = (slice ?t (conv ?a ?x ?wv ?d))",
        bind: |m| {
            let filters = pair(m, 0).filter(|_| m.attrs("?a").int("group") == 1)?;
            let b = ["?b".to_owned(), "?c".to_owned()];
            let mut bound = parts(m, 1)?.tensor("?wv", filters);
            bound.0.push(("?d", bias(m, &b, || joined(m, &b, 0))?));
            Some(bound)
        },
        examples: &[
            "?a {strides: [1,2], pads: [1,0,0,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w const f32[3,2,2,2] in -2.0..-1.0; ?v \
             const f32[2,2,2,2] in 1.0..2.0; ?b const f32[3]; ?c const f32[2]",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,2,5]; ?w const f32[1,2,3] in 1.0..2.0; ?v const \
             f32[4,2,3] in -2.0..-1.0; ?b _; ?c _",
        ],
        declines: &[
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,1,5]; ?w const [1.0,2.0] : f32[2,1,1]; ?v const \
             [3.0,2.0] : f32[2,1,1]; ?b _; ?c _",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 2}; ?x f32[1,2,5]; ?w const f32[2,1,2]; ?v const f32[4,1,2]; ?b _; ?c _",
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,2,5]; ?w const f32[2,2,2]; ?v const f32[4,2,2]; ?b const \
             f32[2]; ?c _",
        ],
    },
    Rule {
        name: "merge-parallel-gemms",
        doc: "`p = x w + b, q = x v + c` are slices of `x concat(w, v) + concat(b, c)`, over constants. Both add a row or none does. \
              No column is in both `w` and `v`, and the one whose bits are smaller comes first.",
        accuracy: Accuracy::Exact,
        from: "?p = (gemm ?g ?x ?w ?b), ?q = (gemm ?g ?x ?v ?c)",
        to: "?p = (slice ?s (gemm ?g ?x ?wv ?d)), ?q = (slice ?t (gemm ?g ?x ?wv ?d))",
        bind: |m| {
            let all = pair(m, columns(m))?;
            let (w, b) = (["?w".to_owned(), "?v".to_owned()], ["?b".to_owned(), "?c".to_owned()]);
            let mut bound = parts(m, 1)?.tensor("?wv", all);
            bound.0.push(("?d", bias(m, &b, || rows(m, &w, &b))?));
            Some(bound)
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: true, trans_b: false}; ?x f32[3,2]; ?w const f32[3,4] in -2.0..-1.0; ?v const f32[3,1] \
             in 1.0..2.0; ?b const f32[1]; ?c const f32[1,1]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w const f32[4,3] in 1.0..2.0; ?v const f32[2,3] in \
             -2.0..-1.0; ?b _; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,1]; ?w const [1.0,2.0] : f32[2,1]; ?v const [3.0,2.0] : \
             f32[2,1]; ?b _; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w const f32[4,3]; ?v const f32[2,3]; ?b const \
             f32[2,1]; ?c const f32[2]",
        ],
    },
];

/// `f(slice(x)) = slice(f(x))`.
macro_rules! behind {
    ($(($name:literal, $op:literal $(, $a:literal, $attrs:literal)?)),* $(,)?) => {
        &[$(Rule {
            name: concat!("move-", $name, "-over-slice"),
            doc: concat!("`", $op, "(slice(x)) = slice(", $op, "(x))`."),
            accuracy: Accuracy::Exact,
            from: concat!("(", $op, $(" ", $a,)? " (slice ?s ?x))"),
            to: concat!("(slice ?s (", $op, $(" ", $a,)? " ?x))"),
            bind: always,
            examples: &[concat!("?s {starts: [1,0], steps: [1,2], extents: [1,2]}; ?x f32[2,3]" $(, "; ", $a, " ", $attrs)?)],
            declines: &[],
        }),*]
    };
}

pub const BEHIND: &[Rule] = behind!(
    ("relu", "relu"),
    ("sigmoid", "sigmoid"),
    ("tanh", "tanh"),
    ("hard-swish", "hard_swish"),
    ("leaky-relu", "leaky_relu", "?a", "{alpha: 0.1}"),
    ("hard-sigmoid", "hard_sigmoid", "?a", "{alpha: 0.2, beta: 0.5}"),
    ("swish", "swish", "?a", "{alpha: 1.0}"),
    ("gelu", "gelu", "?a", "{tanh: false}"),
    ("elu", "elu", "?a", "{alpha: 0.5}"),
);

/// Constants one behind the other along an axis.
fn joined(m: &Match<'_>, names: &[String], axis: usize) -> Option<Tensor> {
    let all: Vec<&Tensor> = names.iter().map(|n| m.constant(n)).collect::<Option<_>>()?;
    let types: Vec<TensorType> = all.iter().map(|t| t.ty()).collect();
    let concat = Attrs::new().with_int("axis", axis as i64);
    OpId::concat.op().infer(&concat, &types.iter().map(Some).collect::<Vec<_>>()).ok()?;
    let tensors: Vec<Option<&Tensor>> = all.into_iter().map(Some).collect();
    OpId::concat.op().eval(&concat, &tensors).ok()?.pop()
}

/// What `join` makes of biases, or nothing where all are absent.
fn bias(m: &Match<'_>, names: &[String], join: impl FnOnce() -> Option<Tensor>) -> Option<Bound> {
    if names.iter().all(|n| m.is_absent(n)) { Some(Bound::Absent) } else { Some(Bound::Tensor(Arc::new(join()?))) }
}

/// The axis of a gemm's weights that its columns lie on.
fn columns(m: &Match<'_>) -> usize {
    usize::from(!m.attrs("?g").bool("trans_b"))
}

/// The rows that gemms with weights `w` add, one behind the other; `None` where one adds another row to
/// each row.
fn rows(m: &Match<'_>, w: &[String], c: &[String]) -> Option<Tensor> {
    let mut numbers = Vec::new();
    for (w, c) in w.iter().zip(c) {
        let n = m.shape(w)?[columns(m)];
        numbers.extend(Along::of(m, c, &[1, n])?.on(1, n)?);
    }
    Some(floats(m.dtype(c.first()?)?, &[numbers.len()], numbers))
}

/// The constants `?w` and `?v` one behind the other along an axis, where `?w` is the first of the two and
/// nothing along the axis is in both: what is merged already is not merged with its parts.
fn pair(m: &Match<'_>, axis: usize) -> Option<Tensor> {
    let (w, v) = (m.constant("?w")?, m.constant("?v")?);
    if w.shape().rank() != v.shape().rank() || along(w, axis)?.next()? >= along(v, axis)?.next()? {
        return None;
    }
    let all: BTreeSet<Vec<u64>> = along(w, axis)?.collect();
    let apart = along(v, axis)?.all(|f| !all.contains(&f));
    joined(m, &["?w".to_owned(), "?v".to_owned()], axis).filter(|_| apart)
}

/// By index of an axis the bits of the numbers there.
fn along(t: &Tensor, axis: usize) -> Option<impl Iterator<Item = Vec<u64>>> {
    let (n, inner) = (*t.shape().get(axis)?, t.shape()[axis + 1..].iter().product::<usize>());
    let numbers = t.to_f64s();
    let block = inner.max(1);
    Some((0..n).map(move |i| {
        let of_index = numbers.chunks(block).skip(i).step_by(n);
        of_index.flatten().map(|v| v.to_bits()).collect()
    }))
}

/// The attributes `?s` and `?t` of the slices that `?p` and `?q` are along an axis.
fn parts(m: &Match<'_>, axis: usize) -> Option<Bindings> {
    let (s, t) = (Positions::all(m.shape("?p")?), Positions::all(m.shape("?q")?));
    let behind = s.axes[axis].2;
    Some(Bindings::default().attrs("?s", s.attrs()).attrs("?t", t.moved(axis, behind).attrs()))
}
