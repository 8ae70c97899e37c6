//! Identities of arithmetic: neutral elements, constants gathered, signs and quotients as sums and
//! products.

use super::floats;
use crate::rule::{Accuracy, Bindings, Match, Rule, always};
use tinyc_core::tensor::{Data, Tensor};

pub const RULES: &[Rule] = &[
    Rule {
        name: "commute-add",
        doc: "`a + b = b + a`.",
        accuracy: Accuracy::Exact,
        from: "(add ?a ?b)",
        to: "(add ?b ?a)",
        bind: always,
        examples: &["?a f32[2,3]; ?b f32[3]", "?a i32[2,3]; ?b i32[]"],
        declines: &[],
    },
    Rule {
        name: "commute-mul",
        doc: "`a * b = b * a`.",
        accuracy: Accuracy::Exact,
        from: "(mul ?a ?b)",
        to: "(mul ?b ?a)",
        bind: always,
        examples: &["?a f32[2,3]; ?b f32[2,1]"],
        declines: &[],
    },
    Rule {
        name: "remove-neutral-add",
        doc: "`x + c = x`, where the constant `c` is -0.0 (+0.0 would change -0.0), or an integer 0, and `x` has the type of \
              the sum.",
        accuracy: Accuracy::Exact,
        from: "(add ?x ?c)",
        to: "?x",
        bind: |m| neutral(m, |v| v == 0.0 && v.is_sign_negative(), true),
        examples: &["?x f32[2,3]; ?c const [-0.0] : f32[]", "?x i8[4]; ?c const [0] : i8[1]"],
        declines: &["?x f32[2,3]; ?c const [0.0] : f32[]", "?x f32[3]; ?c const [-0.0] : f32[1,1]"],
    },
    Rule {
        name: "remove-neutral-zero",
        doc: "`x + 0.0 = x` but for the sign of zero.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(add ?x ?c)",
        to: "?x",
        bind: |m| neutral(m, |v| v == 0.0, true),
        examples: &["?x f32[2,3]; ?c const [0.0] : f32[]"],
        declines: &["?x f32[2,3]; ?c const [1e-20] : f32[]", "?x f32[3]; ?c const [0.0] : f32[1,1]"],
    },
    Rule {
        name: "remove-neutral-sub",
        doc: "`x - c = x`, where the constant `c` is +0.0 or an integer 0, and `x` has the type of the difference.",
        accuracy: Accuracy::Exact,
        from: "(sub ?x ?c)",
        to: "?x",
        bind: |m| neutral(m, |v| v == 0.0 && v.is_sign_positive(), true),
        examples: &["?x f32[2,3]; ?c const [0.0] : f32[]"],
        declines: &["?x f32[2,3]; ?c const [-0.0] : f32[]"],
    },
    Rule {
        name: "remove-neutral-mul",
        doc: "`x * 1 = x`, where `x` has the type of the product.",
        accuracy: Accuracy::Exact,
        from: "(mul ?x ?c)",
        to: "?x",
        bind: |m| neutral(m, |v| v == 1.0, false),
        examples: &["?x f32[2,3]; ?c const [1.0,1.0,1.0] : f32[3]", "?x i32[4]; ?c const [1] : i32[]"],
        declines: &["?x f32[2,3]; ?c const [1.0,1.5,1.0] : f32[3]"],
    },
    Rule {
        name: "remove-neutral-div",
        doc: "`x / 1 = x`, where `x` has the type of the quotient.",
        accuracy: Accuracy::Exact,
        from: "(div ?x ?c)",
        to: "?x",
        bind: |m| neutral(m, |v| v == 1.0, false),
        examples: &["?x f32[2,3]; ?c const [1.0] : f32[]"],
        declines: &["?x f32[2,3]; ?c const [-1.0] : f32[]"],
    },
    Rule {
        name: "make-sub-add",
        doc: "`x - c = x + (-c)`, over a constant `c` of floats.",
        accuracy: Accuracy::Exact,
        from: "(sub ?x ?c)",
        to: "(add ?x ?n)",
        bind: |m| {
            let c = m.constant("?c").filter(|c| c.dtype().is_float())?;
            let negated = m.numbers("?c")?.iter().map(|v| -v).collect();
            Some(Bindings::default().tensor("?n", floats(c.dtype(), c.shape(), negated)))
        },
        examples: &["?x f32[2,3]; ?c const f32[3]"],
        declines: &["?x f32[2,3]; ?c f32[3]", "?x i32[2,3]; ?c const i32[3]"],
    },
    Rule {
        name: "make-div-mul",
        doc: "`x / c = x * (1 / c)`, over a constant `c` of floats none of which is 0. Exact for powers of two, which \
              `make-div-mul-exact` treats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(div ?x ?c)",
        to: "(mul ?x ?r)",
        bind: |m| reciprocals(m, |_| true),
        examples: &["?x f32[2,3]; ?c const f32[3] in 0.3..3.0"],
        declines: &["?x f32[2,3]; ?c const [1.0,0.0,2.0] : f32[3]", "?x i32[3]; ?c const [3] : i32[1]"],
    },
    Rule {
        name: "make-div-mul-exact",
        doc: "`x / 2^k = x * 2^-k`, where neither power is denormal.",
        accuracy: Accuracy::Exact,
        from: "(div ?x ?c)",
        to: "(mul ?x ?r)",
        bind: |m| reciprocals(m, |c| c.to_bits() << 12 == 0 && (1e-30..1e30).contains(&c.abs())),
        examples: &["?x f32[2,3]; ?c const [2.0,0.25,-8.0] : f32[3]"],
        declines: &["?x f32[2,3]; ?c const [3.0] : f32[]"],
    },
    Rule {
        name: "make-neg-mul",
        doc: "`-x = x * -1`, over floats.",
        accuracy: Accuracy::Exact,
        from: "(neg ?x)",
        to: "(mul ?x ?c)",
        bind: |m| {
            let x = m.ty("?x").filter(|x| x.dtype.is_float())?;
            Some(Bindings::default().tensor("?c", floats(x.dtype, &[], vec![-1.0])))
        },
        examples: &["?x f32[2,3]"],
        declines: &["?x i32[3]"],
    },
    Rule {
        name: "gather-summands",
        doc: "`(x + a) + b = x + (a + b)`, over constants `a` and `b` of floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(add (add ?x ?a) ?b)",
        to: "(add ?x (add ?a ?b))",
        bind: two_constants,
        examples: &["?x f32[2,3]; ?a const f32[3]; ?b const f32[]"],
        declines: &["?x f32[2,3]; ?a const f32[3]; ?b f32[]", "?x i32[3]; ?a const i32[3]; ?b const i32[3]"],
    },
    Rule {
        name: "gather-factors",
        doc: "`(x * a) * b = x * (a * b)`, over constants `a` and `b` of floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (mul ?x ?a) ?b)",
        to: "(mul ?x (mul ?a ?b))",
        bind: two_constants,
        examples: &["?x f32[2,3]; ?a const f32[3]; ?b const f32[2,1]"],
        declines: &["?x f32[2,3]; ?a f32[3]; ?b const f32[]"],
    },
    Rule {
        name: "gather-constant-summands",
        doc: "`(x + a) + (y + b) = (x + y) + (a + b)`, over constants `a` and `b` of floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(add (add ?x ?a) (add ?y ?b))",
        to: "(add (add ?x ?y) (add ?a ?b))",
        bind: |m| two_constants(m).filter(|_| m.constant("?x").is_none() && m.constant("?y").is_none()),
        examples: &["?x f32[2,3]; ?y f32[2,3]; ?a const f32[3]; ?b const f32[]"],
        declines: &["?x f32[2,3]; ?y f32[2,3]; ?a f32[3]; ?b const f32[]"],
    },
    Rule {
        name: "distribute-factor-over-sum",
        doc: "`(x + a) * b = x * b + a * b`, over constants `a` and `b` of floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(mul (add ?x ?a) ?b)",
        to: "(add (mul ?x ?b) (mul ?a ?b))",
        bind: two_constants,
        examples: &["?x f32[2,3]; ?a const f32[3]; ?b const f32[]"],
        declines: &["?x f32[2,3]; ?a f32[3]; ?b const f32[]"],
    },
    Rule {
        name: "multiply-by-two",
        doc: "`x + x = x * 2`, over floats.",
        accuracy: Accuracy::Exact,
        from: "(add ?x ?x)",
        to: "(mul ?x ?c)",
        bind: |m| {
            let x = m.ty("?x").filter(|x| x.dtype.is_float())?;
            Some(Bindings::default().tensor("?c", floats(x.dtype, &[], vec![2.0])))
        },
        examples: &["?x f32[2,3]"],
        declines: &["?x i32[3]"],
    },
    Rule {
        name: "square-by-mul",
        doc: "`x^2 = x * x`, over floats.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(pow ?x ?two)",
        to: "(mul ?x ?x)",
        bind: |m| {
            let fits = m.number("?two")? == 2.0 && m.dtype("?x")?.is_float() && m.result()? == m.ty("?x")?;
            fits.then(Bindings::default)
        },
        examples: &["?x f32[2,3]; ?two const [2.0] : f32[]"],
        declines: &["?x f32[2,3]; ?two const [3.0] : f32[]", "?x f32[3]; ?two const [2.0] : f32[1,1]"],
    },
    Rule {
        name: "root-by-sqrt",
        doc: "`x^0.5 = sqrt(x)`, over floats; they differ at -infinity, which the left side makes infinite.",
        accuracy: Accuracy::Real { tolerance: 1e-6 },
        from: "(pow ?x ?half)",
        to: "(sqrt ?x)",
        bind: |m| {
            let fits = m.number("?half")? == 0.5 && m.dtype("?x")?.is_float() && m.result()? == m.ty("?x")?;
            fits.then(Bindings::default)
        },
        examples: &["?x f32[2,3]; ?half const [0.5] : f32[]"],
        declines: &["?x f32[2,3]; ?half const [0.25] : f32[]"],
    },
    Rule {
        name: "merge-relu-relu",
        doc: "`relu(relu(x)) = relu(x)`.",
        accuracy: Accuracy::Exact,
        from: "(relu (relu ?x))",
        to: "(relu ?x)",
        bind: always,
        examples: &["?x f32[2,3]"],
        declines: &[],
    },
    Rule {
        name: "remove-abs-of-square",
        doc: "`|x * x| = x * x`, over floats.",
        accuracy: Accuracy::Exact,
        from: "(abs (mul ?x ?x))",
        to: "(mul ?x ?x)",
        bind: |m| m.dtype("?x")?.is_float().then(Bindings::default),
        examples: &["?x f32[2,3]"],
        declines: &["?x i32[3]"],
    },
    Rule {
        name: "remove-double-neg",
        doc: "`-(-x) = x`.",
        accuracy: Accuracy::Exact,
        from: "(neg (neg ?x))",
        to: "?x",
        bind: always,
        examples: &["?x f32[2,3]", "?x i8[3]"],
        declines: &[],
    },
];

