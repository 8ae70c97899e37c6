//! Arm Cortex-M0+: Armv6-M, no DSP instructions, no unaligned access.

use super::{Cycles, Floats, Target};

pub const TARGET: Target = Target {
    name: "cortex-m0plus",
    doc: "Arm Cortex-M0+ (Armv6-M)",
    triple: "arm-none-eabi",
    c_flags: &["-mcpu=cortex-m0plus", "-mthumb"],
    compiler: "arm-none-eabi-gcc",
    unaligned: false,
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 8,
    contract: false,
    condition: "",
    headers: &[],
    library: &[],
    micro: false,
    vectors: &[],
    align: 8,
    cycles: CYCLES,
    instructions: Some(INSTRUCTIONS),
};

/// Arm Cortex-M0+ Technical Reference Manual (DDI 0484), table 3-1; division and floats are functions of
/// the compiler's library: instructions of libgcc 12.2, counted on an emulator over random operands.
const CYCLES: Cycles = Cycles {
    load: 2.0,
    store: 2.0,
    more: 1.0,
    add: 1.0,
    // 1 or 32, as the core was built: the fast multiplier assumed.
    mul: 1.0,
    mac: 2.0,
    // __aeabi_lmul, its call and the signs.
    long: 62.0,
    // LDRSB takes its offset from a register.
    widen: 1.0,
    div: 135.0,
    wide: 2.0,
    single: Floats {
        add: 74.0,
        mul: 123.0,
        mac: 197.0,
        div: 381.0,
        compare: 42.0,
        select: 3.0,
        minimum: 45.0,
        convert: 35.0,
    },
    double: Floats {
        add: 139.0,
        mul: 300.0,
        mac: 439.0,
        div: 637.0,
        compare: 69.0,
        select: 5.0,
        minimum: 74.0,
        convert: 45.0,
    },
    // CMP 1, taken branch 2.
    turn: 3.0,
    // BL 3, BX 2, registers saved and restored: assumed.
    step: 1.0,
    call: 20.0,
    vector: 0,
    // LDR: 5 bits of words.
    reach: 128,
};

const INSTRUCTIONS: Cycles = Cycles { load: 1.0, store: 1.0, more: 0.0, long: 47.0, turn: 2.0, ..CYCLES };
