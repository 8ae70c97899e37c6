//! `reduce_log_sum`: logarithm of the sum.

use super::reduction::{AXES, KEEP, Reduction, read, read_log_sum_exp, write};
use super::require;
use crate::loops::{Expr, Library};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_log_sum",
        doc: "`y = log(sum of x)` over the elements that agree outside of `axes`. ONNX ReduceLogSum, ReduceLogSumExp.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[
            onnx("ReduceLogSum", 1, |n| read(n, OpId::reduce_log_sum, 18)).written(write),
            onnx("ReduceLogSumExp", 1, read_log_sum_exp),
        ],
        examples: &["reduce_log_sum f32[2,3,4] in 0.1..4.0 {axes: [1], keep: true} -> f32[2,1,4]"],
    },
    accepts: require::f32_or_narrower,
    init: |_| Expr::f32(0.0),
    step: |_, sum, x| sum + x,
    finish: Some(|sum, _| Library::LogF32.call([sum])),
    products: false,
};
