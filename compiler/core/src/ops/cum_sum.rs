//! `cum_sum`: running sums along an axis.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{self, Number, slice};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::TensorType;
use crate::with_number;

static FACTS: Facts = Facts {
    name: "cum_sum",
    doc: "`y[.., i, ..] = sum of x[.., j, ..] over j <= i`, with `exclusive` over `j < i`; with `reverse` from the other end. \
          ONNX CumSum.",
    operands: &[once("x")],
    attrs: &[
        AttrSpec::int("axis", "summed along this axis").operand(1),
        AttrSpec::bool("exclusive", "an element is not part of its own sum"),
        AttrSpec::bool("reverse", "the last element comes first"),
    ],
    imports: &[onnx("CumSum", 11, read)],
    examples: &[
        "cum_sum f32[2,7,3] {axis: 1, exclusive: false, reverse: false} -> f32[2,7,3]",
        "cum_sum i32[9] {axis: 0, exclusive: true, reverse: true} -> i32[9]",
        "cum_sum f64[4,5] {axis: -1, exclusive: true, reverse: false} -> f64[4,5]",
    ],
};

pub struct CumSum;
pub static OP: CumSum = CumSum;

impl Op for CumSum {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::dtype("cum_sum", "x", x, require::product)?;
        require::axis("cum_sum", x, attrs.int("axis"))?;
        Ok(vec![(*x).clone()])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        eval::in_f32(x, |x| Ok(vec![with_number!(x, [f32 f64 i32 u32 i64 u64], T => evaluate::<T>(attrs, x))]))
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axis = require::axis("cum_sum", &TensorType::new(x.dtype, x.shape()), attrs.int("axis"))?;
        let mut lines = x.shape();
        let n = lines.remove(axis);
        l.nest(&lines, |l, line| {
            let sum = l.variable("sum", Expr::number(x.scalar(), 0.0));
            l.repeat("i", 0usize, n, |l, i| {
                let i = if attrs.bool("reverse") { Index::constant(n as i64 - 1) - i } else { i };
                let at = [&line[..axis], &[i], &line[axis..]].concat();
                let value = l.bind("value", x.read(&at));
                if attrs.bool("exclusive") {
                    l.push(y[0].write(&at, sum.into()));
                    l.set(sum, Expr::from(sum) + value);
                } else {
                    l.set(sum, Expr::from(sum) + value);
                    l.push(y[0].write(&at, sum.into()));
                }
            });
        });
        Ok(())
    }
}

fn evaluate<T: Number>(attrs: &Attrs, x: &[Option<&Tensor>]) -> Tensor {
    let [Some(x)] = x else { unreachable!("operand count is checked") };
    let axis = x.shape().axis(attrs.int("axis")).expect("infer has checked the axis");
    let n = x.shape()[axis];
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let xs = slice::<T>(x);
    let mut y = vec![T::ZERO; xs.len()];
    for line in 0..xs.len().checked_div(n).unwrap_or(0) {
        let start = line / inner * inner * n + line % inner;
        let mut sum = T::ZERO;
        for i in 0..n {
            let at = start + if attrs.bool("reverse") { n - 1 - i } else { i } * inner;
            let next = sum.plus(xs[at]);
            y[at] = if attrs.bool("exclusive") { sum } else { next };
            sum = next;
        }
    }
    Tensor::of(x.shape().clone(), y)
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let axis = n.constant_ints(1)?.and_then(|a| a.first().copied());
    let axis = axis.ok_or_else(|| OpError::new(Code::Arity, "cum_sum: the axis is missing"))?;
    let (exclusive, reverse) = (n.int("exclusive")?.unwrap_or(0) != 0, n.int("reverse")?.unwrap_or(0) != 0);
    let attrs = Attrs::new().with_int("axis", axis).with_bool("exclusive", exclusive).with_bool("reverse", reverse);
    let x = n.operand(0);
    Ok(vec![n.emit(OpId::cum_sum, attrs, &[x])?])
}
