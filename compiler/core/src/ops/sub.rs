//! `sub`: difference.

use super::elementwise::{Elementwise, ResultType, read_aligned};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx, onnx_until};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "sub",
        doc: "`y = a - b`. ONNX Sub.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[
            onnx_until("Sub", 6, 6, |n| read_aligned(n, OpId::sub)),
            onnx("Sub", 7, |n| n.emit_all(OpId::sub, Attrs::new())),
        ],
        examples: &[
            "sub f32[2,3,4], f32[2,3,4] -> f32[2,3,4]",
            "sub f32[2,3,4,5], f32[3,1,1] -> f32[2,3,4,5]",
            "sub f32[], f32[4,1] -> f32[4,1]",
            "sub i32[2,1], i32[1,3] -> i32[2,3]",
            "sub u8[7], u8[7] -> u8[7]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() - x[1].clone(),
};
