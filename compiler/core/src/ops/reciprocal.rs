//! `reciprocal`: inverse.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "reciprocal",
        doc: "`y = 1 / x`. ONNX Reciprocal.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Reciprocal", 6, |n| n.emit_all(OpId::reciprocal, Attrs::new()))],
        examples: &["reciprocal f32[2,3,4] -> f32[2,3,4]", "reciprocal f64[5] -> f64[5]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |_, d, x| constant(d, 1.0) / x[0].clone(),
};
