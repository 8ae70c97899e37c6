//! Quantized elementwise operators in integers: sums and products with one rounding, limits as integers, and
//! functions of one value of 8 bits as tables.

use super::scales::{Fixed, Scaling, int, one, positive, scale, widening, zero};
use crate::Rounding;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::attrs::Attrs;
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// A sum or difference of two quantized values.
macro_rules! sum {
    ($op:literal, $name:literal, $sign:literal, $second:literal) => {
        Rule {
            name: concat!("make-", $name, "-integer"),
            doc: concat!(
                "`quantize(dequantize(x) ", $op, " dequantize(v)) = requantize(x k ", $op, " v j + o)` with `k` and `j` the scales over \
                 the result's, times a power of two, and `o` all zero points."
            ),
            accuracy: Accuracy::Step,
            from: concat!("(quantize ?q (", $name, " (dequantize ?x ?sx ?zx) (dequantize ?v ?sv ?zv)) ?sy ?zy)"),
            to: "(requantize ?r (add (add (mul (cast ?i ?x) ?k) (mul (cast ?i ?v) ?j)) ?o) ?m ?e)",
            bind: |m| {
                let (x, v) = (scale(m, "?x", "?sx", "?zx")?, scale(m, "?v", "?sv", "?zv")?);
                let sy = positive(m, "?sy").filter(|_| m.rounding() == Rounding::Once)?;
                let sign: f64 = $sign;
                let (kx, kv) = (x.scale / sy, sign * v.scale / sy);
                // Each summand has its zero point added last.
                let fixed = Fixed::of(2.0 * (kx * x.farthest() + kv.abs() * v.farthest()) + kx * 255.0 + kv.abs() * 255.0)?;
                let (k, j) = (fixed.number(kx), fixed.number(kv));
                let bound = fixed.bind(m)?.tensor("?k", int(k)).tensor("?j", int(j));
                Some(bound.tensor("?o", int(-k * x.zero - j * v.zero)).attrs("?i", widening()))
            },
            examples: &[
                concat!(
                    "?q {to: i8}; ?x i8[2,20]; ?sx const [0.0211] : f32[]; ?zx const [-5] : i8[]; ?v ", $second, "; ?sv const [0.013] : \
                     f32[]; ?zv const [3] : i8[]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]"
                ),
                "?q {to: u8}; ?x u8[40]; ?sx const [0.511] : f32[]; ?zx _; ?v u8[40]; ?sv const [0.7] : f32[]; ?zv const [100] : u8[]; \
                 ?sy const [0.9] : f32[]; ?zy const [120] : u8[]",
            ],
            declines: &[
                "rounding tflite; ?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?v i8[2,3]; ?sv const [0.013] : f32[]; ?zv _; ?sy \
                 const [0.03] : f32[]; ?zy const [4] : i8[]",
                "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02,0.03,0.04] : f32[3]; ?zx _; ?v i8[2,3]; ?sv const [0.013] : f32[]; ?zv _; ?sy \
                 const [0.03] : f32[]; ?zy const [4] : i8[]",
                "?q {to: i8}; ?x i8[2,3]; ?sx const [1e9] : f32[]; ?zx _; ?v i8[2,3]; ?sv const [0.013] : f32[]; ?zv _; ?sy const [0.03] : \
                 f32[]; ?zy const [4] : i8[]",
            ],
        }
    };
}

/// A limit behind a requantization.
macro_rules! limit {
    ($name:literal, $from:literal, $limits:expr) => {
        Rule {
            name: concat!("fold-", $name, "-into-requantize"),
            doc: concat!("`", $name, "(requantize(x), c) = requantize(x)` with the constant `c` in its limits."),
            accuracy: Accuracy::Exact,
            from: $from,
            to: "(requantize ?t ?x ?m ?e)",
            bind: |m| {
                let c = m.number("?c").filter(|_| m.shape("?c").is_some_and(|s| s.rank() == 0))?;
                let limits: fn(f64, f64, f64) -> (f64, f64) = $limits;
                limited(m, |lo, hi| limits(c, lo, hi))
            },
            examples: &[
                "?r {to: i8, shift: 0, zero: 3, lo: -100, hi: 100}; ?x i32[400] in -1000..1000; ?m const [600000000] : i32[]; ?e _; ?c const [-20] : \
                 i8[]",
            ],
            declines: &[
                "?r {to: i8, shift: 0, zero: 3, lo: -100, hi: 100}; ?x i32[40]; ?m const [600000000] : i32[]; ?e _; ?c i8[]",
                "?r {to: i8, shift: 0, zero: 3, lo: -100, hi: 100}; ?x i32[40]; ?m const [600000000] : i32[]; ?e _; ?c const [1,2] : i8[2,1]",
            ],
        }
    };
}

