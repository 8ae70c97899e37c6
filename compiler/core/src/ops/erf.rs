//! `erf`: error function.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "erf",
        doc: "`y = 2 / sqrt(pi) * integral from 0 to x of exp(-t^2)`. ONNX Erf.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Erf", 9, |n| n.emit_all(OpId::erf, Attrs::new()))],
        examples: &["erf f32[2,33] in -4.0..4.0 -> f32[2,33]", "erf f16[9] in -4.0..4.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::ErfF32.call([x[0].clone()]),
};
