//! `swish`: x times its sigmoid.

use crate::attrs::{AttrSpec, Attrs};
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};
use super::elementwise::{Elementwise, ResultType};
use super::require;

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "swish",
        doc: "`y = x / (1 + exp(-alpha * x))`. ONNX Swish.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "steepness of the sigmoid")],
        imports: &[onnx("Swish", 24, |n| {
            let alpha = n.float("alpha")?.unwrap_or(1.0);
            n.emit_all(OpId::swish, Attrs::new().with_float("alpha", alpha))
        })],
        examples: &["swish f32[2,33] {alpha: 1.0} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let power = Library::ExpF32.call([Expr::f32(-attrs.float("alpha")) * x[0].clone()]);
        x[0].clone() / (Expr::f32(1.0) + power)
    },
};
