//! Reshapes, transposes and pads: what names elements anew is merged, removed, and moved towards the
//! inputs or outputs, where it may meet another one.

use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::attrs::Attrs;

pub const RULES: &[Rule] = &[
    Rule {
        name: "remove-reshape",
        doc: "`reshape(x) = x` to the shape that `x` has.",
        accuracy: Accuracy::Exact,
        from: "(reshape ?s ?x)",
        to: "?x",
        bind: |m| (m.ty("?x")? == m.result()?).then(Bindings::default),
        examples: &["?s {shape: [2,3]}; ?x f32[2,3]"],
        declines: &["?s {shape: [3,2]}; ?x f32[2,3]"],
    },
    Rule {
        name: "merge-reshape-reshape",
        doc: "`reshape(reshape(x)) = reshape(x)`.",
        accuracy: Accuracy::Exact,
        from: "(reshape ?s (reshape ?t ?x))",
        to: "(reshape ?s ?x)",
        bind: always,
        examples: &["?s {shape: [6]}; ?t {shape: [3,2]}; ?x f32[2,3]"],
        declines: &[],
    },
    Rule {
        name: "remove-transpose",
        doc: "`transpose(x) = x`, where no axis moves, or only axes of one element do and the shape stays.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p ?x)",
        to: "?x",
        bind: |m| {
            let (perm, shape) = (m.attrs("?p").extents("perm"), m.shape("?x")?);
            let stays = moving(&perm, shape).is_sorted() && m.ty("?x")? == m.result()?;
            stays.then(Bindings::default)
        },
        examples: &["?p {perm: [0,1]}; ?x f32[2,3]", "?p {perm: [2,1,0,3]}; ?x f32[1,2,1,3]"],
        declines: &["?p {perm: [1,0]}; ?x f32[2,2]"],
    },
    Rule {
        name: "make-transpose-reshape",
        doc: "`transpose(x) = reshape(x)`, where only axes of one element move among the others.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p ?x)",
        to: "(reshape ?s ?x)",
        bind: |m| {
            let (perm, shape) = (m.attrs("?p").extents("perm"), m.shape("?x")?);
            let keeps = moving(&perm, shape).is_sorted();
            keeps
                .then(|| Some(Bindings::default().attrs("?s", Attrs::new().with_shape("shape", &m.result()?.shape))))?
        },
        examples: &["?p {perm: [0,2,1]}; ?x f32[2,1,3]"],
        declines: &["?p {perm: [0,2,1]}; ?x f32[1,2,3]"],
    },
    Rule {
        name: "merge-transpose-transpose",
        doc: "`transpose(transpose(x, p), q) = transpose(x, r)` with `r[d] = p[q[d]]`.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?q (transpose ?p ?x))",
        to: "(transpose ?r ?x)",
        bind: |m| {
            let (p, q) = (m.attrs("?p").extents("perm"), m.attrs("?q").extents("perm"));
            let both = q.iter().map(|&d| p[d] as i64);
            Some(Bindings::default().attrs("?r", Attrs::new().with_ints("perm", both)))
        },
        examples: &["?q {perm: [2,0,1]}; ?p {perm: [0,2,1]}; ?x f32[2,3,4]"],
        declines: &[],
    },
    Rule {
        name: "move-transpose-over-pad",
        doc: "`transpose(pad(x)) = pad(transpose(x))` with the pads in the order of the axes.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (pad ?a ?x ?v))",
        to: "(pad ?b (transpose ?p ?x) ?v)",
        bind: |m| {
            let (perm, a) = (m.attrs("?p").extents("perm"), m.attrs("?a"));
            let turned = |name: &str| -> Vec<i64> { perm.iter().map(|&d| a.ints(name)[d]).collect() };
            let turned = a.clone().with_ints("before", turned("before")).with_ints("after", turned("after"));
            Some(Bindings::default().attrs("?b", turned))
        },
        examples: &[
            "?p {perm: [0,2,1]}; ?a {before: [0,1,2], after: [0,0,3], mode: constant}; ?x f32[1,2,3]; ?v f32[]",
        ],
        declines: &[],
    },
    Rule {
        name: "merge-pad-into-conv",
        doc: "`conv(pad(x)) = conv(x)` with the pad's zeros in the padding of the windows, where it adds none to batch and \
              channels and cuts nothing off. The sums have the same terms in the same order.",
        accuracy: Accuracy::Exact,
        from: "(conv ?a (pad ?p ?x ?v) ?w ?b)",
        to: "(conv ?c ?x ?w ?b)",
        bind: |m| {
            let (before, after) = zeros(m)?;
            let ([0, 0, before @ ..], [0, 0, after @ ..]) = (before, after) else { return None };
            let pads = m.attrs("?a").ints("pads").iter().zip(before.iter().chain(after)).map(|(a, b)| a + b);
            Some(Bindings::default().attrs("?c", m.attrs("?a").clone().with_ints("pads", pads)))
        },
        examples: &[
            "?a {strides: [1,1], pads: [0,1,1,0], dilations: [1,1], group: 1}; ?p {before: [0,0,1,0], after: [0,0,2,1], mode: \
             constant}; ?x f32[1,2,4,5]; ?v _; ?w f32[3,2,3,3]; ?b f32[3]",
        ],
        declines: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?p {before: [0,0,1,0], after: [0,0,2,1], mode: \
             constant}; ?x f32[1,2,4,5]; ?v const [1.0] : f32[]; ?w f32[3,2,3,3]; ?b _",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?p {before: [0,1,0,0], after: [0,0,0,0], mode: \
             constant}; ?x f32[1,2,4,5]; ?v _; ?w f32[3,3,3,3]; ?b _",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?p {before: [0,0,1,0], after: [0,0,-1,0], mode: \
             constant}; ?x f32[1,2,4,5]; ?v _; ?w f32[3,2,3,3]; ?b _",
        ],
    },
    Rule {
        name: "merge-pad-pad",
        doc: "`pad(pad(x)) = pad(x)` with the sums of the pads, where both add the same constant and cut nothing off.",
        accuracy: Accuracy::Exact,
        from: "(pad ?q (pad ?p ?x ?v) ?v)",
        to: "(pad ?r ?x ?v)",
        bind: |m| {
            let (p, q) = (m.attrs("?p"), m.attrs("?q"));
            let adds = |a: &Attrs| {
                a.word("mode") == "constant" && a.ints("before").iter().chain(a.ints("after")).all(|&n| n >= 0)
            };
            if !adds(p) || !adds(q) {
                return None;
            }
            let sum = |name: &str| -> Vec<i64> { p.ints(name).iter().zip(q.ints(name)).map(|(a, b)| a + b).collect() };
            let sums = p.clone().with_ints("before", sum("before")).with_ints("after", sum("after"));
            Some(Bindings::default().attrs("?r", sums))
        },
        examples: &[
            "?q {before: [1,0], after: [0,2], mode: constant}; ?p {before: [0,1], after: [1,1], mode: constant}; ?x f32[2,3]; \
             ?v f32[]",
        ],
        declines: &[
            "?q {before: [1,0], after: [0,2], mode: constant}; ?p {before: [0,-1], after: [1,1], mode: constant}; ?x f32[2,3]; \
             ?v f32[]",
            "?q {before: [1,0], after: [0,2], mode: edge}; ?p {before: [0,1], after: [1,1], mode: edge}; ?x f32[2,3]; ?v _",
        ],
    },
    Rule {
        name: "remove-pad",
        doc: "`pad(x) = x`, where nothing is added or cut off.",
        accuracy: Accuracy::Exact,
        from: "(pad ?p ?x ?v)",
        to: "?x",
        bind: |m| {
            let p = m.attrs("?p");
            p.ints("before").iter().chain(p.ints("after")).all(|&n| n == 0).then(Bindings::default)
        },
        examples: &["?p {before: [0,0], after: [0,0], mode: constant}; ?x f32[2,3]; ?v _"],
        declines: &["?p {before: [0,1], after: [0,-1], mode: constant}; ?x f32[2,3]; ?v _"],
    },
];

/// The axes with more than one element, in the order in which a transpose puts them.
fn moving(perm: &[usize], shape: &[usize]) -> Vec<usize> {
    perm.iter().copied().filter(|&d| shape[d] != 1).collect()
}

/// How many zeros the pad `?p` with the value `?v` adds before and behind each axis, if that is all it does.
fn zeros<'a>(m: &Match<'a>) -> Option<(&'a [i64], &'a [i64])> {
    let pad = m.attrs("?p");
    let zero = m.is_absent("?v") || m.constant("?v")?.data().to_le_bytes().iter().all(|&b| b == 0);
    let (before, after) = (pad.ints("before"), pad.ints("after"));
    let adds = before.iter().chain(after).all(|&p| p >= 0);
    (pad.word("mode") == "constant" && zero && adds).then_some((before, after))
}
