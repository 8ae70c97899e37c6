//! Emitted C: compiles without a warning, computes what the interpreter computes, reads well.

#![allow(clippy::unwrap_used, clippy::panic)] // A test that panics fails, which is meant.

mod interface;
mod kernels;
mod layers;
mod micro;
mod planes;
mod programs;
mod weights;

use programs::Case;
use tinyc::device::Device;
use tinyc_codegen::Io;
use tinyc_codegen::c::{self, Emitted, Options};
use tinyc_codegen::targets::Target;
use tinyc_core::loops::{Scalar, interp};
use tinyc_core::tensor::Tensor;
use tinyc_testsuite::cc;

fn options(target: &str) -> Options {
    Options {
        target: Target::find(target).unwrap(),
        io: Io::Caller,
        hook: false,
        selftest: None,
        header_name: "model.h".into(),
        weights: c::Weights::Arrays,
        model_hash: "0123abcd".into(),
        input_ranges: Default::default(),
        scales: Default::default(),
        share: false,
    }
}

fn print(case: &Case, options: &Options) -> Emitted {
    c::print(&case.program, options)
}

/// Equal bits, but for which NaN it is.
fn assert_same(name: &str, want: &[Tensor], got: &[Tensor]) {
    assert_eq!(want.len(), got.len(), "{name}");
    for (k, (w, g)) in want.iter().zip(got).enumerate() {
        assert_eq!(w.ty(), g.ty(), "{name}");
        if w == g {
            continue;
        }
        for (i, (a, b)) in w.to_f64s().into_iter().zip(g.to_f64s()).enumerate() {
            let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            assert!(same, "{name}: output {k}[{i}] is {b:?}, the interpreter gives {a:?}");
        }
    }
}

fn prefix(case: &Case) -> String {
    case.program.name.replace([' ', '-'], "_")
}

fn check_host(compiler: &str, flags: &[&str], case: &Case, options: &Options) {
    let name = format!("{} ({compiler} {flags:?})", case.program.name);
    let want = interp::run(&case.program, &case.inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    let emitted = print(case, options);
    let main = cc::main_source(&case.program, options, &prefix(case), &case.inputs);
    let lines = cc::host(compiler, flags, &emitted, &main);
    let got = lines.and_then(|lines| cc::tensors(&case.program, &lines));
    let got = got.unwrap_or_else(|e| panic!("{name}: {}", excerpt(&e)));
    assert_same(&name, &want, &got);
}

#[test]
fn sanitized_c_equals_the_interpreter() {
    for (compiler, flags) in [("gcc", cc::SANITIZE), ("clang", cc::TRAP)] {
        if cc::have(compiler) {
            for case in [
                programs::scalars(),
                programs::vector_ops_of(&[(Scalar::I64, 2), (Scalar::F32, 4), (Scalar::F64, 2)]),
                programs::network(false),
            ] {
                check_host(compiler, flags, &case, &options("generic"));
            }
        }
    }
}

#[test]
fn optimized_c_equals_the_interpreter() {
    for compiler in ["gcc", "clang"] {
        if cc::have(compiler) {
            check_host(compiler, &["-O2"], &programs::scalars(), &options("generic"));
            for (io, case) in [(Io::Caller, programs::network(false)), (Io::Arena, programs::network(true))] {
                check_host(compiler, &["-O2"], &case, &Options { io, hook: true, ..options("generic") });
            }
        }
    }
}

fn check_board(board: &Device, flags: &[&str], case: &Case, options: &Options) {
    let name = format!("{} on {}", case.program.name, board.machine);
    let want = interp::run(&case.program, &case.inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    let main = cc::main_source(&case.program, options, &prefix(case), &case.inputs);
    let lines = cc::on_device(board, flags, &print(case, options), &main);
    let got = lines.and_then(|lines| cc::tensors(&case.program, &lines));
    assert_same(&name, &want, &got.unwrap_or_else(|e| panic!("{name}: {}", excerpt(&e))));
}

/// f64 arithmetic is left to the host: a core without it calls the compiler's library, and that of
/// gcc 12 for Armv7-M rounds 0.999999 - 4294967296.0 to the wrong neighbour. Vectors of 64-bit lanes are left out as well:
/// MVE has no arithmetic on them, and gcc 12 with MVE compiles the loops over lanes that stand for it to
/// other results than without. Vectors of floats too: MVE flushes subnormal values to zero.
#[test]
fn boards_equal_the_interpreter() {
    for board in Device::ALL.iter().filter(|b| cc::available(b)) {
        // To these vectors are the loops over lanes that they are to the Cortex-M4.
        let like_m4 = ["cortex-m3", "cortex-m7", "cortex-m33"].contains(&board.core);
        let vectors = (!like_m4).then(programs::vector_ops);
        for case in [programs::scalars_of(&[Scalar::F32]), programs::network(false)].into_iter().chain(vectors) {
            check_board(board, &["-O1"], &case, &options(board.core));
        }
    }
}

/// The kernels run on their boards with the instructions they are written for, and on the host with
/// the portable meanings, with equal results.
#[test]
fn kernels_for_instructions() {
    let all: [(_, _, &[&str]); 2] = [
        (kernels::dsp(6, 20, 8), cc::device("cortex-m4"), &["smlad", "smmlar", "sxtb16", "ror #8", "ssat"]),
        (kernels::mve(3, 35, 5), cc::device("cortex-m55"), &["vctp.8", "vmladava.s8", "vldrbt.8", "smmlar", "ssat"]),
    ];
    for (case, board, instructions) in all {
        let options = options(board.core);
        if cc::have("gcc") {
            check_host("gcc", cc::SANITIZE, &case, &options);
        }
        if cc::available(board) {
            check_board(board, &["-O2"], &case, &options);
            check_board(board, &["-O0"], &case, &options);
            let assembly = cc::assembly(options.target, &print(&case, &options)).unwrap();
            for i in instructions {
                assert!(assembly.contains(i), "{}: no {i} in\n{assembly}", case.program.name);
            }
        }
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(3000).collect()
}
