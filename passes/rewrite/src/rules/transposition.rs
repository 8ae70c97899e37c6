//! Transposes past other operators, towards what they came from, so that they meet and cancel; and into
//! matrix products, which take them as attributes or in the order of their weights.

use super::constants::Matrix;
use super::linear::plain;
use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::attrs::Attrs;
use tinyc_core::types::Shape;

/// Past functions of one element, with or without attributes.
macro_rules! functions {
    ($(($name:literal, $op:literal $(, $a:literal, $attrs:literal)?)),* $(,)?) => {
        &[$(Rule {
            name: concat!("move-transpose-over-", $name),
            doc: concat!("`transpose(", $op, "(x)) = ", $op, "(transpose(x))`."),
            accuracy: Accuracy::Exact,
            from: concat!("(transpose ?p (", $op, $(" ", $a,)? " ?x))"),
            to: concat!("(", $op, $(" ", $a,)? " (transpose ?p ?x))"),
            bind: always,
            examples: &[concat!("?p {perm: [1,2,0]}; ?x f32[2,3,4]" $(, "; ", $a, " ", $attrs)?)],
            declines: &[],
        }),*]
    };
}

pub const FUNCTIONS: &[Rule] = functions!(
    ("abs", "abs"),
    ("ceil", "ceil"),
    ("erf", "erf"),
    ("exp", "exp"),
    ("floor", "floor"),
    ("hard-swish", "hard_swish"),
    ("log", "log"),
    ("mish", "mish"),
    ("neg", "neg"),
    ("reciprocal", "reciprocal"),
    ("relu", "relu"),
    ("round", "round"),
    ("sigmoid", "sigmoid"),
    ("softplus", "softplus"),
    ("softsign", "softsign"),
    ("sqrt", "sqrt"),
    ("tanh", "tanh"),
    ("elu", "elu", "?a", "{alpha: 0.5}"),
    ("gelu", "gelu", "?a", "{tanh: false}"),
    ("hard-sigmoid", "hard_sigmoid", "?a", "{alpha: 0.2, beta: 0.5}"),
    ("leaky-relu", "leaky_relu", "?a", "{alpha: 0.1}"),
    ("swish", "swish", "?a", "{alpha: 1.0}"),
);

/// Past functions of two elements.
macro_rules! pairs {
    ($($op:literal),*) => {
        &[$(Rule {
            name: concat!("move-transpose-over-", $op),
            doc: concat!("`transpose(", $op, "(x, y)) = ", $op, "(transpose(x), transpose(y))`, where both have all axes."),
            accuracy: Accuracy::Exact,
            from: concat!("(transpose ?p (", $op, " ?x ?y))"),
            to: concat!("(", $op, " (transpose ?p ?x) (transpose ?p ?y))"),
            bind: |m| {
                let rank = m.result()?.shape.rank();
                (m.shape("?x")?.rank() == rank && m.shape("?y")?.rank() == rank).then(Bindings::default)
            },
            examples: &["?p {perm: [1,2,0]}; ?x f32[2,3,4]; ?y f32[1,3,1]"],
            declines: &["?p {perm: [1,2,0]}; ?x f32[2,3,4]; ?y f32[4]"],
        }),*]
    };
}

pub const PAIRS: &[Rule] = pairs!("add", "sub", "mul", "div", "max", "min");

