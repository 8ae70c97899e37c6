//! Functions of each element that networks spell in simpler operators: activations and what they are
//! made of. Spelled constants are those that [`is`] tells.

use super::{is, near};
use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use std::f64::consts::FRAC_1_SQRT_2;
use tinyc_core::attrs::Attrs;
use tinyc_core::types::DType;

/// A spelling of gelu around `1 + erf(..)` or `1 + tanh(..)`.
macro_rules! gelu {
    ($name:literal, $formula:literal, $before:literal, ERF, $after:literal) => {
        Rule {
            name: $name,
            doc: concat!($formula, " (Hendrycks and Gimpel, \"Gaussian Error Linear Units\", 2016)."),
            accuracy: Accuracy::Real { tolerance: 1e-6 },
            from: concat!($before, "(add (erf (mul ?x ?r)) ?one)", $after),
            to: "(gelu ?g ?x)",
            bind: |m| {
                let fits = fits(m, &[("?half", 0.5), ("?one", 1.0), ("?r", FRAC_1_SQRT_2)]);
                fits.map(|b| b.attrs("?g", Attrs::new().with_bool("tanh", false)))
            },
            examples: &["?x f32[2,3] in -4..4; ?half const [0.5] : f32[]; ?one const [1.0] : f32[]; ?r const [0.70710677] : f32[]"],
            declines: &["?x f32[2,3]; ?half const [0.5] : f32[]; ?one const [1.0] : f32[]; ?r const [0.707] : f32[]"],
        }
    };
    ($name:literal, $formula:literal, $before:literal, TANH, $after:literal) => {
        Rule {
            name: $name,
            doc: concat!($formula, " (Hendrycks and Gimpel, \"Gaussian Error Linear Units\", 2016, section 2)."),
            accuracy: Accuracy::Real { tolerance: 1e-6 },
            from: concat!($before, "(add (tanh (mul (add ?x (mul (mul ?x (mul ?x ?x)) ?c)) ?r)) ?one)", $after),
            to: "(gelu ?g ?x)",
            bind: |m| {
                let (c, r) = (0.044_715, (2.0 / std::f64::consts::PI).sqrt());
                let fits = fits(m, &[("?half", 0.5), ("?one", 1.0), ("?c", c), ("?r", r)]);
                fits.map(|b| b.attrs("?g", Attrs::new().with_bool("tanh", true)))
            },
            examples: &[
                "?x f32[2,3] in -4..4; ?half const [0.5] : f32[]; ?one const [1.0] : f32[]; ?r const [0.7978846] : f32[]; ?c const \
                 [0.044715] : f32[]",
            ],
            declines: &[
                "?x f32[2,3]; ?half const [0.5] : f32[]; ?one const [1.0] : f32[]; ?r const [0.7978846] : f32[]; ?c const [0.0447] : \
                 f32[]",
            ],
        }
    };
}
pub const RULES: &[Rule] = &[
    Rule {
        name: "make-reciprocal-div",
        doc: "`x * (1 / y) = x / y`.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul ?x (reciprocal ?y))",
        to: "(div ?x ?y)",
        bind: always,
        examples: &["?x f32[2,3]; ?y f32[3] in 0.3..2.0"],
        declines: &[],
    },
    Rule {
        name: "cube-by-mul",
        doc: "`x^3 = x * (x * x)`, over floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(pow ?x ?three)",
        to: "(mul ?x (mul ?x ?x))",
        bind: |m| fits(m, &[("?three", 3.0)]),
        examples: &["?x f32[2,3] in -2..2; ?three const [3.0] : f32[]"],
        declines: &["?x f32[2,3]; ?three const [2.0] : f32[]", "?x f32[3]; ?three const [3.0] : f32[1,1]"],
    },
    Rule {
        name: "root-by-reciprocal",
        doc: "`x^-0.5 = 1 / sqrt(x)`, over floats; they differ at -infinity.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(pow ?x ?c)",
        to: "(reciprocal (sqrt ?x))",
        bind: |m| fits(m, &[("?c", -0.5)]),
        examples: &["?x f32[2,3] in 0.1..3; ?c const [-0.5] : f32[]"],
        declines: &["?x f32[2,3]; ?c const [0.5] : f32[]"],
    },
    Rule {
        name: "make-relu",
        doc: "`max(x, 0) = relu(x)`.",
        accuracy: Accuracy::Exact,
        from: "(max ?x ?zero)",
        to: "(relu ?x)",
        bind: |m| {
            let signed = m.dtype("?x")?.is_float() || m.dtype("?x")?.is_signed_int();
            (signed && m.ty("?x")? == m.result()? && m.number("?zero")? == 0.0).then(Bindings::default)
        },
        examples: &["?x f32[2,3]; ?zero const [0.0] : f32[]", "?x i8[3]; ?zero const [0,0,0] : i8[3]"],
        declines: &["?x f32[2,3]; ?zero const [0.1] : f32[]", "?x u8[2,3]; ?zero const [0] : u8[]"],
    },
    Rule {
        name: "make-abs",
        doc: "`max(x, -x) = |x|`, but for the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(max ?x (neg ?x))",
        to: "(abs ?x)",
        bind: always,
        examples: &["?x f32[2,3]", "?x i8[4]"],
        declines: &[],
    },
    Rule {
        name: "make-leaky-relu",
        doc: "`max(x, a x) = leaky_relu(x)` with the slope `a`, a number with `0 < a <= 1`.",
        accuracy: Accuracy::Exact,
        from: "(max ?x (mul ?x ?a))",
        to: "(leaky_relu ?s ?x)",
        bind: |m| {
            let slope = m.number("?a").filter(|a| *a > 0.0 && *a <= 1.0)?;
            real(m)?;
            Some(Bindings::default().attrs("?s", Attrs::new().with_float("alpha", slope as f32)))
        },
        examples: &["?x f32[2,3]; ?a const [0.1] : f32[]"],
        declines: &["?x f32[2,3]; ?a const [1.5] : f32[]", "?x f32[2,3]; ?a const [0.1,0.2,0.1] : f32[3]"],
    },
    Rule {
        name: "make-prelu",
        doc: "`relu(x) + a relu(-x) = prelu(x)` with the slope `-a`, a constant.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(add (relu ?x) (mul (relu (neg ?x)) ?a))",
        to: "(prelu ?x (neg ?a))",
        bind: |m| m.constant("?a").and_then(|_| real(m)),
        examples: &["?x f32[2,3]; ?a const f32[3]"],
        declines: &["?x f32[2,3]; ?a f32[3]", "?x f32[3]; ?a const f32[2,3]"],
    },
    Rule {
        name: "make-prelu-leaky-relu",
        doc: "`prelu(x) = leaky_relu(x)`, where the slope is one number.",
        accuracy: Accuracy::Exact,
        from: "(prelu ?x ?a)",
        to: "(leaky_relu ?s ?x)",
        bind: |m| {
            let slope = m.number("?a")?;
            real(m)?;
            Some(Bindings::default().attrs("?s", Attrs::new().with_float("alpha", slope as f32)))
        },
        examples: &["?x f32[2,3]; ?a const [0.25,0.25,0.25] : f32[3]"],
        declines: &["?x f32[2,3]; ?a const [0.25,0.5,0.25] : f32[3]"],
    },
    Rule {
        name: "make-leaky-relu-relu",
        doc: "`leaky_relu(x) = relu(x)`, where the slope is 0; but for the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(leaky_relu ?s ?x)",
        to: "(relu ?x)",
        bind: |m| (m.attrs("?s").float("alpha") == 0.0).then(Bindings::default),
        examples: &["?s {alpha: 0.0}; ?x f32[2,3]"],
        declines: &["?s {alpha: 0.1}; ?x f32[2,3]"],
    },
    Rule {
        name: "make-sigmoid",
        doc: "`1 / (1 + exp(-x)) = sigmoid(x)`.",
        accuracy: Accuracy::Exact,
        from: "(reciprocal (add (exp (neg ?x)) ?one))",
        to: "(sigmoid ?x)",
        bind: |m| fits(m, &[("?one", 1.0)]),
        examples: &["?x f32[2,3] in -5..5; ?one const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?one const [2.0] : f32[]"],
    },
    Rule {
        name: "make-div-sigmoid",
        doc: "`1 / (1 + exp(-x)) = sigmoid(x)`, written as a quotient.",
        accuracy: Accuracy::Exact,
        from: "(div ?one (add (exp (neg ?x)) ?one))",
        to: "(sigmoid ?x)",
        bind: |m| fits(m, &[("?one", 1.0)]),
        examples: &["?x f32[2,3] in -5..5; ?one const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?one const [2.0] : f32[]"],
    },
    Rule {
        name: "make-tanh-sigmoid",
        doc: "`(tanh(x / 2) + 1) / 2 = sigmoid(x)`.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (add (tanh (mul ?x ?half)) ?one) ?half)",
        to: "(sigmoid ?x)",
        bind: |m| fits(m, &[("?half", 0.5), ("?one", 1.0)]),
        examples: &["?x f32[2,3] in -5..5; ?half const [0.5] : f32[]; ?one const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?half const [1.0] : f32[]; ?one const [1.0] : f32[]"],
    },
    Rule {
        name: "make-softplus",
        doc: "`ln(1 + exp(x)) = softplus(x)`, which does not overflow.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(log (add (exp ?x) ?one))",
        to: "(softplus ?x)",
        bind: |m| fits(m, &[("?one", 1.0)]),
        examples: &["?x f32[2,3] in -5..5; ?one const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?one const [2.0] : f32[]"],
    },
    Rule {
        name: "make-softsign",
        doc: "`x / (1 + |x|) = softsign(x)`.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(div ?x (add (abs ?x) ?one))",
        to: "(softsign ?x)",
        bind: |m| fits(m, &[("?one", 1.0)]),
        examples: &["?x f32[2,3] in -5..5; ?one const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?one const [2.0] : f32[]"],
    },
    Rule {
        name: "make-mish",
        doc: "`x * tanh(softplus(x)) = mish(x)` (Misra, \"Mish\", 2019).",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul ?x (tanh (softplus ?x)))",
        to: "(mish ?x)",
        bind: always,
        examples: &["?x f32[2,3] in -5..5"],
        declines: &[],
    },
    Rule {
        name: "make-swish",
        doc: "`x * sigmoid(x) = swish(x)` (Ramachandran et al., \"Searching for Activation Functions\", 2017).",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul ?x (sigmoid ?x))",
        to: "(swish ?s ?x)",
        bind: |m| real(m).map(|b| b.attrs("?s", Attrs::new().with_float("alpha", 1.0))),
        examples: &["?x f32[2,3] in -5..5"],
        declines: &["?x f16[2,3]"],
    },
    Rule {
        name: "make-steep-swish",
        doc: "`x * sigmoid(a x) = swish(x)` with the steepness `a`, a number.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul ?x (sigmoid (mul ?x ?a)))",
        to: "(swish ?s ?x)",
        bind: |m| {
            let alpha = m.number("?a")? as f32;
            real(m).map(|b| b.attrs("?s", Attrs::new().with_float("alpha", alpha)))
        },
        examples: &["?x f32[2,3] in -5..5; ?a const [1.702] : f32[]"],
        declines: &["?x f32[2,3]; ?a const f32[3]"],
    },
    Rule {
        name: "make-hard-sigmoid",
        doc: "`clip(a x + b, 0, 1) = hard_sigmoid(x)` with slope `a` and value `b` at zero, numbers.",
        accuracy: Accuracy::Exact,
        from: "(clip (add (mul ?x ?a) ?b) ?lo ?hi)",
        to: "(hard_sigmoid ?s ?x)",
        bind: |m| {
            fits(m, &[("?lo", 0.0), ("?hi", 1.0)])?;
            let s = Attrs::new().with_float("alpha", m.number("?a")? as f32);
            Some(Bindings::default().attrs("?s", s.with_float("beta", m.number("?b")? as f32)))
        },
        examples: &[
            "?x f32[2,3] in -5..5; ?a const [0.2] : f32[]; ?b const [0.5] : f32[]; ?lo const [0.0] : f32[]; ?hi const [1.0] \
             : f32[]",
        ],
        declines: &[
            "?x f32[2,3]; ?a const [0.2] : f32[]; ?b const [0.5] : f32[]; ?lo const [0.0] : f32[]; ?hi const [2.0] : f32[]",
        ],
    },
    Rule {
        name: "make-clip-hard-sigmoid",
        doc: "`clip(x + b, 0, 1 / s) * s = hard_sigmoid(x)` with the slope `s` and the value `b s` at zero.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (clip (add ?x ?b) ?lo ?hi) ?s)",
        to: "(hard_sigmoid ?t ?x)",
        bind: |m| {
            let (b, s) = (m.number("?b")?, m.number("?s").filter(|s| *s > 0.0)?);
            fits(m, &[("?lo", 0.0), ("?hi", 1.0 / s)])?;
            let t = Attrs::new().with_float("alpha", s as f32).with_float("beta", (b * s) as f32);
            Some(Bindings::default().attrs("?t", t))
        },
        examples: &[
            "?x f32[2,3] in -5..5; ?b const [3.0] : f32[]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const \
             [0.16666667] : f32[]",
        ],
        declines: &[
            "?x f32[2,3]; ?b const [3.0] : f32[]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.2] : f32[]",
        ],
    },
    Rule {
        name: "make-hard-swish",
        doc: "`x * hard_sigmoid(x) = hard_swish(x)`, where the slope is 1/6 and the value at zero 1/2 (Howard et al., \
              \"Searching for MobileNetV3\", 2019).",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(mul ?x (hard_sigmoid ?s ?x))",
        to: "(hard_swish ?x)",
        bind: |m| {
            let s = m.attrs("?s");
            let sixth = near(s.float("alpha").into(), 1.0 / 6.0) && near(s.float("beta").into(), 0.5);
            sixth.then(Bindings::default)
        },
        examples: &["?s {alpha: 0.16666667, beta: 0.5}; ?x f32[2,3] in -5..5"],
        declines: &["?s {alpha: 0.2, beta: 0.5}; ?x f32[2,3]"],
    },
    Rule {
        name: "make-clip-hard-swish",
        doc: "`x * clip(x + 3, 0, 6) / 6 = hard_swish(x)`.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(mul (mul ?x (clip (add ?x ?b) ?lo ?hi)) ?s)",
        to: "(hard_swish ?x)",
        bind: |m| fits(m, &[("?b", 3.0), ("?lo", 0.0), ("?hi", 6.0), ("?s", 1.0 / 6.0)]),
        examples: &[
            "?x f32[2,3] in -5..5; ?b const [3.0] : f32[]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const \
             [0.16666667] : f32[]",
        ],
        declines: &[
            "?x f32[2,3]; ?b const [2.0] : f32[]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.16666667] : f32[]",
        ],
    },
    Rule {
        name: "make-factor-hard-swish",
        doc: "`(x / 6) * clip(x + 3, 0, 6) = hard_swish(x)`.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(mul (mul ?x ?s) (clip (add ?x ?b) ?lo ?hi))",
        to: "(hard_swish ?x)",
        bind: |m| fits(m, &[("?b", 3.0), ("?lo", 0.0), ("?hi", 6.0), ("?s", 1.0 / 6.0)]),
        examples: &[
            "?x f32[2,3] in -5..5; ?b const [3.0] : f32[]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const \
             [0.16666667] : f32[]",
        ],
        declines: &[
            "?x f32[2,3]; ?b const [3.0] : f32[]; ?lo const [-1.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.16666667] : f32[]",
        ],
    },
    gelu!("make-gelu", "`x * (1 + erf(x / sqrt(2))) * 0.5 = gelu(x)`", "(mul (mul ?x ", ERF, ") ?half)"),
    gelu!("make-half-gelu", "`(x * 0.5) * (1 + erf(x / sqrt(2))) = gelu(x)`", "(mul (mul ?x ?half) ", ERF, ")"),
    gelu!("make-inner-gelu", "`x * ((1 + erf(x / sqrt(2))) * 0.5) = gelu(x)`", "(mul ?x (mul ", ERF, " ?half))"),
    gelu!(
        "make-tanh-gelu",
        "`x * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) * 0.5 = gelu(x)`",
        "(mul (mul ?x ",
        TANH,
        ") ?half)"
    ),
    gelu!(
        "make-half-tanh-gelu",
        "`(x * 0.5) * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) = gelu(x)`",
        "(mul (mul ?x ?half) ",
        TANH,
        ")"
    ),
    gelu!(
        "make-inner-tanh-gelu",
        "`x * ((1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) * 0.5) = gelu(x)`",
        "(mul ?x (mul ",
        TANH,
        " ?half))"
    ),
];

/// Whether `?x` holds floats that the library's functions take, and the result has its type.
fn real(m: &Match<'_>) -> Option<Bindings> {
    let x = m.ty("?x")?;
    (x.dtype == DType::F32 && x == m.result()?).then(Bindings::default)
}

/// Whether the result has the type of `?x`, floats, and these constants have these values.
fn fits(m: &Match<'_>, constants: &[(&str, f64)]) -> Option<Bindings> {
    constants.iter().all(|(name, value)| is(m, name, *value)).then_some(())?;
    real(m)
}
