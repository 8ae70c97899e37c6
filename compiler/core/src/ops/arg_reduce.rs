//! Where the largest or smallest element along an axis is.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Cast, Compare, Expr, Index, Lower, Scalar, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};
use crate::with_data;

/// The position of the best element; the first of several, or the last.
pub struct ArgReduction {
    pub facts: Facts,
    pub smallest: bool,
}

pub const ATTRS: &[AttrSpec] = &[
    AttrSpec::int("axis", "searched along this axis"),
    AttrSpec::bool("keep", "the axis stays, with extent 1").named("keepdims"),
    AttrSpec::bool("last", "of several best elements the last counts").named("select_last_index"),
];

impl ArgReduction {
    fn axis(&self, attrs: &Attrs, x: &TensorType) -> Result<usize, OpError> {
        require::axis(self.name(), x, attrs.int("axis"))
    }

    /// Whether `x` is better than `best`, so far.
    fn better(&self, attrs: &Attrs, dtype: DType, x: Expr, best: Expr) -> Expr {
        let (less, at_most) =
            if dtype.is_unsigned_int() { (Compare::ULt, Compare::ULe) } else { (Compare::Lt, Compare::Le) };
        let op = if attrs.bool("last") { at_most } else { less };
        if self.smallest { Expr::compare(op, x, best) } else { Expr::compare(op, best, x) }
    }
}

impl Op for ArgReduction {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::dtype(self.name(), "x", x, require::number)?;
        let axis = self.axis(attrs, x)?;
        let mut shape = x.shape.to_vec();
        if shape[axis] == 0 {
            let message = format!("{}: axis {axis} of {x} has no elements", self.name());
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        if attrs.bool("keep") {
            shape[axis] = 1;
        } else {
            shape.remove(axis);
        }
        Ok(vec![TensorType::new(DType::I64, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let y = self.infer(attrs, &[Some(&x.ty())])?.remove(0);
        let axis = self.axis(attrs, &x.ty())?;
        let n = x.shape()[axis];
        let inner: usize = x.shape()[axis + 1..].iter().product();
        let search = Search { n, inner, smallest: self.smallest, last: attrs.bool("last") };
        let found = with_data!(x.data(), v => search.all(v));
        Ok(vec![Tensor::of(y.shape, found)])
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axis = self.axis(attrs, &TensorType::new(x.dtype, x.shape()))?;
        let mut lines = x.shape();
        let n = lines.remove(axis);
        l.nest(&lines, |l, line| {
            let at = |i: Index| [&line[..axis], &[i], &line[axis..]].concat();
            let best = l.variable("best", x.read(&at(Index::constant(0))));
            let position = l.variable("position", Expr::int(Scalar::I32, 0));
            l.repeat("i", 1usize, n, |l, i| {
                let value = l.bind("value", x.read(&at(i.clone())));
                let better = l.bind("better", self.better(attrs, x.dtype, value.clone(), best.into()));
                l.set(best, better.clone().select(value, best.into()));
                l.set(position, better.select(Expr::Index(i, Scalar::I32), position.into()));
            });
            let mut to = line.to_vec();
            if attrs.bool("keep") {
                to.insert(axis, Index::constant(0));
            }
            l.push(y[0].write(&to, Expr::from(position).cast(Cast::SExt, Scalar::I64)));
        });
        Ok(())
    }
}

/// Positions of the best elements of lines of `n`, `inner` apart.
struct Search {
    n: usize,
    inner: usize,
    smallest: bool,
    last: bool,
}

impl Search {
    fn all<T: PartialOrd>(&self, v: &[T]) -> Vec<i64> {
        let better = |a: &T, b: &T| match (self.smallest, self.last) {
            (true, false) => a < b,
            (true, true) => a <= b,
            (false, false) => b < a,
            (false, true) => b <= a,
        };
        let lines = v.len() / self.n;
        let start = |line: usize| line / self.inner * self.inner * self.n + line % self.inner;
        let best = |line: usize| {
            let at = |i: usize| &v[start(line) + i * self.inner];
            (1..self.n).fold(0, |best, i| if better(at(i), at(best)) { i } else { best }) as i64
        };
        (0..lines).map(best).collect()
    }
}

pub fn read(n: &mut NodeReader<'_>, op: OpId) -> Result<Vec<NodeId>, OpError> {
    let attrs = Attrs::new()
        .with_int("axis", n.int("axis")?.unwrap_or(0))
        .with_bool("keep", n.int("keepdims")?.unwrap_or(1) != 0)
        .with_bool("last", n.int("select_last_index")?.unwrap_or(0) != 0);
    n.emit_all(op, attrs)
}
