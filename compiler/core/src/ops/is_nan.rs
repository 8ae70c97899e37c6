//! `is_nan`: comparison with itself.

use super::elementwise::{Elementwise, ResultType};
use crate::attrs::Attrs;
use crate::loops::{Compare, Expr};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Elementwise = Elementwise {
    facts: Facts {
        name: "is_nan",
        doc: "`y = x != x`. ONNX IsNaN.",
        operands: &[once("x")],
        attrs: &[],
        imports: &[onnx("IsNaN", 9, |n| n.emit_all(OpId::is_nan, Attrs::new()))],
        examples: &["is_nan f32[2,3] -> bool[2,3]"],
    },
    accepts: |d| d.is_float(),
    result: ResultType::Bool,
    value: |_, _, x| Expr::compare(Compare::Ne, x[0].clone(), x[0].clone()),
};
