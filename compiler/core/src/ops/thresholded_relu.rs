//! `thresholded_relu`: zero up to a threshold.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::Expr;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "thresholded_relu",
        doc: "`y = x > alpha ? x : 0`. ONNX ThresholdedRelu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "the threshold")],
        imports: &[onnx("ThresholdedRelu", 10, |n| {
            let alpha = n.float("alpha")?.unwrap_or(1.0);
            n.emit_all(OpId::thresholded_relu, Attrs::new().with_float("alpha", alpha))
        })],
        examples: &["thresholded_relu f32[2,33] {alpha: 0.5} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let above = Expr::f32(attrs.float("alpha")).lt(x[0].clone());
        above.select(x[0].clone(), Expr::f32(0.0))
    },
};
