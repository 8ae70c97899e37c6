//! `add`: sum.

use super::elementwise::{Elementwise, ResultType, read_aligned, read_chain};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx, onnx_until};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "add",
        doc: "`y = a + b`. ONNX Add, Sum.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[
            onnx_until("Add", 6, 6, |n| read_aligned(n, OpId::add)),
            onnx("Add", 7, |n| n.emit_all(OpId::add, Attrs::new())),
            onnx("Sum", 6, |n| read_chain(n, OpId::add)),
        ],
        examples: &[
            "add f32[2,3,4], f32[2,3,4] -> f32[2,3,4]",
            "add f32[2,3,4,5], f32[3,1,1] -> f32[2,3,4,5]",
            "add f32[], f32[4,1] -> f32[4,1]",
            "add i32[2,1], i32[1,3] -> i32[2,3]",
            "add u8[40] in 0..255, u8[40] in 0..255 -> u8[40]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() + x[1].clone(),
};
