//! 64-bit Arm (Armv8-A) with Advanced SIMD: application processors and development hosts.

use super::{Target, generic};

pub const TARGET: Target = Target {
    name: "aarch64",
    doc: "64-bit Arm with Advanced SIMD (NEON), vectors as GNU C has them",
    c_flags: &["-march=armv8-a"],
    compiler: "aarch64-linux-gnu-gcc",
    float_lanes: 4,
    float_registers: 32,
    contract: true,
    ..generic::TARGET
};
