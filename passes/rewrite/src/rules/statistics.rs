//! Means, normalizations and softmax: reductions that networks spell in simpler operators, and where
//! they may stand.

use super::is;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::attrs::Attrs;
use tinyc_core::types::{DType, Shape};

pub const RULES: &[Rule] = &[
    Rule {
        name: "make-average-pool-mean",
        doc: "`average_pool(x) = reduce_mean(x)` over all spatial axes, where one window holds all that there is.",
        accuracy: Accuracy::Exact,
        from: "(average_pool ?p ?x)",
        to: "(reduce_mean ?r ?x)",
        bind: |m| {
            let (p, x) = (m.attrs("?p"), m.shape("?x")?);
            let all = p.extents("kernel") == x[2..] && p.ints("pads").iter().all(|&n| n == 0);
            let whole = all && p.ints("dilations").iter().all(|&d| d == 1);
            whole.then(|| Bindings::default().attrs("?r", reduction(2..x.rank(), true)))
        },
        examples: &[
            "?p {kernel: [3,4], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false}; ?x \
             f32[2,3,3,4]",
        ],
        declines: &[
            "?p {kernel: [3,3], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false}; ?x \
             f32[2,3,3,4]",
        ],
    },
    Rule {
        name: "make-mean-average-pool",
        doc: "`reduce_mean(x) = average_pool(x)` with one window over all that there is, where all spatial axes are reduced \
              and stay.",
        accuracy: Accuracy::Exact,
        from: "(reduce_mean ?r ?x)",
        to: "(average_pool ?p ?x)",
        bind: |m| {
            let x = m.shape("?x")?;
            let n = x.rank().checked_sub(2).filter(|n| *n > 0)?;
            if !m.attrs("?r").bool("keep") || axes(m, "?r", x)? != (2..x.rank()).collect::<Vec<_>>() {
                return None;
            }
            let p = Attrs::new().with_ints("kernel", x[2..].iter().map(|&d| d as i64)).with_ints("strides", vec![1; n]);
            let p = p.with_ints("dilations", vec![1; n]).with_ints("pads", vec![0; 2 * n]);
            Some(Bindings::default().attrs("?p", p.with_bool("ceil", false).with_bool("count_padding", false)))
        },
        examples: &["?r {axes: [2,3], keep: true}; ?x f32[2,3,3,4]", "?r {axes: [-1], keep: true}; ?x f32[2,3,4]"],
        declines: &["?r {axes: [2,3], keep: false}; ?x f32[2,3,3,4]", "?r {axes: [1,2], keep: true}; ?x f32[2,3,3]"],
    },
    Rule {
        name: "keep-axes-of-mean",
        doc: "`reduce_mean(x) = reshape(reduce_mean(x))` of the mean that keeps the axes it reduces.",
        accuracy: Accuracy::Exact,
        from: "(reduce_mean ?r ?x)",
        to: "(reshape ?s (reduce_mean ?k ?x))",
        bind: |m| {
            let r = m.attrs("?r");
            let shape = Attrs::new().with_shape("shape", &m.result()?.shape);
            (!r.bool("keep"))
                .then(|| Bindings::default().attrs("?k", r.clone().with_bool("keep", true)).attrs("?s", shape))
        },
        examples: &["?r {axes: [1,2], keep: false}; ?x f32[2,3,4]"],
        declines: &["?r {axes: [1,2], keep: true}; ?x f32[2,3,4]"],
    },
    Rule {
        name: "make-sum-mean",
        doc: "`reduce_sum(x) * c = reduce_mean(x)`, where `c` is 1 over the number of summands.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (reduce_sum ?r ?x) ?c)",
        to: "(reduce_mean ?r ?x)",
        bind: |m| {
            let x = m.shape("?x")?;
            let n: usize = axes(m, "?r", x)?.into_iter().map(|d| x[d]).product();
            let mean = m.dtype("?x")?.is_float() && is(m, "?c", 1.0 / n as f64);
            mean.then(Bindings::default)
        },
        examples: &["?r {axes: [1,2], keep: true}; ?x f32[2,2,4]; ?c const [0.125] : f32[]"],
        declines: &["?r {axes: [1,2], keep: true}; ?x f32[2,2,4]; ?c const [0.25] : f32[]"],
    },
    Rule {
        name: "move-mean-over-transpose",
        doc: "`reduce_mean(transpose(x)) = transpose(reduce_mean(x))` over the axes that `x` has in those places.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(reduce_mean ?r (transpose ?p ?x))",
        to: "(transpose ?p (reduce_mean ?q ?x))",
        bind: |m| {
            let (p, x) = (m.attrs("?p").extents("perm"), m.shape("?x")?);
            let axes = axes(m, "?r", x)?.into_iter().map(|d| p[d]);
            m.attrs("?r").bool("keep").then(|| Bindings::default().attrs("?q", reduction(axes, true)))
        },
        examples: &["?r {axes: [1,2], keep: true}; ?p {perm: [0,2,3,1]}; ?x f32[2,3,4,5]"],
        declines: &["?r {axes: [1,2], keep: false}; ?p {perm: [0,2,3,1]}; ?x f32[2,3,4,5]"],
    },
    Rule {
        name: "make-rms-norm",
        doc: "`x / sqrt(mean of x^2 + epsilon) = layer_norm(x)` without a center (Zhang and Sennrich, \"Root Mean Square Layer \
              Normalization\", 2019).",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(div ?x (sqrt (add (reduce_mean ?r (mul ?x ?x)) ?e)))",
        to: "(layer_norm ?n ?x _ _)",
        bind: |m| norm(m, false),
        examples: &["?r {axes: [2], keep: true}; ?x f32[2,3,4]; ?e const [0.001] : f32[]"],
        declines: &[
            "?r {axes: [2], keep: true}; ?x f32[2,3,4]; ?e const [-0.001] : f32[]",
            "?r {axes: [0], keep: false}; ?x f32[3,3,3]; ?e const [0.001] : f32[]",
        ],
    },
    Rule {
        name: "center-norm",
        doc: "`layer_norm(x - mean x)` without a center is `layer_norm(x)` with it, over the axes of the mean (Ba et al., \
              \"Layer Normalization\", 2016).",
        accuracy: Accuracy::Exact,
        from: "(layer_norm ?n (sub ?x (reduce_mean ?r ?x)) ?g ?b)",
        to: "(layer_norm ?c ?x ?g ?b)",
        bind: |m| {
            let (n, x) = (m.attrs("?n"), m.shape("?x")?);
            let fits = !n.bool("center") && m.attrs("?r").bool("keep") && axes(m, "?r", x)? == axes(m, "?n", x)?;
            fits.then(|| Bindings::default().attrs("?c", n.clone().with_bool("center", true)))
        },
        examples: &[
            "?n {axes: [1,2], center: false, epsilon: 0.01}; ?x f32[2,3,4]; ?r {axes: [1,2], keep: true}; ?g f32[4]; ?b _",
        ],
        declines: &[
            "?n {axes: [1,2], center: false, epsilon: 0.01}; ?x f32[2,3,4]; ?r {axes: [2], keep: true}; ?g f32[4]; ?b _",
        ],
    },
    Rule {
        name: "merge-factor-into-norm",
        doc: "`layer_norm(x) * g = layer_norm(x)` with the scale `g`, where there was none; nor a bias.",
        accuracy: Accuracy::Exact,
        from: "(mul (layer_norm ?n ?x _ _) ?g)",
        to: "(layer_norm ?n ?x ?g _)",
        bind: |m| (m.ty("?x")? == m.result()?).then(Bindings::default),
        examples: &["?n {axes: [2], center: true, epsilon: 0.01}; ?x f32[2,3,4]; ?g f32[3,1]"],
        declines: &["?n {axes: [1], center: true, epsilon: 0.01}; ?x f32[3,4]; ?g f32[2,3,4]"],
    },
    Rule {
        name: "merge-summand-into-norm",
        doc: "`layer_norm(x) + b = layer_norm(x)` with the constant bias `b`, where there was none.",
        accuracy: Accuracy::Exact,
        from: "(add (layer_norm ?n ?x ?g _) ?b)",
        to: "(layer_norm ?n ?x ?g ?b)",
        bind: |m| m.constant("?b").filter(|_| m.ty("?x") == m.result()).map(|_| Bindings::default()),
        examples: &["?n {axes: [2], center: true, epsilon: 0.01}; ?x f32[2,3,4]; ?g f32[4]; ?b const f32[4]"],
        declines: &["?n {axes: [1], center: true, epsilon: 0.01}; ?x f32[3,4]; ?g f32[4]; ?b const f32[2,3,4]"],
    },
    Rule {
        name: "make-layer-norm",
        doc: "`x k + (b - u k) = layer_norm(x)` with scale `g` and bias `b`, where `u = mean x` and `k = g / sqrt(mean of \
              (x - u)^2 + epsilon)`: as TensorFlow's batchnorm spells it.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(add (mul ?x (mul (reciprocal (sqrt (add (reduce_mean ?r (mul (sub ?x (reduce_mean ?q ?x)) (sub ?x (reduce_mean ?q \
               ?x)))) ?e))) ?g)) (sub ?b (mul (reduce_mean ?q ?x) (mul (reciprocal (sqrt (add (reduce_mean ?r (mul (sub ?x \
               (reduce_mean ?q ?x)) (sub ?x (reduce_mean ?q ?x)))) ?e))) ?g))))",
        to: "(layer_norm ?n ?x ?g ?b)",
        bind: |m| {
            let x = m.shape("?x")?;
            let fits = m.attrs("?q").bool("keep") && axes(m, "?q", x)? == axes(m, "?r", x)?;
            m.constant("?g").and(m.constant("?b")).filter(|_| fits).and_then(|_| norm(m, true))
        },
        examples: &[
            "?r {axes: [2], keep: true}; ?q {axes: [2], keep: true}; ?x f32[2,3,4]; ?e const [0.01] : f32[]; ?g const f32[4]; ?b \
             const f32[4]",
        ],
        declines: &[
            "?r {axes: [1], keep: true}; ?q {axes: [2], keep: true}; ?x f32[2,3,4]; ?e const [0.01] : f32[]; ?g const f32[4]; ?b \
             const f32[4]",
        ],
    },
    Rule {
        name: "make-softmax",
        doc: "`exp(x) / reduce_sum(exp(x)) = softmax(x)` along the axis of the sum, which does not overflow.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(div (exp ?x) (reduce_sum ?r (exp ?x)))",
        to: "(softmax ?s ?x)",
        bind: |m| along(m, "?x").map(|axis| Bindings::default().attrs("?s", axis)),
        examples: &["?r {axes: [1], keep: true}; ?x f32[2,3,4]"],
        declines: &["?r {axes: [0,1], keep: true}; ?x f32[3,3]", "?r {axes: [1], keep: false}; ?x f32[3,3]"],
    },
    Rule {
        name: "make-log-softmax",
        doc: "`ln(softmax(x)) = log_softmax(x)`, which does not underflow.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(log (softmax ?s ?x))",
        to: "(log_softmax ?s ?x)",
        bind: |_| Some(Bindings::default()),
        examples: &["?s {axis: 1}; ?x f32[2,3,4]"],
        declines: &[],
    },
    Rule {
        name: "make-difference-log-softmax",
        doc: "`x - ln(reduce_sum(exp(x))) = log_softmax(x)` along the axis of the sum.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(sub ?x (log (reduce_sum ?r (exp ?x))))",
        to: "(log_softmax ?s ?x)",
        bind: |m| along(m, "?x").map(|axis| Bindings::default().attrs("?s", axis)),
        examples: &["?r {axes: [1], keep: true}; ?x f32[2,3,4]"],
        declines: &["?r {axes: [1], keep: false}; ?x f32[3,3]"],
    },
    Rule {
        name: "remove-shift-from-softmax",
        doc: "`softmax(x - u) = softmax(x)`, where `u` is the same along the axis.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(softmax ?s (sub ?x ?u))",
        to: "(softmax ?s ?x)",
        bind: shift,
        examples: &["?s {axis: 1}; ?x f32[2,3,4]; ?u f32[2,1,4]", "?s {axis: -1}; ?x f32[2,3]; ?u f32[]"],
        declines: &["?s {axis: 1}; ?x f32[2,3]; ?u f32[3]", "?s {axis: 1}; ?x f32[3]; ?u f32[2,1]"],
    },
    Rule {
        name: "remove-shift-from-log-softmax",
        doc: "`log_softmax(x - u) = log_softmax(x)`, where `u` is the same along the axis.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(log_softmax ?s (sub ?x ?u))",
        to: "(log_softmax ?s ?x)",
        bind: shift,
        examples: &["?s {axis: 1}; ?x f32[2,3,4]; ?u f32[2,1,4]"],
        declines: &["?s {axis: 1}; ?x f32[2,3]; ?u f32[3]"],
    },
    Rule {
        name: "move-softmax-over-reshape",
        doc: "`softmax(reshape(x)) = reshape(softmax(x))` along the last axis, which keeps its extent.",
        accuracy: Accuracy::Exact,
        from: "(softmax ?a (reshape ?s ?x))",
        to: "(reshape ?s (softmax ?l ?x))",
        bind: |m| {
            let y = &m.result()?.shape;
            let last = y.axis(m.attrs("?a").int("axis"))? + 1 == y.rank() && m.shape("?x")?.last() == y.last();
            last.then(|| Bindings::default().attrs("?l", Attrs::new().with_int("axis", -1)))
        },
        examples: &["?a {axis: 2}; ?s {shape: [2,1,4]}; ?x f32[2,4]"],
        declines: &["?a {axis: 1}; ?s {shape: [2,1,4]}; ?x f32[2,4]", "?a {axis: -1}; ?s {shape: [4,2]}; ?x f32[2,4]"],
    },
    Rule {
        name: "move-norm-over-reshape",
        doc: "`layer_norm(reshape(x)) = reshape(layer_norm(x))` over the last axis, which keeps its extent, scale and bias \
              along it.",
        accuracy: Accuracy::Exact,
        from: "(layer_norm ?n (reshape ?s ?x) ?g ?b)",
        to: "(reshape ?s (layer_norm ?l ?x ?g ?b))",
        bind: |m| {
            let (x, y) = (m.shape("?x")?, &m.result()?.shape);
            let row = |name: &str| m.is_absent(name) || m.shape(name).is_some_and(|p| p.rank() <= 1);
            let last = axes(m, "?n", y)? == [y.rank().checked_sub(1)?] && x.last() == y.last();
            let axis = x.rank().checked_sub(1)? as i64;
            let n = m.attrs("?n").clone().with_ints("axes", [axis]);
            (last && row("?g") && row("?b")).then(|| Bindings::default().attrs("?l", n))
        },
        examples: &[
            "?n {axes: [2], center: true, epsilon: 0.01}; ?s {shape: [3,1,4]}; ?x f32[3,4]; ?g f32[4]; ?b f32[4]",
        ],
        declines: &[
            "?n {axes: [2], center: true, epsilon: 0.01}; ?s {shape: [1,3,4]}; ?x f32[3,4]; ?g f32[3,1]; ?b f32[4]",
        ],
    },
];

