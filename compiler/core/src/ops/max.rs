//! `max`: largest of the operands.

use super::elementwise::{Elementwise, ResultType, read_chain};
use super::require;
use crate::loops::{Binary, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "max",
        doc: "`y = max(a, b)`; a NaN in `a` stays. ONNX Max.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Max", 6, |n| read_chain(n, OpId::max))],
        examples: &[
            "max f32[2,3,4], f32[4] -> f32[2,3,4]",
            "max i8[40], i8[40] -> i8[40]",
            "max u8[40] in 0..255, u8[40] in 0..255 -> u8[40]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Binary::UMax } else { Binary::Max };
        Expr::binary(op, x[0].clone(), x[1].clone())
    },
};
