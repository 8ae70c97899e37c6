//! The header, and what the source begins with.

use super::Options;
use super::api::{Ports, port_type};
use super::names::{comment, string};
use super::number::count;
use super::ports;
use super::unit::Unit;
use crate::Io;
use std::fmt::Write;
use tinyc_core::loops::{Port, Program};
use tinyc_core::types::DType;

/// Raised when the emitted interface changes incompatibly.
const ABI_VERSION: u32 = 1;

/// Sizes in bytes that the header states or that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub weights: usize,
    /// Upper bound.
    pub stack: usize,
    /// The context structure where pointers have four bytes.
    pub context: usize,
    /// Memory that `selftest` needs.
    pub selftest: Option<usize>,
}

/// Size of the context structure where pointers have four bytes: the arena, the caller's buffers, the
/// hook and its argument, the next step and a mark.
pub fn context_bytes(io: Io, ports: usize, hook: bool) -> usize {
    let pointers = match io {
        Io::Caller => 1 + ports,
        Io::Arena => 1,
    };
    4 * (pointers + if hook { 2 } else { 0 } + 2)
}

/// Whose the output is.
fn owner(name: &str, unit: &Unit<'_>) -> String {
    format!(
        "/* {name}: a neural network as C, made by tinyc {} for {}.\n *\n \
         * This file belongs to whoever made it with tinyc from a model. Support code in it that\n \
         * does not come from the model is under 0BSD: use it without any condition. */\n",
        env!("CARGO_PKG_VERSION"),
        unit.target.name
    )
}

pub fn print(unit: &Unit<'_>, program: &Program, options: &Options, sizes: &Sizes) -> String {
    let (p, u) = (&unit.prefix, &unit.upper);
    let mut h = owner(&comment(&program.name), unit);
    // Writing to a string cannot fail.
    let _ = write!(
        h,
        "\n#ifndef {u}_H\n#define {u}_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
    );
    let macs: u64 = program.steps.iter().map(|s| s.macs).sum();
    let mut define = |name: &str, value: String, doc: &str| {
        let doc = if doc.is_empty() { String::new() } else { format!(" /* {doc} */") };
        let _ = writeln!(h, "#define {u}_{name} {value}{doc}");
    };
    define("TINYC_VERSION", string(env!("CARGO_PKG_VERSION")), "");
    define("ABI_VERSION", ABI_VERSION.to_string(), "");
    define("MODEL_HASH", string(&options.model_hash), "");
    define("ARENA_BYTES", count(program.arena_bytes as u64), "working memory that init is given");
    define("ARENA_ALIGN", count(program.arena_align.max(1) as u64), "");
    define("STATE_BYTES", count(0), "kept from run to run, inside of the context");
    define("STACK_BYTES", count(sizes.stack as u64), "bound for run, hooks left out");
    define("WEIGHTS_BYTES", count(sizes.weights as u64), "constants");
    define("MACS", count(macs), "multiply-accumulates of a run");
    define("STEPS", count(program.steps.len() as u64), "");
    if let Some(bytes) = sizes.selftest {
        define("SELFTEST_BYTES", count(bytes as u64), "arena that selftest is given");
    }
    let scales = [&options.scales.inputs, &options.scales.outputs];
    for ((kind, ports), scales) in [("IN", &program.inputs), ("OUT", &program.outputs)].into_iter().zip(scales) {
        for (i, port) in ports.iter().enumerate() {
            h.push('\n');
            let name = format!("{u}_{kind}{i}");
            port_macros(&mut h, &name, port, scales.get(&port.name).copied());
            if let Some(&(lo, hi)) = options.input_ranges.get(&port.name).filter(|_| kind == "IN") {
                range_macros(&mut h, &name, port, lo, hi);
            }
        }
    }
    let _ = write!(
        h,
        "\ntypedef enum {p}_status {{\n    {u}_OK = 0,\n    {u}_BUSY = 1, /* step: there is more to do */\n    \
         {u}_ERROR_NULL = 2, /* a pointer is NULL */\n    {u}_ERROR_SIZE = 3, /* the arena is too small */\n    \
         {u}_ERROR_ALIGN = 4, /* a pointer is not aligned */\n    \
         {u}_ERROR_STATE = 5, /* init or begin was not called */\n    \
         {u}_ERROR_MISMATCH = 6 /* selftest: a result differs */\n}} {p}_status;\n"
    );
    if options.hook {
        let _ = write!(
            h,
            "\n/* Called before (after = 0) and after (after = 1) each step with its number and layer. */\n\
             typedef void (*{p}_hook)(void *user, uint32_t step, const char *layer, int32_t after);\n"
        );
    }
    h.push_str(&ports::functions(p, u, program, options));
    h.push_str(&context(p, program, options));
    h.push_str(&prototypes(p, u, program, options));
    let _ = write!(h, "\n#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {u}_H */\n");
    h
}

