//! `reduce_prod`: product.

use super::elementwise::constant;
use super::reduction::{AXES, KEEP, Reduction, read, write};
use super::require;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Reduction = Reduction {
    facts: Facts {
        name: "reduce_prod",
        doc: "`y = product of x` over the elements that agree outside of `axes`. ONNX ReduceProd.",
        operands: &[once("x")],
        attrs: &[AXES, KEEP],
        imports: &[onnx("ReduceProd", 1, |n| read(n, OpId::reduce_prod, 18)).written(write)],
        examples: &[
            "reduce_prod f32[2,3,4] {axes: [1], keep: true} -> f32[2,1,4]",
            "reduce_prod f32[2,3,4,5] {axes: [0,2,3], keep: false} -> f32[3]",
            "reduce_prod i32[3,4] in -3..3 {axes: [0,1], keep: false} -> i32[]",
        ],
    },
    accepts: require::product,
    init: |d| constant(d, 1.0),
    step: |_, product, x| product * x,
    finish: None,
    products: false,
};
