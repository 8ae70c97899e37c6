//! `celu`: exponential unit that is smooth at zero.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "celu",
        doc: "`y = max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`. ONNX Celu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "where it saturates below zero")],
        imports: &[onnx("Celu", 12, |n| {
            let alpha = n.float("alpha")?.unwrap_or(1.0);
            n.emit_all(OpId::celu, Attrs::new().with_float("alpha", alpha))
        })],
        examples: &["celu f32[2,33] {alpha: 1.5} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let (zero, alpha) = (Expr::f32(0.0), Expr::f32(attrs.float("alpha")));
        let below = alpha.clone() * (Library::ExpF32.call([x[0].clone() / alpha]) - Expr::f32(1.0));
        x[0].clone().max(zero.clone()) + below.min(zero)
    },
};