fn port_macros(h: &mut String, name: &str, port: &Port, scale: Option<(f32, i32)>) {
    let (ty, align) = port_type(port.ty.dtype);
    let dims: Vec<String> = port.ty.shape.iter().map(ToString::to_string).collect();
    // A scalar has the shape {1}: C has no empty list.
    let shape = if dims.is_empty() { "1".to_owned() } else { dims.join(", ") };
    if scale.is_some() {
        let _ =
            writeln!(h, "/* An element q stands for {name}_SCALE * (q - {name}_ZERO_POINT) in the model's units. */");
    }
    for (macro_name, value) in [
        ("NAME", string(&port.name)),
        ("TYPE", ty.to_owned()),
        ("SHAPE", format!("{{{shape}}}")),
        ("RANK", count(dims.len() as u64)),
        ("ELEMENTS", count(port.ty.elements() as u64)),
        ("BYTES", count(port.ty.bytes() as u64)),
        ("ALIGN", count(align as u64)),
        // Without a scale, elements are the values themselves.
        ("SCALE", scale.map_or("1.0f".to_owned(), |(scale, _)| format!("{scale:?}f"))),
        ("ZERO_POINT", scale.map_or("0".to_owned(), |(_, zero)| signed(zero))),
    ] {
        let _ = writeln!(h, "#define {name}_{macro_name} {value}");
    }
}

fn signed(v: i32) -> String {
    if v < 0 { format!("({v})") } else { v.to_string() }
}

/// The range that elements are assumed to lie in.
fn range_macros(h: &mut String, name: &str, port: &Port, lo: f64, hi: f64) {
    let suffix = if port.ty.dtype == DType::F64 { "" } else { "f" };
    let number = |v: f64| match suffix {
        "" => format!("{v:?}"),
        f => format!("{:?}{f}", v as f32),
    };
    let negative = |v: String| if v.starts_with('-') { format!("({v})") } else { v };
    let (lo, hi) = (negative(number(lo)), negative(number(hi)));
    let _ = writeln!(
        h,
        "/* Compiled for elements from {name}_MIN to {name}_MAX: results for others may be wrong. */\n\
         #define {name}_MIN {lo}\n#define {name}_MAX {hi}"
    );
}

fn context(p: &str, program: &Program, options: &Options) -> String {
    let mut h = format!(
        "\n/* Its fields are private. One context runs one inference at a time. */\ntypedef struct {p}_ctx {{\n"
    );
    h.push_str("    unsigned char *arena;\n");
    let ports = Ports::of(program, options.io);
    for (constant, name, ty) in ports.pointers() {
        let _ = writeln!(h, "    {constant}{ty} *{name};");
    }
    if options.hook {
        let _ = writeln!(h, "    {p}_hook hook;\n    void *user;");
    }
    let _ = writeln!(h, "    uint32_t step;\n    uint32_t ready;\n}} {p}_ctx;");
    h
}

fn prototypes(p: &str, u: &str, program: &Program, options: &Options) -> String {
    let ports = Ports::of(program, options.io);
    let (arrays, pointers) = (ports.parameters(true), ports.parameters(false));
    let mut h = format!(
        "\n/* Prepares a context. The arena holds {u}_ARENA_BYTES, aligned to {u}_ARENA_ALIGN; between runs its\n \
         * content is free to change. */\n\
         {p}_status {p}_init({p}_ctx *ctx, void *arena, size_t bytes);\n\n"
    );
    if options.io == Io::Arena {
        h.push_str("/* Where inputs are written before a run, and outputs read after it. */\n");
        for (constant, name, ty) in ports.accessors() {
            let _ = writeln!(h, "{constant}{ty} *{p}_{name}(const {p}_ctx *ctx);");
        }
        h.push('\n');
    }
    let _ = write!(
        h,
        "/* One inference. {}*/\n{p}_status {p}_run({p}_ctx *ctx{arrays});\n\n\
         /* The same in bounded pieces: begin, then step until it returns other than {u}_BUSY. */\n\
         {p}_status {p}_begin({p}_ctx *ctx{pointers});\n{p}_status {p}_step({p}_ctx *ctx);\n\n\
         /* Forgets an inference that was begun, and what is kept from run to run. */\n\
         void {p}_reset({p}_ctx *ctx);\n",
        if options.io == Io::Caller { "Inputs and outputs must not overlap. " } else { "" }
    );
    if options.hook {
        let _ = write!(h, "\nvoid {p}_set_hook({p}_ctx *ctx, {p}_hook hook, void *user);\n");
    }
    if options.selftest.is_some() {
        let _ = write!(
            h,
            "\n/* Runs built-in samples and compares. The arena holds {u}_SELFTEST_BYTES. */\n\
             {p}_status {p}_selftest({p}_ctx *ctx, void *arena, size_t bytes);\n"
        );
    }
    h
}