/// Whether the constant `?c` changes nothing and `?x` has the result's type.
fn neutral(m: &Match<'_>, element: fn(f64) -> bool, zero: bool) -> Option<Bindings> {
    let c = m.constant("?c")?;
    let integer = zero && !c.dtype().is_float() && !matches!(c.data(), Data::Bool(_));
    let fits = match integer {
        true => c.data().to_le_bytes().iter().all(|&b| b == 0),
        false => c.to_f64s().into_iter().all(element),
    };
    (fits && m.ty("?x")? == m.result()?).then(Bindings::default)
}

/// The reciprocals of the constant `?c`, if it is made of floats that are not 0 and `allowed`.
fn reciprocals(m: &Match<'_>, allowed: fn(f64) -> bool) -> Option<Bindings> {
    let c = m.constant("?c").filter(|c| c.dtype().is_float())?;
    let numbers = c.to_f64s();
    let fits = numbers.iter().all(|&v| v != 0.0 && v.is_finite() && allowed(v));
    let reciprocals = || -> Tensor { floats(c.dtype(), c.shape(), numbers.iter().map(|v| 1.0 / v).collect()) };
    fits.then(|| Bindings::default().tensor("?r", reciprocals()))
}

fn two_constants(m: &Match<'_>) -> Option<Bindings> {
    let (a, _) = (m.constant("?a")?, m.constant("?b")?);
    a.dtype().is_float().then(Bindings::default)
}
