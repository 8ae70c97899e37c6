//! `reduce_sum_square`: sum of squares.

use super::elementwise::constant;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use super::require;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_sum_square",
        doc: "`y = sum of x^2` over the elements that agree outside of `axes`. ONNX ReduceSumSquare.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceSumSquare", 1, |n| read(n, OpId::reduce_sum_square, 18)).written(write)],
        examples: &[
            "reduce_sum_square f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_sum_square f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_sum_square i32[3,4] {axes: [0,1], keep: false} -> i32[]",
        ],
    },
    accepts: require::product,
    init: |d| constant(d, 0.0),
    step: |_, sum, x| sum + x.clone() * x,
    finish: None,
    products: true,
};
