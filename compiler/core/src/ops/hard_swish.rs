//! `hard_swish`: product with a piecewise linear sigmoid.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "hard_swish",
        doc: "`y = x * max(0, min(1, x / 6 + 0.5))`. ONNX HardSwish.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("HardSwish", 14, |n| n.emit_all(OpId::hard_swish, Attrs::new()))],
        examples: &["hard_swish f32[2,33] in -6.0..6.0 -> f32[2,33]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |_, d, x| {
        let line = x[0].clone() * constant(d, 1.0 / 6.0) + constant(d, 0.5);
        x[0].clone() * line.min(constant(d, 1.0)).max(constant(d, 0.0))
    },
};
