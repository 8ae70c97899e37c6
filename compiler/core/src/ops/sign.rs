//! `sign`: minus one, zero or one.

use super::elementwise::{Elementwise, ResultType, constant};
use super::require;
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "sign",
        doc: "`y = x < 0 ? -1 : x > 0 ? 1 : x`. ONNX Sign.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Sign", 9, |n| n.emit_all(OpId::sign, Attrs::new()))],
        examples: &["sign f32[2,3,4] -> f32[2,3,4]", "sign i8[40] in -2..2 -> i8[40]"],
    },
    accepts: require::signed,
    result: ResultType::Same,
    value: |_, d, x| {
        let (zero, one) = (constant(d, 0.0), constant(d, 1.0));
        let negative = x[0].clone().lt(zero.clone());
        let positive = zero.lt(x[0].clone());
        negative.select(constant(d, -1.0), positive.select(one, x[0].clone()))
    },
};
