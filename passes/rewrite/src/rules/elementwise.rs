//! Functions of one element past operators that choose, join or name elements anew, both ways: where
//! they are cheapest, or meet what they merge with, depends on the network.

use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::attrs::Attrs;
use tinyc_core::types::DType;

/// For a function, its name in rules and in patterns, what stands before and behind its operand in patterns, when its rules hold, and
/// leaves: past reshapes, transposes and concatenations.
macro_rules! moves {
    ($($name:literal $op:literal $before:literal $after:literal $bind:ident $leaves:literal),*) => {
        &[$(
            Rule {
                name: concat!("move-", $name, "-over-reshape"),
                doc: concat!("`", $op, "(reshape(x)) = reshape(", $op, "(x))`."),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, $before, " (reshape ?s ?x)", $after, ")"),
                to: concat!("(reshape ?s (", $op, $before, " ?x", $after, "))"),
                bind: $bind,
                examples: &[concat!("?s {shape: [6]}; ?x f32[2,3] in -2..2", $leaves)],
                declines: &[],
            },
            Rule {
                name: concat!("move-reshape-over-", $name),
                doc: concat!("`reshape(", $op, "(x)) = ", $op, "(reshape(x))`."),
                accuracy: Accuracy::Exact,
                from: concat!("(reshape ?s (", $op, $before, " ?x", $after, "))"),
                to: concat!("(", $op, $before, " (reshape ?s ?x)", $after, ")"),
                bind: $bind,
                examples: &[concat!("?s {shape: [6]}; ?x f32[2,3] in -2..2", $leaves)],
                declines: &[],
            },
            Rule {
                name: concat!("move-", $name, "-before-transpose"),
                doc: concat!("`", $op, "(transpose(x)) = transpose(", $op, "(x))`."),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, $before, " (transpose ?p ?x)", $after, ")"),
                to: concat!("(transpose ?p (", $op, $before, " ?x", $after, "))"),
                bind: $bind,
                examples: &[concat!("?p {perm: [1,0]}; ?x f32[2,3] in -2..2", $leaves)],
                declines: &[],
            },
            Rule {
                name: concat!("move-", $name, "-over-concat"),
                doc: concat!("`", $op, "(concat(x, ..)) = concat(", $op, "(x), ..)`."),
                accuracy: Accuracy::Exact,
                from: concat!("(", $op, $before, " (concat ?c ?x*...)", $after, ")"),
                to: concat!("(concat ?c (", $op, $before, " ?x*", $after, ")...)"),
                bind: $bind,
                examples: &[concat!("?c {axis: 1}; ?x0 f32[2,3] in -2..2; ?x1 f32[2,1] in -2..2", $leaves)],
                declines: &[],
            },
            Rule {
                name: concat!("move-concat-over-", $name),
                doc: concat!("`concat(", $op, "(x), ..) = ", $op, "(concat(x, ..))`."),
                accuracy: Accuracy::Exact,
                from: concat!("(concat ?c (", $op, $before, " ?x*", $after, ")...)"),
                to: concat!("(", $op, $before, " (concat ?c ?x*...)", $after, ")"),
                bind: $bind,
                examples: &[concat!("?c {axis: 1}; ?x0 f32[2,3] in -2..2; ?x1 f32[2,1] in -2..2", $leaves)],
                declines: &[],
            },
        )*]
    };
}

pub const MOVES: &[Rule] = moves![
    "relu" "relu" "" "" always "",
    "sigmoid" "sigmoid" "" "" always "",
    "tanh" "tanh" "" "" always "",
    "hard-swish" "hard_swish" "" "" always "",
    "exp" "exp" "" "" always "",
    "sqrt" "sqrt" "" "" always "",
    "neg" "neg" "" "" always "",
    "abs" "abs" "" "" always "",
    "leaky-relu" "leaky_relu" " ?a" "" always "; ?a {alpha: 0.1}",
    "hard-sigmoid" "hard_sigmoid" " ?a" "" always "; ?a {alpha: 0.2, beta: 0.5}",
    "swish" "swish" " ?a" "" always "; ?a {alpha: 1.0}",
    "gelu" "gelu" " ?a" "" always "; ?a {tanh: true}",
    "clip" "clip" "" " ?lo ?hi" scalars "; ?lo const [0.5] : f32[]; ?hi const [1.5] : f32[]"
];

