//! `elu`: exponential below zero.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "elu",
        doc: "`y = x < 0 ? alpha * (exp(x) - 1) : x`. ONNX Elu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "factor below zero")],
        imports: &[onnx("Elu", 6, |n| {
            let alpha = n.float("alpha")?.unwrap_or(1.0);
            n.emit_all(OpId::elu, Attrs::new().with_float("alpha", alpha))
        })],
        examples: &["elu f32[2,33] {alpha: 1.5} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let below = Expr::f32(attrs.float("alpha")) * (Library::ExpF32.call([x[0].clone()]) - Expr::f32(1.0));
        x[0].clone().lt(Expr::f32(0.0)).select(below, x[0].clone())
    },
};
