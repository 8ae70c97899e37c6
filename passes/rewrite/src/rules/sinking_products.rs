//! Slices moved over products: rows, columns and filters that nothing reads are not computed.

use super::positions::Positions;
use super::sinking::{infer, less, whole};
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::op::OpId;

pub const RULES: &[Rule] = &[
    Rule {
        name: "move-slice-over-gemm-rows",
        doc: "`slice(a' b' + c) = slice(a') b' + c`, where all columns are taken, and `c` is the same for all rows.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (gemm ?g ?a ?b ?c))",
        to: "(gemm ?g (slice ?t ?a) ?b ?c)",
        bind: |m| {
            let s = Positions::of(m, "?s");
            let kept = m.is_absent("?c") || s.of_operand(m.shape("?c")?)?.is_all(m.shape("?c")?);
            let (g, a) = (m.attrs("?g"), m.shape("?a")?);
            let columns = m.shape("?b")?[usize::from(!g.bool("trans_b"))];
            let mut t = Positions::all(a);
            t.axes[usize::from(g.bool("trans_a"))] = s.axes[0];
            less(a, &t).filter(|_| kept && s.axes[1] == (0, 1, columns as i64)).map(|b| b.attrs("?t", t.attrs()))
        },
        examples: &[
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?a \
             f32[3,5]; ?b f32[4,5]; ?c f32[4]",
            "?s {starts: [2,0], steps: [-2,1], extents: [2,4]}; ?g {alpha: 0.5, beta: 1.0, trans_a: true, trans_b: false}; ?a \
             f32[5,3]; ?b f32[5,4]; ?c _",
        ],
        declines: &[
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?a \
             f32[3,5]; ?b f32[4,5]; ?c f32[3,1]",
            "?s {starts: [1,1], steps: [1,1], extents: [1,3]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?a \
             f32[3,5]; ?b f32[4,5]; ?c f32[4]",
        ],
    },
    Rule {
        name: "move-slice-over-gemm-columns",
        doc: "`slice(a' b' + c) = a' slice(b') + slice(c)`, where all rows are taken, and `b` and `c` are constants.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (gemm ?g ?a ?b ?c))",
        to: "(gemm ?g ?a (slice ?t ?b) (slice ?u ?c))",
        bind: |m| {
            let u = Positions::of(m, "?s").of_operand(m.constant("?c")?.shape())?;
            columns(m).map(|b| b.attrs("?u", u.attrs()))
        },
        examples: &[
            "?s {starts: [0,1], steps: [1,2], extents: [3,2]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?a \
             f32[3,5]; ?b const f32[4,5]; ?c const f32[4]",
        ],
        declines: &[
            "?s {starts: [0,1], steps: [1,2], extents: [2,2]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?a \
             f32[3,5]; ?b const f32[4,5]; ?c const f32[4]",
        ],
    },
    Rule {
        name: "move-slice-over-product-columns",
        doc: "`slice(a' b') = a' slice(b')`, where all rows are taken, and `b` is a constant.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (gemm ?g ?a ?b _))",
        to: "(gemm ?g ?a (slice ?t ?b) _)",
        bind: columns,
        examples: &[
            "?s {starts: [0,1], steps: [1,2], extents: [3,2]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?a \
             f32[3,5]; ?b const f32[5,4]",
        ],
        declines: &[
            "?s {starts: [0,1], steps: [1,2], extents: [3,2]}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?a \
             f32[3,5]; ?b f32[5,4]",
        ],
    },
    Rule {
        name: "move-slice-over-matmul-rows",
        doc: "`slice(a b) = slice(a) slice(b)`, where all columns are taken: of `a` the rows, of both the batches.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (matmul ?a ?b))",
        to: "(matmul (slice ?t ?a) (slice ?u ?b))",
        bind: |m| product(m, false),
        examples: &[
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?a f32[3,5]; ?b f32[5,4]",
            "?s {starts: [1,0,0], steps: [1,2,1], extents: [1,2,4]}; ?a f32[2,3,5]; ?b f32[1,5,4]",
        ],
        declines: &["?s {starts: [1,1], steps: [1,1], extents: [1,3]}; ?a f32[3,5]; ?b f32[5,4]"],
    },
    Rule {
        name: "move-slice-over-matmul-columns",
        doc: "`slice(a b) = slice(a) slice(b)`, where all rows are taken: of `b` the columns, of both the batches.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (matmul ?a ?b))",
        to: "(matmul (slice ?t ?a) (slice ?u ?b))",
        bind: |m| product(m, true),
        examples: &["?s {starts: [0,1], steps: [1,1], extents: [3,2]}; ?a f32[3,5]; ?b f32[5,4]"],
        declines: &["?s {starts: [1,1], steps: [1,1], extents: [1,3]}; ?a f32[3,5]; ?b f32[5,4]"],
    },
    Rule {
        name: "move-slice-over-conv",
        doc: "`slice(conv(x, w, b)) = conv(x, slice(w), slice(b))`, where only channels are left out, of one group over \
              constants.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (conv ?a ?x ?w ?b))",
        to: "(conv ?a ?x (slice ?t ?w) (slice ?u ?b))",
        bind: |m| {
            m.constant("?b")?;
            let s = Positions::of(m, "?s");
            filters(m).map(|b| b.attrs("?u", Positions { axes: vec![s.axes[1]] }.attrs()))
        },
        examples: &[
            "?s {starts: [0,1,0,0], steps: [1,2,1,1], extents: [1,2,2,3]}; ?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 1}; ?x f32[1,2,3,4]; ?w const f32[5,2,2,2]; ?b const f32[5]",
        ],
        declines: &[
            "?s {starts: [0,1,0,1], steps: [1,2,1,1], extents: [1,2,2,2]}; ?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 1}; ?x f32[1,2,3,4]; ?w const f32[5,2,2,2]; ?b const f32[5]",
            "?s {starts: [0,1,0,0], steps: [1,2,1,1], extents: [1,2,2,3]}; ?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 2}; ?x f32[1,4,3,4]; ?w const f32[4,2,2,2]; ?b const f32[4]",
        ],
    },
    Rule {
        name: "move-slice-over-bare-conv",
        doc: "`slice(conv(x, w)) = conv(x, slice(w))`, where only channels are left out, of one group over constants.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (conv ?a ?x ?w _))",
        to: "(conv ?a ?x (slice ?t ?w) _)",
        bind: filters,
        examples: &[
            "?s {starts: [0,1,0,0], steps: [1,2,1,1], extents: [1,2,2,3]}; ?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 1}; ?x f32[1,2,3,4]; ?w const f32[5,2,2,2]",
        ],
        declines: &[
            "?s {starts: [0,1,0,0], steps: [1,2,1,1], extents: [1,2,2,3]}; ?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 1}; ?x f32[1,2,3,4]; ?w f32[5,2,2,2]",
        ],
    },
];

