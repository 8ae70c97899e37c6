//! `div`: quotient.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Binary, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "div",
        doc: "`y = a / b`; of integers rounded towards zero. ONNX Div.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Div", 7, |n| n.emit_all(OpId::div, Attrs::new()))],
        examples: &["div f32[2,3,4], f32[2,3,4] in 0.5..2.0 -> f32[2,3,4]", "div i32[9], i32[3,1] in 1..9 -> i32[3,9]", "div u8[40] in 0..255, u8[40] in 1..255 -> u8[40]", "div i8[40] in -127..127, i8[40] in -128..-1 -> i8[40]"],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Binary::UDiv } else { Binary::Div };
        Expr::binary(op, x[0].clone(), x[1].clone())
    },
};