/// A function of one value of 8 bits: how it stands before its operand, and its leaves.
macro_rules! tables {
    ($($op:ident $name:literal $head:literal $leaves:literal),*) => {
        &[$(
            Rule {
                name: concat!("make-", $name, "-table"),
                doc: concat!(
                    "`quantize(", stringify!($op), "(dequantize(x))) = t[x]` with a table of all values that 8 bits have, for negative ones \
                     behind the others."
                ),
                accuracy: Accuracy::Exact,
                from: concat!("(quantize ?q (", $head, " (dequantize ?x ?sx ?zx)) ?sy ?zy)"),
                to: "(gather ?g ?t (cast ?i ?x))",
                bind: |m| table(m, OpId::$op, $head),
                examples: &[
                    concat!("?q {to: i8}; ?x i8[2,300]; ?sx const [0.03] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.008] : f32[]; ?zy const [-20] : i8[]; ", $leaves),
                    concat!("?q {to: u8}; ?x u8[400] in 0..255; ?sx const [0.02] : f32[]; ?zx const [80] : u8[]; ?sy const [0.01] : f32[]; ?zy _; ", $leaves),
                ],
                declines: &[concat!("?q {to: i8}; ?x i8[2,3]; ?sx f32[]; ?zx _; ?sy const [0.008] : f32[]; ?zy _; ", $leaves)],
            },
        )*]
    };
}

pub const TABLES: &[Rule] = tables![
    sigmoid "sigmoid" "sigmoid" "",
    tanh "tanh" "tanh" "",
    exp "exp" "exp" "",
    log "log" "log" "",
    sqrt "sqrt" "sqrt" "",
    reciprocal "reciprocal" "reciprocal" "",
    erf "erf" "erf" "",
    abs "abs" "abs" "",
    neg "neg" "neg" "",
    softplus "softplus" "softplus" "",
    softsign "softsign" "softsign" "",
    hard_swish "hard-swish" "hard_swish" "",
    mish "mish" "mish" "",
    gelu "gelu" "gelu ?a" "?a {tanh: false}",
    elu "elu" "elu ?a" "?a {alpha: 0.7}",
    celu "celu" "celu ?a" "?a {alpha: 0.7}",
    selu "selu" "selu ?a" "?a {alpha: 1.6, gamma: 1.05}",
    leaky_relu "leaky-relu" "leaky_relu ?a" "?a {alpha: 0.1}",
    hard_sigmoid "hard-sigmoid" "hard_sigmoid ?a" "?a {alpha: 0.2, beta: 0.5}"
];

