//! Any machine with a C99 compiler.

use super::{Cycles, Floats, Target};

pub const TARGET: Target = Target {
    name: "generic",
    doc: "any 32- or 64-bit little-endian machine, plain C99",
    triple: "",
    c_flags: &[],
    compiler: "cc",
    // Nothing is known, so nothing is relied on.
    unaligned: false,
    max_lanes: 16,
    float_lanes: 1,
    float_registers: 16,
    contract: false,
    condition: "",
    headers: &[],
    library: &[],
    micro: false,
    vectors: &[],
    align: 8,
    cycles: CYCLES,
    instructions: None,
};

/// No core in particular: one instruction a cycle, two for a load, with floating-point units. Assumed.
const CYCLES: Cycles = Cycles {
    load: 2.0,
    store: 1.0,
    more: 1.0,
    add: 1.0,
    mul: 1.0,
    mac: 2.0,
    long: 1.0,
    widen: 1.0,
    div: 10.0,
    wide: 1.0,
    single: Floats { add: 1.0, mul: 1.0, mac: 2.0, div: 14.0, compare: 2.0, select: 2.0, minimum: 3.0, convert: 2.0 },
    double: Floats { add: 1.0, mul: 1.0, mac: 2.0, div: 24.0, compare: 2.0, select: 2.0, minimum: 3.0, convert: 2.0 },
    turn: 3.0,
    step: 1.0,
    call: 16.0,
    vector: 0,
    reach: 1024,
};
