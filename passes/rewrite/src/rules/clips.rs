//! Minima, maxima and limits: merged, and made of each other.

use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// An operator that changes nothing of what it has made.
macro_rules! idempotent {
    ($op:literal, $x:literal) => {
        Rule {
            name: concat!("remove-", $op, "-over-", $op),
            doc: concat!("`", $op, "(", $op, "(x)) = ", $op, "(x)`."),
            accuracy: Accuracy::Exact,
            from: concat!("(", $op, " (", $op, " ?x))"),
            to: concat!("(", $op, " ?x)"),
            bind: always,
            examples: &[concat!("?x ", $x)],
            declines: &[],
        }
    };
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "commute-max",
        doc: "`max(a, b) = max(b, a)`, but for NaNs and the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(max ?a ?b)",
        to: "(max ?b ?a)",
        bind: always,
        examples: &["?a f32[2,3]; ?b f32[3]"],
        declines: &[],
    },
    Rule {
        name: "commute-min",
        doc: "`min(a, b) = min(b, a)`, but for NaNs and the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(min ?a ?b)",
        to: "(min ?b ?a)",
        bind: always,
        examples: &["?a f32[2,3]; ?b f32[3]"],
        declines: &[],
    },
    Rule {
        name: "remove-max",
        doc: "`max(x, x) = x`.",
        accuracy: Accuracy::Exact,
        from: "(max ?x ?x)",
        to: "?x",
        bind: always,
        examples: &["?x f32[2,3]", "?x u8[2]"],
        declines: &[],
    },
    Rule {
        name: "remove-min",
        doc: "`min(x, x) = x`.",
        accuracy: Accuracy::Exact,
        from: "(min ?x ?x)",
        to: "?x",
        bind: always,
        examples: &["?x f32[2,3]", "?x i8[2]"],
        declines: &[],
    },
    Rule {
        name: "merge-max-max",
        doc: "`max(max(x, a), b) = max(x, max(a, b))`, over constants without NaNs.",
        accuracy: Accuracy::Exact,
        from: "(max (max ?x ?a) ?b)",
        to: "(max ?x (max ?a ?b))",
        bind: numbers,
        examples: &[
            "?x f32[2,3]; ?a const f32[3]; ?b const f32[]",
            "?x u8[2]; ?a const u8[2] in 0..255; ?b const u8[] in 0..255",
        ],
        declines: &["?x f32[2,3]; ?a f32[3]; ?b const f32[]"],
    },
    Rule {
        name: "merge-min-min",
        doc: "`min(min(x, a), b) = min(x, min(a, b))`, over constants without NaNs.",
        accuracy: Accuracy::Exact,
        from: "(min (min ?x ?a) ?b)",
        to: "(min ?x (min ?a ?b))",
        bind: numbers,
        examples: &[
            "?x f32[2,3]; ?a const f32[3]; ?b const f32[]",
            "?x i8[2]; ?a const i8[2] in -99..99; ?b const i8[] in -99..99",
        ],
        declines: &["?x f32[2,3]; ?a f32[3]; ?b const f32[]"],
    },
    Rule {
        name: "make-min-max-clip",
        doc: "`min(max(x, lo), hi) = clip(x, lo, hi)`, where `lo` and `hi` are numbers.",
        accuracy: Accuracy::Exact,
        from: "(min (max ?x ?lo) ?hi)",
        to: "(clip ?x ?l ?h)",
        bind: |m| limits(m, m.number("?lo")?, m.number("?hi")?),
        examples: &[
            "?x f32[2,3]; ?lo const [-0.3] : f32[1]; ?hi const [0.4] : f32[]",
            "?x i8[5]; ?lo const [20] : i8[]; ?hi const [-7] : i8[]",
        ],
        declines: &["?x f32[2,3]; ?lo const f32[3]; ?hi const [0.4] : f32[]"],
    },
    Rule {
        name: "make-max-min-clip",
        doc: "`max(min(x, hi), lo) = clip(x, lo, hi)`, where `lo <= hi` are numbers.",
        accuracy: Accuracy::Exact,
        from: "(max (min ?x ?hi) ?lo)",
        to: "(clip ?x ?l ?h)",
        bind: |m| {
            limits(m, m.number("?lo")?, m.number("?hi").filter(|hi| m.number("?lo").is_some_and(|lo| lo <= *hi))?)
        },
        examples: &[
            "?x f32[2,3]; ?lo const [-0.3] : f32[1]; ?hi const [0.4] : f32[]",
            "?x i8[5]; ?lo const [-20] : i8[]; ?hi const [7] : i8[]",
        ],
        declines: &["?x f32[2,3]; ?lo const [0.3] : f32[]; ?hi const [0.2] : f32[]"],
    },
    Rule {
        name: "make-min-relu-clip",
        doc: "`min(relu(x), hi) = clip(x, 0, hi)`, where `hi` is a number.",
        accuracy: Accuracy::Exact,
        from: "(min (relu ?x) ?hi)",
        to: "(clip ?x ?l ?h)",
        bind: |m| limits(m, 0.0, m.number("?hi")?),
        examples: &["?x f32[2,3]; ?hi const [0.4] : f32[]", "?x i8[5]; ?hi const [40] : i8[]"],
        declines: &["?x f32[2,3]; ?hi f32[]"],
    },
    Rule {
        name: "make-relu-min-clip",
        doc: "`relu(min(x, hi)) = clip(x, 0, hi)`, where `hi >= 0` is a number.",
        accuracy: Accuracy::Exact,
        from: "(relu (min ?x ?hi))",
        to: "(clip ?x ?l ?h)",
        bind: |m| limits(m, 0.0, m.number("?hi").filter(|hi| *hi >= 0.0)?),
        examples: &["?x f32[2,3]; ?hi const [0.4] : f32[]", "?x i8[5]; ?hi const [40] : i8[]"],
        declines: &["?x f32[2,3]; ?hi const [-0.4] : f32[]"],
    },
    Rule {
        name: "make-clip-relu",
        doc: "`clip(x, 0, hi) = relu(x)`, where `hi` is the largest element that there is; infinity stays.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(clip ?x ?lo ?hi)",
        to: "(relu ?x)",
        bind: |m| {
            let d = m.dtype("?x")?;
            let whole = m.number("?lo")? == 0.0 && m.number("?hi")? >= d.range().1;
            (whole && (d.is_float() || d.is_signed_int())).then(Bindings::default)
        },
        examples: &[
            "?x f32[2,3]; ?lo const [0.0] : f32[]; ?hi const [3.4028235e38] : f32[]",
            "?x i8[4]; ?lo const [0] : i8[]; ?hi const [127] : i8[]",
        ],
        declines: &["?x f32[2,3]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]"],
    },
    Rule {
        name: "remove-clip",
        doc: "`clip(x, lo, hi) = x`, where nothing is below `lo` or above `hi` but infinities.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(clip ?x ?lo ?hi)",
        to: "?x",
        bind: |m| {
            let (lowest, highest) = m.dtype("?x")?.range();
            let nothing = m.number("?lo")? <= lowest && m.number("?hi")? >= highest;
            (nothing && m.ty("?x")? == m.result()?).then(Bindings::default)
        },
        examples: &[
            "?x i8[4]; ?lo const [-128] : i8[]; ?hi const [127] : i8[]",
            "?x u8[4]; ?lo const [0] : u8[]; ?hi const [255] : u8[]",
        ],
        declines: &["?x i8[4]; ?lo const [-127] : i8[]; ?hi const [127] : i8[]"],
    },
    Rule {
        name: "merge-clip-clip",
        doc: "`clip(clip(x, a, b), c, d) = clip(x, clip(a, c, d), clip(b, c, d))`, where `a <= b` and `c <= d` are numbers, none \
              of them -0.0.",
        accuracy: Accuracy::Exact,
        from: "(clip (clip ?x ?a ?b) ?c ?d)",
        to: "(clip ?x ?l ?h)",
        bind: |m| {
            let ((a, b), (c, d)) = (range(m, "?a", "?b")?, range(m, "?c", "?d")?);
            limits(m, a.clamp(c, d), b.clamp(c, d))
        },
        examples: &[
            "?x f32[2,3]; ?a const [-0.5] : f32[]; ?b const [0.3] : f32[]; ?c const [-0.4] : f32[]; ?d const [0.6] : f32[]",
            "?x i8[5]; ?a const [-50] : i8[]; ?b const [30] : i8[]; ?c const [35] : i8[]; ?d const [60] : i8[]",
        ],
        declines: &[
            "?x f32[2,3]; ?a const [0.5] : f32[]; ?b const [0.3] : f32[]; ?c const [-0.4] : f32[]; ?d const [0.6] : f32[]",
        ],
    },
    Rule {
        name: "merge-relu-into-clip",
        doc: "`relu(clip(x, a, b)) = clip(x, relu(a), relu(b))`, where `a <= b` are numbers other than -0.0.",
        accuracy: Accuracy::Exact,
        from: "(relu (clip ?x ?a ?b))",
        to: "(clip ?x ?l ?h)",
        bind: |m| range(m, "?a", "?b").and_then(|(a, b)| limits(m, a.max(0.0), b.max(0.0))),
        examples: &[
            "?x f32[2,3]; ?a const [-0.5] : f32[]; ?b const [0.3] : f32[]",
            "?x i8[5]; ?a const [-50] : i8[]; ?b const [-3] : i8[]",
        ],
        declines: &["?x f32[2,3]; ?a const [0.5] : f32[]; ?b const [0.3] : f32[]"],
    },
    Rule {
        name: "merge-clip-into-relu",
        doc: "`clip(relu(x), a, b) = clip(x, clip(0, a, b), b)`, where `a <= b` are numbers other than -0.0.",
        accuracy: Accuracy::Exact,
        from: "(clip (relu ?x) ?a ?b)",
        to: "(clip ?x ?l ?h)",
        bind: |m| range(m, "?a", "?b").and_then(|(a, b)| limits(m, 0f64.clamp(a, b), b)),
        examples: &[
            "?x f32[2,3]; ?a const [-0.5] : f32[]; ?b const [0.3] : f32[]",
            "?x i8[5]; ?a const [10] : i8[]; ?b const [30] : i8[]",
        ],
        declines: &["?x f32[2,3]; ?a const [0.5] : f32[]; ?b const [0.3] : f32[]"],
    },
    idempotent!("abs", "f32[2,3]"),
    idempotent!("floor", "f32[2,3] in -3..3"),
    idempotent!("ceil", "f32[2,3] in -3..3"),
    idempotent!("round", "f32[2,3] in -3..3"),
    idempotent!("sign", "f32[2,3]"),
    Rule {
        name: "remove-neg-under-abs",
        doc: "`|-x| = |x|`, but for the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(abs (neg ?x))",
        to: "(abs ?x)",
        bind: always,
        examples: &["?x f32[2,3]", "?x i8[3]"],
        declines: &[],
    },
    Rule {
        name: "remove-abs-over-relu",
        doc: "`|relu(x)| = relu(x)`, but for the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(abs (relu ?x))",
        to: "(relu ?x)",
        bind: always,
        examples: &["?x f32[2,3]", "?x i8[3]"],
        declines: &[],
    },
    Rule {
        name: "move-neg-over-max",
        doc: "`max(-a, -b) = -min(a, b)`, over floats.",
        accuracy: Accuracy::Exact,
        from: "(max (neg ?a) (neg ?b))",
        to: "(neg (min ?a ?b))",
        bind: |m| m.dtype("?a")?.is_float().then(Bindings::default),
        examples: &["?a f32[2,3]; ?b f32[3]"],
        declines: &["?a i8[3]; ?b i8[3]"],
    },
    Rule {
        name: "move-neg-over-min",
        doc: "`min(-a, -b) = -max(a, b)`, over floats.",
        accuracy: Accuracy::Exact,
        from: "(min (neg ?a) (neg ?b))",
        to: "(neg (max ?a ?b))",
        bind: |m| m.dtype("?a")?.is_float().then(Bindings::default),
        examples: &["?a f32[2,3]; ?b f32[3]"],
        declines: &["?a i8[3]; ?b i8[3]"],
    },
];

