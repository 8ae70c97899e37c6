//! `softmax` and what it shares with `log_softmax`.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::OpError;
use crate::eval::{column, in_f32, slice};
use crate::graph::NodeId;
use crate::loops::columns::{self, Column};
use crate::loops::{Expr, Library, Local, Lower, Ty, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::TensorType;

/// A normalization over one axis from each element's distance to the largest one and the sum of their
/// exponentials.
pub struct Softmax {
    pub facts: Facts,
    /// From the distance and the sum.
    pub value: fn(Expr, Expr) -> Expr,
}

pub const AXIS: AttrSpec = AttrSpec::int("axis", "normalized over this axis, from the end when negative");

pub static OP: Softmax = Softmax {
    facts: Facts {
        name: "softmax",
        doc: "`y = exp(x - max x) / sum exp(x - max x)`, maximum and sum over `axis`. ONNX Softmax.",
        operands: &[once("x")],
        attrs: &[AXIS],
        imports: &[onnx("Softmax", 1, |n| read(n, OpId::softmax))],
        examples: &[
            "softmax f32[1,10] {axis: -1} -> f32[1,10]",
            "softmax f32[2,3,4] {axis: 1} -> f32[2,3,4]",
            "softmax f32[7] in -200.0..200.0 {axis: 0} -> f32[7]",
        ],
    },
    value: |distance, sum| Library::ExpF32.call([distance]) / sum,
};

impl Op for Softmax {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::dtype(self.name(), "x", x, require::f32_or_narrower)?;
        require::axis(self.name(), x, attrs.int("axis"))?;
        Ok(vec![(*x).clone()])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let [Some(x)] = x else { unreachable!("operand count is checked") };
            let axis = require::axis(self.name(), &x.ty(), attrs.int("axis"))?;
            let n = x.shape()[axis];
            let inner: usize = x.shape()[axis + 1..].iter().product();
            let line = |i: usize| i / (n * inner).max(1) * inner + i % inner.max(1);
            let lines = x.data().len() / n.max(1);
            let xs = slice::<f32>(x);

            let mut largest = vec![f32::NEG_INFINITY; lines];
            for (i, &x) in xs.iter().enumerate() {
                let m = &mut largest[line(i)];
                *m = if *m < x { x } else { *m };
            }
            let distances: Vec<f32> = xs.iter().enumerate().map(|(i, x)| x - largest[line(i)]).collect();
            let local = |id| Expr::from(Local { id, ty: Ty::F32 });
            let distances = Column::F32(distances);
            let Column::F32(powers) =
                columns::eval(&Library::ExpF32.call([local(0)]), std::slice::from_ref(&distances))
            else {
                unreachable!("exp of f32 is f32")
            };
            let mut sums = vec![0.0; lines];
            for (i, power) in powers.iter().enumerate() {
                sums[line(i)] += power;
            }
            let sums = Column::F32((0..xs.len()).map(|i| sums[line(i)]).collect());
            let value = columns::eval(&(self.value)(local(0), local(1)), &[distances, sums]);
            Ok(vec![column::tensor(value, &x.ty())])
        })
    }

    /// Recomputes exponentials instead of keeping them, so that no result is read back.
    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis(self.name(), &TensorType::new(x.dtype, x.shape()), attrs.int("axis"))?;
        let mut lines = x.shape();
        let n = lines.remove(axis);
        l.nest(&lines, |l, line| {
            let at = |i: &crate::loops::Index| [&line[..axis], std::slice::from_ref(i), &line[axis..]].concat();
            let largest = l.reduce("largest", Expr::f32(f32::NEG_INFINITY), &[n], |_, i, m| m.max(x.read(&at(&i[0]))));
            let sum = l.reduce("sum", Expr::f32(0.0), &[n], |_, i, sum| {
                sum + Library::ExpF32.call([x.read(&at(&i[0])) - largest.clone()])
            });
            l.repeat("i", 0usize, n, |l, i| {
                let distance = x.read(&at(&i)) - largest;
                l.push(y[0].write(&at(&i), (self.value)(distance, sum)));
            });
        });
        Ok(())
    }
}

/// Before opset 13 the operand counts as a matrix, the axes from `axis` on in its columns.
pub fn read(n: &mut NodeReader<'_>, op: OpId) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let given = n.int("axis")?;
    if n.opset() >= 13 {
        return n.emit_all(op, Attrs::new().with_int("axis", given.unwrap_or(-1)));
    }
    let axis = require::axis(op.name(), &x, given.unwrap_or(1))?;
    if axis + 1 == x.shape.rank() {
        return n.emit_all(op, Attrs::new().with_int("axis", axis as i64));
    }
    let extent = |dims: &[usize]| dims.iter().product::<usize>() as i64;
    let shape = [extent(&x.shape[..axis]), extent(&x.shape[axis..])];
    let x_id = n.required(0)?;
    let matrix = n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(x_id)])?;
    let y = n.emit(op, Attrs::new().with_int("axis", 1), &[Some(matrix)])?;
    Ok(vec![n.emit(OpId::reshape, Attrs::new().with_shape("shape", &x.shape), &[Some(y)])?])
}
