//! `prelu`: negative elements are scaled by an operand.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "prelu",
        doc: "`y = x < 0 ? slope * x : x`. ONNX PRelu.",
        operands: &[once("x"), once("slope")],
        attrs: &[],
        imports: &[onnx("PRelu", 7, |n| n.emit_all(OpId::prelu, Attrs::new()))],
        examples: &["prelu f32[2,3,4], f32[3,1] -> f32[2,3,4]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |_, d, x| x[0].clone().lt(constant(d, 0.0)).select(x[1].clone() * x[0].clone(), x[0].clone()),
};
