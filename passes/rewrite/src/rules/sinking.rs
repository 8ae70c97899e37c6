//! Slices moved over what computes: towards the inputs, so that only what is read is computed.

use super::positions::Positions;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::graph::result_type;
use tinyc_core::op::OpId;
use tinyc_core::types::{Shape, TensorType};

/// An operator of one operand without attributes.
macro_rules! unary {
    ($name:literal $op:literal, $x:literal) => {
        Rule {
            name: concat!("move-slice-over-", $name),
            doc: concat!("`slice(", $op, "(x)) = ", $op, "(slice(x))`."),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", $op, " ?x))"),
            to: concat!("(", $op, " (slice ?s ?x))"),
            bind: |m| less(m.shape("?x")?, &Positions::of(m, "?s")),
            examples: &[concat!("?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?x ", $x)],
            declines: &[concat!("?s {starts: [0,0], steps: [1,1], extents: [2,3]}; ?x ", $x)],
        }
    };
}

/// An operator of one operand with attributes that name no axes.
macro_rules! unary_with {
    ($name:literal $op:literal, $attrs:literal) => {
        Rule {
            name: concat!("move-slice-over-", $name),
            doc: concat!("`slice(", $op, "(x)) = ", $op, "(slice(x))`."),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", $op, " ?a ?x))"),
            to: concat!("(", $op, " ?a (slice ?s ?x))"),
            bind: |m| less(m.shape("?x")?, &Positions::of(m, "?s")),
            examples: &[concat!("?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?a ", $attrs, "; ?x f32[2,3]")],
            declines: &[concat!("?s {starts: [0,0], steps: [1,1], extents: [2,3]}; ?a ", $attrs, "; ?x f32[2,3]")],
        }
    };
}

/// An operator of two operands that are broadcast together.
macro_rules! binary {
    ($op:literal $y:literal) => {
        Rule {
            name: concat!("move-slice-over-", $op),
            doc: concat!(
                "`slice(",
                $op,
                "(x, y)) = ",
                $op,
                "(slice(x), slice(y))`, of each operand what it has of the positions."
            ),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", $op, " ?x ?y))"),
            to: concat!("(", $op, " (slice ?t ?x) (slice ?u ?y))"),
            bind: |m| {
                let (s, x, y) = (Positions::of(m, "?s"), m.shape("?x")?, m.shape("?y")?);
                let (t, u) = (s.of_operand(x)?, s.of_operand(y)?);
                let bound = less(x, &t).or_else(|| less(y, &u))?;
                Some(bound.attrs("?t", t.attrs()).attrs("?u", u.attrs()))
            },
            examples: &[
                concat!("?s {starts: [1,0,1], steps: [1,1,-1], extents: [1,2,2]}; ?x f32[2,2,3]; ?y f32[2,1]", $y),
                concat!("?s {starts: [0,1], steps: [1,1], extents: [1,2]}; ?x f32[3]; ?y const f32[2,3]", $y),
            ],
            declines: &["?s {starts: [0,0], steps: [1,1], extents: [2,3]}; ?x f32[2,3]; ?y f32[3]"],
        }
    };
}

/// A function along an axis of the same shape.
macro_rules! along {
    ($name:literal $op:literal) => {
        Rule {
            name: concat!("move-slice-over-", $name),
            doc: concat!("`slice(", $op, "(x)) = ", $op, "(slice(x))`, where all is taken along its axis."),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", $op, " ?a ?x))"),
            to: concat!("(", $op, " ?a (slice ?s ?x))"),
            bind: |m| {
                let (s, x) = (Positions::of(m, "?s"), m.shape("?x")?);
                let axis = x.axis(m.attrs("?a").int("axis"))?;
                less(x, &s).filter(|_| whole(&s, x, [axis]))
            },
            examples: &["?s {starts: [1,0], steps: [1,1], extents: [1,3]}; ?a {axis: -1}; ?x f32[2,3]"],
            declines: &["?s {starts: [1,0], steps: [1,1], extents: [1,3]}; ?a {axis: 0}; ?x f32[2,3]"],
        }
    };
}

