//! `round`: rounded to nearest.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "round",
        doc: "the nearest integer, of two the even one. ONNX Round.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Round", 11, |n| n.emit_all(OpId::round, Attrs::new()))],
        examples: &["round f32[2,33] in -9.0..9.0 -> f32[2,33]", "round f16[9] in -9.0..9.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::RoundEvenF32.call([x[0].clone()]),
};
