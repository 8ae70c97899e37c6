//! The interface of emitted C: what it declares, checks and needs, and how the text reads.

use super::{options, prefix, print};
use crate::programs::{self, Case};
use std::process::Command;
use tinyc_codegen::Io;
use tinyc_codegen::c::{Emitted, Golden, Options, Sample};
use tinyc_codegen::targets::Target;
use tinyc_core::loops::interp;
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc::{self, Folder};

/// All options on.
fn full(io: Io, target: &str) -> (Case, Options) {
    let case = programs::network(io == Io::Arena);
    let outputs = interp::run(&case.program, &case.inputs).unwrap();
    let samples = vec![Sample { inputs: case.inputs.clone(), outputs }];
    let selftest = Some(Golden { samples, tolerance: 1e-5 });
    (case, Options { io, hook: true, selftest, ..options(target) })
}

#[test]
fn text_of_a_network() {
    let (case, options) = full(Io::Caller, "generic");
    let Emitted { header, source, .. } = print(&case, &options);
    insta::assert_snapshot!("network.h", header);
    insta::assert_snapshot!("network.c", source);
    let (case, options) = full(Io::Arena, "generic");
    insta::assert_snapshot!("network_arena.h", print(&case, &options).header);
}

#[test]
fn text_of_kernels() {
    insta::assert_snapshot!("pointwise_m4.c", print(&crate::kernels::dsp(6, 20, 8), &options("cortex-m4")).source);
    insta::assert_snapshot!("pointwise_m55.c", print(&crate::kernels::mve(3, 35, 5), &options("cortex-m55")).source);
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    let case = programs::vector_ops();
    assert_eq!(print(&case, &options("generic")), print(&programs::vector_ops(), &options("generic")));
}

/// Compilers with the flags of a target.
fn compilers() -> Vec<(&'static str, &'static Target)> {
    let host = ["gcc", "clang"].map(|c| (c, Target::find("generic").unwrap()));
    let cross = Target::ALL.iter().filter(|t| t.compiler != "cc").map(|t| (t.compiler, *t));
    host.into_iter().chain(cross).filter(|(c, _)| cc::have(c)).collect()
}

#[test]
fn no_warning_and_no_undefined_symbol() {
    for (compiler, target) in compilers() {
        let nm = if compiler.starts_with("arm") { "arm-none-eabi-nm" } else { "nm" };
        for io in [Io::Caller, Io::Arena] {
            for level in ["-O0", "-O3"] {
                let (case, options) = full(io, target.name);
                let folder = Folder::new();
                let flags = [cc::WARNINGS, target.c_flags, &[level]].concat();
                cc::compile(&folder, compiler, &flags, &print(&case, &options)).unwrap();
                if cc::have(nm) {
                    let output =
                        cc::run(Command::new(nm).arg("-u").arg(folder.path().join(tinyc::device::OBJECT))).unwrap();
                    let text = String::from_utf8(output.stdout).unwrap();
                    // Compilers for cores without floating-point unit call their own library.
                    let floats = |s: &str| s.starts_with("__aeabi_") || s.starts_with("__") && s.contains("sf");
                    let own = |s: &str| matches!(s, "memcpy" | "memset") || floats(s);
                    let names = text.split_whitespace().filter(|s| *s != "U");
                    assert_eq!(names.filter(|s| !own(s)).collect::<Vec<_>>(), [""; 0], "{compiler} {level}");
                }
            }
        }
    }
}

#[test]
fn every_expression_compiles_for_a_small_core() {
    let target = Target::find("cortex-m0plus").unwrap();
    if cc::have(target.compiler) {
        let flags = [cc::WARNINGS, target.c_flags, &["-Os"]].concat();
        cc::compile(&Folder::new(), target.compiler, &flags, &print(&programs::scalars(), &options(target.name)))
            .unwrap();
    }
}

