//! 64-bit Arm (Armv8-A) with Advanced SIMD: application processors and development hosts.

use super::{Cycles, Floats, Target, generic};

pub const TARGET: Target = Target {
    name: "aarch64",
    doc: "64-bit Arm with Advanced SIMD (NEON), vectors as GNU C has them",
    triple: "aarch64-linux-gnu",
    c_flags: &["-march=armv8-a"],
    compiler: "aarch64-linux-gnu-gcc",
    unaligned: true,
    float_lanes: 4,
    float_registers: 32,
    contract: true,
    cycles: CYCLES,
    ..generic::TARGET
};

/// Assumed, for a core like the Cortex-A72: two floating-point pipes of 128 bits, two for integers, a load
/// and a store each cycle (Arm UAN 0016A, section 2).
const CYCLES: Cycles = Cycles {
    load: 1.0,
    store: 1.0,
    more: 0.5,
    add: 0.5,
    mul: 1.0,
    mac: 1.0,
    long: 1.0,
    widen: 0.0,
    div: 12.0,
    wide: 1.0,
    single: Floats { add: 0.5, mul: 0.5, mac: 0.5, div: 22.0, compare: 0.5, select: 0.5, minimum: 0.5, convert: 1.0 },
    double: Floats { add: 0.5, mul: 0.5, mac: 0.5, div: 18.0, compare: 0.5, select: 0.5, minimum: 0.5, convert: 1.0 },
    turn: 1.0,
    step: 0.5,
    call: 8.0,
    vector: 16,
    reach: 1 << 14,
};
