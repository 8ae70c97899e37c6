//! `bitwise_and`: bit by bit.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "bitwise_and",
        doc: "`y = a & b`, bit by bit. ONNX BitwiseAnd.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("BitwiseAnd", 18, |n| n.emit_all(OpId::bitwise_and, Attrs::new()))],
        examples: &[
            "bitwise_and i32[2,3], i32[3] -> i32[2,3]",
            "bitwise_and u8[40] in 0..255, u8[40] in 0..255 -> u8[40]",
        ],
    },
    accepts: |d| d.is_int(),
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() & x[1].clone(),
};
