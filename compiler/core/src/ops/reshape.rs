//! `reshape`: the same elements under another shape.

use crate::attrs::{AttrKind, AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Import, Op, OpId, Operand, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

pub struct Reshape;
pub const OP: Reshape = Reshape;

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn doc(&self) -> &'static str {
        "The elements of `x` in row-major order under the shape `shape`. ONNX Reshape, Flatten, Squeeze, Unsqueeze."
    }

    fn operands(&self) -> &'static [Operand] {
        const { &[once("x")] }
    }

    fn attrs(&self) -> &'static [AttrSpec] {
        const { &[AttrSpec { name: "shape", kind: AttrKind::Ints, doc: "extents of the result" }] }
    }

    fn imports(&self) -> &'static [Import] {
        const { &[onnx("Reshape", 5, read_reshape)] }
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let shape = Shape::new(attrs.extents("shape"));
        if attrs.ints("shape").iter().any(|&d| d < 0) || shape.checked_len() != x.shape.checked_len() {
            let message = format!("reshape: {} does not hold the {} elements of {}", shape, x.elements(), x);
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        Ok(vec![TensorType { dtype: x.dtype, shape }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        Ok((*x).clone().reshaped(attrs.extents("shape")).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        l.nest(&y[0].shape(), |l, at| l.push(y[0].write(at, x.read(&super::index::same_element(&y[0], x, at)))));
        Ok(())
    }

    fn is_alias(&self) -> bool {
        true
    }

    fn in_place(&self, i: usize) -> bool {
        i == 0
    }

    fn examples(&self) -> &'static [&'static str] {
        &["reshape f32[2,3] {shape: [3,2]} -> f32[3,2]", "reshape i64[1,4,5] {shape: [20]} -> i64[20]"]
    }
}

/// ONNX Reshape: 0 keeps the operand's extent (unless `allowzero`), one -1 is computed.
fn read_reshape(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let want = n.constant_ints(1)?.ok_or_else(|| OpError::new(Code::Arity, "input 1 (shape) is missing"))?;
    let allow_zero = n.int("allowzero")?.unwrap_or(0) != 0;
    let mut shape = want.clone();
    for (i, d) in shape.iter_mut().enumerate() {
        if *d == 0 && !allow_zero {
            *d = *x.shape.get(i).ok_or_else(|| {
                OpError::new(Code::ShapeMismatch, format!("reshape: extent {i} of {want:?} copies from {x}, which has no axis {i}"))
            })? as i64;
        }
    }
    if let Some(i) = shape.iter().position(|&d| d == -1) {
        let rest = shape.iter().filter(|&&d| d != -1).try_fold(1i64, |a, &d| a.checked_mul(d));
        match rest {
            Some(rest) if rest > 0 && x.elements() as i64 % rest == 0 => shape[i] = x.elements() as i64 / rest,
            _ => {
                let message = format!("reshape: no extent for -1 in {want:?} holds the {} elements of {x}", x.elements());
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
    }
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(x)])?])
}
