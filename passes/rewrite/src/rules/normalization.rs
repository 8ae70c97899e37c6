//! Batch normalization over constants, and products and sums with a number for each channel, in the
//! weights of linear operators.

use super::floats;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

/// Into the weights and the bias of a convolution: its name in the rule's and its own, and the channel of
/// the result that each of its weights belongs to.
macro_rules! factor {
    ($name:literal, $op:literal, $outputs:path, [$($example:literal),* $(,)?], [$($decline:literal),*]) => {
        Rule {
            name: concat!("fold-factor-into-", $name),
            doc: concat!(
                "`",
                $op,
                "(x, w, b) * k = ",
                $op,
                "(x, k w, k b)`, where the constant `k` has one number for each output channel."
            ),
            accuracy: Accuracy::Real { tolerance: 1e-5 },
            from: concat!("(mul (", $op, " ?a ?x ?w ?b) ?k)"),
            to: concat!("(", $op, " ?a ?x ?w2 ?b2)"),
            bind: |m| {
                let (w, k) = (m.constant("?w")?, per_channel(m, "?k")?);
                let bound = Bindings::default().tensor("?w2", scaled(w, &$outputs(m, w)?, &k));
                Some(match m.numbers("?b") {
                    Some(b) => {
                        let b = b.iter().zip(&k).map(|(b, k)| b * k).collect();
                        bound.tensor("?b2", floats(w.dtype(), &[k.len()], b))
                    }
                    None if m.is_absent("?b") => bound.absent("?b2"),
                    None => return None,
                })
            },
            examples: &[$($example),*],
            declines: &[$($decline),*],
        }
    };
}

/// Into the bias of a convolution.
macro_rules! summand {
    ($name:literal, $op:literal, [$($example:literal),* $(,)?], [$($decline:literal),*]) => {
        Rule {
            name: concat!("fold-summand-into-", $name),
            doc: concat!(
                "`",
                $op,
                "(x, w, b) + c = ",
                $op,
                "(x, w, b + c)`, where the constant `c` has one number for each output channel."
            ),
            accuracy: Accuracy::Real { tolerance: 1e-5 },
            from: concat!("(add (", $op, " ?a ?x ?w ?b) ?c)"),
            to: concat!("(", $op, " ?a ?x ?w ?b2)"),
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
            examples: &[$($example),*],
            declines: &[$($decline),*],
        }
    };
}

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
    factor!(
        "conv",
        "conv",
        outputs_of_conv,
        [
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?w const f32[3,2,3,3]; ?b const \
             f32[3]; ?k const f32[3,1,1]",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 2}; ?x f32[1,4,4,4]; ?w const f32[4,2,2,2]; ?b _; ?k \
             const f32[]",
        ],
        [
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,3]; ?w const f32[3,2,2,1]; ?b _; ?k \
          const f32[3]"
        ]
    ),
    summand!(
        "conv",
        "conv",
        [
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?w const f32[3,2,3,3]; ?b _; ?c \
             const f32[1,3,1,1]",
        ],
        [
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,3]; ?w const f32[3,2,2,1]; ?b _; ?c \
          const f32[3]"
        ]
    ),
    factor!(
        "conv-transpose",
        "conv_transpose",
        outputs_of_conv_transpose,
        [
            "?a {strides: [2,2], pads: [1,1,1,1], dilations: [1,1], output_padding: [1,0], group: 1}; ?x f32[1,2,3,3]; ?w const \
             f32[2,3,3,3]; ?b const f32[3]; ?k const f32[3,1,1]",
            "?a {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 2}; ?x f32[1,4,3]; ?w const f32[4,3,2]; \
             ?b _; ?k const f32[1,6,1]",
        ],
        [
            "?a {strides: [1], pads: [0,0], dilations: [1], output_padding: [0], group: 1}; ?x f32[1,2,3]; ?w const f32[2,3,1]; ?b \
          _; ?k const f32[3]"
        ]
    ),
    summand!(
        "conv-transpose",
        "conv_transpose",
        [
            "?a {strides: [2,2], pads: [1,1,1,1], dilations: [1,1], output_padding: [1,0], group: 1}; ?x f32[1,2,3,3]; ?w const \
             f32[2,3,3,3]; ?b const f32[3]; ?c const f32[3,1,1]",
        ],
        [
            "?a {strides: [1], pads: [0,0], dilations: [1], output_padding: [0], group: 1}; ?x f32[1,2,3]; ?w const f32[2,3,1]; ?b \
          _; ?c const f32[3]"
        ]
    ),
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

/// By element of a convolution's weights the channel of the result that it belongs to.
fn outputs_of_conv(_: &Match<'_>, w: &Tensor) -> Option<Vec<usize>> {
    let row = w.shape()[1..].iter().product::<usize>().max(1);
    Some((0..w.data().len()).map(|i| i / row).collect())
}

/// The same of a transposed convolution.
fn outputs_of_conv_transpose(m: &Match<'_>, w: &Tensor) -> Option<Vec<usize>> {
    let group = usize::try_from(m.attrs("?a").int("group")).ok()?;
    let [channels, outputs, kernel @ ..] = &**w.shape() else { return None };
    let (taps, channels) = (kernel.iter().product::<usize>().max(1), channels / group);
    let of = |i: usize| i / taps / outputs / channels * outputs + i / taps % outputs;
    Some((0..w.data().len()).map(of).collect())
}

/// The tensor with each element times the number of its channel.
pub fn scaled(t: &Tensor, channels: &[usize], k: &[f64]) -> Tensor {
    floats(t.dtype(), t.shape(), t.to_f64s().iter().zip(channels).map(|(v, &c)| v * k[c]).collect())
}
