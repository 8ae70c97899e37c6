//! `reduce_l1`: sum of magnitudes.

use super::elementwise::constant;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_l1",
        doc: "`y = sum of |x|` over the elements that agree outside of `axes`. ONNX ReduceL1.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceL1", 1, |n| read(n, OpId::reduce_l1, 18)).written(write)],
        examples: &[
            "reduce_l1 f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_l1 f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
        ],
    },
    accepts: |d| d.is_float(),
    init: |d| constant(d, 0.0),
    step: |d, sum, x| sum + x.clone().lt(constant(d, 0.0)).select(-x.clone(), x),
    finish: None,
    products: false,
};
