//! `clip`: elements limited to a range.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::graph::NodeId;
use crate::loops::{Binary, Expr};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, OpId, once, onnx, onnx_until};
use crate::tensor::Tensor;
use crate::types::{DType, Shape};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "clip",
        doc: "`y = min(max(x, lo), hi)`; a NaN stays. ONNX Clip.",
        operands: &[once("x"), once("lo"), once("hi")],
        attrs: &[],
        imports: &[onnx_until("Clip", 6, 10, read_attributes), onnx("Clip", 11, read_operands).written(write)],
        examples: &[
            "clip f32[2,3,4], f32[] in -1.0..0.0, f32[] in 0.0..1.0 -> f32[2,3,4]",
            "clip i8[40], i8[] in -50..-1, i8[] in 1..50 -> i8[40]",
            "clip u8[40] in 0..255, u8[] in 20..30, u8[] in 200..210 -> u8[40]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, d, x| {
        let (min, max) = if d.is_unsigned_int() { (Binary::UMin, Binary::UMax) } else { (Binary::Min, Binary::Max) };
        Expr::binary(min, Expr::binary(max, x[0].clone(), x[1].clone()), x[2].clone())
    },
};

/// A scalar of the operand's type.
fn limit(n: &mut NodeReader<'_>, dtype: DType, v: f64) -> NodeId {
    n.add_const(Tensor::of::<f64>(Shape::scalar(), vec![v]).cast(dtype))
}

/// Absent limits are the type's own.
fn emit(n: &mut NodeReader<'_>, lo: Option<NodeId>, hi: Option<NodeId>) -> Result<Vec<NodeId>, OpError> {
    let dtype = n.ty(0)?.dtype;
    let (lowest, highest) = dtype.range();
    let lo = lo.unwrap_or_else(|| limit(n, dtype, lowest));
    let hi = hi.unwrap_or_else(|| limit(n, dtype, highest));
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::clip, Attrs::new(), &[Some(x), Some(lo), Some(hi)])?])
}

fn read_attributes(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let dtype = n.ty(0)?.dtype;
    let lo = n.float("min")?.map(|v| limit(n, dtype, v.into()));
    let hi = n.float("max")?.map(|v| limit(n, dtype, v.into()));
    emit(n, lo, hi)
}

fn read_operands(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let (lo, hi) = (n.operand(1), n.operand(2));
    emit(n, lo, hi)
}

/// ONNX Clip takes scalars only.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let scalar = |i: usize| w.ty(i).is_none_or(|ty| ty.shape.rank() == 0);
    if scalar(1) && scalar(2) {
        return Ok(vec![w.same()]);
    }
    let (x, lo, hi) = (w.operand(0), w.operand(1), w.operand(2));
    let above = w.emit("Max", &[x, lo], []);
    Ok(vec![w.emit("Min", &[Some(above), hi], [])])
}
