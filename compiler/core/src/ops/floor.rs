//! `floor`: rounded down.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "floor",
        doc: "the largest integer that is not above `x`. ONNX Floor.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Floor", 6, |n| n.emit_all(OpId::floor, Attrs::new()))],
        examples: &["floor f32[2,33] in -9.0..9.0 -> f32[2,33]", "floor f16[9] in -9.0..9.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::FloorF32.call([x[0].clone()]),
};
