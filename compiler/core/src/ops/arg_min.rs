//! `arg_min`: where the smallest element is.

use super::arg_reduce::{ATTRS, ArgReduction, read};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: ArgReduction = ArgReduction {
    facts: Facts {
        name: "arg_min",
        doc: "`y` = position along `axis` of the smallest element of `x`. ONNX ArgMin.",
        operands: &[once("x")],
        attrs: ATTRS,
        imports: &[onnx("ArgMin", 1, |n| read(n, OpId::arg_min))],
        examples: &[
            "arg_min f32[2,7,4] {axis: 1, keep: true, last: false} -> i64[2,1,4]",
            "arg_min i8[5,9] in -3..3 {axis: -1, keep: false, last: true} -> i64[5]",
            "arg_min u8[9,5] in 0..255 {axis: 0, keep: false, last: false} -> i64[5]",
            "arg_min f32[1] {axis: 0, keep: false, last: false} -> i64[]",
        ],
    },
    smallest: true,
};
