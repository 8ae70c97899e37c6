//! `neg`: negative.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "neg",
        doc: "`y = -x`. ONNX Neg.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Neg", 6, |n| n.emit_all(OpId::neg, Attrs::new()))],
        examples: &["neg f32[2,3,4] -> f32[2,3,4]", "neg f64[5] -> f64[5]", "neg i8[5] -> i8[5]"],
    },
    accepts: require::signed,
    result: ResultType::Same,
    value: |_, _, x| -x[0].clone(),
};
