//! `transpose`: axes in another order.

use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "transpose",
    doc: "`y[i_0, ...] = x[j_0, ...]` where `j[perm[d]] = i[d]`. ONNX Transpose.",
    operands: &[once("x")],
    attrs: &[AttrSpec::ints("perm", "axis of `x` at each axis of `y`")],
    imports: &[onnx("Transpose", 1, read)],
    examples: &[
            "transpose f32[2,3] {perm: [1,0]} -> f32[3,2]",
            "transpose i8[1,4,5,3] {perm: [0,3,1,2]} -> i8[1,3,4,5]",
            "transpose f32[2,3,4] {perm: [2,0,1]} -> f32[4,2,3]",
        ],
};

pub struct Transpose;
pub static OP: Transpose = Transpose;

impl Op for Transpose {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let perm = attrs.ints("perm");
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.shape.rank() as i64) {
            let message = format!("transpose: perm {perm:?} is no permutation of the {} axes", x.shape.rank());
            return Err(OpError::new(Code::BadAxis, message));
        }
        let shape: Vec<usize> = order(attrs).iter().map(|&d| x.shape[d]).collect();
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let order = order(attrs);
        let shape: Vec<usize> = order.iter().map(|&d| x.shape()[d]).collect();
        let strides = x.shape().strides();
        let strides: Vec<usize> = order.iter().map(|&d| strides[d]).collect();
        let y = x.data().gather(super::index::offsets(&shape, &strides));
        Ok(Tensor::new(Shape::new(shape), y).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        l.copy(&x.permuted(&order(attrs)), &y[0]);
        Ok(())
    }
}

fn order(attrs: &Attrs) -> Vec<usize> {
    attrs.extents("perm")
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<crate::graph::NodeId>, OpError> {
    let rank = n.ty(0)?.shape.rank() as i64;
    let perm = n.ints("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    n.emit_all(OpId::transpose, Attrs::new().with_ints("perm", perm))
}
