//! `leaky_relu`: negative elements are scaled.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::{AttrSpec, Attrs};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "leaky_relu",
        doc: "`y = x < 0 ? alpha * x : x`. ONNX LeakyRelu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "factor of negative elements")],
        imports: &[onnx("LeakyRelu", 6, |n| {
            let alpha = n.float("alpha")?.unwrap_or(0.01);
            n.emit_all(OpId::leaky_relu, Attrs::new().with_float("alpha", alpha))
        })],
        examples: &["leaky_relu f32[2,3,4] {alpha: 0.01} -> f32[2,3,4]", "leaky_relu f64[9] {alpha: 0.5} -> f64[9]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |attrs, d, x| {
        let alpha = constant(d, attrs.float("alpha").into());
        x[0].clone().lt(constant(d, 0.0)).select(alpha * x[0].clone(), x[0].clone())
    },
};
