//! `where`: one of two values, as a condition says.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Compare, Expr, Scalar};
use crate::onnx::NodeReader;
use crate::op::{Facts, OpId, once, onnx};
use crate::tensor::{Data, Tensor};
use crate::types::{MAX_TENSOR_BYTES, Shape};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "where",
        doc: "`y = condition ? a : b`. ONNX Where, Trilu.",
        operands: &[once("condition"), once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Where", 9, |n| n.emit_all(OpId::r#where, Attrs::new())), onnx("Trilu", 14, read_trilu)],
        examples: &[
            "where bool[2,3], f32[2,3], f32[] -> f32[2,3]",
            "where bool[4,1], i8[3], i8[4,3] -> i8[4,3]",
            "where bool[7], bool[7], bool[7] -> bool[7]",
        ],
    },
    accepts: |_| true,
    result: ResultType::Choice,
    value: |_, _, x| {
        let holds = Expr::compare(Compare::Ne, x[0].clone(), Expr::int(Scalar::I8, 0));
        holds.select(x[1].clone(), x[2].clone())
    },
};

/// ONNX Trilu: the triangle of matrices above or below a diagonal, 0 elsewhere.
fn read_trilu(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let upper = n.int("upper")?.unwrap_or(1) != 0;
    let k = n.constant_ints(1)?.and_then(|k| k.first().copied()).unwrap_or(0);
    let [.., rows, columns] = x.shape[..] else {
        return Err(OpError::new(Code::Rank, format!("trilu: x is {x}, but must have rank 2 or more")));
    };
    if rows.saturating_mul(columns) > MAX_TENSOR_BYTES / 32 {
        return Err(OpError::new(Code::BadDim, format!("trilu: the matrices of {x} are too large")));
    }
    let stays = |i: usize, j: usize| {
        let diagonal = (i as i64).saturating_add(k);
        if upper { j as i64 >= diagonal } else { j as i64 <= diagonal }
    };
    let mask = (0..rows).flat_map(|i| (0..columns).map(move |j| stays(i, j))).collect();
    let mask = n.add_const(Tensor::of([rows, columns], mask));
    let zero = Tensor::new(Shape::scalar(), Data::zeros(x.dtype, 1)).expect("a scalar has one element");
    let zero = n.add_const(zero);
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::r#where, Attrs::new(), &[Some(mask), Some(x), Some(zero)])?])
}
