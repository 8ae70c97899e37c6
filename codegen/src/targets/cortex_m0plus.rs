//! Arm Cortex-M0+: Armv6-M, no DSP instructions, no unaligned access.

use super::Target;

pub const TARGET: Target = Target {
    name: "cortex-m0plus",
    doc: "Arm Cortex-M0+ (Armv6-M)",
    c_flags: &["-mcpu=cortex-m0plus", "-mthumb"],
    compiler: "arm-none-eabi-gcc",
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 8,
    contract: false,
    condition: "",
    headers: &[],
    library: &[],
    vectors: &[],
    align: 8,
};
