//! `greater_or_equal`: comparison.

use super::elementwise::{Elementwise, ResultType};
use super::require;
use crate::attrs::Attrs;
use crate::loops::{Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "greater_or_equal",
        doc: "`y = a >= b`. ONNX GreaterOrEqual.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("GreaterOrEqual", 12, |n| n.emit_all(OpId::greater_or_equal, Attrs::new()))],
        examples: &[
            "greater_or_equal f32[2,3], f32[3] -> bool[2,3]",
            "greater_or_equal i32[40] in -3..3, i32[40] in -3..3 -> bool[40]",
            "greater_or_equal u8[50] in 0..255, u8[50] in 0..255 -> bool[50]",
        ],
    },
    accepts: require::number,
    result: ResultType::Bool,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Compare::ULe } else { Compare::Le };
        Expr::compare(op, x[1].clone(), x[0].clone())
    },
};
