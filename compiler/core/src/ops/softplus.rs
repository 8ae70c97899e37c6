//! `softplus`: smooth relu.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "softplus",
        doc: "`y = ln(1 + exp(x))`, computed as `max(x, 0) + ln(1 + exp(-|x|))`. ONNX Softplus.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Softplus", 1, |n| n.emit_all(OpId::softplus, Attrs::new()))],
        examples: &["softplus f32[2,33] in -30.0..30.0 -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| {
        let (zero, one) = (Expr::f32(0.0), Expr::f32(1.0));
        let positive = x[0].clone().max(zero.clone());
        let power = Library::ExpF32.call([x[0].clone().min(zero) - positive.clone()]);
        positive + Library::LogF32.call([one + power])
    },
};