/// For a function that grows with its operand, as in [`moves`], and how it rounds: past a maximum.
macro_rules! grows {
    ($($name:literal $op:literal $before:literal $after:literal $bind:ident $tolerance:literal $leaves:literal),*) => {
        &[$(
            Rule {
                name: concat!("move-", $name, "-over-max-pool"),
                doc: concat!("`", $op, "(max_pool(x)) = max_pool(", $op, "(x))`: the function grows with its operand. The sign of zero may differ."),
                accuracy: Accuracy::Real { tolerance: $tolerance },
                from: concat!("(", $op, $before, " (max_pool ?p ?x)", $after, ")"),
                to: concat!("(max_pool ?p (", $op, $before, " ?x", $after, "))"),
                bind: $bind,
                examples: &[concat!(
                    "?p {kernel: [2,2], strides: [2,1], pads: [1,0,0,0], dilations: [1,1], ceil: false}; ?x f32[1,2,3,4] in -2..2",
                    $leaves
                )],
                declines: &[],
            },
            Rule {
                name: concat!("move-max-pool-over-", $name),
                doc: concat!("`max_pool(", $op, "(x)) = ", $op, "(max_pool(x))`: the function grows with its operand. The sign of zero may differ."),
                accuracy: Accuracy::Real { tolerance: $tolerance },
                from: concat!("(max_pool ?p (", $op, $before, " ?x", $after, "))"),
                to: concat!("(", $op, $before, " (max_pool ?p ?x)", $after, ")"),
                bind: $bind,
                examples: &[concat!(
                    "?p {kernel: [2,2], strides: [2,1], pads: [1,0,0,0], dilations: [1,1], ceil: false}; ?x f32[1,2,3,4] in -2..2",
                    $leaves
                )],
                declines: &[],
            },
            Rule {
                name: concat!("move-", $name, "-over-reduce-max"),
                doc: concat!("`", $op, "(reduce_max(x)) = reduce_max(", $op, "(x))`: the function grows with its operand. The sign of zero may differ."),
                accuracy: Accuracy::Real { tolerance: $tolerance },
                from: concat!("(reduce_max ?r (", $op, $before, " ?x", $after, "))"),
                to: concat!("(", $op, $before, " (reduce_max ?r ?x)", $after, ")"),
                bind: $bind,
                examples: &[concat!("?r {axes: [1], keep: true}; ?x f32[2,3,4] in -2..2", $leaves)],
                declines: &[],
            },
        )*]
    };
}

