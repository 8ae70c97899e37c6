//! `swish`: x times its sigmoid.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::OpError;
use crate::loops::{Expr, Library};
use crate::onnx::{NodeWriter, Written};
use crate::op::{Facts, OpId, once, onnx};
use crate::tensor::Tensor;

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "swish",
        doc: "`y = x / (1 + exp(-alpha * x))`. ONNX Swish.",
        operands: &[once("x")],
        attrs: &[AttrSpec::float("alpha", "steepness of the sigmoid")],
        imports: &[onnx("Swish", 24, |n| {
            let alpha = n.float("alpha")?.unwrap_or(1.0);
            n.emit_all(OpId::swish, Attrs::new().with_float("alpha", alpha))
        })
        .written(write)],
        examples: &["swish f32[2,33] {alpha: 1.0} -> f32[2,33]"],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |attrs, _, x| {
        let power = Library::ExpF32.call([Expr::f32(-attrs.float("alpha")) * x[0].clone()]);
        x[0].clone() / (Expr::f32(1.0) + power)
    },
};

/// As `x * sigmoid(alpha * x)`: ONNX has Swish since opset 24, and runtimes know this form.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (x, alpha, dtype) = (w.operand(0), w.attrs().float("alpha"), w.x().dtype);
    let scaled = if alpha == 1.0 {
        x.clone()
    } else {
        let alpha = w.constant(&Tensor::of([], vec![alpha]).cast(dtype));
        Some(w.emit("Mul", &[x.clone(), Some(alpha)], []))
    };
    let sigmoid = w.emit("Sigmoid", &[scaled], []);
    Ok(vec![w.emit("Mul", &[x, Some(sigmoid)], [])])
}
