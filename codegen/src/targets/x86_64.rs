//! x86-64 at the levels of its psABI (x86-64 psABI 1.0, section 3.1.1): development hosts, gateways.

use super::{Cycles, Floats, Target, generic};

/// Every x86-64.
pub const V1: Target = Target {
    name: "x86-64",
    doc: "x86-64 (SSE2), vectors as GNU C has them",
    triple: "x86_64-linux-gnu",
    c_flags: &["-march=x86-64"],
    compiler: "gcc",
    unaligned: true,
    float_lanes: 4,
    float_registers: 16,
    contract: true,
    cycles: CYCLES,
    ..generic::TARGET
};

pub const V3: Target = Target {
    name: "x86-64-v3",
    doc: "x86-64 with AVX2 and FMA",
    c_flags: &["-march=x86-64-v3"],
    float_lanes: 8,
    cycles: Cycles {
        single: Floats { mac: 0.5, div: 5.0, ..CYCLES.single },
        double: Floats { mac: 0.5, div: 8.0, ..CYCLES.double },
        vector: 32,
        ..CYCLES
    },
    ..V1
};

pub const V4: Target = Target {
    name: "x86-64-v4",
    doc: "x86-64 with AVX-512",
    c_flags: &["-march=x86-64-v4"],
    float_lanes: 16,
    float_registers: 32,
    // Division in two halves.
    cycles: Cycles {
        single: Floats { div: 10.0, ..V3.cycles.single },
        double: Floats { div: 16.0, ..V3.cycles.double },
        vector: 64,
        ..V3.cycles
    },
    ..V1
};

/// Assumed, for a core like Skylake: two pipes for floats, two for loads, one for stores, four for integers
/// (A. Fog, "Instruction tables"). Without FMA a product and a sum take a pipe each.
const CYCLES: Cycles = Cycles {
    load: 0.5,
    store: 1.0,
    more: 0.5,
    add: 0.25,
    mul: 1.0,
    mac: 1.25,
    long: 1.0,
    widen: 0.0,
    div: 6.0,
    wide: 1.0,
    single: Floats { add: 0.5, mul: 0.5, mac: 1.0, div: 3.0, compare: 0.5, select: 0.75, minimum: 0.5, convert: 1.0 },
    double: Floats { add: 0.5, mul: 0.5, mac: 1.0, div: 4.0, compare: 0.5, select: 0.75, minimum: 0.5, convert: 1.0 },
    turn: 1.0,
    step: 0.25,
    call: 8.0,
    vector: 16,
    reach: 1 << 31,
};
