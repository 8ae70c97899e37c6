//! `prelu`: negative elements are scaled by an operand.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::graph::NodeId;
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, OpId, once, onnx, onnx_until};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "prelu",
        doc: "`y = x < 0 ? slope * x : x`. ONNX PRelu.",
        operands: &[once("x"), once("slope")],
        attrs: &[],
        imports: &[
            onnx_until("PRelu", 6, 6, read_by_channel),
            onnx("PRelu", 7, |n| n.emit_all(OpId::prelu, Attrs::new())).written(write),
        ],
        examples: &["prelu f32[2,3,4], f32[3,1] -> f32[2,3,4]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Same,
    value: |_, d, x| x[0].clone().lt(constant(d, 0.0)).select(x[1].clone() * x[0].clone(), x[0].clone()),
};

/// Before opset 7 a slope of several elements is one a channel.
fn read_by_channel(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let (x, slope) = (n.ty(0)?, n.ty(1)?);
    if slope.elements() == 1 || slope.shape.rank() != 1 || x.shape.rank() < 2 {
        return n.emit_all(OpId::prelu, Attrs::new());
    }
    let shape = slope.shape.iter().map(|&c| c as i64).chain(std::iter::repeat_n(1, x.shape.rank() - 2));
    let slope = n.operand(1);
    let slope = n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[slope])?;
    let x = n.operand(0);
    Ok(vec![n.emit(OpId::prelu, Attrs::new(), &[x, Some(slope)])?])
}

/// ONNX broadcasts the slope only.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    if w.x().shape == w.result().shape {
        return Ok(vec![w.same()]);
    }
    let shape = w.result().shape.iter().map(|&d| d as i64).collect();
    let (x, slope, shape) = (w.operand(0), w.operand(1), w.ints(shape));
    let x = w.emit("Expand", &[x, Some(shape)], []);
    Ok(vec![w.emit("PRelu", &[Some(x), slope], [])])
}
