//! `tanh`: hyperbolic tangent.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "tanh",
        doc: "`y = tanh(x)`. ONNX Tanh.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Tanh", 6, |n| n.emit_all(OpId::tanh, Attrs::new()))],
        examples: &["tanh f32[2,33] in -6.0..6.0 -> f32[2,33]", "tanh f16[9] in -6.0..6.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::TanhF32.call([x[0].clone()]),
};