/// The columns of `?b` in a product `?g` all of whose rows are taken.
fn columns(m: &Match<'_>) -> Option<Bindings> {
    let (s, b) = (Positions::of(m, "?s"), m.constant("?b")?);
    let rows = m.shape("?a")?[usize::from(m.attrs("?g").bool("trans_a"))];
    let mut t = Positions::all(b.shape());
    t.axes[usize::from(!m.attrs("?g").bool("trans_b"))] = s.axes[1];
    less(b.shape(), &t).filter(|_| s.axes[0] == (0, 1, rows as i64)).map(|b| b.attrs("?t", t.attrs()))
}

/// What the slice takes of the operands of a product of matrices: batches and rows, or batches and columns.
fn product(m: &Match<'_>, columns: bool) -> Option<Bindings> {
    let (s, a, b) = (Positions::of(m, "?s"), m.shape("?a")?, m.shape("?b")?);
    let n = s.axes.len().checked_sub(2)?;
    if a.rank() < 2 || b.rank() < 2 {
        return None;
    }
    let batches = |x: &[usize]| Positions { axes: s.axes[..n].to_vec() }.of_operand(&x[..x.len() - 2]);
    let (row, column) = (a[a.rank() - 2], b[b.rank() - 1]);
    let (mut t, mut u) = (batches(a)?, batches(b)?);
    let all = |n: usize| (0, 1, n as i64);
    if s.axes[if columns { n } else { n + 1 }] != all(if columns { row } else { column }) {
        return None;
    }
    t.axes.extend([s.axes[n], all(a[a.rank() - 1])]);
    u.axes.extend([all(b[b.rank() - 2]), s.axes[n + 1]]);
    let bound = less(a, &t).or_else(|| less(b, &u))?;
    Some(bound.attrs("?t", t.attrs()).attrs("?u", u.attrs()))
}

/// The filters of the channels that the slice takes.
fn filters(m: &Match<'_>) -> Option<Bindings> {
    let (s, w) = (Positions::of(m, "?s"), m.constant("?w")?);
    let y = infer(OpId::conv, m, "?a", &["?x", "?w"])?;
    let fits = m.attrs("?a").int("group") == 1 && whole(&s, &y, (0..y.rank()).filter(|&d| d != 1));
    let mut t = Positions::all(w.shape());
    t.axes[0] = s.axes[1];
    less(w.shape(), &t).filter(|_| fits).map(|b| b.attrs("?t", t.attrs()))
}
