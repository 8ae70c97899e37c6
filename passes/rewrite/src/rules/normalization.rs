//! Batch normalization over constants, and products and sums with a number for each channel, in the
//! weights of linear operators.

use super::floats;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

pub const RULES: &[Rule] = &[
    Rule {
        name: "split-batch-norm",
        doc: "`(x - mean) / sqrt(var + epsilon) * scale + bias = x * k + (bias - mean * k)` with `k = scale / sqrt(var + \
              epsilon)`, over constants (Ioffe and Szegedy, \"Batch Normalization\", 2015, section 3.1). The factors are \
              computed in f64 and rounded once.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(batch_norm ?n ?x ?scale ?bias ?mean ?var)",
        to: "(add (mul ?x ?k) ?c)",
        bind: split_batch_norm,
        examples: &[
            "?n {epsilon: 0.001}; ?x f32[2,3,4]; ?scale const f32[3]; ?bias const f32[3]; ?mean const f32[3]; \
                     ?var const f32[3] in 0.1..2.0",
        ],
        declines: &["?n {epsilon: 0.001}; ?x f32[2,3,4]; ?scale f32[3]; ?bias const f32[3]; ?mean const f32[3]; \
                     ?var const f32[3] in 0.1..2.0"],
    },
    Rule {
        name: "fold-factor-into-conv",
        doc: "`conv(x, w, b) * k = conv(x, k w, k b)`, where the constant `k` has one number for each output channel.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(mul (conv ?a ?x ?w ?b) ?k)",
        to: "(conv ?a ?x ?w2 ?b2)",
        bind: |m| {
            let (w, k) = (m.constant("?w")?, per_channel(m, "?k")?);
            let bound = Bindings::default().tensor("?w2", scaled_rows(w, &k));
            Some(match m.constant("?b") {
                Some(b) => bound.tensor("?b2", scaled_rows(b, &k)),
                None if m.is_absent("?b") => bound.absent("?b2"),
                None => return None,
            })
        },
        examples: &[
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?w const f32[3,2,3,3]; ?b const \
             f32[3]; ?k const f32[3,1,1]",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 2}; ?x f32[1,4,4,4]; ?w const f32[4,2,2,2]; ?b _; ?k \
             const f32[]",
        ],
        declines: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,3]; ?w const f32[3,2,2,1]; ?b _; ?k \
             const f32[3]",
        ],
    },
    Rule {
        name: "fold-summand-into-conv",
        doc: "`conv(x, w, b) + c = conv(x, w, b + c)`, where the constant `c` has one number for each output channel.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(add (conv ?a ?x ?w ?b) ?c)",
        to: "(conv ?a ?x ?w ?b2)",
        bind: |m| {
            let c = per_channel(m, "?c")?;
            let b = match m.numbers("?b") {
                Some(b) => b,
                None if m.is_absent("?b") => vec![0.0; c.len()],
                None => return None,
            };
            let sum = b.iter().zip(&c).map(|(b, c)| b + c).collect();
            Some(Bindings::default().tensor("?b2", floats(m.dtype("?x")?, &[c.len()], sum)))
        },
        examples: &[
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?w const f32[3,2,3,3]; ?b _; ?c \
             const f32[1,3,1,1]",
        ],
        declines: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,3]; ?w const f32[3,2,2,1]; ?b _; ?c \
             const f32[3]",
        ],
    },
];

fn split_batch_norm(m: &Match<'_>) -> Option<Bindings> {
    let ty = m.ty("?x").filter(|ty| ty.dtype == DType::F32)?;
    let epsilon = f64::from(m.attrs("?n").float("epsilon"));
    let (scale, bias) = (m.numbers("?scale")?, m.numbers("?bias")?);
    let (mean, var) = (m.numbers("?mean")?, m.numbers("?var")?);
    let k: Vec<f64> = scale.iter().zip(&var).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    let c = bias.iter().zip(&mean).zip(&k).map(|((b, m), k)| b - m * k).collect();
    // Aligned with the channels when broadcast from the last axis on.
    let mut shape = vec![1; ty.shape.rank() - 1];
    shape[0] = ty.shape[1];
    Some(Bindings::default().tensor("?k", floats(ty.dtype, &shape, k)).tensor("?c", floats(ty.dtype, &shape, c)))
}

/// Numbers of a constant, one for each channel of the result, that broadcast along all its other axes.
fn per_channel(m: &Match<'_>, name: &str) -> Option<Vec<f64>> {
    let y = m.result()?;
    let (t, channels) = (m.constant(name)?, *y.shape.get(1)?);
    if !y.dtype.is_float() {
        return None;
    }
    let from_right = t.shape().rank().checked_sub(y.shape.rank() - 1);
    let axis = from_right.map(|extra| if extra == 0 { 0 } else { 1 });
    let others_are_one = t.shape().iter().enumerate().all(|(d, &n)| n == 1 || axis == Some(d));
    let numbers = t.to_f64s();
    match numbers.len() {
        1 => Some(vec![numbers[0]; channels]),
        n => (others_are_one && n == channels).then_some(numbers),
    }
}

/// The tensor with all that lies under index `i` of its first axis times `k[i]`.
fn scaled_rows(t: &Tensor, k: &[f64]) -> Tensor {
    let numbers = t.to_f64s();
    let row = numbers.len() / k.len().max(1);
    floats(t.dtype(), t.shape(), numbers.iter().enumerate().map(|(i, v)| v * k[i / row.max(1)]).collect())
}
