//! Arm Cortex-M7 with floating-point unit: Armv7E-M, as the Cortex-M4, with two instructions a cycle.

use super::{Cycles, Floats, Target, cortex_m4};

pub const TARGET: Target = Target {
    name: "cortex-m7",
    doc: "Arm Cortex-M7F (Armv7E-M with DSP and single-precision FPU)",
    c_flags: &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
    cycles: CYCLES,
    ..cortex_m4::TARGET
};

/// Arm publishes no instruction timings of the Cortex-M7. Assumed: the two pipes take an instruction of
/// integers or a load each, the floating-point unit one instruction a cycle beside them; branches that
/// are taken again and again are foreseen; division as on the Cortex-M4.
const CYCLES: Cycles = Cycles {
    load: 0.5,
    store: 1.0,
    more: 0.5,
    add: 0.5,
    mul: 1.0,
    mac: 1.0,
    long: 1.0,
    widen: 0.0,
    div: 7.0,
    wide: 2.0,
    single: Floats { add: 1.0, mul: 1.0, mac: 2.0, div: 14.0, compare: 1.5, select: 1.0, minimum: 2.5, convert: 1.5 },
    double: cortex_m4::SOFT_DOUBLE,
    turn: 1.0,
    step: 0.0,
    call: 12.0,
    vector: 0,
    reach: 1024,
};
