//! `min`: smallest of the operands.

use super::elementwise::{Elementwise, ResultType, read_chain};
use super::require;
use crate::loops::{Binary, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "min",
        doc: "`y = min(a, b)`; a NaN in `a` stays. ONNX Min.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Min", 6, |n| read_chain(n, OpId::min))],
        examples: &[
            "min f32[2,3,4], f32[4] -> f32[2,3,4]",
            "min i8[40], i8[40] -> i8[40]",
            "min u8[40] in 0..255, u8[40] in 0..255 -> u8[40]",
        ],
    },
    accepts: require::number,
    result: ResultType::Same,
    value: |_, d, x| {
        let op = if d.is_unsigned_int() { Binary::UMin } else { Binary::Min };
        Expr::binary(op, x[0].clone(), x[1].clone())
    },
};
