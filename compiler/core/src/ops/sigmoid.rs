//! `sigmoid`: logistic function.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "sigmoid",
        doc: "`y = 1 / (1 + exp(-x))`. ONNX Sigmoid.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Sigmoid", 6, |n| n.emit_all(OpId::sigmoid, Attrs::new()))],
        examples: &["sigmoid f32[2,33] -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Expr::f32(1.0) / (Expr::f32(1.0) + Library::ExpF32.call([-x[0].clone()])),
};
