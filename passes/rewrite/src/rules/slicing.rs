//! Slices and concatenations: merged, removed, and slices moved towards the inputs, so that less is
//! computed.

use super::positions::Positions;
use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::attrs::Attrs;

/// An operator broadcasts its operands by itself.
macro_rules! broadcast {
    ($op:literal) => {
        Rule {
            name: concat!("remove-expand-under-", $op),
            doc: concat!("`", $op, "(x, expand(y)) = ", $op, "(x, y)`, where `x` has the type of the result."),
            accuracy: Accuracy::Exact,
            from: concat!("(", $op, " ?x (expand ?e ?y))"),
            to: concat!("(", $op, " ?x ?y)"),
            bind: |m| (m.ty("?x")? == m.result()?).then(Bindings::default),
            examples: &["?x f32[2,3]; ?e {shape: [2,3]}; ?y f32[3] in 0.5..1.5"],
            declines: &["?x f32[3]; ?e {shape: [2,3]}; ?y f32[3]"],
        }
    };
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "remove-slice",
        doc: "`slice(x) = x`, where all of `x` is taken in its order.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s ?x)",
        to: "?x",
        bind: |m| Positions::of(m, "?s").is_all(m.shape("?x")?).then(Bindings::default),
        examples: &["?s {starts: [0,0], steps: [1,1], extents: [2,3]}; ?x f32[2,3]"],
        declines: &["?s {starts: [0,2], steps: [1,-1], extents: [2,3]}; ?x f32[2,3]"],
    },
    Rule {
        name: "forget-step-of-slice",
        doc: "The distance of the positions that a slice takes does not matter where it takes one.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s ?x)",
        to: "(slice ?t ?x)",
        bind: |m| {
            let s = Positions::of(m, "?s");
            let mut t = s.clone();
            t.axes.iter_mut().filter(|a| a.2 <= 1).for_each(|a| a.1 = 1);
            (s != t).then(|| Bindings::default().attrs("?t", t.attrs()))
        },
        examples: &["?s {starts: [1,0], steps: [2,2], extents: [1,2]}; ?x f32[2,3]"],
        declines: &["?s {starts: [1,0], steps: [1,2], extents: [1,2]}; ?x f32[2,3]"],
    },
    Rule {
        name: "count-axis-of-concat",
        doc: "`concat(x, ..) = concat(x, ..)` along the same axis counted from the first instead of the last one.",
        accuracy: Accuracy::Exact,
        from: "(concat ?a ?x*...)",
        to: "(concat ?b ?x*...)",
        bind: |m| {
            let axis = m.attrs("?a").int("axis");
            let front = m.result()?.shape.axis(axis)? as i64;
            (axis < 0).then(|| Bindings::default().attrs("?b", Attrs::new().with_int("axis", front)))
        },
        examples: &["?a {axis: -1}; ?x0 f32[2,3]; ?x1 f32[2,1]"],
        declines: &["?a {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,1]"],
    },
    Rule {
        name: "merge-slice-slice",
        doc: "`slice(slice(x)) = slice(x)` with the positions that the outer one takes of the inner one's.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (slice ?t ?x))",
        to: "(slice ?u ?x)",
        bind: |m| {
            let (outer, inner) = (Positions::of(m, "?s"), Positions::of(m, "?t"));
            Some(Bindings::default().attrs("?u", outer.within(&inner)?.attrs()))
        },
        examples: &[
            "?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?t {starts: [1,6], steps: [1,-2], extents: [3,4]}; ?x f32[4,7]",
        ],
        declines: &[],
    },
    Rule {
        name: "remove-concat",
        doc: "`concat(x) = x`.",
        accuracy: Accuracy::Exact,
        from: "(concat ?a ?x)",
        to: "?x",
        bind: always,
        examples: &["?a {axis: 1}; ?x f32[2,3]"],
        declines: &[],
    },
    Rule {
        name: "merge-concat-into-first",
        doc: "`concat(concat(x, ..), y) = concat(x, .., y)` along the same axis.",
        accuracy: Accuracy::Exact,
        from: "(concat ?a (concat ?b ?x*...) ?y)",
        to: "(concat ?a ?x*... ?y)",
        bind: one_axis,
        examples: &["?a {axis: 1}; ?b {axis: -1}; ?x0 f32[2,3]; ?x1 f32[2,1]; ?y f32[2,2]"],
        declines: &["?a {axis: 1}; ?b {axis: 0}; ?x0 f32[1,3]; ?x1 f32[1,3]; ?y f32[2,2]"],
    },
    Rule {
        name: "merge-concat-into-second",
        doc: "`concat(y, concat(x, ..)) = concat(y, x, ..)` along the same axis.",
        accuracy: Accuracy::Exact,
        from: "(concat ?a ?y (concat ?b ?x*...))",
        to: "(concat ?a ?y ?x*...)",
        bind: one_axis,
        examples: &["?a {axis: 1}; ?b {axis: -1}; ?x0 f32[2,3]; ?x1 f32[2,1]; ?y f32[2,2]"],
        declines: &["?a {axis: 1}; ?b {axis: 0}; ?x0 f32[1,3]; ?x1 f32[1,3]; ?y f32[2,2]"],
    },
    Rule {
        name: "merge-slices-of-concat",
        doc: "`concat(slice(x), ..) = slice(x)`, where each slice begins where the one before it ends.",
        accuracy: Accuracy::Exact,
        from: "(concat ?a (slice ?s* ?x)...)",
        to: "(slice ?u ?x)",
        bind: |m| {
            let axis = m.result()?.shape.axis(m.attrs("?a").int("axis"))?;
            let mut all = m.each("?s").into_iter().map(|s| Positions::of(m, &s));
            let first = all.next()?;
            let joined = all.try_fold(first, |before, next| before.joined(&next, axis))?;
            Some(Bindings::default().attrs("?u", joined.attrs()))
        },
        examples: &[
            "?a {axis: 1}; ?s0 {starts: [0,1], steps: [1,2], extents: [2,2]}; ?s1 {starts: [0,5], steps: [1,2], extents: [2,1]}; \
             ?x f32[2,7]",
        ],
        declines: &[
            "?a {axis: 1}; ?s0 {starts: [0,1], steps: [1,2], extents: [2,2]}; ?s1 {starts: [0,4], steps: [1,2], extents: [2,1]}; \
             ?x f32[2,7]",
            "?a {axis: 1}; ?s0 {starts: [0,1], steps: [1,1], extents: [1,2]}; ?s1 {starts: [1,3], steps: [1,1], extents: [1,2]}; \
             ?x f32[2,7]",
        ],
    },
    Rule {
        name: "move-slice-into-concat",
        doc: "`slice(concat(x, ..)) = slice(x_i)`, where all that is taken is of the operand `x_i`.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (concat ?a ?x*...))",
        to: "(slice ?t ?y)",
        bind: |m| {
            let s = Positions::of(m, "?s");
            let axis = s.axis(m.attrs("?a").int("axis"))?;
            let (first, last) = s.ends(axis)?;
            let mut begin = 0;
            for (x, name) in m.each("?x").iter().zip(X) {
                let end = begin + m.shape(x)?[axis] as i64;
                if begin <= first && last < end {
                    let t = s.clone().moved(axis, -begin);
                    return Some(Bindings::default().attrs("?t", t.attrs()).same("?y", name));
                }
                begin = end;
            }
            None
        },
        examples: &[
            "?s {starts: [1,4], steps: [1,1], extents: [1,2]}; ?a {axis: -1}; ?x0 f32[2,3]; ?x1 f32[2,4]",
            "?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?a {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,4]",
        ],
        declines: &["?s {starts: [0,2], steps: [1,1], extents: [2,2]}; ?a {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,4]"],
    },
    Rule {
        name: "move-slice-over-concat",
        doc: "`slice(concat(x, ..)) = concat(slice(x), ..)`, where all is taken along the axis of the concatenation.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (concat ?a ?x*...))",
        to: "(concat ?a (slice ?t* ?x*)...)",
        bind: |m| {
            let s = Positions::of(m, "?s");
            let axis = s.axis(m.attrs("?a").int("axis"))?;
            let all: usize = m.each("?x").iter().map(|x| Some(m.shape(x)?[axis])).sum::<Option<usize>>()?;
            if s.axes[axis] != (0, 1, all as i64) {
                return None;
            }
            let mut bound = Bindings::default();
            for (x, name) in m.each("?x").iter().zip(T) {
                let mut t = s.clone();
                t.axes[axis].2 = m.shape(x)?[axis] as i64;
                bound = bound.attrs(name, t.attrs());
            }
            Some(bound)
        },
        examples: &["?s {starts: [1,0], steps: [1,1], extents: [1,7]}; ?a {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,4]"],
        declines: &["?s {starts: [0,0], steps: [1,1], extents: [2,4]}; ?a {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,4]"],
    },
    Rule {
        name: "move-slice-over-reshape",
        doc: "`slice(reshape(x)) = reshape(slice(x))`, where what is taken of each group of axes that the reshape splits or \
              merges is a block of `x`.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (reshape ?r ?x))",
        to: "(reshape ?t (slice ?u ?x))",
        bind: |m| {
            let from = m.attrs("?r").extents("shape");
            let u = Positions::of(m, "?s").through_reshape(&from, m.shape("?x")?)?;
            let shape = Attrs::new().with_shape("shape", &m.result()?.shape);
            Some(Bindings::default().attrs("?t", shape).attrs("?u", u.attrs()))
        },
        examples: &[
            "?s {starts: [0,2,0], steps: [1,-1,2], extents: [1,2,2]}; ?r {shape: [1,3,4]}; ?x f32[3,4]",
            "?s {starts: [1,0,0], steps: [1,1,1], extents: [1,2,3]}; ?r {shape: [2,2,3]}; ?x f32[4,3]",
            "?s {starts: [4,0], steps: [1,1], extents: [4,5]}; ?r {shape: [12,5]}; ?x f32[3,4,5]",
        ],
        declines: &[
            "?s {starts: [0,0,0], steps: [1,1,1], extents: [2,1,3]}; ?r {shape: [2,2,3]}; ?x f32[4,3]",
            "?s {starts: [3,0], steps: [1,1], extents: [4,5]}; ?r {shape: [12,5]}; ?x f32[3,4,5]",
        ],
    },
    Rule {
        name: "move-slice-over-transpose",
        doc: "`slice(transpose(x)) = transpose(slice(x))` with the positions in the order of the axes of `x`.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (transpose ?p ?x))",
        to: "(transpose ?p (slice ?t ?x))",
        bind: |m| {
            let s = Positions::of(m, "?s");
            let mut t = s.clone();
            for (d, &from) in m.attrs("?p").extents("perm").iter().enumerate() {
                t.axes[from] = s.axes[d];
            }
            Some(Bindings::default().attrs("?t", t.attrs()))
        },
        examples: &["?s {starts: [1,0,1], steps: [1,2,1], extents: [2,2,1]}; ?p {perm: [2,0,1]}; ?x f32[3,2,4]"],
        declines: &[],
    },
    Rule {
        name: "move-slice-over-pad",
        doc: "`slice(pad(x)) = slice(x)`, where nothing that the pad has added is taken.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (pad ?p ?x ?v))",
        to: "(slice ?t ?x)",
        bind: |m| {
            let (mut s, x) = (Positions::of(m, "?s"), m.shape("?x")?);
            for (d, before) in m.attrs("?p").ints("before").iter().enumerate() {
                s = s.moved(d, -before);
                let (first, last) = s.ends(d)?;
                (first >= 0 && last < x[d] as i64).then_some(())?;
            }
            Some(Bindings::default().attrs("?t", s.attrs()))
        },
        examples: &[
            "?s {starts: [0,2], steps: [1,1], extents: [2,2]}; ?p {before: [0,1], after: [0,2], mode: constant}; ?x f32[2,3]; ?v _",
        ],
        declines: &[
            "?s {starts: [0,2], steps: [1,1], extents: [2,3]}; ?p {before: [0,1], after: [0,2], mode: constant}; ?x f32[2,3]; ?v _",
        ],
    },
    Rule {
        name: "make-gather-slice",
        doc: "`gather(x) = reshape(slice(x))`, where the constant indices are at equal distances.",
        accuracy: Accuracy::Exact,
        from: "(gather ?a ?x ?i)",
        to: "(reshape ?r (slice ?s ?x))",
        bind: |m| {
            let x = m.shape("?x")?;
            let axis = x.axis(m.attrs("?a").int("axis"))?;
            let extent = x[axis] as i64;
            let from_end = |i: i64| if i < 0 { i + extent } else { i };
            let indices: Vec<i64> = m.constant("?i")?.to_i64s()?.into_iter().map(from_end).collect();
            let (&first, inside) = (indices.first()?, indices.iter().all(|i| (0..extent).contains(i)));
            let step = indices.get(1).map_or(1, |second| second - first);
            if !inside || step == 0 || indices.windows(2).any(|w| w[1] - w[0] != step) {
                return None;
            }
            let mut s = Positions::all(x);
            s.axes[axis] = (first, step, indices.len() as i64);
            let shape = Attrs::new().with_shape("shape", &m.result()?.shape);
            Some(Bindings::default().attrs("?r", shape).attrs("?s", s.attrs()))
        },
        examples: &[
            "?a {axis: 1}; ?x f32[2,5,3]; ?i const [-1] : i64[]",
            "?a {axis: 0}; ?x f32[5,3]; ?i const [4,2,0] : i32[3]",
        ],
        declines: &[
            "?a {axis: 0}; ?x f32[5,3]; ?i const [0,1,3] : i64[3]",
            "?a {axis: 0}; ?x f32[5,3]; ?i const [1,1,1] : i64[3]",
            "?a {axis: 0}; ?x f32[5,3]; ?i const [5] : i64[1]",
        ],
    },
    Rule {
        name: "remove-tile",
        doc: "`tile(x) = x`, once along every axis.",
        accuracy: Accuracy::Exact,
        from: "(tile ?r ?x)",
        to: "?x",
        bind: |m| m.attrs("?r").ints("repeats").iter().all(|&r| r == 1).then(Bindings::default),
        examples: &["?r {repeats: [1,1]}; ?x f32[2,3]"],
        declines: &["?r {repeats: [1,2]}; ?x f32[2,3]"],
    },
    Rule {
        name: "make-tile-expand",
        doc: "`tile(x) = expand(x)`, where only axes of one element are repeated.",
        accuracy: Accuracy::Exact,
        from: "(tile ?r ?x)",
        to: "(expand ?e ?x)",
        bind: |m| {
            let (x, y) = (m.shape("?x")?, &m.result()?.shape);
            let single = x.iter().zip(y.iter()).all(|(&x, &y)| x == y || x == 1);
            single.then(|| Bindings::default().attrs("?e", Attrs::new().with_shape("shape", y)))
        },
        examples: &["?r {repeats: [3,1]}; ?x f32[1,3]"],
        declines: &["?r {repeats: [1,2]}; ?x f32[2,3]"],
    },
    Rule {
        name: "remove-expand",
        doc: "`expand(x) = x` to the shape that `x` has.",
        accuracy: Accuracy::Exact,
        from: "(expand ?e ?x)",
        to: "?x",
        bind: |m| (m.ty("?x")? == m.result()?).then(Bindings::default),
        examples: &["?e {shape: [2,3]}; ?x f32[2,3]"],
        declines: &["?e {shape: [2,3]}; ?x f32[1,3]"],
    },
    broadcast!("add"),
    broadcast!("sub"),
    broadcast!("mul"),
    broadcast!("div"),
];

/// Names of the operands that `?x*...` stands for, and of their slices.
const X: [&str; 16] = [
    "?x0", "?x1", "?x2", "?x3", "?x4", "?x5", "?x6", "?x7", "?x8", "?x9", "?x10", "?x11", "?x12", "?x13", "?x14",
    "?x15",
];
const T: [&str; 16] = [
    "?t0", "?t1", "?t2", "?t3", "?t4", "?t5", "?t6", "?t7", "?t8", "?t9", "?t10", "?t11", "?t12", "?t13", "?t14",
    "?t15",
];

/// Whether two concatenations go along the same axis.
fn one_axis(m: &Match<'_>) -> Option<Bindings> {
    let axis = |name| m.result()?.shape.axis(m.attrs(name).int("axis"));
    (axis("?a")? == axis("?b")?).then(Bindings::default)
}
