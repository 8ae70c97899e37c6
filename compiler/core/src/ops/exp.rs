//! `exp`: exponential function.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "exp",
        doc: "`y = exp(x)`. ONNX Exp.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Exp", 6, |n| n.emit_all(OpId::exp, Attrs::new()))],
        examples: &["exp f32[2,33] -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::ExpF32.call([x[0].clone()]),
};
