//! Factors and summands along one axis past what moves, averages or joins elements: towards a linear
//! operator that takes them into its constants.

use super::constants::Along;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::types::Shape;

/// Past each operator that moves elements, for a word, an operator and its sign.
macro_rules! moved {
    ($what:literal, $op:literal, $sign:literal) => {
        [
            Rule {
                name: concat!("move-", $what, "-over-reshape"),
                doc: concat!(
                    "`reshape(x ",
                    $sign,
                    " k) = reshape(x) ",
                    $sign,
                    " k`, where the constant `k` varies along one axis, \
                              which stays or becomes part of another one."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(reshape ?s (", $op, " ?x ?k))"),
                to: concat!("(", $op, " (reshape ?s ?x) ?l)"),
                bind: |m| {
                    let (x, y) = (m.shape("?x")?, &m.result()?.shape);
                    bound(m, Along::of(m, "?k", x)?.reshaped(x, y)?, y)
                },
                examples: &[
                    "?s {shape: [2,3,2,2]}; ?x f32[2,3,4]; ?k const f32[3,1]",
                    "?s {shape: [1,6]}; ?x f32[1,2,3]; ?k const f32[2,1]",
                ],
                declines: &[
                    "?s {shape: [6]}; ?x f32[2,3]; ?k const f32[2,3]",
                    "?s {shape: [2,3]}; ?x f32[3]; ?k const f32[2,1]",
                ],
            },
            Rule {
                name: concat!("move-", $what, "-before-reshape"),
                doc: concat!(
                    "`reshape(x) ",
                    $sign,
                    " k = reshape(x ",
                    $sign,
                    " k)`, where the constant `k` varies along one axis, \
                              which is one, or part of one, of `x`."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, " (reshape ?s ?x) ?k)"),
                to: concat!("(reshape ?s (", $op, " ?x ?l))"),
                bind: |m| {
                    let (x, y) = (m.shape("?x")?, Shape::new(m.attrs("?s").extents("shape")));
                    bound(m, Along::of(m, "?k", &y)?.reshaped(&y, x)?, x)
                },
                examples: &[
                    "?s {shape: [2,3,4]}; ?x f32[2,3,2,2]; ?k const f32[3,1]",
                    "?s {shape: [4,3]}; ?x f32[2,6]; ?k const f32[3]",
                ],
                declines: &["?s {shape: [2,6]}; ?x f32[2,2,3]; ?k const f32[6]"],
            },
            Rule {
                name: concat!("move-", $what, "-over-transpose"),
                doc: concat!(
                    "`transpose(x ",
                    $sign,
                    " k) = transpose(x) ",
                    $sign,
                    " k`, where the constant `k` varies along one axis."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(transpose ?p (", $op, " ?x ?k))"),
                to: concat!("(", $op, " (transpose ?p ?x) ?l)"),
                bind: |m| {
                    let perm = m.attrs("?p").extents("perm");
                    bound(m, Along::of(m, "?k", m.shape("?x")?)?.permuted(&perm)?, &m.result()?.shape)
                },
                examples: &["?p {perm: [0,2,1]}; ?x f32[2,3,4]; ?k const f32[3,1]"],
                declines: &["?p {perm: [1,0]}; ?x f32[2,3]; ?k const f32[2,3]"],
            },
            Rule {
                name: concat!("move-", $what, "-before-transpose"),
                doc: concat!(
                    "`transpose(x) ",
                    $sign,
                    " k = transpose(x ",
                    $sign,
                    " k)`, where the constant `k` varies along one axis."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, " (transpose ?p ?x) ?k)"),
                to: concat!("(transpose ?p (", $op, " ?x ?l))"),
                bind: |m| {
                    let (perm, x) = (m.attrs("?p").extents("perm"), m.shape("?x")?);
                    let y: Vec<usize> = perm.iter().map(|&d| x[d]).collect();
                    let back: Vec<usize> =
                        (0..perm.len()).map(|d| perm.iter().position(|&p| p == d)).collect::<Option<_>>()?;
                    bound(m, Along::of(m, "?k", &y)?.permuted(&back)?, x)
                },
                examples: &["?p {perm: [2,0,1]}; ?x f32[2,3,4]; ?k const f32[2,1]"],
                declines: &["?p {perm: [1,0]}; ?x f32[2,3]; ?k const f32[3,2]"],
            },
            Rule {
                name: concat!("move-", $what, "-over-slice"),
                doc: concat!(
                    "`slice(x ",
                    $sign,
                    " k) = slice(x) ",
                    $sign,
                    " slice(k)`, where the constant `k` varies along one axis."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(slice ?s (", $op, " ?x ?k))"),
                to: concat!("(", $op, " (slice ?s ?x) ?l)"),
                bind: |m| {
                    let s = m.attrs("?s");
                    let k = match Along::of(m, "?k", m.shape("?x")?)? {
                        Along::Axis(d, numbers) => {
                            let (start, step) = (s.ints("starts")[d], s.ints("steps")[d]);
                            let at = |i: i64| usize::try_from(start + i * step).ok();
                            let part: Option<Vec<f64>> =
                                (0..s.ints("extents")[d]).map(|i| Some(numbers[at(i)?])).collect();
                            Along::Axis(d, part?)
                        }
                        k => k,
                    };
                    bound(m, k, &m.result()?.shape)
                },
                examples: &[
                    "?s {starts: [0,3,1], steps: [1,-2,1], extents: [2,2,3]}; ?x f32[2,4,4]; ?k const f32[4,1]",
                ],
                declines: &["?s {starts: [0,1], steps: [1,1], extents: [2,2]}; ?x f32[2,3]; ?k const f32[2,3]"],
            },
            Rule {
                name: concat!("move-", $what, "-before-concat"),
                doc: concat!(
                    "`concat(x, ...) ",
                    $sign,
                    " k = concat(x ",
                    $sign,
                    " k_x, ...)`, where the constant `k` varies along one \
                              axis."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, " (concat ?a ?x*...) ?k)"),
                to: concat!("(concat ?a (", $op, " ?x* ?k*)...)"),
                bind: parts,
                examples: &[
                    "?a {axis: 1}; ?x0 f32[1,2,4]; ?x1 f32[1,3,4]; ?k const f32[5,1]",
                    "?a {axis: -1}; ?x0 f32[2,4]; ?x1 f32[2,1]; ?k const f32[2,1]",
                ],
                declines: &[
                    "?a {axis: 1}; ?x0 f32[2,2]; ?x1 f32[2,3]; ?k const f32[2,5]",
                    "?a {axis: 1}; ?x0 f32[1,2]; ?x1 f32[1,3]; ?k const f32[2,1]",
                ],
            },
        ]
    };
}

pub const FACTORS: &[Rule] = &moved!("factor", "mul", "*");
pub const SUMMANDS: &[Rule] = &moved!("summand", "add", "+");

/// Past pools and pads, whose conditions differ.
pub const PADDED: &[Rule] = &[
    Rule {
        name: "move-factor-over-average-pool",
        doc: "`average_pool(x k) = average_pool(x) k`, where the constant `k` does not vary along the windows.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(average_pool ?a (mul ?x ?k))",
        to: "(mul (average_pool ?a ?x) ?l)",
        bind: |m| outside_of_windows(m, m.shape("?x")?),
        examples: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
        declines: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[5]",
        ],
    },
    Rule {
        name: "move-factor-before-average-pool",
        doc: "`average_pool(x) k = average_pool(x k)`, where the constant `k` does not vary along the windows.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (average_pool ?a ?x) ?k)",
        to: "(average_pool ?a (mul ?x ?l))",
        bind: |m| {
            let x = m.shape("?x")?;
            let y: Vec<usize> = m.result()?.shape.to_vec();
            let same = y.len() == x.rank() && y[..2] == x[..2];
            same.then(|| outside_of_windows(m, &y))?
        },
        examples: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: false}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
        declines: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[5]",
        ],
    },
    Rule {
        name: "move-summand-over-average-pool",
        doc: "`average_pool(x + s) = average_pool(x) + s`, where the constant `s` does not vary along the windows and no padding \
              counts.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(average_pool ?a (add ?x ?k))",
        to: "(add (average_pool ?a ?x) ?l)",
        bind: |m| padding_does_not_count(m).then(|| outside_of_windows(m, m.shape("?x")?))?,
        examples: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: false}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
        declines: &[
            "?a {kernel: [2], strides: [1], pads: [1,0], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
    },
    Rule {
        name: "move-summand-before-average-pool",
        doc: "`average_pool(x) + s = average_pool(x + s)`, where the constant `s` does not vary along the windows and no padding \
              counts.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(add (average_pool ?a ?x) ?k)",
        to: "(average_pool ?a (add ?x ?l))",
        bind: |m| {
            let x = m.shape("?x")?;
            let y: Vec<usize> = m.result()?.shape.to_vec();
            let same = padding_does_not_count(m) && y.len() == x.rank() && y[..2] == x[..2];
            same.then(|| outside_of_windows(m, &y))?
        },
        examples: &[
            "?a {kernel: [2], strides: [2], pads: [0,0], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
        declines: &[
            "?a {kernel: [2], strides: [1], pads: [0,1], dilations: [1], ceil: false, count_padding: true}; ?x f32[1,3,5]; ?k const \
                     f32[3,1]",
        ],
    },
    Rule {
        name: "move-factor-over-pad",
        doc: "`pad(x k) = pad(x) k`, where the constant `k` does not vary along the padded axes and what is added is zero, whose sign \
              may change, or taken from `x`.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(pad ?p (mul ?x ?k) ?v)",
        to: "(mul (pad ?p ?x ?v) ?l)",
        bind: |m| beside_pads(m, m.shape("?x")?, true),
        examples: &[
            "?p {before: [0,0,1], after: [0,0,2], mode: constant}; ?x f32[1,3,4]; ?k const f32[3,1] in 0.1..2.0; ?v _",
        ],
        declines: &[
            "?p {before: [0,0,1], after: [0,0,2], mode: constant}; ?x f32[1,3,4]; ?k const f32[4]; ?v _",
            "?p {before: [0,0,1], after: [0,0,2], mode: constant}; ?x f32[1,3,4]; ?k const f32[3,1]; ?v const [1.0] : f32[]",
        ],
    },
    Rule {
        name: "move-factor-before-pad",
        doc: "`pad(x) k = pad(x k)`, where the constant `k` does not vary along the padded axes and what is added is zero, whose sign \
              may change, or taken from `x`.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(mul (pad ?p ?x ?v) ?k)",
        to: "(pad ?p (mul ?x ?l) ?v)",
        bind: |m| beside_pads(m, &padded(m)?, true),
        examples: &["?p {before: [0,0,1], after: [0,0,2], mode: edge}; ?x f32[1,3,4]; ?k const f32[3,1]; ?v _"],
        declines: &["?p {before: [0,0,1], after: [0,0,2], mode: edge}; ?x f32[1,3,4]; ?k const f32[7]; ?v _"],
    },
    Rule {
        name: "move-summand-over-pad",
        doc: "`pad(x + s, s) = pad(x, 0) + s`, where the constant `s` is one number; or `s` does not vary along the padded axes and \
              what is added is taken from `x`.",
        accuracy: Accuracy::Exact,
        from: "(pad ?p (add ?x ?k) ?v)",
        to: "(add (pad ?p ?x ?w) ?l)",
        bind: |m| {
            let x = m.shape("?x")?;
            if m.attrs("?p").word("mode") != "constant" {
                return Some(beside_pads(m, x, false)?.absent("?w"));
            }
            let Along::Nothing(s) = Along::of(m, "?k", x)? else { return None };
            let zero = Along::Nothing(0.0).tensor(m.dtype("?x")?, 0);
            (m.number("?v")? == s && s != 0.0).then(|| bound(m, Along::Nothing(s), x).map(|b| b.tensor("?w", zero)))?
        },
        examples: &[
            "?p {before: [0,0,1], after: [0,0,2], mode: constant}; ?x f32[1,3,4]; ?k const [0.5] : f32[]; ?v const [0.5] : f32[]",
            "?p {before: [0,0,1], after: [0,0,2], mode: reflect}; ?x f32[1,3,4]; ?k const f32[3,1]; ?v _",
        ],
        declines: &[
            "?p {before: [0,0,1], after: [0,0,2], mode: constant}; ?x f32[1,3,4]; ?k const [0.5] : f32[]; ?v const [0.25] : f32[]",
            "?p {before: [0,0,1], after: [0,0,2], mode: reflect}; ?x f32[1,3,4]; ?k const f32[4]; ?v _",
        ],
    },
];

/// Longer constants are not worth what they would save.
const LONGEST: usize = 1 << 14;

/// The numbers as the constant `?l` over the shape.
fn bound(m: &Match<'_>, k: Along, shape: &[usize]) -> Option<Bindings> {
    let short = !matches!(&k, Along::Axis(_, numbers) if numbers.len() > LONGEST);
    Some(Bindings::default().tensor("?l", k.tensor(m.dtype("?k")?, shape.len()))).filter(|_| short)
}

/// Names of the parts of a constant, for as many operands as a rule may have.
const PARTS: [&str; 16] = [
    "?k0", "?k1", "?k2", "?k3", "?k4", "?k5", "?k6", "?k7", "?k8", "?k9", "?k10", "?k11", "?k12", "?k13", "?k14",
    "?k15",
];

/// The constant `?k` cut as the operands of `(concat ?a ?x*...)` cut its axis.
fn parts(m: &Match<'_>) -> Option<Bindings> {
    let operands: Option<Vec<&Shape>> = m.each("?x").iter().map(|x| m.shape(x)).collect();
    let operands = operands.filter(|o| o.len() <= PARTS.len())?;
    let first = operands.first()?;
    let axis = first.axis(m.attrs("?a").int("axis"))?;
    let mut joined = first.to_vec();
    joined[axis] = operands.iter().map(|x| x[axis]).sum();
    let (k, dtype) = (Along::of(m, "?k", &joined)?, m.dtype("?k")?);
    let mut bound = Bindings::default();
    let mut begin = 0;
    for (name, x) in PARTS.iter().zip(&operands) {
        let part = match &k {
            Along::Axis(d, numbers) if *d == axis => Along::Axis(axis, numbers[begin..][..x[axis]].to_vec()),
            k => k.clone(),
        };
        begin += x[axis];
        bound = bound.tensor(name, part.tensor(dtype, x.rank()));
    }
    Some(bound)
}

/// The constant `?k` of a shape as it is, if it varies along batch or channels at most.
fn outside_of_windows(m: &Match<'_>, shape: &[usize]) -> Option<Bindings> {
    let k = Along::of(m, "?k", shape)?;
    (2..shape.len()).all(|d| k.is_constant_on(d)).then(|| bound(m, k, shape))?
}

/// Whether each window of the pool `?a` averages elements of its operand only.
fn padding_does_not_count(m: &Match<'_>) -> bool {
    let a = m.attrs("?a");
    !a.bool("count_padding") || !a.bool("ceil") && a.ints("pads").iter().all(|&p| p == 0)
}

/// The constant `?k` of a shape as it is, if it does not vary along axes that the pad `?p` makes longer
/// or shorter. With `zero`, a constant that the pad adds must be 0.
fn beside_pads(m: &Match<'_>, shape: &[usize], zero: bool) -> Option<Bindings> {
    let (p, k) = (m.attrs("?p"), Along::of(m, "?k", shape)?);
    let added = p.ints("before").iter().zip(p.ints("after"));
    let beside = added.enumerate().all(|(d, added)| added == (&0, &0) || k.is_constant_on(d));
    let is_zero = || m.is_absent("?v") || m.number("?v") == Some(0.0);
    (beside && (!zero || p.word("mode") != "constant" || is_zero())).then(|| bound(m, k, shape))?
}

/// The shape of `(pad ?p ?x ?v)`.
fn padded(m: &Match<'_>) -> Option<Vec<usize>> {
    let p = m.attrs("?p");
    let lists = m.shape("?x")?.iter().zip(p.ints("before").iter().zip(p.ints("after")));
    lists.map(|(&n, (before, after))| usize::try_from(n as i64 + before + after).ok()).collect()
}
