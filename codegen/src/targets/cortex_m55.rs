//! Arm Cortex-M55: Armv8.1-M with MVE (Helium), integer and float.

use super::Target;
use super::cortex_m4::LIBRARY;

pub const TARGET: Target = Target {
    name: "cortex-m55",
    doc: "Arm Cortex-M55 (Armv8.1-M with MVE)",
    c_flags: &["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"],
    compiler: "arm-none-eabi-gcc",
    max_lanes: 16,
    condition: "defined(__GNUC__) && defined(__ARM_FEATURE_MVE)",
    headers: &["arm_acle.h", "arm_mve.h"],
    library: LIBRARY,
    vectors: &[],
    align: 8,
};
