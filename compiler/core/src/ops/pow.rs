//! `pow`: power.

use super::elementwise::{Elementwise, ResultType, read_aligned};
use super::require;
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::graph::NodeId;
use crate::loops::Library;
use crate::onnx::NodeReader;
use crate::op::{Facts, OpId, once, onnx, onnx_until};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "pow",
        doc: "`y = a ^ b`. ONNX Pow.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx_until("Pow", 6, 6, |n| read_aligned(n, OpId::pow)), onnx("Pow", 7, read)],
        examples: &[
            "pow f32[2,3,4] in 0.1..4.0, f32[] in 0.5..3.0 -> f32[2,3,4]",
            "pow f32[40] in 0.1..4.0, f32[40] -> f32[40]",
        ],
    },
    accepts: require::f32_or_narrower,
    result: ResultType::Same,
    value: |_, _, x| Library::PowF32.call([x[0].clone(), x[1].clone()]),
};

/// The exponent may be of another type than the base.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let (a, b) = (n.ty(0)?, n.ty(1)?);
    if a.dtype == b.dtype {
        return n.emit_all(OpId::pow, Attrs::new());
    }
    let exponent = n.operand(1);
    let exponent = n.emit(OpId::cast, Attrs::new().with_dtype("to", a.dtype), &[exponent])?;
    let a = n.operand(0);
    Ok(vec![n.emit(OpId::pow, Attrs::new(), &[a, Some(exponent)])?])
}
