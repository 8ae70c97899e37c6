//! `reduce_max`: largest element.

use super::reduction;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use crate::loops::{Binary, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_max",
        doc: "`y = max of x` over the elements that agree outside of `axes`. ONNX ReduceMax.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceMax", 1, |n| read(n, OpId::reduce_max, 18)).written(write)],
        examples: &[
            "reduce_max f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_max f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_max i8[5,6] {axes: [0], keep: false} -> i8[6]",
            "reduce_max u8[5,6] in 0..255 {axes: [1], keep: false} -> u8[5]",
            "reduce_max bool[5,2] {axes: [1], keep: false} -> bool[5]",
        ],
    },
    accepts: |_| true,
    init: reduction::smallest,
    step: |d, m, x| Expr::binary(if d.is_unsigned_int() { Binary::UMax } else { Binary::Max }, m, x),
    finish: None,
    products: false,
};