/// A reduction.
macro_rules! reduction {
    ($name:literal $op:literal) => {
        Rule {
            name: concat!("move-slice-over-", $name),
            doc: concat!(
                "`slice(",
                $op,
                "(x)) = ",
                $op,
                "(slice(x))`, where the reduced axes stay and all of them is reduced."
            ),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", $op, " ?r ?x))"),
            to: concat!("(", $op, " ?r (slice ?t ?x))"),
            bind: |m| {
                let (r, x) = (m.attrs("?r"), m.shape("?x")?);
                let mut t = Positions::of(m, "?s");
                for &axis in r.ints("axes").iter().filter(|_| r.bool("keep")) {
                    let axis = x.axis(axis)?;
                    t.axes[axis] = (0, 1, x[axis] as i64);
                }
                less(x, &t).filter(|_| r.bool("keep")).map(|b| b.attrs("?t", t.attrs()))
            },
            examples: &[
                "?s {starts: [1,0,0], steps: [1,1,1], extents: [1,1,2]}; ?r {axes: [1], keep: true}; ?x f32[2,3,4]",
            ],
            declines: &["?s {starts: [1,0], steps: [1,1], extents: [1,2]}; ?r {axes: [1], keep: false}; ?x f32[2,3,4]"],
        }
    };
}

/// A pool.
macro_rules! pool {
    ($name:literal $op:ident, $attrs:literal) => {
        Rule {
            name: concat!("move-slice-over-", $name),
            doc: concat!(
                "`slice(",
                stringify!($op),
                "(x)) = ",
                stringify!($op),
                "(slice(x))`, where all windows are taken of some batches and channels."
            ),
            accuracy: Accuracy::Exact,
            from: concat!("(slice ?s (", stringify!($op), " ?p ?x))"),
            to: concat!("(", stringify!($op), " ?p (slice ?t ?x))"),
            bind: |m| {
                let (s, x) = (Positions::of(m, "?s"), m.shape("?x")?);
                let pooled = infer(OpId::$op, m, "?p", &["?x"])?;
                let fits = whole(&s, &pooled, 2..x.rank());
                let mut t = Positions::all(x);
                t.axes[..2].copy_from_slice(&s.axes[..2]);
                less(x, &t).filter(|_| fits).map(|b| b.attrs("?t", t.attrs()))
            },
            examples: &[concat!(
                "?s {starts: [0,1,0,0], steps: [1,1,1,1], extents: [1,2,2,2]}; ?p ",
                $attrs,
                "; ?x f32[1,3,4,4]"
            )],
            declines: &[concat!(
                "?s {starts: [0,1,1,0], steps: [1,1,1,1], extents: [1,2,1,2]}; ?p ",
                $attrs,
                "; ?x f32[1,3,4,4]"
            )],
        }
    };
}

