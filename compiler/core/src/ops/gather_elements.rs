//! `gather_elements`: for each element the position along an axis that another operand holds.

use super::gather::{from_end, position};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Index, Lower, View};
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::TensorType;

static FACTS: Facts = Facts {
    name: "gather_elements",
    doc: "`y[i] = x[j]` where `j` is `i` but along `axis`, where it is `indices[i]`. Indices count from the end when negative; \
          those out of range mean the nearest position. ONNX GatherElements.",
    operands: &[once("x"), once("indices")],
    attrs: &[AttrSpec::int("axis", "axis of `x` that the indices are positions of")],
    imports: &[onnx("GatherElements", 11, |n| {
        let axis = n.int("axis")?.unwrap_or(0);
        n.emit_all(OpId::gather_elements, Attrs::new().with_int("axis", axis))
    })],
    examples: &[
        "gather_elements f32[5,3], i64[2,3] in -7..6 {axis: 0} -> f32[2,3]",
        "gather_elements i8[2,7,3], i32[1,4,2] in -7..6 {axis: 1} -> i8[1,4,2]",
    ],
};

pub struct GatherElements;
pub static OP: GatherElements = GatherElements;

impl Op for GatherElements {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        require::dtype("gather_elements", "indices", indices, require::position)?;
        require::rank("gather_elements", "indices", indices, x.shape.rank()..=x.shape.rank())?;
        let axis = require::axis("gather_elements", x, attrs.int("axis"))?;
        let fits = |d: usize| indices.shape[d] <= x.shape[d] || d == axis && x.shape[d] > 0;
        if indices.elements() > 0 && !(0..x.shape.rank()).all(fits) {
            let message =
                format!("gather_elements: indices are {indices}, more than x has outside of axis {axis}: {x}");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        Ok(vec![TensorType { dtype: x.dtype, shape: indices.shape.clone() }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis("gather_elements", &x.ty(), attrs.int("axis"))?;
        let extent = x.shape()[axis];
        let given = indices.to_i64s().expect("infer has checked the type");
        let from = indices.shape().coordinates().zip(&given).map(|(mut at, &i)| {
            at[axis] = position(i, extent);
            x.shape().offset(&at)
        });
        Ok(Tensor::new(indices.shape().clone(), x.data().gather(from)).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), Some(indices)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis("gather_elements", &TensorType::new(x.dtype, x.shape()), attrs.int("axis"))?;
        let extent = x.shape()[axis];
        l.nest(&y[0].shape(), |l, at| {
            let i = l.bind("index", indices.read(at));
            let mut from = at.to_vec();
            from[axis] = Index::data(from_end(i, extent), extent as i64);
            l.push(y[0].write(at, x.read(&from)));
        });
        Ok(())
    }
}
