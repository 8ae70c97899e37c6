//! `expand`: a tensor broadcast to a larger shape.

use super::index;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "expand",
    doc: "`x` broadcast to `shape`, as NumPy does. ONNX Expand.",
    operands: &[once("x")],
    attrs: &[AttrSpec::ints("shape", "extents of the result").operand(1)],
    imports: &[onnx("Expand", 8, read)],
    examples: &[
        "expand f32[3,1] {shape: [2,3,4]} -> f32[2,3,4]",
        "expand i8[] {shape: [5]} -> i8[5]",
        "expand i64[2,1,3] {shape: [2,4,3]} -> i64[2,4,3]",
    ],
};

pub struct Expand;
pub static OP: Expand = Expand;

impl Op for Expand {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let shape = Shape::new(attrs.extents("shape"));
        if attrs.ints("shape").iter().any(|&d| d < 0) || x.shape.broadcast(&shape).as_ref() != Some(&shape) {
            let message = format!("expand: {x} does not broadcast to {:?}", attrs.ints("shape"));
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        Ok(vec![TensorType { dtype: x.dtype, shape }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let shape = attrs.extents("shape");
        let data = x.data().gather(index::broadcast(x.shape(), &shape));
        Ok(Tensor::new(shape, data).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        l.copy(&x.broadcast(&y[0].shape()), &y[0]);
        Ok(())
    }
}

/// ONNX Expand: the shape is broadcast as well, so its 1 keeps the operand's extent.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let want = n.constant_ints(1)?.ok_or_else(|| OpError::new(Code::Arity, "expand: the shape is missing"))?;
    let extents = want.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
    let shape = extents.and_then(|s| x.shape.broadcast(&Shape::new(s))).ok_or_else(|| {
        OpError::new(Code::ShapeMismatch, format!("expand: {x} and {want:?} do not broadcast together"))
    })?;
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::expand, Attrs::new().with_shape("shape", &shape), &[Some(x)])?])
}
