//! `ceil`: rounded up.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "ceil",
        doc: "the smallest integer that is not below `x`. ONNX Ceil.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Ceil", 6, |n| n.emit_all(OpId::ceil, Attrs::new()))],
        examples: &["ceil f32[2,33] in -9.0..9.0 -> f32[2,33]", "ceil f16[9] in -9.0..9.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::CeilF32.call([x[0].clone()]),
};
