//! `matmul_integer`: product of matrices of quantized numbers, exact in 32 bits.

use super::centered;
use super::matmul;
use super::quantization::aligned;
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::eval::gemm;
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx, optional};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

static FACTS: Facts = Facts {
    name: "matmul_integer",
    doc: "`y[.., i, j] = sum over k of (a[.., i, k] - a_zero) * (b[.., k, j] - b_zero)`, in 32 bits, which wrap; shapes as \
          `matmul`, each zero point broadcast to its operand. ONNX MatMulInteger.",
    operands: &[once("a"), once("b"), optional("a_zero"), optional("b_zero")],
    attrs: &[],
    imports: &[onnx("MatMulInteger", 10, read).written(write)],
    examples: &[
        "matmul_integer i8[5,7] in -128..127, i8[7,11] in -128..127 -> i32[5,11]",
        "matmul_integer u8[2,1,3,4] in 0..255, i8[5,4,6] in -128..127, u8[] in 100..150 -> i32[2,5,3,6]",
        "matmul_integer i8[3,4] in -128..127, u8[4,6] in 0..255, i8[3,1] in -9..9, u8[1,6] in 120..130 -> i32[3,6]",
        "matmul_integer u8[4] in 0..255, i8[4,6] in -128..127, _, i8[] in -9..9 -> i32[6]",
    ],
};

pub struct MatMulInteger;
pub static OP: MatMulInteger = MatMulInteger;

impl Op for MatMulInteger {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, _attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(a), Some(b), zeros @ ..] = x else { unreachable!("operand count is checked") };
        let zero = |i: usize| zeros.get(i).copied().flatten();
        let shape = matmul::shape("matmul_integer", a, b)?;
        centered::check("matmul_integer", ("a", a), zero(0), a.shape.rank().saturating_sub(2))?;
        centered::check("matmul_integer", ("b", b), zero(1), b.shape.rank() - 1)?;
        Ok(vec![TensorType::new(DType::I32, shape)])
    }

    fn eval(&self, _attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let operands = centered::operands(x);
        let inner = operands[1].shape().iter().skip(1).last().copied().unwrap_or(1);
        let k = operands[0].shape().last().copied().unwrap_or(1);
        Ok(vec![match centered::in_floats(&operands, k, inner) {
            Some(floats) => centered::from_floats(&matmul::evaluate::<f32>(&floats.each_ref().map(Some), gemm::gemm)),
            None => matmul::evaluate::<i32>(&operands.each_ref().map(Some), gemm::gemm),
        }])
    }

    fn eval_naive(&self, _attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        let operands = centered::operands(x);
        Some(vec![matmul::evaluate::<i32>(&operands.each_ref().map(Some), gemm::naive)])
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [a, b] = centered::views(x);
        matmul::sums(l, &a, &b, &y[0]);
        Ok(())
    }

    fn macs(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        matmul::OP.macs(attrs, x, y)
    }
}

/// Zero points of several elements are one a row of `a`, one a column of `b`.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let (a, b) = (n.operand(0), n.operand(1));
    let rows = aligned(n, OpId::matmul_integer, 0, 2, -2)?;
    let columns = aligned(n, OpId::matmul_integer, 1, 3, -1)?;
    Ok(vec![n.emit(OpId::matmul_integer, Attrs::new(), &[a, b, rows, columns])?])
}

/// ONNX's zero points are a scalar or a vector.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let operands = centered::written(w);
    Ok(vec![w.same_over(operands, [])])
}
