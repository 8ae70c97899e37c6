//! Arm Cortex-M4 with floating-point unit: Armv7E-M with the DSP instructions.

use super::{Cycles, Floats, Spelling, Target};
use tinyc_core::loops::Library;

pub const TARGET: Target = Target {
    name: "cortex-m4",
    doc: "Arm Cortex-M4F (Armv7E-M with DSP and single-precision FPU)",
    triple: "arm-none-eabi",
    c_flags: &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    compiler: "arm-none-eabi-gcc",
    unaligned: true,
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 32,
    contract: false,
    condition: "defined(__GNUC__) && defined(__ARM_FEATURE_DSP)",
    headers: &["arm_acle.h"],
    library: &[DSP, SATURATION],
    micro: true,
    vectors: &[],
    align: 8,
    cycles: CYCLES,
    instructions: Some(INSTRUCTIONS),
};

/// Arm Cortex-M4 Technical Reference Manual (DDI 0439), table 3-1 for the core and table 7-1 for the
/// floating-point unit.
const CYCLES: Cycles = Cycles {
    // LDR and VLDR take 2, one of which neighbouring loads hide: assumed for every other one.
    load: 1.5,
    // STR and VSTR take 2, of which the write buffer hides one.
    store: 1.0,
    more: 1.0,
    add: 1.0,
    mul: 1.0,
    mac: 1.0,
    long: 1.0,
    widen: 0.0,
    // 2 to 12 by the operands' leading zeros: assumed.
    div: 7.0,
    // ADDS and ADC.
    wide: 2.0,
    single: Floats {
        add: 1.0,
        mul: 1.0,
        // VMUL and VADD; VFMA takes 3.
        mac: 2.0,
        div: 14.0,
        // VCMP and VMRS.
        compare: 2.0,
        // IT and VMOV.
        select: 2.0,
        minimum: 4.0,
        // VCVT, and VMOV between the registers.
        convert: 2.0,
    },
    double: SOFT_DOUBLE,
    // CMP, and a taken branch of 1 + P, where refilling the pipeline takes P of 1 to 3: 2 assumed.
    turn: 4.0,
    // Branches of 1 + P there and back, and registers saved and restored: assumed.
    // Loads and stores write the moved address back: LDR and STR post-indexed, VLDM and VSTM.
    step: 0.0,
    call: 20.0,
    vector: 0,
    // VLDR: 8 bits of words.
    reach: 1024,
};

/// Instructions of libgcc 12.2 for Armv7E-M without doubles, counted on an emulator over random operands.
pub(super) const SOFT_DOUBLE: Floats =
    Floats { add: 73.0, mul: 52.0, mac: 125.0, div: 578.0, compare: 48.0, select: 4.0, minimum: 52.0, convert: 26.0 };

const INSTRUCTIONS: Cycles =
    Cycles { load: 1.0, more: 0.0, div: 1.0, single: Floats { div: 1.0, ..CYCLES.single }, turn: 2.0, ..CYCLES };

/// What `arm_acle.h` lacks is one instruction of assembly.
pub(super) const DSP: &[(Library, Spelling)] = &[
    (Library::Smlad, Spelling::Both("__smlad(a, b, c)", "smlad %0, %1, %2, %3")),
    (Library::Smlabb, Spelling::Asm("smlabb %0, %1, %2, %3")),
    (Library::Smlatt, Spelling::Asm("smlatt %0, %1, %2, %3")),
    (Library::Smlabt, Spelling::Asm("smlabt %0, %1, %2, %3")),
    (Library::Sxtb16, Spelling::Both("__sxtb16(a)", "sxtb16 %0, %1")),
    (Library::Sxtb16Ror8, Spelling::Asm("sxtb16 %0, %1, ror #8")),
    (Library::Uxtb16, Spelling::Asm("uxtb16 %0, %1")),
    (Library::Uxtb16Ror8, Spelling::Asm("uxtb16 %0, %1, ror #8")),
    (Library::Smmlar, Spelling::Asm("smmlar %0, %1, %2, %3")),
    (Library::Pkhbt, Spelling::Asm("pkhbt %0, %1, %2, lsl #16")),
    (Library::Pkhtb, Spelling::Asm("pkhtb %0, %1, %2, asr #16")),
];

/// As assembly: the macro of gcc's `arm_acle.h` warns of a conversion.
pub(super) const SATURATION: &[(Library, Spelling)] = &[
    (Library::Ssat8, Spelling::Asm("ssat %0, #8, %1")),
    (Library::Ssat16, Spelling::Asm("ssat %0, #16, %1")),
    (Library::Usat8, Spelling::Asm("usat %0, #8, %1")),
];
