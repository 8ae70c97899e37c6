//! `reduce_mean`: arithmetic mean.

use super::elementwise::constant;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_mean",
        doc: "`y = mean of x` over the elements that agree outside of `axes`. ONNX ReduceMean.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceMean", 1, |n| read(n, OpId::reduce_mean, 18)).written(write)],
        examples: &[
            "reduce_mean f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_mean f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_mean f64[7,64] {axes: [1], keep: true} -> f64[7,1]",
        ],
    },
    accepts: |d| d.is_float(),
    init: |d| constant(d, 0.0),
    step: |_, sum, x| sum + x,
    finish: Some(|sum, n| sum / n),
    products: false,
};
