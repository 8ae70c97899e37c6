//! `gather`: positions of an axis that another operand holds.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "gather",
    doc: "`y[o.., i.., k..] = x[o.., indices[i..], k..]`, the axes `o` before `axis` and `k` behind it. Indices count from the \
          end when negative; those out of range mean the nearest position. ONNX Gather.",
    operands: &[once("x"), once("indices")],
    attrs: &[AttrSpec::int("axis", "axis of `x` that the indices are positions of")],
    imports: &[onnx("Gather", 1, read)],
    examples: &[
        "gather f32[5,3], i64[2,2] in -5..4 {axis: 0} -> f32[2,2,3]",
        "gather f32[2,7,3], i32[4] in -12..11 {axis: 1} -> f32[2,4,3]",
        "gather i8[2,3,4], i64[] in 0..3 {axis: 2} -> i8[2,3]",
    ],
};

pub struct Gather;
pub static OP: Gather = Gather;

impl Op for Gather {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        require::dtype("gather", "indices", indices, require::position)?;
        let axis = require::axis("gather", x, attrs.int("axis"))?;
        if x.shape[axis] == 0 && indices.elements() > 0 {
            let message = format!("gather: axis {axis} of {x} has no positions");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        let shape = [&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat();
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis("gather", &x.ty(), attrs.int("axis"))?;
        let shape = [&x.shape()[..axis], indices.shape(), &x.shape()[axis + 1..]].concat();
        let extent = x.shape()[axis];
        let given = indices.to_i64s().expect("infer has checked the type");
        let picked = given.iter().map(|&i| Some(position(i, extent))).collect();
        let outer: usize = x.shape()[..axis].iter().product();
        let inner: usize = x.shape()[axis + 1..].iter().product();
        let all = |n: usize| (0..n).map(Some).collect();
        let along = [all(outer), picked, all(inner)];
        let data = x.data().gather(index::positions(&[outer, x.shape()[axis], inner], &along).into_iter().flatten());
        Ok(Tensor::new(Shape::new(shape), data).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis("gather", &TensorType::new(x.dtype, x.shape()), attrs.int("axis"))?;
        let (shape, extent) = (y[0].shape(), x.shape()[axis]);
        let inner = axis + indices.rank();
        l.nest(&shape[..inner], |l, outer| {
            let i = l.bind("index", indices.read(&outer[axis..]));
            let position = from_end(i, extent);
            l.nest(&shape[inner..], |l, rest| {
                let at = [outer, rest].concat();
                let from = [&outer[..axis], &[Index::data(position, extent as i64)], rest].concat();
                l.push(y[0].write(&at, x.read(&from)));
            });
        });
        Ok(())
    }
}

/// The position that an index means.
pub fn position(i: i64, extent: usize) -> usize {
    let extent = extent as i64;
    (if i < 0 { i.saturating_add(extent) } else { i }).clamp(0, (extent - 1).max(0)) as usize
}

/// The position that an index means, to be clamped.
pub fn from_end(i: Expr, extent: usize) -> Expr {
    let scalar = i.ty().scalar;
    let zero = Expr::int(scalar, 0);
    i.clone().lt(zero).select(i.clone() + Expr::int(scalar, extent as i64), i)
}

/// Constant indices are checked; others cannot be.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let axis = n.int("axis")?.unwrap_or(0);
    let extent = x.shape[require::axis("gather", &x, axis)?] as i64;
    if let Some(indices) = n.known(1).and_then(|t| t.to_i64s())
        && let Some(i) = indices.iter().find(|i| !(-extent..extent).contains(*i))
    {
        let message = format!("gather: index {i} is not in -{extent}..{extent}, the positions of axis {axis} of {x}");
        return Err(OpError::new(Code::BadIndex, message));
    }
    n.emit_all(OpId::gather, Attrs::new().with_int("axis", axis))
}