#[test]
fn names_of_any_kind_compile() {
    if !cc::have("gcc") {
        return;
    }
    for name in ["int", "größe", "7 segments", "__x__", "kws/v1:0", "NULL", "KWS"] {
        let mut case = programs::network(false);
        case.program.name = name.to_owned();
        for (i, b) in case.program.buffers.iter_mut().enumerate() {
            b.name = ["run", "ctx", "for", "/a*/b", "?\u{3a9}??/"][i % 5].to_owned();
        }
        for f in &mut case.program.functions {
            f.name = name.to_owned();
            f.buffers.iter_mut().zip(["x", "x", "class", ""]).for_each(|(b, n)| b.name = n.to_owned());
            f.local_names.iter_mut().for_each(|n| *n = "int".to_owned());
            f.index_names.iter_mut().for_each(|n| *n = "x".to_owned());
        }
        let emitted = print(&case, &options("generic"));
        if let Err(e) = cc::compile(&Folder::new(), "gcc", cc::WARNINGS, &emitted) {
            panic!("{name}: {e}\n{}", emitted.source);
        }
    }
}

#[test]
fn the_header_is_cxx() {
    if !cc::have("g++") {
        return;
    }
    let (case, options) = full(Io::Caller, "generic");
    let folder = Folder::new();
    folder.write("model.h", &print(&case, &options).header);
    let text = "#include \"model.h\"\nfloat x[] = TINY_NET_IN0_SHAPE;\nint main() { return tiny_net_run(0, x, x); }\n";
    folder.write("main.cc", text);
    let mut command = Command::new("g++");
    command.current_dir(folder.path()).args([
        "-std=c++11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-c",
        "main.cc",
    ]);
    cc::run(&mut command).unwrap();
}

#[test]
fn calls_are_checked() {
    if !cc::have("gcc") {
        return;
    }
    let (case, options) = full(Io::Caller, "generic");
    let main = r#"
#include "model.h"
#include <stdio.h>
static void hook(void *user, uint32_t step, const char *layer, int32_t after)
{
    printf("%s %u %s %d\n", (const char *)user, step, layer, after);
}
int main(void)
{
    static uint64_t memory[TINY_NET_SELFTEST_BYTES / 8u + 2u];
    static tiny_net_ctx ctx;
    float x[5] = {1, 2, 3, 4, 5};
    float y[4];
    char *odd = (char *)memory + 1;
    printf("%d", tiny_net_run(&ctx, x, y));
    printf("%d", tiny_net_init(NULL, memory, sizeof memory));
    printf("%d", tiny_net_init(&ctx, NULL, sizeof memory));
    printf("%d", tiny_net_init(&ctx, memory, TINY_NET_ARENA_BYTES - 1u));
    printf("%d", tiny_net_init(&ctx, odd, TINY_NET_ARENA_BYTES));
    printf("%d", tiny_net_init(&ctx, memory, TINY_NET_ARENA_BYTES));
    printf("%d", tiny_net_run(&ctx, NULL, y));
    printf("%d", tiny_net_run(&ctx, (float *)(void *)((char *)x + 2), y));
    printf("%d ", tiny_net_step(&ctx));
    printf("%d", tiny_net_begin(&ctx, x, y));
    printf("%d", tiny_net_step(&ctx));
    tiny_net_reset(&ctx);
    printf("%d\n", tiny_net_step(&ctx));
    tiny_net_set_hook(&ctx, hook, "hook");
    printf("%d\n", tiny_net_run(&ctx, x, y));
    printf("%d", tiny_net_selftest(&ctx, memory, TINY_NET_SELFTEST_BYTES));
    printf("%d\n", tiny_net_selftest(&ctx, memory, TINY_NET_SELFTEST_BYTES - 1u));
    return 0;
}
"#;
    let want = "522340240 010\nhook 0 /fc1/*Gemm*/, relu 0\nhook 0 /fc1/*Gemm*/, relu 1\nhook 1 fc2 ??/ __, relu 0\n\
                hook 1 fc2 ??/ __, relu 1\nhook 2 fc3, relu 0\nhook 2 fc3, relu 1\n0\n03\n";
    assert_eq!(cc::host("gcc", &["-O1"], &print(&case, &options), main).unwrap(), want);
}