pub const RULES: &[Rule] = &[
    sum!("+", "add", 1.0, "i8[20]"),
    sum!("-", "sub", -1.0, "i8[2,20]"),
    Rule {
        name: "make-requantize",
        doc: "`quantize(dequantize(x)) = requantize(x - zx)` with the quotient of the scales.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (dequantize ?x ?sx ?zx) ?sy ?zy)",
        to: "(requantize ?r (sub (cast ?i ?x) ?o) ?m ?e)",
        bind: |m| factors(m, &[1.0], Vec::new()),
        examples: &[
            "?q {to: i8}; ?x i8[2,300]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
            "?q {to: u8}; ?x i8[300]; ?sx const [0.2] : f32[]; ?zx _; ?sy const [0.03] : f32[]; ?zy const [100] : u8[]",
            "rounding tflite; ?q {to: i8}; ?x i8[2,300]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.371] : f32[]; ?zy const \
             [4] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x i8[2,3]; ?sx f32[]; ?zx const [-5] : i8[]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
            "?q {to: i8}; ?x i32[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
        ],
    },
    Rule {
        name: "make-scaling-integer",
        doc: "`quantize(dequantize(x) c) = requantize(x - zx)` with the constant `c`, one for all or one for each position of an \
              axis, in the factors.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (mul (dequantize ?x ?sx ?zx) ?c) ?sy ?zy)",
        to: "(requantize ?r (sub (cast ?i ?x) ?o) ?m ?e)",
        bind: |m| {
            let (c, x) = (m.shape("?c")?, m.shape("?x")?);
            let axis =
                c.iter().filter(|&&n| n != 1).count() <= 1 && m.result()?.shape == *x && m.constant("?c").is_some();
            factors(m, &m.numbers("?c").filter(|_| axis)?, c.to_vec())
        },
        examples: &[
            "?q {to: i8}; ?x i8[2,300]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?c const [0.7] : f32[]; ?sy const [0.03] : f32[]; ?zy \
             const [4] : i8[]",
            "?q {to: u8}; ?x u8[1,3,4,9]; ?sx const [0.02] : f32[]; ?zx const [90] : u8[]; ?c const [0.7,-2.5,0.01] : f32[3,1,1]; ?sy const \
             [0.03] : f32[]; ?zy const [100] : u8[]",
            "rounding tflite; ?q {to: u8}; ?x u8[1,3,4,9]; ?sx const [0.02] : f32[]; ?zx const [90] : u8[]; ?c const [0.071,-0.0293,0.0113] : \
             f32[3,1,1]; ?sy const [0.03] : f32[]; ?zy const [100] : u8[]",
        ],
        declines: &[
            "rounding tflite; ?q {to: u8}; ?x u8[1,3,4,9]; ?sx const [0.02] : f32[]; ?zx const [90] : u8[]; ?c const [0.7,2.5,0.01] : \
             f32[3,1,1]; ?sy const [0.03] : f32[]; ?zy const [100] : u8[]",
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?c const f32[2,3]; ?sy const [0.03] : f32[]; ?zy _",
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?c f32[3]; ?sy const [0.03] : f32[]; ?zy _",
        ],
    },
    Rule {
        name: "make-shift-integer",
        doc: "`quantize(dequantize(x) + c) = requantize(x k + o)` with `k` the quotient of the scales and `o` the constant `c` over the \
              result's, both times a power of two, and the zero point.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (add (dequantize ?x ?sx ?zx) ?c) ?sy ?zy)",
        to: "(requantize ?r (add (mul (cast ?i ?x) ?k) ?o) ?m ?e)",
        bind: |m| affine(m, None),
        examples: &[
            "?q {to: i8}; ?x i8[2,300]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?c const [0.7] : f32[]; ?sy const [0.03] : f32[]; ?zy \
             const [4] : i8[]",
            "?q {to: u8}; ?x u8[1,3,4,9]; ?sx const [0.02] : f32[]; ?zx const [90] : u8[]; ?c const [0.7,-2.5,0.01] : f32[3,1,1]; ?sy const \
             [0.03] : f32[]; ?zy const [100] : u8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?c const [1e20] : f32[]; ?sy const [0.03] : f32[]; ?zy _",
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?c f32[3]; ?sy const [0.03] : f32[]; ?zy _",
        ],
    },
    Rule {
        name: "make-affine-integer",
        doc: "`quantize(dequantize(x) g + c) = requantize(x k + o)` with constants, as without the factors `g`.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (add (mul (dequantize ?x ?sx ?zx) ?g) ?c) ?sy ?zy)",
        to: "(requantize ?r (add (mul (cast ?i ?x) ?k) ?o) ?m ?e)",
        bind: |m| affine(m, Some("?g")),
        examples: &[
            "?q {to: i8}; ?x i8[2,300]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?g const [-0.6] : f32[]; ?c const [0.7] : f32[]; ?sy \
             const [0.03] : f32[]; ?zy const [4] : i8[]",
            "?q {to: u8}; ?x u8[1,3,4,9]; ?sx const [0.02] : f32[]; ?zx const [90] : u8[]; ?g const [1.0,0.9,1.3] : f32[3,1,1]; ?c const \
             [0.7,-2.5,0.01] : f32[3,1,1]; ?sy const [0.03] : f32[]; ?zy const [100] : u8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?g f32[3]; ?c const [1.0] : f32[]; ?sy const [0.03] : f32[]; ?zy _",
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?g const [1.0,2.0] : f32[2,1]; ?c const [1.0,2.0,3.0] : f32[3]; ?sy \
             const [0.03] : f32[]; ?zy _",
        ],
    },
    Rule {
        name: "make-mul-integer",
        doc: "`quantize(dequantize(x) dequantize(v)) = requantize((x - zx) (v - zv))` with the factor `sx sv / sy`.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (mul (dequantize ?x ?sx ?zx) (dequantize ?v ?sv ?zv)) ?sy ?zy)",
        to: "(requantize ?r (mul (sub (cast ?i ?x) ?o) (sub (cast ?i ?v) ?p)) ?m ?e)",
        bind: |m| {
            let (x, v) = (scale(m, "?x", "?sx", "?zx")?, scale(m, "?v", "?sv", "?zv")?);
            let sy = positive(m, "?sy")?;
            let scaling = Scaling::of(m, &[x.scale * v.scale / sy], x.farthest() * v.farthest())?;
            let bound = scaling.bind(m, Vec::new())?.tensor("?o", int(x.zero)).tensor("?p", int(v.zero));
            Some(bound.attrs("?i", widening()))
        },
        examples: &[
            "?q {to: i8}; ?x i8[2,20]; ?sx const [0.0211] : f32[]; ?zx const [-5] : i8[]; ?v i8[20]; ?sv const [0.013] : f32[]; ?zv const \
             [3] : i8[]; ?sy const [0.02] : f32[]; ?zy const [4] : i8[]",
            "rounding tflite; ?q {to: i8}; ?x i8[5,20]; ?sx const [0.0211] : f32[]; ?zx const [-5] : i8[]; ?v i8[20]; ?sv const [0.013] : \
             f32[]; ?zv const [3] : i8[]; ?sy const [0.07] : f32[]; ?zy const [4] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?v i8[2,3]; ?sv f32[]; ?zv _; ?sy const [0.03] : f32[]; ?zy const \
             [4] : i8[]",
        ],
    },
    Rule {
        name: "move-clip-over-quantize",
        doc: "`quantize(clip(x, lo, hi)) = clip(quantize(x), quantize(lo), quantize(hi))`, where the scale is positive and the limits are \
              constant.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (clip ?x ?lo ?hi) ?s ?z)",
        to: "(clip (quantize ?q ?x ?s ?z) ?l ?h)",
        bind: |m| {
            let (lo, hi) = (m.number("?lo")?, m.number("?hi")?);
            let one = one(m, "?s").filter(|s| (1e-20..1e20).contains(s))?;
            let zero = zero(m, "?z")?;
            let to = m.attrs("?q").dtype("to");
            let (lowest, highest) = to.range();
            // An f32 divided in f64 and rounded to f32 is its quotient in f32.
            let integer = |v: f64| (f64::from((v / one) as f32).round_ties_even() + zero).clamp(lowest, highest);
            let limit = |v: f64| Tensor::of::<f64>(Shape::scalar(), vec![integer(v)]).cast(to);
            let fits = lo <= hi && m.ty("?x")?.shape == m.result()?.shape;
            fits.then(|| Bindings::default().tensor("?l", limit(lo)).tensor("?h", limit(hi)))
        },
        examples: &[
            "?q {to: i8}; ?x f32[400] in -1..8; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.04] : f32[]; ?z const [-9] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x f32[40]; ?lo const [1.0] : f32[]; ?hi const [0.0] : f32[]; ?s const [0.024] : f32[]; ?z const [-128] : i8[]",
            "?q {to: i8}; ?x f32[40]; ?lo f32[]; ?hi const [0.0] : f32[]; ?s const [0.024] : f32[]; ?z const [-128] : i8[]",
        ],
    },
    limit!("max", "(max (requantize ?r ?x ?m ?e) ?c)", |c, lo, hi| (lo.max(c), hi.max(c))),
    limit!("min", "(min (requantize ?r ?x ?m ?e) ?c)", |c, lo, hi| (lo.min(c), hi.min(c))),
    Rule {
        name: "fold-clip-into-requantize",
        doc: "`clip(requantize(x), l, h) = requantize(x)` with the limits of both.",
        accuracy: Accuracy::Exact,
        from: "(clip (requantize ?r ?x ?m ?e) ?l ?h)",
        to: "(requantize ?t ?x ?m ?e)",
        bind: |m| {
            let (l, h) = (m.number("?l")?, m.number("?h")?);
            limited(m, |lo, hi| (lo.max(l).min(h), hi.max(l).min(h)))
        },
        examples: &[
            "?r {to: i8, shift: 0, zero: 3, lo: -100, hi: 127}; ?x i32[400] in -1000..1000; ?m const [600000000] : i32[]; ?e _; ?l const [-20] : i8[]; \
             ?h const [70] : i8[]",
        ],
        declines: &[
            "?r {to: i8, shift: 0, zero: 3, lo: -100, hi: 127}; ?x i32[40]; ?m const [600000000] : i32[]; ?e _; ?l i8[]; ?h const [70] : i8[]",
        ],
    },
];

