//! `mul`: product.

use super::elementwise::{Elementwise, ResultType, read_aligned};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx, onnx_until};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "mul",
        doc: "`y = a * b`. ONNX Mul.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[
            onnx_until("Mul", 6, 6, |n| read_aligned(n, OpId::mul)),
            onnx("Mul", 7, |n| n.emit_all(OpId::mul, Attrs::new())),
        ],
        examples: &[
            "mul f32[2,3,4], f32[2,3,4] -> f32[2,3,4]",
            "mul f32[2,3,4,5], f32[3,1,1] -> f32[2,3,4,5]",
            "mul f32[], f32[4,1] -> f32[4,1]",
            "mul i32[2,1], i32[1,3] -> i32[2,3]",
            "mul u8[7], u8[7] -> u8[7]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() * x[1].clone(),
};
