//! Arm Cortex-M4 with floating-point unit: Armv7E-M with the DSP instructions.

use super::{Spelling, Target};
use tinyc_core::loops::Library;

pub const TARGET: Target = Target {
    name: "cortex-m4",
    doc: "Arm Cortex-M4F (Armv7E-M with DSP and single-precision FPU)",
    c_flags: &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    compiler: "arm-none-eabi-gcc",
    max_lanes: 1,
    condition: "defined(__GNUC__) && defined(__ARM_FEATURE_DSP)",
    headers: &["arm_acle.h"],
    library: LIBRARY,
    vectors: &[],
    align: 8,
};

/// SMMLAR and the extracts with rotation are in no `arm_acle.h`.
pub(super) const LIBRARY: &[(Library, Spelling)] = &[(Library::Smlad, Spelling::Expr("__smlad(a, b, c)"))];
