//! `modulo`: remainder.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::{AttrSpec, Attrs};
use crate::loops::{Binary, Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "modulo",
        doc: "`y` has the sign of `b` and `a - y` is a multiple of `b`; with `truncate` it has the sign of `a`. Of a division by zero, 0. ONNX Mod.",
        operands: &[once("a"), once("b")],
        attrs: &[AttrSpec::bool("truncate", "quotients are rounded towards zero, not down").named("fmod")],
        imports: &[onnx("Mod", 10, |n| {
            let truncate = n.int("fmod")?.unwrap_or(0) != 0;
            n.emit_all(OpId::modulo, Attrs::new().with_bool("truncate", truncate))
        })],
        examples: &[
            "modulo i32[2,3], i32[3] {truncate: false} -> i32[2,3]",
            "modulo i8[40] in -128..127, i8[40] in -9..9 {truncate: true} -> i8[40]",
            "modulo u8[40] in 0..255, u8[40] in 1..9 {truncate: false} -> u8[40]",
        ],
    },
    accepts: |d| d.is_int(),
    result: ResultType::Same,
    value: |attrs, d, x| {
        let (a, b, zero) = (x[0].clone(), x[1].clone(), constant(d, 0.0));
        if d.is_unsigned_int() {
            return Expr::binary(Binary::URem, a, b);
        }
        let rest = Expr::binary(Binary::Rem, a, b.clone());
        if attrs.bool("truncate") {
            return rest;
        }
        let other_sign = (rest.clone() ^ b.clone()).lt(zero.clone());
        let some = Expr::compare(Compare::Ne, rest.clone(), zero);
        (some & other_sign).select(rest.clone() + b, rest)
    },
};
