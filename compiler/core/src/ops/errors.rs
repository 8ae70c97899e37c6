//! What operators reject: the code, and words of the message, of operands and attributes that do not
//! fit. Written as examples whose result does not matter.

use super::example::as_graph;
use crate::text;

const CONV: &str = "strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1";
const TRANSPOSED: &str = "strides: [1], pads: [0,0], dilations: [1], output_padding: [0], group: 1";
const POOL: &str = "strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false";

macro_rules! resize {
    () => {
        "mode: linear, coordinates: half_pixel, rounding: floor, cubic: 0.0, exclude_outside: false, antialias: false, \
         region: [], outside: 0.0"
    };
}

/// Operator and operands, attributes, code, words.
const REJECTED: &[(&str, &str, &str, &str)] = &[
    ("conv f32[1,2,5,5], f32[3,4,3,3]", CONV, "E0203", "x has 2 channels in 1 groups, but w is made for 4"),
    ("conv f32[1,2,5,5], f32[3,2,7,3]", CONV, "E0205", "spans 7 (kernel 7, dilation 1), the input has 0 + 5 + 0"),
    ("conv f32[1,2,5,5], f32[3,2,3]", CONV, "E0202", "w is f32[3,2,3], of rank 3, but must have rank 4"),
    ("conv f32[2,5], f32[3,2]", CONV, "E0202", "must have rank 3 or more"),
    ("conv f32[1,2,5,5], f64[3,2,3,3]", CONV, "E0201", "element types must agree"),
    ("conv i8[1,2,5,5], i8[3,2,3,3]", CONV, "E0201", "must be f16, bf16, f32, f64"),
    ("conv f32[1,2,5,5], f32[3,2,3,3], f32[2]", CONV, "E0203", "b is f32[2], but must have shape [3]"),
    (
        "conv f32[1,4,5,5], f32[3,2,3,3]",
        "strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 2",
        "E0203",
        "group 2 does not divide",
    ),
    (
        "conv f32[1,4,5,5], f32[4,2,3,3]",
        "strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: -2",
        "E0203",
        "group -2 does not divide",
    ),
    (
        "conv f32[1,2,5,5], f32[3,2,3,3]",
        "strides: [0,1], pads: [0,0,0,0], dilations: [1,1], group: 1",
        "E0205",
        "strides has the value 0",
    ),
    (
        "conv f32[1,2,5,5], f32[3,2,3,3]",
        "strides: [1,1], pads: [0,-1,0,0], dilations: [1,1], group: 1",
        "E0205",
        "pads has the value -1",
    ),
    (
        "conv f32[1,2,5,5], f32[3,2,3,3]",
        "strides: [1,1], pads: [0,0], dilations: [1,1], group: 1",
        "E0205",
        "pads has 2 values, but 4 are needed",
    ),
    (
        "conv f32[1,2,5,5], f32[3,2,3,3]",
        "strides: [1,1], pads: [0,0,0,0], dilations: [1,9223372036854775807], group: 1",
        "E0205",
        "dilations has the value 9223372036854775807",
    ),
    ("conv f32[1,2,5,5], f32[3,2,3,3]", "strides: [1,1]", "E0106", "attribute pads is missing"),
    ("conv f32[1,2,5,5]", CONV, "E0113", "operand 1 (w) is missing"),
    ("conv_transpose f32[1,2,5], f32[3,2,3]", TRANSPOSED, "E0203", "x has 2 channels, but w is made for 3"),
    ("conv_transpose f32[1,2,5], f32[2,3,3], f32[2]", TRANSPOSED, "E0203", "b is f32[2], but must have shape [3]"),
    ("conv_transpose f32[1,2,5], f32[2,3,3,3]", TRANSPOSED, "E0202", "of rank 4, but must have rank 3"),
    ("conv_transpose i8[1,2,5], i8[2,3,3]", TRANSPOSED, "E0201", "must be f16, bf16, f32, f64"),
    (
        "conv_transpose f32[1,3,5], f32[3,2,3]",
        "strides: [1], pads: [0,0], dilations: [1], output_padding: [0], group: 2",
        "E0203",
        "group 2 does not divide",
    ),
    (
        "conv_transpose f32[1,2,5], f32[2,3,3]",
        "strides: [2], pads: [6,5], dilations: [1], output_padding: [0], group: 1",
        "E0205",
        "the result would have 0 positions along spatial axis 0",
    ),
    (
        "conv_transpose f32[1,2,5], f32[2,3,3]",
        "strides: [2147483647], pads: [0,0], dilations: [2147483647], output_padding: [0], group: 1",
        "E0205",
        "along spatial axis 0",
    ),
    (
        "conv_transpose f32[1,2,5], f32[2,3,3]",
        "strides: [1], pads: [0,0], dilations: [1], output_padding: [0,0], group: 1",
        "E0205",
        "output_padding has 2 values, but 1 are needed",
    ),
    (
        "max_pool f32[1,2,5]",
        "kernel: [2,2], strides: [1], pads: [0,0], dilations: [1], ceil: false",
        "E0205",
        "2 values",
    ),
    ("max_pool bool[1,2,5,5]", POOL, "E0106", "attribute kernel is missing"),
    ("gemm f32[1,64], f32[128,10]", "alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false", "E0203", "64 and 128"),
    ("gemm f32[4], f32[4,2]", "alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false", "E0202", "a is f32[4]"),
    (
        "gemm f32[2,3], f32[3,4], f32[3,4]",
        "alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false",
        "E0203",
        "c is f32[3,4], which does not broadcast to the result f32[2,4]",
    ),
    ("gemm i32[2,3], i32[3,4]", "alpha: 2.0, beta: 1.0, trans_a: false, trans_b: false", "E0106", "must be 1"),
    ("matmul f32[2,3], f32[4,5]", "", "E0203", "inner dimensions differ: 3 and 4"),
    ("matmul f32[2,2,3], f32[3,3,5]", "", "E0203", "batch axes do not broadcast"),
    ("matmul f32[], f32[3]", "", "E0202", "must have rank 1 or more"),
    ("add f32[2,3], f32[4]", "", "E0203", "f32[2,3], f32[4]"),
    ("add f32[2], i32[2]", "", "E0201", "a is f32[2] and b is i32[2]"),
    ("add bool[2], bool[2]", "", "E0201", "a is bool[2]"),
    ("relu u8[2]", "", "E0201", "x is u8[2]"),
    ("exp f64[2]", "", "E0201", "must be f16, bf16, f32"),
    ("and i8[2], i8[2]", "", "E0201", "must be bool"),
    ("softmax f32[2,3]", "axis: 2", "E0204", "axis 2 is not in -2..2"),
    ("batch_norm f32[1,3,2], f32[3], f32[2], f32[3], f32[3]", "epsilon: 0.1", "E0203", "bias is f32[2]"),
    ("reshape f32[2,3]", "shape: [4]", "E0203", "[4] does not hold the 6 elements"),
    ("reshape f32[2,3]", "shape: [-2,-3]", "E0203", "does not hold"),
    ("transpose f32[2,3]", "perm: [0,0]", "E0204", "no permutation"),
    (
        "slice f32[2,3]",
        "starts: [0,1], steps: [1,1], extents: [2,3]",
        "E0203",
        "3 positions from 1 on by 1 do not lie in axis 1",
    ),
    ("slice f32[4]", "starts: [0], steps: [0], extents: [2]", "E0203", "2 positions from 0 on by 0"),
    ("slice f32[4]", "starts: [0], steps: [9223372036854775807], extents: [3]", "E0203", "do not lie in axis 0"),
    (
        "slice f32[2,3]",
        "starts: [0], steps: [1,1], extents: [2,3]",
        "E0203",
        "starts has 1 values, but f32[2,3] has 2 axes",
    ),
    ("concat f32[2,3], f32[3,3]", "axis: 1", "E0203", "operand 1 is f32[3,3], which differ outside of axis 1"),
    ("concat f32[2,3], f32[2]", "axis: 0", "E0203", "operand 1 is f32[2]"),
    ("concat f32[2], i8[2]", "axis: 0", "E0201", "element types must agree"),
    ("concat f32[2], f32[2]", "axis: 1", "E0204", "axis 1 is not in -1..1"),
    ("pad f32[2,3]", "before: [0,-2], after: [0,-2], mode: constant", "E0205", "do not fit f32[2,3]"),
    ("pad f32[2,3]", "before: [0,-3], after: [0,1], mode: edge", "E0205", "no elements to repeat"),
    (
        "pad f32[2], f32[1]",
        "before: [0], after: [1], mode: constant",
        "E0203",
        "value is f32[1], but must have shape []",
    ),
    ("pad f32[2]", "before: [0], after: [9223372036854775807], mode: constant", "E0205", "do not fit"),
    ("reduce_sum f32[2,3]", "axes: [0,-2], keep: true", "E0204", "axis 0 is given twice"),
    ("reduce_mean i32[2,3]", "axes: [0], keep: true", "E0201", "must be f16, bf16, f32, f64"),
    ("reduce_max f32[2,3]", "axes: [2], keep: true", "E0204", "axis 2 is not in -2..2"),
    ("arg_max f32[2,0]", "axis: 1, keep: true, last: false", "E0203", "axis 1 of f32[2,0] has no elements"),
    ("arg_min bool[2]", "axis: 0, keep: true, last: false", "E0201", "x is bool[2]"),
    ("expand f32[2,3]", "shape: [2,4]", "E0203", "f32[2,3] does not broadcast to [2, 4]"),
    ("expand f32[2,3]", "shape: [3]", "E0203", "does not broadcast to [3]"),
    ("tile f32[2,3]", "repeats: [2,-1]", "E0106", "cannot be repeated [2, -1] times"),
    ("tile f32[2,3]", "repeats: [2]", "E0203", "repeats has 1 values, but f32[2,3] has 2 axes"),
    ("where f32[2], f32[2], f32[2]", "", "E0201", "condition is f32[2], but its element type must be bool"),
    ("where bool[2], f32[2], i8[2]", "", "E0201", "a is f32[2] and b is i8[2]"),
    ("modulo f32[2], f32[2]", "truncate: true", "E0201", "a is f32[2]"),
    (
        "layer_norm f32[2,3], f32[2]",
        "axes: [1], center: true, epsilon: 0.1",
        "E0203",
        "scale is f32[2], which does not broadcast",
    ),
    ("layer_norm f32[2,3]", "axes: [-1], center: true, epsilon: 0.1", "E0204", "axis -1 is negative"),
    ("gather_elements f32[2,3], i64[3,3]", "axis: 1", "E0203", "more than x has outside of axis 1"),
    ("cum_sum i8[2]", "axis: 0, exclusive: false, reverse: false", "E0201", "x is i8[2]"),
    ("gather f32[2,3], f32[2]", "axis: 0", "E0201", "indices is f32[2], but its element type must be i32, i64"),
    ("gather f32[2,0], i32[2]", "axis: 1", "E0203", "axis 1 of f32[2,0] has no positions"),
    ("quantize i8[2], f32[]", "to: i8", "E0201", "x is i8[2]"),
    ("quantize f32[2], f16[]", "to: i8", "E0201", "x is f32[2] and scale is f16[]"),
    ("quantize f32[2], f32[], i32[]", "to: i32", "E0106", "to is i32, but must be an integer of 8 or 16 bits"),
    ("quantize f32[2], f32[], u8[]", "to: i8", "E0201", "zero is u8[], but the integers are i8"),
    ("quantize f32[2,3], f32[2]", "to: i8", "E0203", "scale is f32[2], neither one for all of f32[2,3]"),
    ("quantize f32[2,3], f32[2,3]", "to: i8", "E0203", "nor one for each position of an axis"),
    ("quantize f32[2,3], f32[3], i8[]", "to: i8", "E0203", "zero is i8[], but must have shape [3]"),
    ("dequantize u32[2], f32[]", "", "E0201", "x is u32[2], but its element type must be i8, u8, i16, u16, i32"),
    ("dequantize i8[2], f64[]", "", "E0201", "scale is f64[]"),
    ("dequantize i8[2], f32[], u8[]", "", "E0201", "zero is u8[], but the integers are i8"),
    ("resize f32[2]", concat!("extents: [4], scales: [0.0], ", resize!()), "E0205", "the scale 0 is not positive"),
    ("resize f32[2]", concat!("extents: [4], scales: [nan], ", resize!()), "E0205", "NaN is no scale"),
    ("resize f32[0]", concat!("extents: [4], scales: [2.0], ", resize!()), "E0205", "f32[0] cannot become [4]"),
    ("resize i8[2]", concat!("extents: [4], scales: [2.0], ", resize!()), "E0201", "x is i8[2]"),
];

#[test]
fn what_does_not_fit_is_rejected_with_its_code() {
    for (call, attrs, code, words) in REJECTED {
        let attrs = if attrs.is_empty() { String::new() } else { format!(" {{{attrs}}}") };
        let (graph, _) = as_graph(&format!("{call}{attrs} -> f32[1]"));
        let report = text::parse(&graph, &[]).expect_err(call);
        let first = &report.diagnostics[0];
        assert_eq!(first.code.id, *code, "{call}{attrs}: {}", first.message);
        assert!(first.message.contains(words), "{call}{attrs}: {}", first.message);
    }
}
