//! RISC-V of 32 bits with multiplication and compressed instructions, no floating-point unit.

use super::{Cycles, Floats, Target};

pub const TARGET: Target = Target {
    name: "rv32imc",
    doc: "RISC-V RV32IMC",
    triple: "riscv32-unknown-elf",
    // Compilers for it come without the headers of a C library.
    c_flags: &["-march=rv32imc", "-mabi=ilp32", "-ffreestanding"],
    compiler: "riscv64-unknown-elf-gcc",
    // The base instruction set leaves it to the core whether it takes them, traps, or takes its time.
    unaligned: false,
    max_lanes: 1,
    float_lanes: 1,
    float_registers: 12,
    contract: false,
    condition: "",
    headers: &[],
    library: &[],
    micro: false,
    vectors: &[],
    align: 8,
    cycles: CYCLES,
    instructions: Some(INSTRUCTIONS),
};

/// Assumed, for a core of few stages that begins an instruction a cycle, such as the one of an ESP32-C3,
/// for which no timings are published: a load keeps what needs it waiting for one cycle, every other one
/// does; a taken branch takes three; division is a bit a cycle. Floats are functions of the compiler's
/// library: instructions of libgcc 12.2, counted on an emulator over random operands.
const CYCLES: Cycles = Cycles {
    load: 1.5,
    store: 1.0,
    more: 1.0,
    add: 1.0,
    mul: 1.0,
    mac: 2.0,
    // MUL and MULH.
    long: 2.0,
    widen: 0.0,
    div: 33.0,
    // ADD, ADD, SLTU and ADD.
    wide: 4.0,
    single: Floats {
        add: 73.0,
        mul: 109.0,
        mac: 182.0,
        div: 103.0,
        compare: 25.0,
        select: 3.0,
        minimum: 28.0,
        convert: 46.0,
    },
    double: Floats {
        add: 96.0,
        mul: 200.0,
        mac: 296.0,
        div: 205.0,
        compare: 27.0,
        select: 5.0,
        minimum: 32.0,
        convert: 47.0,
    },
    // Comparing and branching are one instruction; the count is another.
    turn: 4.0,
    // No access moves its address.
    step: 1.0,
    call: 20.0,
    vector: 0,
    // 12 bits of bytes, signed.
    reach: 2048,
};

const INSTRUCTIONS: Cycles = Cycles { load: 1.0, div: 1.0, turn: 1.0, ..CYCLES };
