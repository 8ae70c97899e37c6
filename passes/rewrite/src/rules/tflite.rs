//! Quantized sums with the three roundings of TensorFlow Lite's reference kernels.

use super::scales::{Scaling, int, positive, scale, widening};
use crate::Rounding;
use crate::rule::{Accuracy, Rule};

/// Bits behind the point of the summands: `left_shift` of the kernels.
const BITS: u32 = 20;

/// A sum or difference of two quantized values.
macro_rules! sum {
    ($name:literal, $op:literal) => {
        Rule {
            name: concat!("make-", $name, "-integer-tflite"),
            doc: concat!(
                "`quantize(dequantize(x) ", $op, " dequantize(v)) = requantize(requantize((x - zx) 2^20) ", $op, " requantize((v - zv) \
                 2^20))` with the scales over twice the larger one, and at last that over `2^20` and the result's; only where integers are \
                 rounded as TensorFlow Lite does."
            ),
            accuracy: Accuracy::Step,
            from: concat!("(quantize ?q (", $name, " (dequantize ?x ?sx ?zx) (dequantize ?v ?sv ?zv)) ?sy ?zy)"),
            to: concat!(
                "(requantize ?r (", $name, " (requantize ?s (sub (cast ?i ?x) ?o) ?k ?f) (requantize ?t (sub (cast ?i ?v) ?p) ?j ?g)) ?m ?e)"
            ),
            bind: |m| {
                let (x, v) = (scale(m, "?x", "?sx", "?zx")?, scale(m, "?v", "?sv", "?zv")?);
                let sy = positive(m, "?sy").filter(|_| m.rounding() == Rounding::Tflite)?;
                let (one, twice) = (2f64.powi(BITS as i32), 2.0 * x.scale.max(v.scale));
                let (first, second) = (x.scale / twice, v.scale / twice);
                let sum = one * (first * x.farthest() + second * v.farthest()) + 2.0;
                let scaling = Scaling::of(m, &[twice / (one * sy)], sum)?;
                let first = Scaling::of(m, &[first], one * x.farthest())?.wide(["?s", "?k", "?f"], BITS);
                let second = Scaling::of(m, &[second], one * v.farthest())?.wide(["?t", "?j", "?g"], BITS);
                let bound = scaling.bind(m, Vec::new())?.and(first).and(second);
                Some(bound.tensor("?o", int(x.zero)).tensor("?p", int(v.zero)).attrs("?i", widening()))
            },
            examples: &[
                "rounding tflite; ?q {to: i8}; ?x i8[40]; ?sx const [0.0211] : f32[]; ?zx const [-5] : i8[]; ?v u8[40]; ?sv const [0.013] : \
                 f32[]; ?zv const [100] : u8[]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
                "rounding tflite; ?q {to: i8}; ?x i8[40]; ?sx const [0.0091] : f32[]; ?zx const [3] : i8[]; ?v i8[40]; ?sv const [0.0213] : \
                 f32[]; ?zv const [-9] : i8[]; ?sy const [0.0307] : f32[]; ?zy const [4] : i8[]",
            ],
            declines: &[
                "?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?v i8[2,3]; ?sv const [0.013] : f32[]; ?zv _; ?sy const [0.03] : \
                 f32[]; ?zy const [4] : i8[]",
                "rounding tflite; ?q {to: i8}; ?x i8[2,3]; ?sx const [0.02] : f32[]; ?zx _; ?v i8[2,3]; ?sv const [0.013] : f32[]; ?zv _; ?sy \
                 const [1e-9] : f32[]; ?zy const [4] : i8[]",
            ],
        }
    };
}

pub const RULES: &[Rule] = &[sum!("add", "+"), sum!("sub", "-")];