pub const RULES: &[Rule] = &[
    unary!("relu" "relu", "f32[2,3]"),
    unary!("sigmoid" "sigmoid", "f32[2,3]"),
    unary!("tanh" "tanh", "f32[2,3]"),
    unary!("hard-swish" "hard_swish", "f32[2,3]"),
    unary!("exp" "exp", "f32[2,3]"),
    unary!("log" "log", "f32[2,3] in 0.1..2.0"),
    unary!("sqrt" "sqrt", "f32[2,3] in 0.1..2.0"),
    unary!("reciprocal" "reciprocal", "f32[2,3] in 0.1..2.0"),
    unary!("neg" "neg", "f32[2,3]"),
    unary!("abs" "abs", "f32[2,3]"),
    unary!("erf" "erf", "f32[2,3]"),
    unary_with!("gelu" "gelu", "{tanh: true}"),
    unary_with!("swish" "swish", "{alpha: 1.0}"),
    unary_with!("leaky-relu" "leaky_relu", "{alpha: 0.1}"),
    unary_with!("hard-sigmoid" "hard_sigmoid", "{alpha: 0.2, beta: 0.5}"),
    unary_with!("cast" "cast", "{to: f16}"),
    binary!("add" ""),
    binary!("sub" ""),
    binary!("mul" ""),
    binary!("div" " in 0.5..1.5"),
    binary!("max" ""),
    binary!("min" ""),
    binary!("pow" " in 0.5..1.5"),
    along!("softmax" "softmax"),
    along!("log-softmax" "log_softmax"),
    reduction!("reduce-mean" "reduce_mean"),
    reduction!("reduce-sum" "reduce_sum"),
    reduction!("reduce-max" "reduce_max"),
    pool!("max-pool" max_pool, "{kernel: [2,2], strides: [2,2], pads: [0,0,0,0], dilations: [1,1], ceil: false}"),
    pool!("average-pool" average_pool,
        "{kernel: [2,2], strides: [2,2], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false}"
    ),
    Rule {
        name: "move-slice-over-clip",
        doc: "`slice(clip(x)) = clip(slice(x))`, where the limits are scalars.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (clip ?x ?lo ?hi))",
        to: "(clip (slice ?s ?x) ?lo ?hi)",
        bind: |m| {
            let scalars = [m.shape("?lo"), m.shape("?hi")].iter().flatten().all(|l| l.rank() == 0);
            less(m.shape("?x")?, &Positions::of(m, "?s")).filter(|_| scalars)
        },
        examples: &[
            "?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?x f32[2,3]; ?lo f32[] in -0.6..-0.1; ?hi f32[] in 0.1..0.6",
        ],
        declines: &["?s {starts: [1,2], steps: [1,-2], extents: [1,2]}; ?x f32[2,3]; ?lo f32[3]; ?hi f32[]"],
    },
    Rule {
        name: "move-slice-over-norm",
        doc: "`slice(layer_norm(x)) = layer_norm(slice(x))`, where all is taken along its axes, and scale and bias are the \
              same along the others.",
        accuracy: Accuracy::Exact,
        from: "(slice ?s (layer_norm ?n ?x ?g ?b))",
        to: "(layer_norm ?n (slice ?s ?x) ?g ?b)",
        bind: |m| {
            let (s, x) = (Positions::of(m, "?s"), m.shape("?x")?);
            let axes = m.attrs("?n").extents("axes");
            let kept = |name: &str| {
                m.is_absent(name) || m.shape(name).is_some_and(|p| s.of_operand(p).is_some_and(|t| t.is_all(p)))
            };
            less(x, &s).filter(|_| whole(&s, x, axes) && kept("?g") && kept("?b"))
        },
        examples: &[
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?n {axes: [1], center: true, epsilon: 0.01}; ?x f32[3,4]; ?g \
             f32[4]; ?b _",
        ],
        declines: &[
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?n {axes: [1], center: true, epsilon: 0.01}; ?x f32[3,4]; ?g \
             f32[3,1]; ?b _",
            "?s {starts: [1,0], steps: [1,1], extents: [1,4]}; ?n {axes: [0], center: true, epsilon: 0.01}; ?x f32[3,4]; ?g \
             f32[4]; ?b _",
        ],
    },
];

/// Where positions of this shape are left out: an identity is removed, not moved.
pub fn less(shape: &[usize], s: &Positions) -> Option<Bindings> {
    (!s.is_all(shape)).then(Bindings::default)
}

/// The shape of what the slice takes from.
pub fn infer(op: OpId, m: &Match<'_>, attrs: &str, operands: &[&str]) -> Option<Shape> {
    let types: Vec<Option<&TensorType>> = operands.iter().map(|o| m.ty(o)).collect();
    Some(result_type(op, m.attrs(attrs), &types).ok()?.tensor()?.shape.clone())
}

/// Whether all positions of these axes are taken, in their order.
pub fn whole(s: &Positions, shape: &[usize], axes: impl IntoIterator<Item = usize>) -> bool {
    axes.into_iter().all(|d| s.axes[d].0 == 0 && s.axes[d].2 == shape[d] as i64 && (s.axes[d].1 == 1 || shape[d] <= 1))
}
