//! `abs`: magnitude.

use super::elementwise::{Elementwise, ResultType, constant};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "abs",
        doc: "`y = |x|`; of the smallest integer itself. ONNX Abs.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Abs", 6, |n| n.emit_all(OpId::abs, Attrs::new()))],
        examples: &["abs f32[2,3,4] -> f32[2,3,4]", "abs i8[40] in -128..127 -> i8[40]"],
    },
    accepts: require::signed,
    result: ResultType::Same,
    value: |_, d, x| {
        let negative = x[0].clone().lt(constant(d, 0.0));
        negative.select(-x[0].clone(), x[0].clone())
    },
};