/// Limits that are numbers, in order, and of no sign where they are zero.
fn range(m: &Match<'_>, lo: &str, hi: &str) -> Option<(f64, f64)> {
    let (lo, hi) = (m.number(lo)?, m.number(hi)?);
    let signed = |v: f64| v == 0.0 && v.is_sign_negative();
    (lo <= hi && !signed(lo) && !signed(hi)).then_some((lo, hi))
}

/// Limits as scalars, where the result has the type of `?x`.
fn limits(m: &Match<'_>, lo: f64, hi: f64) -> Option<Bindings> {
    let x = m.ty("?x")?;
    // Other integers have values that an f64 does not hold.
    let held = x.dtype.is_float() || x.dtype.bytes() < 8;
    let scalar = |v: f64| Tensor::of::<f64>(Shape::scalar(), vec![v]).cast(x.dtype);
    (held && x == m.result()? && x.dtype != DType::Bool)
        .then(|| Bindings::default().tensor("?l", scalar(lo)).tensor("?h", scalar(hi)))
}

/// Whether `?a` and `?b` are constants without NaNs.
fn numbers(m: &Match<'_>) -> Option<Bindings> {
    let has_nan = |name| m.numbers(name).map(|v| v.iter().any(|v| v.is_nan()));
    (!has_nan("?a")? && !has_nan("?b")?).then(Bindings::default)
}
