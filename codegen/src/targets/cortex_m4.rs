//! Arm Cortex-M4 with floating-point unit: Armv7E-M with the DSP instructions.

use super::{Spelling, Target};
use tinyc_core::loops::Library;

pub const TARGET: Target = Target {
    name: "cortex-m4",
    doc: "Arm Cortex-M4F (Armv7E-M with DSP and single-precision FPU)",
    c_flags: &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    compiler: "arm-none-eabi-gcc",
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 32,
    contract: false,
    condition: "defined(__GNUC__) && defined(__ARM_FEATURE_DSP)",
    headers: &["arm_acle.h"],
    library: &[LIBRARY],
    vectors: &[],
    align: 8,
};

/// What `arm_acle.h` lacks is one instruction of assembly; so is SSAT, whose macro in gcc warns of a
/// conversion.
pub(super) const LIBRARY: &[(Library, Spelling)] = &[
    (Library::Smlad, Spelling::Expr("__smlad(a, b, c)")),
    (Library::Sxtb16, Spelling::Expr("__sxtb16(a)")),
    (Library::Sxtb16Ror8, Spelling::Asm(r#""sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a)"#)),
    (Library::Smmlar, Spelling::Asm(r#""smmlar %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c)"#)),
    (Library::Ssat8, Spelling::Asm(r#""ssat %0, #8, %1" : "=r"(r) : "r"(a)"#)),
    (Library::Ssat16, Spelling::Asm(r#""ssat %0, #16, %1" : "=r"(r) : "r"(a)"#)),
    (Library::Pkhbt, Spelling::Asm(r#""pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b)"#)),
    (Library::Pkhtb, Spelling::Asm(r#""pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(a), "r"(b)"#)),
];
