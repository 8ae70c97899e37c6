//! `matmul`: matrix product over batches, as NumPy's.

use super::centered::Centered;
use super::{index, require};
use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::eval::gemm::{Matrix, gemm, naive};
use crate::eval::{self, Number, slice};
use crate::loops::{Expr, Index, Lower, View};
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};
use crate::with_number;

static FACTS: Facts = Facts {
    name: "matmul",
    doc: "`y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j]`, the axes before broadcast; a vector `a` is a row, a \
          vector `b` a column, and their axis is left out of `y`. ONNX MatMul.",
    operands: &[once("a"), once("b")],
    attrs: &[],
    imports: &[onnx("MatMul", 1, |n| n.emit_all(OpId::matmul, Attrs::new()))],
    examples: &[
        "matmul f32[5,7], f32[7,11] -> f32[5,11]",
        "matmul f32[2,1,3,4], f32[5,4,6] -> f32[2,5,3,6]",
        "matmul f32[4], f32[4,6] -> f32[6]",
        "matmul f32[2,3,4], f32[4] -> f32[2,3]",
        "matmul f32[4], f32[4] -> f32[]",
        "matmul f64[3,3], f64[3,9] -> f64[3,9]",
        "matmul i32[3,4], i32[4,2] -> i32[3,2]",
        "matmul u64[3,4], u64[4,2] -> u64[3,2]",
    ],
};

pub struct MatMul;
pub static OP: MatMul = MatMul;

/// Extents with vectors made matrices.
struct Extents {
    batch: Shape,
    m: usize,
    n: usize,
    k: usize,
    a: Vec<usize>,
    b: Vec<usize>,
}

impl Extents {
    fn of(a: &[usize], b: &[usize]) -> Option<Extents> {
        let matrix_a = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
        let matrix_b = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
        let ([before_a @ .., m, k], [before_b @ .., inner, n]) = (&matrix_a[..], &matrix_b[..]) else { return None };
        let batch = Shape::new(before_a).broadcast(&Shape::new(before_b))?;
        let (m, n, k) = (*m, *n, *k);
        (k == *inner).then_some(Extents { batch, m, n, k, a: matrix_a, b: matrix_b })
    }

    fn result(&self, a: &[usize], b: &[usize]) -> Vec<usize> {
        let row = (a.len() > 1).then_some(self.m);
        let column = (b.len() > 1).then_some(self.n);
        self.batch.iter().copied().chain(row).chain(column).collect()
    }
}

impl Op for MatMul {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, _attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(a), Some(b)] = x else { unreachable!("operand count is checked") };
        require::dtype("matmul", "a", a, require::product)?;
        require::same_dtype("matmul", ("a", a), ("b", b))?;
        Ok(vec![TensorType::new(a.dtype, shape("matmul", a, b)?)])
    }

    fn eval(&self, _attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        eval::in_f32(x, |x| Ok(vec![with_number!(x, [f32 f64 i32 u32 i64 u64], T => evaluate::<T>(x, gemm))]))
    }

    fn eval_naive(&self, _attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        Some(vec![with_number!(x, [f32 f64 i32 u32 i64 u64], T => evaluate::<T>(x, naive))])
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(a), Some(b)] = x else { unreachable!("operand count is checked") };
        sums(l, &Centered::new(a, None), &Centered::new(b, None), &y[0]);
        Ok(())
    }

    fn macs(&self, _attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let [Some(a), ..] = x else { unreachable!("operand count is checked") };
        y[0].elements() as u64 * a.shape.last().copied().unwrap_or(1) as u64
    }
}

/// The shape of the product.
pub fn shape(op: &str, a: &TensorType, b: &TensorType) -> Result<Vec<usize>, OpError> {
    require::rank(op, "a", a, 1..=usize::MAX)?;
    require::rank(op, "b", b, 1..=usize::MAX)?;
    Extents::of(&a.shape, &b.shape).map(|e| e.result(&a.shape, &b.shape)).ok_or_else(|| {
        let k = a.shape[a.shape.rank() - 1];
        let inner = b.shape[b.shape.rank().max(2) - 2];
        let what = match k == inner {
            true => "batch axes do not broadcast".into(),
            false => format!("inner dimensions differ: {k} and {inner}"),
        };
        OpError::new(Code::ShapeMismatch, format!("{op}: {what}, a is {a}, b is {b}"))
    })
}

/// Lowers to the sums of products of rows and columns.
pub fn sums(l: &mut Lower, a: &Centered, b: &Centered, y: &View) {
    let (vector_a, vector_b) = (a.x.rank() == 1, b.x.rank() == 1);
    let a = if vector_a { a.map(|v| v.unsqueezed(0)) } else { a.clone() };
    let b = if vector_b { b.map(|v| v.unsqueezed(1)) } else { b.clone() };
    let batch = y.rank() - usize::from(!vector_a) - usize::from(!vector_b);
    let (k, n) = (a.x.shape()[a.x.rank() - 1], b.x.shape()[b.x.rank() - 1]);
    let outer = &y.shape()[..batch];
    let rows = a.x.shape()[a.x.rank() - 2];
    let a = a.map(|v| v.broadcast(&[outer, &[rows, k]].concat()));
    let b = b.map(|v| v.broadcast(&[outer, &[k, n]].concat()));
    l.nest(&y.shape(), |l, at| {
        let (outer, inner) = at.split_at(batch);
        let i = if vector_a { Index::constant(0) } else { inner[0].clone() };
        let j = if vector_b { Index::constant(0) } else { inner[inner.len() - 1].clone() };
        let element = |i: &Index, j: &Index| [outer, &[i.clone(), j.clone()]].concat();
        let sum = l.reduce("sum", Expr::number(y.scalar(), 0.0), &[k], |_, k, sum| {
            sum + a.read(&element(&i, &k[0])) * b.read(&element(&k[0], &j))
        });
        l.push(y.write(at, sum));
    });
}

pub fn evaluate<T: Number>(x: &[Option<&Tensor>], product: eval::gemm::Product<T>) -> Tensor {
    let [Some(a), Some(b)] = x else { unreachable!("operand count is checked") };
    let e = Extents::of(a.shape(), b.shape()).expect("infer has compared the extents");
    let starts = |x: &[usize]| index::broadcast(&x[..x.len() - 2], &e.batch).collect::<Vec<_>>();
    let (starts_a, starts_b) = (starts(&e.a), starts(&e.b));
    let mut y = vec![T::ZERO; e.batch.elements() * e.m * e.n];
    for (i, (at_a, at_b)) in starts_a.into_iter().zip(starts_b).enumerate() {
        let a = Matrix { data: &slice::<T>(a)[at_a * e.m * e.k..], row: e.k, column: 1 };
        let b = Matrix { data: &slice::<T>(b)[at_b * e.k * e.n..], row: e.n, column: 1 };
        product(e.m, e.n, e.k, a, b, &mut y[i * e.m * e.n..][..e.m * e.n]);
    }
    Tensor::of(e.result(a.shape(), b.shape()), y)
}