pub const RULES: &[Rule] = &[
    Rule {
        name: "move-transpose-over-clip",
        doc: "`transpose(clip(x, lo, hi)) = clip(transpose(x), lo, hi)`, where `lo` and `hi` are single elements.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (clip ?x ?lo ?hi))",
        to: "(clip (transpose ?p ?x) ?lo ?hi)",
        bind: |m| (m.shape("?lo")?.rank() == 0 && m.shape("?hi")?.rank() == 0).then(Bindings::default),
        examples: &["?p {perm: [1,2,0]}; ?x f32[2,3,4]; ?lo const [0.0] : f32[]; ?hi const [0.5] : f32[]"],
        declines: &["?p {perm: [1,2,0]}; ?x f32[2,3,4]; ?lo const f32[4] in -1.0..0.0; ?hi const [0.5] : f32[]"],
    },
    Rule {
        name: "move-transpose-over-softmax",
        doc: "`transpose(softmax(x)) = softmax(transpose(x))` over the axis that it becomes.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (softmax ?a ?x))",
        to: "(softmax ?b (transpose ?p ?x))",
        bind: |m| {
            let axis = m.shape("?x")?.axis(m.attrs("?a").int("axis"))?;
            let becomes = m.attrs("?p").extents("perm").iter().position(|&d| d == axis)?;
            Some(Bindings::default().attrs("?b", m.attrs("?a").clone().with_int("axis", becomes as i64)))
        },
        examples: &["?p {perm: [1,2,0]}; ?a {axis: -1}; ?x f32[2,3,4]"],
        declines: &[],
    },
    Rule {
        name: "move-transpose-over-concat",
        doc: "`transpose(concat(x, ...)) = concat(transpose(x), ...)` along the axis that it becomes.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (concat ?a ?x*...))",
        to: "(concat ?b (transpose ?p ?x*)...)",
        bind: |m| {
            let axis = m.result()?.shape.axis(m.attrs("?a").int("axis"))?;
            let becomes = m.attrs("?p").extents("perm").iter().position(|&d| d == axis)?;
            Some(Bindings::default().attrs("?b", m.attrs("?a").clone().with_int("axis", becomes as i64)))
        },
        examples: &["?p {perm: [1,2,0]}; ?a {axis: -1}; ?x0 f32[2,3,4]; ?x1 f32[2,3,1]"],
        declines: &[],
    },
    Rule {
        name: "move-transpose-over-unit-axes",
        doc: "`transpose(reshape(x)) = reshape(transpose(x))`, where the reshape adds or removes axes of one element only: the \
              transpose moves the others as before.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (reshape ?s ?x))",
        to: "(reshape ?t (transpose ?q ?x))",
        bind: |m| {
            let (x, y) = (m.shape("?x")?, m.attrs("?s").extents("shape"));
            let long = |shape: &[usize]| -> Vec<usize> { (0..shape.len()).filter(|&d| shape[d] != 1).collect() };
            let (from, to) = (long(x), long(&y));
            if !from.iter().map(|&d| x[d]).eq(to.iter().map(|&d| y[d])) || **x == *y {
                return None;
            }
            // Axes of one element come first, the others as the transpose orders them.
            let units = (0..x.rank()).filter(|d| !from.contains(d));
            let perm = m.attrs("?p").extents("perm");
            let moved = perm.iter().filter_map(|d| Some(from[to.iter().position(|t| t == d)?]));
            let q: Vec<i64> = units.chain(moved).map(|d| d as i64).collect();
            let shape = Attrs::new().with_shape("shape", &m.result()?.shape);
            Some(Bindings::default().attrs("?q", Attrs::new().with_ints("perm", q)).attrs("?t", shape))
        },
        examples: &[
            "?p {perm: [0,1,3,2]}; ?s {shape: [1,1,2,3]}; ?x f32[2,3]",
            "?p {perm: [1,0]}; ?s {shape: [2,3]}; ?x f32[2,1,3,1]",
        ],
        declines: &[
            "?p {perm: [1,0]}; ?s {shape: [3,2]}; ?x f32[2,3]",
            "?p {perm: [1,0]}; ?s {shape: [2,3]}; ?x f32[2,3]",
        ],
    },
    Rule {
        name: "merge-transpose-into-gemm",
        doc: "`gemm(transpose(x), w, c) = gemm(x, w, c)` with `x` transposed or no longer.",
        accuracy: Accuracy::Exact,
        from: "(gemm ?g (transpose ?p ?x) ?w ?c)",
        to: "(gemm ?h ?x ?w ?c)",
        bind: |m| turned(m, "trans_a"),
        examples: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?p {perm: [1,0]}; ?x f32[3,2]; ?w f32[3,4]; ?c f32[4]",
        ],
        declines: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?p {perm: [0,1]}; ?x f32[2,3]; ?w f32[3,4]; ?c f32[4]",
        ],
    },
    Rule {
        name: "merge-transpose-of-weights-into-gemm",
        doc: "`gemm(x, transpose(w), c) = gemm(x, w, c)` with `w` transposed or no longer.",
        accuracy: Accuracy::Exact,
        from: "(gemm ?g ?x (transpose ?p ?w) ?c)",
        to: "(gemm ?h ?x ?w ?c)",
        bind: |m| turned(m, "trans_b"),
        examples: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: true}; ?p {perm: [1,0]}; ?x f32[2,3]; ?w f32[3,4]; ?c f32[4]",
        ],
        declines: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: true}; ?p {perm: [0,1]}; ?x f32[2,3]; ?w f32[4,3]; ?c f32[4]",
        ],
    },
    Rule {
        name: "merge-transpose-behind-gemm",
        doc: "`(x w)^T = w^T x^T`.",
        accuracy: Accuracy::Exact,
        from: "(transpose ?p (gemm ?g ?x ?w _))",
        to: "(gemm ?h ?w ?x _)",
        bind: |m| {
            let g = m.attrs("?g");
            let h = g.clone().with_bool("trans_a", !g.bool("trans_b")).with_bool("trans_b", !g.bool("trans_a"));
            (m.attrs("?p").ints("perm") == [1, 0]).then(|| Bindings::default().attrs("?h", h))
        },
        examples: &[
            "?p {perm: [1,0]}; ?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w f32[4,3]",
            "?p {perm: [1,0]}; ?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true}; ?x f32[3,2]; ?w f32[4,3]",
        ],
        declines: &[
            "?p {perm: [0,1]}; ?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w f32[4,3]",
        ],
    },
    Rule {
        name: "merge-transpose-into-weights-rows",
        doc: "`gemm(reshape(transpose(x)), w, c) = gemm(reshape(x), w', c)`, where each row holds the same elements of `x` before \
              and after, and `w'` has the rows of the constant `w` in the order of `x`.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (reshape ?s (transpose ?p ?x)) ?w ?c)",
        to: "(gemm ?g (reshape ?s ?x) ?w2 ?c)",
        bind: |m| {
            let (g, x, perm) = (m.attrs("?g"), m.shape("?x")?, m.attrs("?p").extents("perm"));
            let (w, trans) = (m.constant("?w").filter(|w| w.dtype().is_float())?, g.bool("trans_b"));
            let &[rows, inner] = &*m.attrs("?s").extents("shape") else { return None };
            // Axes that count rows stay where they are.
            let kept = |d: usize| x[..d].iter().product::<usize>() == rows && perm[..d].iter().copied().eq(0..d);
            if g.bool("trans_a") || !(0..=perm.len()).any(kept) {
                return None;
            }
            // By position in a row of the transposed operand, the position before.
            let (turned, strides) = (Shape::new(perm.iter().map(|&d| x[d]).collect::<Vec<_>>()), x.strides());
            let before = |at: Vec<usize>| -> usize { at.iter().zip(&perm).map(|(i, &d)| i * strides[d]).sum() };
            let w = Matrix::of(w, trans)?;
            let mut numbers = vec![0.0; w.numbers.len()];
            for (row, at) in turned.coordinates().take(inner).enumerate() {
                let to = before(at) * w.columns;
                numbers[to..to + w.columns].copy_from_slice(&w.numbers[row * w.columns..][..w.columns]);
            }
            let w2 = Matrix { numbers, ..w }.tensor(m.dtype("?w")?, trans);
            Some(Bindings::default().tensor("?w2", w2))
        },
        examples: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s {shape: [1,24]}; ?p {perm: [0,2,3,1]}; ?x f32[1,2,3,4]; ?w \
             const f32[24,5]; ?c f32[5]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?s {shape: [2,12]}; ?p {perm: [0,2,1]}; ?x f32[2,3,4]; ?w \
             const f32[5,12]; ?c _",
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?s {shape: [6,8]}; ?p {perm: [0,1,3,2]}; ?x f32[2,3,2,4]; ?w \
             const f32[8,3]; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s {shape: [2,12]}; ?p {perm: [2,0,1]}; ?x f32[2,3,4]; ?w \
             const f32[12,5]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s {shape: [4,6]}; ?p {perm: [0,2,1]}; ?x f32[2,2,6]; ?w \
             const f32[6,5]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: false}; ?s {shape: [2,12]}; ?p {perm: [0,2,1]}; ?x f32[2,3,4]; ?w \
             const f32[2,5]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s {shape: [2,12]}; ?p {perm: [0,2,1]}; ?x f32[2,3,4]; ?w \
             f32[12,5]; ?c _",
        ],
    },
    Rule {
        name: "make-conv-gemm",
        doc: "`conv(x, w, b) = reshape(gemm(reshape(x), reshape(w), b))` with `w` transposed, where the one window of the \
              convolution is all of `x`, without groups.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?a ?x ?w ?b)",
        to: "(reshape ?t (gemm ?g (reshape ?r ?x) (reshape ?s ?w) ?b))",
        bind: |m| {
            let (a, x, w) = (m.attrs("?a"), m.shape("?x")?, m.shape("?w")?);
            let whole = x[1..] == w[1..] && a.ints("pads").iter().all(|&p| p == 0);
            let dilated = a.ints("dilations").iter().zip(&w[2..]).any(|(&d, &n)| d != 1 && n != 1);
            if !whole || dilated || a.int("group") != 1 {
                return None;
            }
            let rows = |shape: &Shape| {
                let inner: usize = shape[1..].iter().product();
                Attrs::new().with_ints("shape", [shape[0] as i64, inner as i64])
            };
            let shapes = Bindings::default().attrs("?r", rows(x)).attrs("?s", rows(w));
            let result = Attrs::new().with_shape("shape", &m.result()?.shape);
            Some(shapes.attrs("?t", result).attrs("?g", plain().with_bool("trans_b", true)))
        },
        examples: &[
            "?a {strides: [2,2], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[2,3,4,5]; ?w const f32[6,3,4,5]; ?b const f32[6]",
            "?a {strides: [1], pads: [0,0], dilations: [2], group: 1}; ?x f32[1,3,1]; ?w const f32[4,3,1]; ?b _",
        ],
        declines: &[
            "?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x f32[1,3,2]; ?w const f32[4,3,1]; ?b _",
            "?a {strides: [2], pads: [0,1], dilations: [1], group: 1}; ?x f32[1,3,2]; ?w const f32[4,3,2]; ?b _",
        ],
    },
];

/// The gemm's attributes with one operand turned, if the transpose `?p` turns it.
fn turned(m: &Match<'_>, name: &'static str) -> Option<Bindings> {
    let g = m.attrs("?g");
    let h = g.clone().with_bool(name, !g.bool(name));
    (m.attrs("?p").ints("perm") == [1, 0]).then(|| Bindings::default().attrs("?h", h))
}
