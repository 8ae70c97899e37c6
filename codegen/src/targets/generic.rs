//! Any machine with a C99 compiler.

use super::Target;

pub const TARGET: Target = Target {
    name: "generic",
    doc: "any 32- or 64-bit little-endian machine, plain C99",
    c_flags: &[],
    compiler: "cc",
    max_lanes: 16,
    float_lanes: 1,
    float_registers: 16,
    contract: false,
    condition: "",
    headers: &[],
    library: &[],
    vectors: &[],
    align: 8,
};
