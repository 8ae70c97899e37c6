//! `log_softmax`: the logarithm of `softmax`.

use super::softmax::{AXIS, Softmax, read};
use crate::loops::Library;
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Softmax = Softmax {
    facts: Facts {
        name: "log_softmax",
        doc: "`y = x - max x - log(sum exp(x - max x))`, maximum and sum over `axis`. ONNX LogSoftmax.",
        operands: &[once("x")],
        attrs: &[AXIS],
        imports: &[onnx("LogSoftmax", 1, |n| read(n, OpId::log_softmax))],
        examples: &["log_softmax f32[1,10] {axis: -1} -> f32[1,10]", "log_softmax f32[2,3,4] {axis: 0} -> f32[2,3,4]"],
    },
    value: |distance, sum| distance - Library::LogF32.call([sum]),
};
