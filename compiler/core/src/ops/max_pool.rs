//! `max_pool`: the largest element of each window.

use super::pool::{CEIL, KERNEL, Pool, read, read_global, write};
use super::{require, window};
use crate::attrs::Attrs;
use crate::loops::{Binary, Expr, Scalar};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Pool = Pool {
    facts: Facts {
        name: "max_pool",
        doc: "`y[n,c,q] = max over k of x[n, c, q*stride - pad + k*dilation]`, padding left out. ONNX MaxPool, \
              GlobalMaxPool.",
        operands: &[once("x")],
        attrs: &[KERNEL, window::STRIDES, window::PADS, window::DILATIONS, CEIL],
        imports: &[
            onnx("MaxPool", 1, |n| {
                // The order of indices, a second output that is not read.
                n.int("storage_order")?;
                read(n, OpId::max_pool, Attrs::new())
            })
            .written(write),
            onnx("GlobalMaxPool", 1, |n| read_global(n, OpId::max_pool, Attrs::new())),
        ],
        examples: &[
            "max_pool f32[1,3,6,6] {kernel: [2,2], strides: [2,2], pads: [0,0,0,0], dilations: [1,1], ceil: false} -> f32[1,3,3,3]",
            "max_pool f32[2,2,7,6] {kernel: [3,2], strides: [2,1], pads: [1,0,1,1], dilations: [1,2], ceil: false} -> f32[2,2,4,5]",
            "max_pool f32[1,1,6,5] {kernel: [3,3], strides: [2,2], pads: [0,0,0,1], dilations: [1,1], ceil: true} -> f32[1,1,3,3]",
            "max_pool i8[1,2,9] {kernel: [3], strides: [3], pads: [1,1], dilations: [1], ceil: false} -> i8[1,2,3]",
            "max_pool u8[1,2,4,4,3] {kernel: [2,2,2], strides: [1,2,1], pads: [0,0,0,0,0,0], dilations: [1,1,1], ceil: false} -> u8[1,2,3,2,2]",
        ],
    },
    accepts: require::number,
    init: |d| match Scalar::of(d).unwrap_or(Scalar::F32) {
        float if float.is_float() => Expr::number(float, f64::NEG_INFINITY),
        int if d.is_unsigned_int() => Expr::int(int, 0),
        int => Expr::int(int, i64::MIN >> (64 - int.bits())),
    },
    step: |d, value, x| Expr::binary(if d.is_unsigned_int() { Binary::UMax } else { Binary::Max }, value, x),
    average: false,
};
