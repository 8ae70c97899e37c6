//! `div`: quotient.

use super::elementwise::{Elementwise, ResultType, read_aligned, read_chain};
use super::require;
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::graph::NodeId;
use crate::loops::{Binary, Expr};
use crate::onnx::NodeReader;
use crate::op::{Facts, OpId, once, onnx, onnx_until};
use crate::tensor::Tensor;
use crate::types::Shape;

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "div",
        doc: "`y = a / b`; of integers rounded towards zero. ONNX Div, Mean.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[
            onnx_until("Div", 6, 6, |n| read_aligned(n, OpId::div)),
            onnx("Div", 7, |n| n.emit_all(OpId::div, Attrs::new())),
            onnx("Mean", 6, read_mean),
        ],
        examples: &[
            "div f32[2,3,4], f32[2,3,4] in 0.5..2.0 -> f32[2,3,4]",
            "div i32[9], i32[3,1] in 1..9 -> i32[3,9]",
            "div u8[40] in 0..255, u8[40] in 1..255 -> u8[40]",
            "div i8[40] in -127..127, i8[40] in -128..-1 -> i8[40]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Binary::UDiv } else { Binary::Div };
        Expr::binary(op, x[0].clone(), x[1].clone())
    },
};

/// ONNX Mean: the sum of the operands over their number.
fn read_mean(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let dtype = n.ty(0)?.dtype;
    let count = n.operands().len() as f64;
    let sum = read_chain(n, OpId::add)?;
    let count = n.add_const(Tensor::of::<f64>(Shape::scalar(), vec![count]).cast(dtype));
    Ok(vec![n.emit(OpId::div, Attrs::new(), &[sum.first().copied(), Some(count)])?])
}
