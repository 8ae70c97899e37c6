//! `less`: comparison.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "less",
        doc: "`y = a < b`. ONNX Less.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Less", 7, |n| n.emit_all(OpId::less, Attrs::new()))],
        examples: &[
            "less f32[2,3], f32[3] -> bool[2,3]",
            "less i32[40] in -3..3, i32[40] in -3..3 -> bool[40]",
            "less u8[50] in 0..255, u8[50] in 0..255 -> bool[50]",
        ],
    },
    accepts: require::number,
    result: ResultType::Bool,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Compare::ULt } else { Compare::Lt };
        Expr::compare(op, x[0].clone(), x[1].clone())
    },
};
