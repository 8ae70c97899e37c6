//! `not`: of a truth value.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::loops::{Expr, Scalar};
use crate::op::{Facts, OpId, once, onnx};
use crate::types::DType;

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "not",
        doc: "`y = not x`. ONNX Not.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("Not", 1, |n| n.emit_all(OpId::not, Attrs::new()))],
        examples: &["not bool[2,3] -> bool[2,3]"],
    },
    accepts: |d| d == DType::Bool,
    result: ResultType::Same,
    value: |_, _, x| x[0].clone() ^ Expr::int(Scalar::I8, 1),
};
