//! `gelu`: Gaussian error linear unit.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};
use std::f32::consts::{FRAC_1_SQRT_2, PI};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "gelu",
        doc: "`y = 0.5 * x * (1 + erf(x / sqrt(2)))`; with `tanh` erf is approximated by `tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))`. ONNX Gelu.",
        operands: &[once("x")],
        attrs: &[AttrSpec::bool("tanh", "the approximation").worded("approximate", ["none", "tanh"])],
        imports: &[onnx("Gelu", 20, |n| {
            let tanh = match n.string("approximate")?.as_deref() {
                None | Some("none") => false,
                Some("tanh") => true,
                Some(other) => {
                    let message = format!("gelu: approximate is {other:?}, but must be none or tanh");
                    return Err(OpError::new(Code::BadAttribute, message));
                }
            };
            n.emit_all(OpId::gelu, Attrs::new().with_bool("tanh", tanh))
        })],
        examples: &[
            "gelu f32[2,33] in -4.0..4.0 {tanh: false} -> f32[2,33]",
            "gelu f32[2,33] in -4.0..4.0 {tanh: true} -> f32[2,33]",
        ],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let (x, c) = (x[0].clone(), Expr::f32);
        let sigmoid = if attrs.bool("tanh") {
            let cubic = x.clone() * x.clone() * x.clone() * c(0.044_715);
            Library::TanhF32.call([c((2.0 / PI).sqrt()) * (x.clone() + cubic)])
        } else {
            Library::ErfF32.call([x.clone() * c(FRAC_1_SQRT_2)])
        };
        x * c(0.5) * (c(1.0) + sigmoid)
    },
};
