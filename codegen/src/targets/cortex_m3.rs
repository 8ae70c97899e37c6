//! Arm Cortex-M3: Armv7-M, saturation but no other DSP instructions, no floating-point unit.

use super::cortex_m4::{SATURATION, SOFT_DOUBLE};
use super::{Cycles, Floats, Target};

pub const TARGET: Target = Target {
    name: "cortex-m3",
    doc: "Arm Cortex-M3 (Armv7-M)",
    triple: "arm-none-eabi",
    c_flags: &["-mcpu=cortex-m3", "-mthumb"],
    compiler: "arm-none-eabi-gcc",
    unaligned: true,
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 8,
    contract: false,
    condition: "defined(__GNUC__) && defined(__ARM_FEATURE_SAT)",
    headers: &[],
    library: &[SATURATION],
    micro: false,
    vectors: &[],
    align: 8,
    cycles: CYCLES,
    instructions: Some(INSTRUCTIONS),
};

/// Arm Cortex-M3 Technical Reference Manual (DDI 0337), table of instruction timings; floats are functions
/// of the compiler's library: instructions of libgcc 12.2, counted on an emulator over random operands.
const CYCLES: Cycles = Cycles {
    // LDR takes 2, one of which neighbouring loads hide: assumed for every other one.
    load: 1.5,
    // STR takes 2, of which the write buffer hides one.
    store: 1.0,
    more: 1.0,
    add: 1.0,
    mul: 1.0,
    // MLA.
    mac: 2.0,
    // SMULL takes 3 to 5.
    long: 4.0,
    widen: 0.0,
    // 2 to 12 by the operands' leading zeros: assumed.
    div: 7.0,
    // ADDS and ADC.
    wide: 2.0,
    single: Floats {
        add: 54.0,
        mul: 33.0,
        mac: 87.0,
        div: 149.0,
        compare: 38.0,
        select: 2.0,
        minimum: 40.0,
        convert: 26.0,
    },
    double: SOFT_DOUBLE,
    // CMP, and a taken branch of 1 + P, where refilling the pipeline takes P of 1 to 3: 2 assumed.
    turn: 4.0,
    // LDR and STR write the moved address back.
    step: 0.0,
    // Branches of 1 + P there and back, and registers saved and restored: assumed.
    call: 20.0,
    vector: 0,
    // LDR: 12 bits of bytes.
    reach: 4096,
};

const INSTRUCTIONS: Cycles = Cycles { load: 1.0, more: 0.0, mac: 1.0, long: 1.0, div: 1.0, turn: 2.0, ..CYCLES };
