//! `relu`: negative elements become zero.

use super::elementwise::{Elementwise, ResultType, constant};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "relu",
        doc: "`y = max(x, 0)`. ONNX Relu.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Relu", 6, |n| n.emit_all(OpId::relu, Attrs::new()))],
        examples: &["relu f32[2,3,4] -> f32[2,3,4]", "relu f64[5] -> f64[5]", "relu i8[3,3] -> i8[3,3]"],
    },
    accepts: require::signed,
    result: ResultType::Same,
    value: |_, d, x| x[0].clone().max(constant(d, 0.0)),
};
