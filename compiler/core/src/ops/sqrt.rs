//! `sqrt`: square root.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "sqrt",
        doc: "`y = sqrt(x)`. ONNX Sqrt.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Sqrt", 6, |n| n.emit_all(OpId::sqrt, Attrs::new()))],
        examples: &["sqrt f32[2,33] in 0.0..100.0 -> f32[2,33]", "sqrt f16[9] in 0.0..100.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::SqrtF32.call([x[0].clone()]),
};
