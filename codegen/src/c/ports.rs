//! Functions of the header that turn real numbers into the integers of an input, and those of an output back.

use super::Options;
use super::api::port_type;
use std::fmt::Write;
use tinyc_core::loops::{Port, Program};

/// For each input and output that has a scale. They compute what the operators do, to the bit.
pub fn functions(p: &str, u: &str, program: &Program, options: &Options) -> String {
    let mut h = String::new();
    for (i, port) in program.inputs.iter().enumerate().filter(|(_, p)| options.scales.inputs.contains_key(&p.name)) {
        let (ty, (lo, hi)) = (port_type(port.ty.dtype).0, port.ty.dtype.range());
        let _ = write!(
            h,
            "\n/* The element of input {i} that stands for a real number: the nearest one, of two the even one. */\n\
             static inline {ty} {p}_in{i}_quantize(float x)\n{{\n    \
             float q = x / {u}_IN{i}_SCALE;\n    int32_t i;\n    \
             q = q > -131072.0f ? q : -131072.0f;\n    q = q < 131072.0f ? q : 131072.0f;\n    \
             q += 12582912.0f; /* rounds to an integer */\n    \
             i = (int32_t)q - 12582912 + {u}_IN{i}_ZERO_POINT;\n    \
             i = i > {lo} ? i : {lo};\n    return ({ty})(i < {hi} ? i : {hi});\n}}\n"
        );
    }
    for (i, port) in program.outputs.iter().enumerate().filter(|(_, p)| options.scales.outputs.contains_key(&p.name)) {
        let _ = write!(h, "{}", dequantize(p, u, i, port));
    }
    h
}

fn dequantize(p: &str, u: &str, i: usize, port: &Port) -> String {
    let ty = port_type(port.ty.dtype).0;
    format!(
        "\n/* The real number that an element of output {i} stands for. */\n\
         static inline float {p}_out{i}_dequantize({ty} q)\n{{\n    \
         return (float)((int32_t)q - {u}_OUT{i}_ZERO_POINT) * {u}_OUT{i}_SCALE;\n}}\n"
    )
}
