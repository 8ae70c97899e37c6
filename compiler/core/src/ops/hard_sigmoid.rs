//! `hard_sigmoid`: piecewise linear sigmoid.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::{AttrSpec, Attrs};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "hard_sigmoid",
        doc: "`y = max(0, min(1, alpha * x + beta))`. ONNX HardSigmoid.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "slope"), AttrSpec::float("beta", "value at zero")],
        imports: &[onnx("HardSigmoid", 6, |n| {
            let alpha = n.float("alpha")?.unwrap_or(0.2);
            let beta = n.float("beta")?.unwrap_or(0.5);
            n.emit_all(OpId::hard_sigmoid, Attrs::new().with_float("alpha", alpha).with_float("beta", beta))
        })],
        examples: &["hard_sigmoid f32[2,33] in -6.0..6.0 {alpha: 0.2, beta: 0.5} -> f32[2,33]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |attrs, d, x| {
        let c = |v: f32| constant(d, v.into());
        let line = x[0].clone() * c(attrs.float("alpha")) + c(attrs.float("beta"));
        line.min(c(1.0)).max(c(0.0))
    },
};
