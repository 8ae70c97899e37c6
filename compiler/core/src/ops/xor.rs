//! `xor`: of truth values.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::op::{Facts, OpId, once, onnx};
use crate::types::DType;

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "xor",
        doc: "`y = a or else b`. ONNX Xor.",
        operands: &[once("a"), once("b")],
        attrs: &[],
        imports: &[onnx("Xor", 7, |n| n.emit_all(OpId::xor, Attrs::new()))],
        examples: &["xor bool[2,3], bool[3] -> bool[2,3]"],
    },
    accepts: |d| d == DType::Bool,
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() ^ x[1].clone(),
};
