//! `reduce_sum`: sum.

use super::elementwise::constant;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use super::require;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_sum",
        doc: "`y = sum of x` over the elements that agree outside of `axes`. ONNX ReduceSum.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceSum", 1, |n| read(n, OpId::reduce_sum, 13)).written(write)],
        examples: &[
            "reduce_sum f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_sum f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_sum f32[7,64] {axes: [1], keep: false} -> f32[7]",
            "reduce_sum i32[3,4] {axes: [0,1], keep: false} -> i32[]",
            "reduce_sum f32[4] {axes: [], keep: true} -> f32[4]",
        ],
    },
    accepts: require::product,
    init: |d| constant(d, 0.0),
    step: |_, sum, x| sum + x,
    finish: None,
    products: false,
};
