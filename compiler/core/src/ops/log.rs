//! `log`: natural logarithm.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "log",
        doc: "`y = ln x`. ONNX Log.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Log", 6, |n| n.emit_all(OpId::log, Attrs::new()))],
        examples: &["log f32[2,33] in 0.001..1000.0 -> f32[2,33]", "log f16[9] in 0.001..1000.0 -> f16[9]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::LogF32.call([x[0].clone()]),
};