/// The beginning of the source file.
pub fn preamble(unit: &Unit<'_>, program: &Program, options: &Options) -> String {
    let u = &unit.upper;
    let mut s = owner(&comment(&program.name), unit);
    let _ = write!(
        s,
        "\n#include \"{}\"\n\n\
         #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__\n\
         #error \"this code is for little-endian machines\"\n#endif\n\
         #if (-1 >> 1) != -1 || SIZE_MAX < 0xffffffff\n\
         #error \"this code needs arithmetic right shifts and addresses of 32 bits\"\n#endif\n\n\
         /* Define these to place constants and code, for example in a section of the linker script. */\n\
         #ifndef {u}_WEIGHTS_ATTR\n#define {u}_WEIGHTS_ATTR\n#endif\n\
         #ifndef {u}_FAST_CODE_ATTR\n#define {u}_FAST_CODE_ATTR\n#endif\n\n\
         #if defined(__GNUC__)\n#define {u}_ALIGNED __attribute__((aligned({})))\n#else\n#define {u}_ALIGNED\n#endif\n",
        options.header_name, unit.target.align
    );
    if unit.uses_target {
        let includes: String = unit.target.headers.iter().map(|h| format!("#include <{h}>\n")).collect();
        let _ = write!(
            s,
            "\n/* Without the target's instructions, functions of equal result stand in. */\n\
             #if {}\n#define {u}_USE_TARGET 1\n{includes}#else\n#define {u}_USE_TARGET 0\n#endif\n\
             #ifdef __clang__ /* which tells of inline functions that only one of the two uses */\n\
             #pragma clang diagnostic ignored \"-Wunused-function\"\n#endif\n",
            unit.target.condition
        );
    }
    if unit.small {
        let _ = write!(
            s,
            "\n/* Small code at any level of optimization: what layers share stays in one place, and short loops\n \
             * stay loops. */\n\
             #if defined(__clang__)\n#define {u}_SMALL __attribute__((cold))\n\
             #define {u}_SHARED __attribute__((cold, noinline))\n\
             #elif defined(__GNUC__)\n#define {u}_SMALL __attribute__((cold))\n\
             #define {u}_SHARED __attribute__((cold, noinline, noclone))\n\
             #pragma GCC optimize (\"no-tree-loop-distribute-patterns\")\n\
             #else\n#define {u}_SMALL\n#define {u}_SHARED\n#endif\n"
        );
    }
    if unit.uses_naked {
        let _ = write!(
            s,
            "\n/* Inner blocks in assembly, their registers allocated by tinyc. Define {u}_USE_NAKED as 0 for C\n \
             * that computes the same. */\n\
             #ifndef {u}_USE_NAKED\n\
             #if {u}_USE_TARGET && defined(__thumb2__)\n\
             #define {u}_USE_NAKED 1\n#else\n#define {u}_USE_NAKED 0\n#endif\n#endif\n\
             #if {u}_USE_NAKED\n#define {u}_UNUSED __attribute__((unused))\n\
             #ifdef __clang__\n#define {u}_NAKED __attribute__((naked, noinline))\n\
             #else\n#define {u}_NAKED __attribute__((naked, noipa))\n#endif\n#endif\n"
        );
    }
    if unit.target.contract {
        s.push_str(
            "\n/* A product and the sum behind it may be one instruction: half the time, one rounding less. */\n\
             #if defined(__clang__)\n#pragma STDC FP_CONTRACT ON\n\
             #elif defined(__GNUC__)\n#pragma GCC optimize (\"fp-contract=fast\")\n#endif\n",
        );
    }
    if unit.wide_vectors {
        let _ = write!(
            s,
            "\n/* No vector is passed between files, so it does not matter how. */\n\
             #pragma GCC diagnostic ignored \"-Wpsabi\"\n\
             #ifdef __OPTIMIZE__\n#define {u}_INLINE inline __attribute__((always_inline))\n\
             #else\n#define {u}_INLINE inline\n#endif\n"
        );
    }
    s
}
