//! `reduce_min`: smallest element.

use super::reduction;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use crate::loops::{Binary, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_min",
        doc: "`y = min of x` over the elements that agree outside of `axes`. ONNX ReduceMin.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceMin", 1, |n| read(n, OpId::reduce_min, 18)).written(write)],
        examples: &[
            "reduce_min f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_min f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_min i8[5,6] {axes: [0], keep: false} -> i8[6]",
            "reduce_min u64[5,6] {axes: [1], keep: false} -> u64[5]",
            "reduce_min bool[5,2] {axes: [1], keep: false} -> bool[5]",
        ],
    },
    accepts: |_| true,
    init: reduction::largest,
    step: |d, m, x| Expr::binary(if d.is_unsigned_int() { Binary::UMin } else { Binary::Min }, m, x),
    finish: None,
    products: false,
};
