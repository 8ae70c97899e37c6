//! Arm Cortex-M33 with floating-point unit and DSP extension: Armv8-M Mainline.

use super::{Cycles, Floats, Target, cortex_m4};

pub const TARGET: Target = Target {
    name: "cortex-m33",
    doc: "Arm Cortex-M33 (Armv8-M Mainline with DSP and single-precision FPU)",
    c_flags: &["-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
    cycles: CYCLES,
    ..cortex_m4::TARGET
};

/// Arm publishes no instruction timings of the Cortex-M33. Assumed: as the Cortex-M4's, with a load in one
/// cycle where the value is not needed in the next, and a pipeline that refills in one cycle less.
const CYCLES: Cycles = Cycles {
    load: 1.25,
    store: 1.0,
    more: 1.0,
    add: 1.0,
    mul: 1.0,
    mac: 1.0,
    long: 1.0,
    widen: 0.0,
    div: 7.0,
    wide: 2.0,
    single: Floats { add: 1.0, mul: 1.0, mac: 2.0, div: 14.0, compare: 2.0, select: 1.0, minimum: 3.0, convert: 2.0 },
    double: cortex_m4::SOFT_DOUBLE,
    turn: 3.0,
    step: 0.0,
    call: 18.0,
    vector: 0,
    reach: 1024,
};
