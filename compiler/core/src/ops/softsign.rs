//! `softsign`: rational sigmoid.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "softsign",
        doc: "`y = x / (1 + |x|)`. ONNX Softsign.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Softsign", 1, |n| n.emit_all(OpId::softsign, Attrs::new()))],
        examples: &["softsign f32[2,33] -> f32[2,33]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |_, d, x| {
        let magnitude = x[0].clone().max(-x[0].clone());
        x[0].clone() / (constant(d, 1.0) + magnitude)
    },
};
