//! `shrink`: zero around zero, moved towards it elsewhere.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::Expr;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "shrink",
        doc: "`y = x < -lambd ? x + bias : x > lambd ? x - bias : 0`. ONNX Shrink.",
        operands: &[once("x")],
        attrs: &[
            AttrSpec::float("bias", "distance that values are moved"),
            AttrSpec::float("lambd", "values up to this magnitude become 0"),
        ],
        imports: &[onnx("Shrink", 9, |n| {
            let (bias, lambd) = (n.float("bias")?.unwrap_or(0.0), n.float("lambd")?.unwrap_or(0.5));
            n.emit_all(OpId::shrink, Attrs::new().with_float("bias", bias).with_float("lambd", lambd))
        })],
        examples: &["shrink f32[2,33] {bias: 0.25, lambd: 0.5} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let (bias, lambd) = (Expr::f32(attrs.float("bias")), Expr::f32(attrs.float("lambd")));
        let above = lambd.clone().lt(x[0].clone()).select(x[0].clone() - bias.clone(), Expr::f32(0.0));
        x[0].clone().lt(-lambd).select(x[0].clone() + bias, above)
    },
};
