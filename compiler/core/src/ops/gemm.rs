//! `gemm`: matrix product with a scaled addend.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::gemm::{Matrix, gemm};
use crate::eval::{self, Number, slice};
use crate::graph::NodeId;
use crate::loops::{Expr, Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx, optional};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};
use crate::with_number;

static FACTS: Facts = Facts {
    name: "gemm",
    doc: "`y = alpha * a' b' + beta * c`, where a' is `a` or its transpose, b' likewise, and `c` is broadcast. ONNX Gemm.",
    operands: &[once("a"), once("b"), optional("c")],
    attrs: &[
        AttrSpec::float("alpha", "factor of the product"),
        AttrSpec::float("beta", "factor of `c`"),
        AttrSpec::bool("trans_a", "`a` is transposed").named("transA"),
        AttrSpec::bool("trans_b", "`b` is transposed").named("transB"),
    ],
    imports: &[onnx("Gemm", 6, read)],
    examples: &[
        "gemm f32[1,30], f32[10,30], f32[10] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true} -> f32[1,10]",
        "gemm f32[6,7], f32[7,9] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} -> f32[6,9]",
        "gemm f32[7,5], f32[7,9], f32[5,1] {alpha: 0.5, beta: 2.0, trans_a: true, trans_b: false} -> f32[5,9]",
        "gemm f32[3,2], f32[12,3], f32[] {alpha: 1.5, beta: -0.5, trans_a: true, trans_b: true} -> f32[2,12]",
        "gemm f32[2,3], f32[3,4], f32[2,4] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} -> f32[2,4]",
        "gemm f64[2,3], f64[3,4], f64[4] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} -> f64[2,4]",
        "gemm i32[4,3], i32[3,2], i32[2] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} -> i32[4,2]",
    ],
};

pub struct Gemm;
pub static OP: Gemm = Gemm;

/// Rows, columns, and the extent that is summed over.
fn extents(attrs: &Attrs, a: &[usize], b: &[usize]) -> Option<(usize, usize, usize)> {
    let turned = |x: &[usize], turn| if turn { (x[1], x[0]) } else { (x[0], x[1]) };
    let ((m, k), (inner, n)) = (turned(a, attrs.bool("trans_a")), turned(b, attrs.bool("trans_b")));
    (k == inner).then_some((m, n, k))
}

impl Op for Gemm {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(a), Some(b), rest @ ..] = x else { unreachable!("operand count is checked") };
        require::dtype("gemm", "a", a, require::product)?;
        require::same_dtype("gemm", ("a", a), ("b", b))?;
        require::rank("gemm", "a", a, 2..=2)?;
        require::rank("gemm", "b", b, 2..=2)?;
        let (turned_a, turned_b) = (attrs.bool("trans_a"), attrs.bool("trans_b"));
        let Some((m, n, _)) = extents(attrs, &a.shape, &b.shape) else {
            let (k, inner) = (a.shape[usize::from(!turned_a)], b.shape[usize::from(turned_b)]);
            let turned = |t| if t { ", transposed" } else { "" };
            let message = format!(
                "gemm: inner dimensions differ: {k} and {inner}, a is {a}{}, b is {b}{}",
                turned(turned_a),
                turned(turned_b)
            );
            return Err(OpError::new(Code::ShapeMismatch, message));
        };
        let y = TensorType::new(a.dtype, [m, n]);
        if let [Some(c)] = rest {
            require::same_dtype("gemm", ("a", a), ("c", c))?;
            if c.shape.broadcast(&y.shape).as_ref() != Some(&y.shape) {
                let message = format!("gemm: c is {c}, which does not broadcast to the result {y}");
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
        if y.dtype.is_int() && (attrs.float("alpha") != 1.0 || attrs.float("beta") != 1.0) {
            let message = format!("gemm: alpha and beta must be 1 for the integers of {a}");
            return Err(OpError::new(Code::BadAttribute, message));
        }
        Ok(vec![y])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        eval::in_f32(x, |x| Ok(vec![with_number!(x, [f32 f64 i32 u32 i64 u64], T => evaluate::<T>(attrs, x, gemm))]))
    }

    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        Some(vec![with_number!(x, [f32 f64 i32 u32 i64 u64], T => evaluate::<T>(attrs, x, eval::gemm::naive))])
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(a), Some(b), rest @ ..] = x else { unreachable!("operand count is checked") };
        let turned = |x: &View, turn| if turn { x.permuted(&[1, 0]) } else { x.clone() };
        let (a, b) = (turned(a, attrs.bool("trans_a")), turned(b, attrs.bool("trans_b")));
        let y = &y[0];
        let c = rest.first().and_then(Option::as_ref).map(|c| c.broadcast(&y.shape()));
        let scaled = |e: Expr, by: &str| match attrs.float(by) {
            1.0 => e,
            k => e * Expr::number(y.scalar(), f64::from(k)),
        };
        l.nest(&y.shape(), |l, at| {
            let [i, j] = at else { unreachable!("the result is a matrix") };
            let sum = l.reduce("sum", Expr::number(y.scalar(), 0.0), &a.shape()[1..], |_, k, sum| {
                sum + a.read(&[i.clone(), k[0].clone()]) * b.read(&[k[0].clone(), j.clone()])
            });
            let product = scaled(sum, "alpha");
            let value = match &c {
                Some(c) => product + scaled(c.read(at), "beta"),
                None => product,
            };
            l.push(y.write(at, value));
        });
        Ok(())
    }

    fn macs(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let [Some(a), ..] = x else { unreachable!("operand count is checked") };
        y[0].elements() as u64 * a.shape[usize::from(!attrs.bool("trans_a"))] as u64
    }
}

fn evaluate<T: Number>(attrs: &Attrs, x: &[Option<&Tensor>], product: eval::gemm::Product<T>) -> Tensor {
    let [Some(a), Some(b), rest @ ..] = x else { unreachable!("operand count is checked") };
    let (m, n, k) = extents(attrs, a.shape(), b.shape()).expect("infer has compared the inner extents");
    let matrix = |x, turn| {
        let t: &Tensor = x;
        let (row, column) = if turn { (1, t.shape()[1]) } else { (t.shape()[1], 1) };
        Matrix { data: slice::<T>(t), row, column }
    };
    let mut y = vec![T::ZERO; m * n];
    product(m, n, k, matrix(a, attrs.bool("trans_a")), matrix(b, attrs.bool("trans_b")), &mut y);
    let (alpha, beta) = (attrs.float("alpha"), attrs.float("beta"));
    if alpha != 1.0 {
        y.iter_mut().for_each(|y| *y = y.times(T::of(alpha)));
    }
    if let Some(c) = rest.first().copied().flatten() {
        let scale = |c: T| if beta == 1.0 { c } else { c.times(T::of(beta)) };
        let offsets = super::index::broadcast(c.shape(), &[m, n]);
        y.iter_mut().zip(offsets).for_each(|(y, i)| *y = y.plus(scale(slice::<T>(c)[i])));
    }
    Tensor::of(Shape::from([m, n]), y)
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let attrs = Attrs::new()
        .with_float("alpha", n.float("alpha")?.unwrap_or(1.0))
        .with_float("beta", n.float("beta")?.unwrap_or(1.0))
        .with_bool("trans_a", n.int("transA")?.unwrap_or(0) != 0)
        .with_bool("trans_b", n.int("transB")?.unwrap_or(0) != 0);
    // Before opset 7 broadcasting had to be asked for.
    if n.opset() < 7 {
        n.int("broadcast")?;
    }
    n.emit_all(OpId::gemm, attrs)
}