pub const GROWS: &[Rule] = grows![
    "relu" "relu" "" "" always 0.0 "",
    "sigmoid" "sigmoid" "" "" always 1e-6 "",
    "tanh" "tanh" "" "" always 1e-6 "",
    "leaky-relu" "leaky_relu" " ?a" "" rising 0.0 "; ?a {alpha: 0.1}",
    "hard-sigmoid" "hard_sigmoid" " ?a" "" rising 0.0 "; ?a {alpha: 0.2, beta: 0.5}",
    "clip" "clip" "" " ?lo ?hi" scalars 0.0 "; ?lo const [-0.5] : f32[]; ?hi const [1.5] : f32[]"
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "move-integer-relu-over-max-pool",
        doc: "`relu(max_pool(x)) = max_pool(relu(x))`, over integers.",
        accuracy: Accuracy::Exact,
        from: "(relu (max_pool ?p ?x))",
        to: "(max_pool ?p (relu ?x))",
        bind: |m| m.dtype("?x")?.is_signed_int().then(Bindings::default),
        examples: &["?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false}; ?x i8[1,2,4]"],
        declines: &["?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false}; ?x f32[1,2,4]"],
    },
    Rule {
        name: "move-max-pool-over-integer-relu",
        doc: "`max_pool(relu(x)) = relu(max_pool(x))`, over integers.",
        accuracy: Accuracy::Exact,
        from: "(max_pool ?p (relu ?x))",
        to: "(relu (max_pool ?p ?x))",
        bind: |m| m.dtype("?x")?.is_signed_int().then(Bindings::default),
        examples: &["?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false}; ?x i8[1,2,4]"],
        declines: &["?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false}; ?x f32[1,2,4]"],
    },
    Rule {
        name: "move-add-over-reshape",
        doc: "`reshape(x) + c = reshape(x + c')`, where the constant `c` is one number, or a row along the last axis, which keeps \
              its extent.",
        accuracy: Accuracy::Exact,
        from: "(add (reshape ?s ?x) ?c)",
        to: "(reshape ?s (add ?x (reshape ?r ?c)))",
        bind: row,
        examples: &[
            "?s {shape: [1,2,3]}; ?x f32[2,3]; ?c const f32[1,3]",
            "?s {shape: [3,2]}; ?x f32[2,3]; ?c const [0.5] : f32[1,1]",
        ],
        declines: &[
            "?s {shape: [3,2]}; ?x f32[2,3]; ?c const f32[2]",
            "?s {shape: [6]}; ?x f32[1,6]; ?c const f32[1,6]",
            "?s {shape: [2,0]}; ?x f32[0]; ?c const f32[0]",
            "?s {shape: [1,2,3]}; ?x f32[2,3]; ?c const f32[2,1]",
        ],
    },
    Rule {
        name: "move-mul-over-reshape",
        doc: "`reshape(x) * c = reshape(x * c')`, where the constant `c` is one number, or a row along the last axis, which keeps \
              its extent.",
        accuracy: Accuracy::Exact,
        from: "(mul (reshape ?s ?x) ?c)",
        to: "(reshape ?s (mul ?x (reshape ?r ?c)))",
        bind: row,
        examples: &[
            "?s {shape: [1,2,3]}; ?x f32[2,3]; ?c const f32[1,3]",
            "?s {shape: [3,2]}; ?x f32[2,3]; ?c const [0.5] : f32[1,1]",
        ],
        declines: &[
            "?s {shape: [3,2]}; ?x f32[2,3]; ?c const f32[2]",
            "?s {shape: [6]}; ?x f32[1,6]; ?c const f32[1,6]",
            "?s {shape: [2,0]}; ?x f32[0]; ?c const f32[0]",
            "?s {shape: [1,2,3]}; ?x f32[2,3]; ?c const f32[2,1]",
        ],
    },
    Rule {
        name: "move-sum-over-reshape",
        doc: "`y + reshape(x) = reshape(reshape(y) + x)`, where nothing is broadcast.",
        accuracy: Accuracy::Exact,
        from: "(add ?y (reshape ?s ?x))",
        to: "(reshape ?s (add (reshape ?t ?y) ?x))",
        bind: unreshaped,
        examples: &["?y f32[3,1,2]; ?s {shape: [3,1,2]}; ?x f32[3,2]"],
        declines: &[
            "?y f32[2,3]; ?s {shape: [1,2,3]}; ?x f32[2,3]",
            "?y f32[1,6]; ?s {shape: [6]}; ?x f32[2,3]",
            "?y const f32[1,2,3]; ?s {shape: [1,2,3]}; ?x f32[2,3]",
        ],
    },
];

/// Where the limits `?lo` and `?hi` are scalars in order, and the operand is a number that is not NaN.
fn scalars(m: &Match<'_>) -> Option<Bindings> {
    let scalar = |name| m.shape(name).is_some_and(|s| s.rank() == 0);
    (scalar("?lo") && scalar("?hi") && m.number("?lo")? <= m.number("?hi")?).then(Bindings::default)
}

/// Where the slope of `?a` is that of a function that grows.
fn rising(m: &Match<'_>) -> Option<Bindings> {
    (m.attrs("?a").float("alpha") >= 0.0).then(Bindings::default)
}

/// The constant `?c` as a row of `?x`, whose reshape to the result keeps the last axis; or as a scalar.
fn row(m: &Match<'_>) -> Option<Bindings> {
    let (c, x, y) = (m.constant("?c")?, m.ty("?x")?, m.result()?);
    if m.attrs("?s").extents("shape") != *y.shape || c.dtype() == DType::Bool || c.data().is_empty() {
        return None;
    }
    let (last, others) = c.shape().split_last().map_or((1, true), |(&n, rest)| (n, rest.iter().all(|&d| d == 1)));
    let keeps = last == 1 || x.shape.last() == y.shape.last();
    let shape = Attrs::new().with_ints("shape", (last > 1).then_some(last as i64));
    (others && keeps).then(|| Bindings::default().attrs("?r", shape))
}

/// The shape of `?x` for `?y`, neither of which is broadcast or constant.
fn unreshaped(m: &Match<'_>) -> Option<Bindings> {
    let (x, y) = (m.ty("?x")?, m.ty("?y")?);
    let kept = m.attrs("?s").extents("shape") == *y.shape;
    let fits = kept && y == m.result()? && m.constant("?y").is_none();
    fits.then(|| Bindings::default().attrs("?t", Attrs::new().with_shape("shape", &x.shape)))
}
