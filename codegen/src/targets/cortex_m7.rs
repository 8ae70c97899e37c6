//! Arm Cortex-M7 with floating-point unit: Armv7E-M, as the Cortex-M4, with two instructions a cycle.

use super::{Target, cortex_m4};

pub const TARGET: Target = Target {
    name: "cortex-m7",
    doc: "Arm Cortex-M7F (Armv7E-M with DSP and single-precision FPU)",
    c_flags: &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"],
    ..cortex_m4::TARGET
};