#[test]
fn selftest_finds_differences() {
    if !cc::have("gcc") {
        return;
    }
    for io in [Io::Caller, Io::Arena] {
        for (change, status) in [(0.0, "0"), (1e-3, "6"), (f32::NAN, "6")] {
            let (case, mut options) = full(io, "generic");
            if let Some(golden) = &mut options.selftest {
                let output = &mut golden.samples[0].outputs[0];
                let mut v = output.as_slice::<f32>().unwrap().to_vec();
                v[2] += change;
                *output = Tensor::of(output.shape().clone(), v);
            }
            let p = prefix(&case);
            let u = p.to_ascii_uppercase();
            let main = format!(
                "#include \"model.h\"\n#include <stdio.h>\nint main(void) {{ static uint64_t m[{u}_SELFTEST_BYTES / 8u + 1u]; \
                 static {p}_ctx c; printf(\"%d\", {p}_selftest(&c, m, sizeof m)); return 0; }}\n"
            );
            let got = cc::host("gcc", cc::SANITIZE, &print(&case, &options), &main).unwrap();
            assert_eq!(got, status, "{io:?} {change}");
        }
    }
}

/// Bytes of each function's frame, as the compiler reports them.
fn frames(compiler: &str, flags: &[&str], emitted: &Emitted) -> Vec<(String, usize)> {
    let folder = Folder::new();
    cc::compile(&folder, compiler, &[flags, &["-std=c99", "-fstack-usage"]].concat(), emitted).unwrap();
    let text = std::fs::read_to_string(folder.path().join("model.su")).unwrap();
    let line = |l: &str| {
        let mut fields = l.split('\t');
        let name = fields.next().unwrap().rsplit(':').next().unwrap().to_owned();
        (name, fields.next().unwrap().parse().unwrap())
    };
    text.lines().map(line).collect()
}

/// `run` calls `step`, that a kernel, that a library function, that an operation.
#[test]
fn the_stack_stays_below_its_bound() {
    let cases = [programs::network(false), programs::scalars(), programs::vector_ops(), crate::kernels::dsp(6, 20, 8)];
    for (compiler, target) in compilers().into_iter().filter(|(c, _)| *c != "clang") {
        for (case, level) in cases.iter().flat_map(|c| ["-O0", "-O2"].map(|l| (c, l))) {
            let emitted = print(case, &options(target.name));
            let bound = emitted.header.lines().find_map(|l| l.split_once("_STACK_BYTES ")).unwrap().1;
            let bound: usize = bound.split('u').next().unwrap().parse().unwrap();
            let frames = frames(compiler, &[target.c_flags, &[level]].concat(), &emitted);
            let of = |end: &str| frames.iter().find(|(n, _)| n.ends_with(end)).map_or(0, |f| f.1);
            let kernels: Vec<&str> = emitted
                .source
                .lines()
                .filter_map(|l| l.split_once("_FAST_CODE_ATTR void ").map(|(_, n)| n.split('(').next().unwrap()))
                .collect();
            let is_kernel = |n: &str| kernels.contains(&n);
            let kernel = frames.iter().filter(|(n, _)| is_kernel(n)).map(|f| f.1).max().unwrap_or(0);
            let api = ["_run", "_step", "_init", "_begin", "_reset"];
            let support = frames.iter().filter(|(n, _)| !is_kernel(n) && !api.iter().any(|a| n.ends_with(a)));
            let mut support: Vec<usize> = support.map(|f| f.1).collect();
            support.sort_unstable_by(|a, b| b.cmp(a));
            // The one function that a kernel calls.
            let nested = of("_row_sum");
            let used = of("_run") + of("_step") + kernel + nested + support.iter().take(2).sum::<usize>();
            assert!(used <= bound, "{} {compiler} {level}: {used} > {bound}: {frames:?}", case.program.name);
        }
    }
}
