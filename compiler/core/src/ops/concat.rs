//! `concat`: operands one behind the other.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, onnx, variadic};
use crate::tensor::{Data, Tensor};
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "concat",
    doc: "The operands one behind the other along `axis`; their other extents are equal. ONNX Concat.",
    operands: &[variadic("x")],
    attrs: &[AttrSpec::int("axis", "axis along which the operands are joined")],
    imports: &[onnx("Concat", 4, read)],
    examples: &[
        "concat f32[2,3], f32[2,1], f32[2,4] {axis: 1} -> f32[2,8]",
        "concat f32[1,1,4], f32[1,5,4] {axis: 1} -> f32[1,6,4]",
        "concat i8[2,3], i8[4,3] {axis: 0} -> i8[6,3]",
        "concat i64[3] {axis: 0} -> i64[3]",
    ],
};

pub struct Concat;
pub static OP: Concat = Concat;

impl Op for Concat {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let x: Vec<&TensorType> = x.iter().flatten().copied().collect();
        let axis = require::axis("concat", x[0], attrs.int("axis"))?;
        let others =
            |ty: &TensorType| ty.shape.iter().enumerate().filter(|(d, _)| *d != axis).map(|(_, &n)| n).collect();
        let first: Vec<usize> = others(x[0]);
        let mut y = x[0].clone();
        let mut extent = 0usize;
        for (i, ty) in x.iter().enumerate() {
            require::same_dtype("concat", ("operand 0", x[0]), (&format!("operand {i}"), ty))?;
            if ty.shape.rank() != x[0].shape.rank() || others(ty) != first {
                let message = format!(
                    "concat: operand 0 is {} and operand {i} is {ty}, which differ outside of axis {axis}",
                    x[0]
                );
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
            extent = extent.saturating_add(ty.shape[axis]);
        }
        let mut shape = y.shape.to_vec();
        shape[axis] = extent;
        y.shape = Shape::new(shape);
        Ok(vec![y])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let x: Vec<&Tensor> = x.iter().flatten().copied().collect();
        let axis = require::axis("concat", &x[0].ty(), attrs.int("axis"))?;
        let outer: usize = x[0].shape()[..axis].iter().product();
        // Begin and length of the part of each operand, in all of their elements.
        let mut parts = Vec::with_capacity(x.len());
        let mut begin = 0;
        for t in &x {
            parts.push((begin, t.shape()[axis..].iter().product::<usize>()));
            begin += t.data().len();
        }
        let index =
            (0..outer).flat_map(|o| parts.iter().flat_map(move |&(begin, n)| begin + o * n..begin + (o + 1) * n));
        let mut shape = x[0].shape().to_vec();
        shape[axis] = x.iter().map(|t| t.shape()[axis]).sum();
        let data = Data::concat(x.iter().map(|t| t.data())).gather(index);
        Ok(Tensor::new(shape, data).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let axis = require::axis("concat", &TensorType::new(y[0].dtype, y[0].shape()), attrs.int("axis"))?;
        let mut start = 0;
        for x in x.iter().flatten() {
            let extent = x.shape()[axis];
            l.copy(x, &y[0].sliced(axis, start, 1, extent));
            start += extent;
        }
        Ok(())
    }
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let axis = n.int("axis")?.ok_or_else(|| OpError::new(Code::BadAttribute, "concat: attribute axis is missing"))?;
    n.emit_all(OpId::concat, Attrs::new().with_int("axis", axis))
}
