//! `arg_max`: where the largest element is.

use super::arg_reduce::{ATTRS, ArgReduction, read};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: ArgReduction = ArgReduction {
    facts: Facts {
        name: "arg_max",
        doc: "`y` = position along `axis` of the largest element of `x`. ONNX ArgMax.",
        operands: &[once("x")],
        attrs: ATTRS,
        imports: &[onnx("ArgMax", 1, |n| read(n, OpId::arg_max))],
        examples: &[
            "arg_max f32[2,7,4] {axis: 1, keep: true, last: false} -> i64[2,1,4]",
            "arg_max i8[5,9] in -3..3 {axis: -1, keep: false, last: true} -> i64[5]",
            "arg_max u8[9,5] in 0..255 {axis: 0, keep: false, last: false} -> i64[5]",
            "arg_max f32[1] {axis: 0, keep: false, last: false} -> i64[]",
        ],
    },
    smallest: false,
};