/// What `quantize(dequantize(x) c)` is, for each factor `c`, in a shape.
fn factors(m: &Match<'_>, factors: &[f64], shape: Vec<usize>) -> Option<Bindings> {
    let x = scale(m, "?x", "?sx", "?zx")?;
    let sy = positive(m, "?sy")?;
    let factors: Vec<f64> = factors.iter().map(|c| c * x.scale / sy).collect();
    let bound = Scaling::of(m, &factors, x.farthest())?.bind(m, shape)?.tensor("?o", int(x.zero));
    Some(bound.attrs("?i", widening()))
}

/// What `quantize(dequantize(x) g + ?c)` is with the constant `g`, which is 1 where none is named.
fn affine(m: &Match<'_>, g: Option<&str>) -> Option<Bindings> {
    let x = scale(m, "?x", "?sx", "?zx")?;
    let sy = positive(m, "?sy")?;
    let (g, g_shape) = match g {
        None => (vec![1.0], Shape::scalar()),
        Some(g) => (m.numbers(g)?, m.shape(g)?.clone()),
    };
    let (c, c_shape) = (m.numbers("?c")?, m.shape("?c")?.clone());
    // Where both vary, together.
    let shape = match (g.len(), c.len()) {
        (1, _) => c_shape,
        (_, 1) => g_shape.clone(),
        _ => Some(c_shape).filter(|s| *s == g_shape)?,
    };
    let steps: Vec<f64> = g.iter().map(|g| g * x.scale / sy).collect();
    let largest = |v: &[f64], by: f64| v.iter().fold(0.0, |a: f64, v| a.max((v * by).abs()));
    let fixed = Fixed::of(largest(&steps, x.farthest() + 256.0) + largest(&c, 1.0 / sy))?;
    let k: Vec<f64> = steps.iter().map(|s| fixed.number(*s)).collect();
    let o = (0..g.len().max(c.len())).map(|i| fixed.number(c[i % c.len()] / sy) - k[i % k.len()] * x.zero);
    let tensor = |shape: Shape, v: Vec<f64>| Tensor::of::<f64>(shape, v).cast(DType::I32);
    let o = tensor(shape, o.collect());
    Some(fixed.bind(m)?.tensor("?k", tensor(g_shape, k)).tensor("?o", o).attrs("?i", widening()))
}

