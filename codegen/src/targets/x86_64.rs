//! x86-64 at the levels of its psABI (x86-64 psABI 1.0, section 3.1.1): development hosts, gateways.

use super::{Target, generic};

/// Every x86-64.
pub const V1: Target = Target {
    name: "x86-64",
    doc: "x86-64 (SSE2), vectors as GNU C has them",
    c_flags: &["-march=x86-64"],
    compiler: "gcc",
    float_lanes: 4,
    float_registers: 16,
    contract: true,
    ..generic::TARGET
};

pub const V3: Target =
    Target { name: "x86-64-v3", doc: "x86-64 with AVX2 and FMA", c_flags: &["-march=x86-64-v3"], float_lanes: 8, ..V1 };

pub const V4: Target = Target {
    name: "x86-64-v4",
    doc: "x86-64 with AVX-512",
    c_flags: &["-march=x86-64-v4"],
    float_lanes: 16,
    float_registers: 32,
    ..V1
};
