//! `selu`: scaled exponential unit.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "selu",
        doc: "`y = gamma * (x <= 0 ? alpha * (exp(x) - 1) : x)`. ONNX Selu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "factor below zero"), AttrSpec::float("gamma", "factor of all")],
        imports: &[onnx("Selu", 6, |n| {
            let (alpha, gamma) = (n.float("alpha")?.unwrap_or(1.673_263_2), n.float("gamma")?.unwrap_or(1.050_701));
            n.emit_all(OpId::selu, Attrs::new().with_float("alpha", alpha).with_float("gamma", gamma))
        })],
        examples: &["selu f32[2,33] {alpha: 1.67326, gamma: 1.0507} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let (zero, gamma) = (Expr::f32(0.0), Expr::f32(attrs.float("gamma")));
        let below = Expr::f32(attrs.float("alpha")) * (Library::ExpF32.call([x[0].clone()]) - Expr::f32(1.0));
        gamma * x[0].clone().le(zero).select(below, x[0].clone())
    },
};
