//! Constants in a file of their own: the same results wherever compiler and linker take them from.

use super::{assert_same, check_board, check_host, excerpt, options, prefix, print};
use crate::programs::{self, Case};
use std::path::Path;
use std::process::Command;
use tinyc_codegen::c::{Options, Weights};
use tinyc_core::loops::interp;
use tinyc_testsuite::cc::{self, Folder, run};

fn in_file(target: &str) -> Options {
    Options { weights: Weights::File(cc::WEIGHTS_FILE.to_owned()), ..options(target) }
}

/// Constants of several types and sizes that are no multiple of the alignment.
fn cases() -> [Case; 2] {
    [programs::network(false), crate::kernels::dsp(6, 20, 8)]
}

#[test]
fn a_file_of_constants_gives_the_same_results() {
    for case in cases() {
        for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
            check_host(compiler, &["-O2"], &case, &in_file("generic"));
            check_host(compiler, &["-O2", "-fPIC"], &case, &in_file("generic"));
        }
    }
    for board in ["cortex-m4", "cortex-m55", "rv32imc"].map(cc::device).into_iter().filter(|b| cc::available(b)) {
        for case in cases() {
            check_board(board, &["-O2", "-fdata-sections"], &case, &in_file(board.core));
        }
    }
}

#[test]
fn sizes_and_header_do_not_change() {
    for case in cases() {
        let (arrays, file) = (print(&case, &options("cortex-m4")), print(&case, &in_file("cortex-m4")));
        assert_eq!((&arrays.header, &arrays.sizes), (&file.header, &file.sizes));
        assert_eq!(file, print(&case, &in_file("cortex-m4")));
        let bytes = file.weights.unwrap();
        assert!(arrays.weights.is_none() && bytes.len() >= file.sizes.weights && bytes.len() % 8 == 0);
    }
}

#[test]
fn text_of_a_file_of_constants() {
    let source = print(&crate::kernels::dsp(6, 20, 8), &in_file("generic")).source;
    let from = source.find("/* All constants").unwrap();
    let end = "_weights;\n#endif\n";
    let to = source.find(end).unwrap() + end.len();
    insta::assert_snapshot!("weights_file.c", &source[from..to]);
}

/// Compiles the model with `flags` in a folder that holds none of its files, links `more`, runs.
fn from_elsewhere(compiler: &str, flags: &[&str], more: &[&Path], model: &Folder, case: &Case) {
    let elsewhere = Folder::new();
    let main = cc::main_source(&case.program, &in_file("generic"), &prefix(case), &case.inputs);
    let main = model.write("main.c", &main);
    let host = model.write(
        "host.c",
        "#include <stdio.h>\nvoid put(char c);\nint finish(int status);\n\
         void put(char c) { putchar(c); }\nint finish(int status) { return status; }\n",
    );
    let mut command = Command::new(compiler);
    command.current_dir(elsewhere.path()).args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]).args(flags);
    command.arg(model.path().join("model.c")).arg(main).arg(host).args(more).args(["-o", "a.out"]);
    run(&mut command).unwrap_or_else(|e| panic!("{compiler} {flags:?}: {}", excerpt(&e)));
    let output = run(&mut Command::new(elsewhere.path().join("a.out"))).unwrap();
    let got = cc::tensors(&case.program, &String::from_utf8_lossy(&output.stdout)).unwrap();
    assert_same(&format!("{compiler} {flags:?}"), &interp::run(&case.program, &case.inputs).unwrap(), &got);
}

#[test]
fn the_file_is_found_from_any_folder() {
    let case = programs::network(false);
    let emitted = print(&case, &in_file("generic"));
    let upper = prefix(&case).to_ascii_uppercase();
    for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
        let model = Folder::new();
        cc::compile(&model, compiler, &["-std=c99"], &emitted).unwrap();
        let include = format!("-I{}", model.path().display());
        from_elsewhere(compiler, &[&include], &[], &model, &case);
        let path = model.path().join(cc::WEIGHTS_FILE);
        let file = format!("-D{upper}_WEIGHTS_FILE=\"{}\"", path.display());
        from_elsewhere(compiler, &["-O1", &file], &[], &model, &case);
        // Link-time optimization assembles when it links, in another process.
        if compiler == "gcc" {
            from_elsewhere(compiler, &["-O2", "-flto", &file], &[], &model, &case);
        }
        let section = format!("-D{upper}_WEIGHTS_SECTION=\".slow_memory\"");
        from_elsewhere(compiler, &[&include, &section], &[], &model, &case);
    }
}

/// Mach-O has other sections and another spelling of symbols. Assembled alone: there may be no linker.
#[test]
fn mach_o_assembles() {
    if !cc::have("clang") {
        return;
    }
    let emitted = print(&programs::network(false), &in_file("generic"));
    for target in ["--target=x86_64-apple-darwin", "--target=arm64-apple-macos"] {
        let folder = Folder::new();
        let flags = [cc::WARNINGS, &[target, "-ffreestanding", "-O2"]].concat();
        cc::compile(&folder, "clang", &flags, &emitted).unwrap_or_else(|e| panic!("{target}: {}", excerpt(&e)));
        let object = std::fs::read(folder.path().join(tinyc::device::OBJECT)).unwrap();
        let bytes = emitted.weights.as_ref().unwrap();
        assert!(object.windows(bytes.len()).any(|w| w == bytes), "{target}: the object holds the file");
    }
}

/// What a user without GNU assembly does: an array of the file's bytes under the name.
#[test]
fn the_symbol_may_come_from_the_linker() {
    let case = programs::network(false);
    let emitted = print(&case, &in_file("generic"));
    let name = prefix(&case);
    let bytes: String = emitted.weights.as_ref().unwrap().iter().map(|b| format!("{b},")).collect();
    for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
        let model = Folder::new();
        model.write("model.h", &emitted.header);
        model.write("model.c", &emitted.source);
        let array = format!(
            "extern const unsigned char {name}_weights[];\n\
             const unsigned char {name}_weights[] __attribute__((aligned(8))) = {{{bytes}}};\n"
        );
        let array = model.write("weights.c", &array);
        let define = format!("-D{}_WEIGHTS_EXTERN", name.to_ascii_uppercase());
        from_elsewhere(compiler, &["-O2", &define], &[&array], &model, &case);
    }
}

#[test]
fn a_network_without_constants_has_an_empty_file() {
    let mut case = programs::network(false);
    case.program.steps.clear();
    let emitted = print(&case, &in_file("generic"));
    assert_eq!(emitted.weights, Some(Vec::new()));
    assert!(!emitted.source.contains("incbin"));
}
