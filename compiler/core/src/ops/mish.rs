//! `mish`: x times the hyperbolic tangent of its softplus.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "mish",
        doc: "`y = x * tanh(log(1 + exp(x)))`, computed as `x * (1 - 2 / ((1 + exp(x))^2 + 1))`. ONNX Mish.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Mish", 18, |n| n.emit_all(OpId::mish, Attrs::new()))],
        examples: &["mish f32[2,33] -> f32[2,33]", "mish f32[7] in -100.0..100.0 -> f32[7]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| {
        let one = Expr::f32(1.0);
        let e = one.clone() + Library::ExpF32.call([x[0].clone()]);
        x[0].clone() * (one.clone() - Expr::f32(2.0) / (e.clone() * e + one))
    },
};
