//! `equal`: comparison.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "equal",
        doc: "`y = a == b`. ONNX Equal.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Equal", 7, |n| n.emit_all(OpId::equal, Attrs::new()))],
        examples: &[
            "equal f32[2,3], f32[3] -> bool[2,3]",
            "equal i32[40] in -3..3, i32[40] in -3..3 -> bool[40]",
            "equal u8[50] in 0..255, u8[50] in 0..255 -> bool[50]",
            "equal bool[20], bool[20] -> bool[20]",
        ],
    },
    accepts: |_| true,
    result: ResultType::Bool,
    value: |_, _, x| x[0].clone().equal(x[1].clone()),
};
