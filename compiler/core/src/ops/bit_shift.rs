//! `bit_shift`: integers times or by powers of two.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Binary, Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "bit_shift",
        doc: "`y = a * 2^b`, with `right` `a / 2^b` rounded down. Where `b` is not in `0..width` all bits have left: 0, or the \
              sign of an `a` shifted right. ONNX BitShift.",
        operands: &[once("a"), once("b")],
        attrs: &[AttrSpec::bool("right", "towards the low bits").worded("direction", ["LEFT", "RIGHT"])],
        imports: &[onnx("BitShift", 11, |n| {
            let right = match n.string("direction")?.as_deref() {
                Some("LEFT") => false,
                Some("RIGHT") => true,
                other => {
                    let message = format!("bit_shift: direction is {other:?}, but must be LEFT or RIGHT");
                    return Err(OpError::new(Code::BadAttribute, message));
                }
            };
            n.emit_all(OpId::bit_shift, Attrs::new().with_bool("right", right))
        })],
        examples: &[
            "bit_shift u8[40] in 0..255, u8[40] in 0..9 {right: false} -> u8[40]",
            "bit_shift i8[40] in -128..127, i8[40] in -2..9 {right: true} -> i8[40]",
            "bit_shift i32[40], i32[40] in -2..33 {right: false} -> i32[40]",
            "bit_shift u32[2,3], u32[3] in 0..33 {right: true} -> u32[2,3]",
        ],
    },
    accepts: |d| d.is_int(),
    result: ResultType::Same,
    value: |attrs, d, x| {
        let (a, b) = (x[0].clone(), x[1].clone());
        let bits = 8.0 * d.bytes() as f64;
        let below = Expr::compare(Compare::ULt, b.clone(), constant(d, bits));
        let (op, gone) = match (attrs.bool("right"), d.is_unsigned_int()) {
            (false, _) => (Binary::Shl, constant(d, 0.0)),
            (true, true) => (Binary::UShr, constant(d, 0.0)),
            (true, false) => (Binary::Shr, Expr::binary(Binary::Shr, a.clone(), constant(d, bits - 1.0))),
        };
        below.select(Expr::binary(op, a, b), gone)
    },
};