/// The attributes `?t` of the requantization `?r` with other limits.
fn limited(m: &Match<'_>, limits: impl Fn(f64, f64) -> (f64, f64)) -> Option<Bindings> {
    let r = m.attrs("?r");
    let (lo, hi) = limits(r.int("lo") as f64, r.int("hi") as f64);
    let attrs = r.clone().with_int("lo", lo as i64).with_int("hi", hi as i64);
    (lo <= hi).then(|| Bindings::default().attrs("?t", attrs))
}

/// The table `?t` of an operator between 8 bits and 8 bits, by its own evaluation. Its attributes, if it has
/// any, are `?a` at the end of its `head`.
fn table(m: &Match<'_>, op: OpId, head: &str) -> Option<Bindings> {
    scale(m, "?x", "?sx", "?zx")?;
    let dtype = m.dtype("?x")?;
    let unsigned = Tensor::of::<f64>([256], (0..256).map(f64::from).collect()).cast(DType::U8).cast(dtype);
    let none = Attrs::new();
    let attrs = if head.ends_with("?a") { m.attrs("?a") } else { &none };
    let run = |op: OpId, attrs: &Attrs, x: &[Option<&Tensor>]| op.op().eval(attrs, x).ok()?.pop();
    let real = run(OpId::dequantize, &none, &[Some(&unsigned), m.constant("?sx"), m.constant("?zx")])?;
    let real = run(op, attrs, &[Some(&real)])?;
    let scalar = |name: &str| m.is_absent(name) || m.shape(name).is_some_and(|s| s.elements() == 1);
    if !scalar("?sy") || !scalar("?zy") {
        return None;
    }
    let t = run(OpId::quantize, m.attrs("?q"), &[Some(&real), Some(m.constant("?sy")?), m.constant("?zy")])?;
    let axis = Attrs::new().with_int("axis", 0);
    Some(Bindings::default().tensor("?t", t).attrs("?g", axis).attrs("?i", widening()))
}
