//! `average_pool`: the mean of each window.

use super::elementwise::constant;
use super::pool::{CEIL, KERNEL, Pool, read, read_global, write};
use super::window;
use crate::attrs::{AttrSpec, Attrs};
use crate::op::{Facts, OpId, once, onnx};

pub static OP: Pool = Pool {
    facts: Facts {
        name: "average_pool",
        doc: "`y[n,c,q] = (sum over k of x[n, c, q*stride - pad + k*dilation]) / (number of taps)`; only taps inside of \
              `x` count, with `count_padding` those in the padding also. ONNX AveragePool, GlobalAveragePool.",
        operands: &[once("x")],
        attrs: &[
            KERNEL,
            window::STRIDES,
            window::PADS,
            window::DILATIONS,
            CEIL,
            AttrSpec::bool("count_padding", "taps in the padding count").named("count_include_pad"),
        ],
        imports: &[
            onnx("AveragePool", 1, |n| {
                let count_padding = n.int("count_include_pad")?.unwrap_or(0) != 0;
                read(n, OpId::average_pool, Attrs::new().with_bool("count_padding", count_padding))
            })
            .written(write),
            onnx("GlobalAveragePool", 1, |n| {
                read_global(n, OpId::average_pool, Attrs::new().with_bool("count_padding", false))
            }),
        ],
        examples: &[
            "average_pool f32[1,3,6,6] {kernel: [2,2], strides: [2,2], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false} -> f32[1,3,3,3]",
            "average_pool f32[1,8,5,4] {kernel: [5,4], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false} -> f32[1,8,1,1]",
            "average_pool f32[2,2,7,6] {kernel: [3,3], strides: [2,1], pads: [1,1,1,1], dilations: [1,1], ceil: false, count_padding: false} -> f32[2,2,4,6]",
            "average_pool f32[2,2,7,6] {kernel: [3,3], strides: [2,1], pads: [1,1,1,1], dilations: [1,1], ceil: false, count_padding: true} -> f32[2,2,4,6]",
            "average_pool f32[1,1,8,7] {kernel: [3,3], strides: [2,2], pads: [0,1,0,1], dilations: [1,1], ceil: true, count_padding: true} -> f32[1,1,4,4]",
            "average_pool f32[1,1,8,7] {kernel: [3,2], strides: [2,3], pads: [1,0,1,0], dilations: [2,3], ceil: true, count_padding: false} -> f32[1,1,4,2]",
            "average_pool f64[1,2,9] {kernel: [4], strides: [3], pads: [2,1], dilations: [1], ceil: false, count_padding: false} -> f64[1,2,3]",
        ],
    },
    accepts: |d| d.is_float(),
    init: |d| constant(d, 0.0),
    step: |_, sum, x| sum + x,
    average: true,
};