/// Attributes of a reduction.
fn reduction(axes: impl IntoIterator<Item = usize>, keep: bool) -> Attrs {
    let mut axes: Vec<i64> = axes.into_iter().map(|d| d as i64).collect();
    axes.sort_unstable();
    Attrs::new().with_ints("axes", axes).with_bool("keep", keep)
}

/// The axes of a value of this shape that attributes name, in order.
fn axes(m: &Match<'_>, name: &str, shape: &Shape) -> Option<Vec<usize>> {
    let mut axes: Vec<usize> = m.attrs(name).ints("axes").iter().map(|&a| shape.axis(a)).collect::<Option<_>>()?;
    axes.sort_unstable();
    Some(axes)
}

/// A normalization over the axes of the mean `?r` with the constant `?e` as epsilon.
fn norm(m: &Match<'_>, center: bool) -> Option<Bindings> {
    let (x, epsilon) = (m.ty("?x")?, m.number("?e")?);
    if x.dtype != DType::F32 || x != m.result()? || epsilon < 0.0 || !m.attrs("?r").bool("keep") {
        return None;
    }
    let axes = axes(m, "?r", &x.shape)?.into_iter().map(|d| d as i64);
    let n = Attrs::new().with_ints("axes", axes).with_bool("center", center);
    Some(Bindings::default().attrs("?n", n.with_float("epsilon", epsilon as f32)))
}

/// The one axis of the reduction `?r` of floats, which stays.
fn along(m: &Match<'_>, x: &str) -> Option<Attrs> {
    let ty = m.ty(x)?;
    match axes(m, "?r", &ty.shape)?[..] {
        [axis] if m.attrs("?r").bool("keep") && ty.dtype == DType::F32 => {
            Some(Attrs::new().with_int("axis", axis as i64))
        }
        _ => None,
    }
}

/// Whether `?u` has one element along the axis of `?s`, and the result the type of `?x`.
fn shift(m: &Match<'_>) -> Option<Bindings> {
    let (x, u) = (m.ty("?x")?, m.shape("?u")?);
    let behind = x.shape.rank() - x.shape.axis(m.attrs("?s").int("axis"))?;
    let same = u.rank().checked_sub(behind).is_none_or(|d| u[d] == 1);
    (same && x == m.result()?).then(Bindings::default)
}
