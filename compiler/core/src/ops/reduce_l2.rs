//! `reduce_l2`: Euclidean norm.

use super::reduction::{AXES, KEEP, Reduction, read, read_lp_normalization, write};
use super::require;
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_l2",
        doc: "`y = sqrt(sum of x^2)` over the elements that agree outside of `axes`. ONNX ReduceL2, LpNormalization.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[
            onnx("ReduceL2", 1, |n| read(n, OpId::reduce_l2, 18)).written(write),
            onnx("LpNormalization", 1, read_lp_normalization),
        ],
        examples: &[
            "reduce_l2 f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_l2 f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
        ],
    },
    accepts: require::f32_or_narrower,
    init: |_| Expr::f32(0.0),
    step: |_, sum, x| sum + x.clone() * x,
    finish: Some(|sum, _| Library::SqrtF32.call([sum])),
    products: true,
};
