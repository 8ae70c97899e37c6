//! `transpose`: axes in another order.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "transpose",
    doc: "`y[i_0, ...] = x[j_0, ...]` where `j[perm[d]] = i[d]`. ONNX Transpose, DepthToSpace, SpaceToDepth.",
    operands: &[once("x")],
    attrs: &[AttrSpec::ints("perm", "axis of `x` at each axis of `y`")],
    imports: &[
        onnx("Transpose", 1, read),
        onnx("DepthToSpace", 1, read_depth_to_space),
        onnx("SpaceToDepth", 1, read_space_to_depth),
    ],
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

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let rank = n.ty(0)?.shape.rank() as i64;
    let perm = n.ints("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    n.emit_all(OpId::transpose, Attrs::new().with_ints("perm", perm))
}

/// Batch, channels, rows and columns of the operand, and the block size.
fn blocks(n: &mut NodeReader<'_>) -> Result<([i64; 4], i64), OpError> {
    let x = n.ty(0)?;
    require::rank("transpose", "x", &x, 4..=4)?;
    let size = n.int("blocksize")?.unwrap_or(0);
    if !(1..=i64::from(u16::MAX)).contains(&size) {
        return Err(OpError::new(
            Code::BadAttribute,
            format!("transpose: blocksize {size} is not positive, or too large"),
        ));
    }
    Ok((std::array::from_fn(|d| x.shape[d] as i64), size))
}

/// The operand under one shape, its axes in another order, then under another shape.
fn rearranged(
    n: &mut NodeReader<'_>,
    split: [i64; 6],
    perm: [i64; 6],
    merged: [i64; 4],
) -> Result<Vec<NodeId>, OpError> {
    let x = n.operand(0);
    let x = n.emit(OpId::reshape, Attrs::new().with_ints("shape", split), &[x])?;
    let y = n.emit(OpId::transpose, Attrs::new().with_ints("perm", perm), &[Some(x)])?;
    Ok(vec![n.emit(OpId::reshape, Attrs::new().with_ints("shape", merged), &[Some(y)])?])
}

/// Channels become blocks of rows and columns. In the mode DCR the block's position is the higher part
/// of the channel, in CRD the lower.
fn read_depth_to_space(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let ([batch, c, h, w], b) = blocks(n)?;
    if c % (b * b) != 0 {
        let message = format!("transpose: {c} channels are no blocks of {b} by {b}");
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    let (depth, merged) = (c / (b * b), [batch, c / (b * b), h * b, w * b]);
    match n.string("mode")?.as_deref() {
        None | Some("DCR") => rearranged(n, [batch, b, b, depth, h, w], [0, 3, 4, 1, 5, 2], merged),
        Some("CRD") => rearranged(n, [batch, depth, b, b, h, w], [0, 1, 4, 2, 5, 3], merged),
        Some(other) => {
            Err(OpError::new(Code::BadAttribute, format!("transpose: mode is {other:?}, but must be DCR or CRD")))
        }
    }
}

/// Blocks of rows and columns become channels.
fn read_space_to_depth(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let ([batch, c, h, w], b) = blocks(n)?;
    if h % b != 0 || w % b != 0 {
        let message = format!("transpose: {h} rows and {w} columns are no blocks of {b} by {b}");
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    let split = [batch, c, h / b, b, w / b, b];
    let merged = [batch, c * b * b, h / b, w / b];
    match n.string("mode")?.as_deref() {
        None | Some("DCR") => rearranged(n, split, [0, 3, 5, 1, 2, 4], merged),
        Some("CRD") => rearranged(n, split, [0, 1, 3, 5, 2, 4], merged),
        Some(other) => {
            Err(OpError::new(Code::BadAttribute, format!("transpose: mode is {other:?}, but must be DCR or CRD")))
        }
    }
}
