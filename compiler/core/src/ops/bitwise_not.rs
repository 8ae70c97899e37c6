//! `bitwise_not`: bit by bit.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::loops::Unary;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "bitwise_not",
        doc: "`y = ~x`, bit by bit. ONNX BitwiseNot.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("BitwiseNot", 18, |n| n.emit_all(OpId::bitwise_not, Attrs::new()))],
        examples: &["bitwise_not i32[2,3] -> i32[2,3]"],
    },
    accepts: |d| d.is_int(),
    result: ResultType::Same,
    value: |_, _, x| x[0].clone().unary(Unary::Not),
};
