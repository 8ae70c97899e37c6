//! `bit_shift`: unsigned integers times or by powers of two.

use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Binary, Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};
use super::elementwise::{Elementwise, ResultType, constant};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "bit_shift",
        doc: "`y = a << b`, with `right` `a >> b`; 0 where `b` is not below the width. ONNX BitShift.",
        operands: &[once("a"), once("b")],
        attrs: &[AttrSpec::bool("right", "towards the low bits")],
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
        examples: &["bit_shift u8[40] in 0..255, u8[40] in 0..9 {right: false} -> u8[40]", "bit_shift u32[2,3], u32[3] in 0..33 {right: true} -> u32[2,3]"],
    },
    accepts: |d| d.is_unsigned_int(),
    result: ResultType::Same,
    value: |attrs, d, x| {
        let (a, b) = (x[0].clone(), x[1].clone());
        let shifted = Expr::binary(if attrs.bool("right") { Binary::UShr } else { Binary::Shl }, a, b.clone());
        let below = Expr::compare(Compare::ULt, b, constant(d, 8.0 * d.bytes() as f64));
        below.select(shifted, constant(d, 0.0))
    },
};
