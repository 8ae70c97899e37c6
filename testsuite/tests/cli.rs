//! The command line: exit statuses, where output goes, and that nothing is left behind on failure.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use tinyc_testsuite::cc;
use tinyc_testsuite::command::{Run, tinyc};
use tinyc_testsuite::shared;

fn digits() -> String {
    shared::digits().0.display().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[track_caller]
fn ok(run: Run) -> Run {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run
}

#[test]
fn compile_writes_source_and_header_named_after_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kws.c");
    let run = ok(tinyc([&digits(), "-o", out.to_str().unwrap()]));
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("RAM"), "{}", run.stderr);
    assert_eq!(names(folder.path()), ["kws.c", "kws.h"]);
    let source = fs::read_to_string(&out).unwrap();
    assert!(source.contains("#include \"kws.h\"") && source.contains("kws_run"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let compile = |sub: &str| {
        let folder = folder.path().join(sub);
        fs::create_dir(&folder).unwrap();
        let out = folder.join("net.c");
        ok(tinyc([&digits(), "-o", out.to_str().unwrap(), "--hook", "--selftest"]));
        (fs::read(&out).unwrap(), fs::read(folder.join("net.h")).unwrap())
    };
    assert_eq!(compile("a"), compile("b"));
}

#[test]
fn quiet_says_nothing_and_verbose_names_passes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.c");
    let out = out.to_str().unwrap();
    assert_eq!(ok(tinyc([&digits(), "-q", "-o", out])).stderr, "");
    let verbose = ok(tinyc([&digits(), "-v", "-o", out])).stderr;
    assert!(verbose.contains("fold-constants") && verbose.contains("wrote"), "{verbose}");
}

#[test]
fn dash_writes_one_file_to_stdout() {
    let run = ok(tinyc([&digits(), "-o", "-", "--name", "net"]));
    assert!(run.stdout.contains("net_status net_run(") && !run.stdout.contains("#include \"net.h\""));
}

#[test]
fn every_kind_of_text_is_emitted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("d.c");
    ok(tinyc([&digits(), "-o", out.to_str().unwrap(), "--emit", "graph,plan,plan.svg,loops,c"]));
    assert_eq!(names(folder.path()), ["d.c", "d.graph", "d.h", "d.loops", "d.plan", "d.plan.svg"]);
    let run = ok(tinyc([&digits(), "--emit", "graph"]));
    assert!(run.stdout.starts_with("graph @"), "{}", run.stdout);
}

/// By the output's suffix or by `--emit`, to a file, to stdout, beside other kinds; it is read again.
#[test]
fn the_graph_is_written_as_onnx() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = ok(tinyc([&digits(), "-o", &path("d.opt.onnx"), "-MD"]));
    assert!(run.stderr.contains("of ONNX, opset 21"), "{}", run.stderr);
    assert_eq!(names(folder.path()), ["d.opt.onnx", "d.opt.onnx.d"]);
    let bytes = fs::read(path("d.opt.onnx")).unwrap();
    ok(tinyc([&digits(), "-o", &path("d.c"), "--emit", "c,onnx", "--name", "digits", "--stats"]));
    assert_eq!(fs::read(path("d.onnx")).unwrap(), bytes);
    let graph = |model: &str| ok(tinyc([model, "-o", "-", "--emit", "graph"])).stdout;
    let operators = |model: &str| graph(model).lines().filter(|l| l.contains(" = ")).count();
    assert_eq!(operators(&path("d.opt.onnx")), operators(&digits()));
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_tinyc-under-test"))
        .args([&digits(), "-o", "-", "--emit", "onnx"])
        .output()
        .unwrap();
    assert_eq!(command.stdout, bytes);
}

/// As one file, since nothing can lie beside it.
#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let read = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    ok(tinyc([&digits(), "-o", pipe.to_str().unwrap(), "--name", "net"]));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(names(folder.path()), ["pipe"]);
    let source = read.join().unwrap();
    assert!(source.contains("net_run(") && !source.contains("#include \"net.h\""));
}

/// Neither as ONNX nor as anything else.
#[test]
fn no_output_replaces_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("d.onnx");
    fs::copy(digits(), &model).unwrap();
    let path = model.display().to_string();
    for more in [&["--emit", "onnx"][..], &["--emit", "onnx", "--stats"], &["--emit", "plan"], &["--emit", "c,onnx"]] {
        let run = tinyc([&[&*path, "-o", &path], more].concat());
        assert_eq!(run.status, 2, "{}", run.stderr);
        assert!(run.stderr.contains("would replace"), "{}", run.stderr);
    }
    assert_eq!(fs::read(&model).unwrap(), fs::read(digits()).unwrap());
    assert_eq!(names(folder.path()), ["d.onnx"]);
}

#[test]
fn passes_print_the_graph_on_request() {
    let run = ok(tinyc([&digits(), "--emit", "plan", "-o", "-", "--print-ir-after=fold-constants"]));
    assert!(run.stderr.contains("; after fold-constants\ngraph @") && !run.stderr.contains("; after import"));
    let all = ok(tinyc([&digits(), "--emit", "plan", "-o", "-", "--print-ir-after"]));
    assert!(all.stderr.contains("; after import") && all.stderr.contains("; after remove-dead"));
    let wrong = tinyc([&digits(), "-o", "-", "--print-ir-after=nonsense"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("E0501") && wrong.stderr.contains("fold-constants"), "{}", wrong.stderr);
}

#[test]
fn stats_are_json_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("d.c");
    let run = ok(tinyc([&digits(), "-o", out.to_str().unwrap(), "--stats=json"]));
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let get = |key: &str| stats[key].as_u64().unwrap();
    let parts = ["arena_bytes", "input_bytes", "output_bytes", "state_bytes", "context_bytes"];
    assert_eq!(get("ram_bytes"), parts.iter().map(|p| get(p)).sum::<u64>());
    assert!(get("macs") > 0 && get("weights_bytes") > 0 && get("live_bytes") <= get("ram_bytes"));
}

#[test]
fn wrong_command_lines_end_with_status_2() {
    let model = digits();
    let lines: [&[&str]; 18] = [
        &[],
        &["--nonsense"],
        &["no-such-file.onnx"],
        &[&model, "--dim", "x"],
        &[&model, "--target", "z80"],
        &[&model, "--name", "int"],
        &[&model, "--name", "2x"],
        &[&model, "-o", "no/such/folder/x.c"],
        &[&model, "-o", "-", "--stats"],
        &[&model, "-o", "-", "-MD"],
        &[&model, "-o", "-", "--weights", "bin"],
        &[&model, "--weights", "zip"],
        &[&model, "--emit", "graph", "-MF", "x.d"],
        &[&model, "--emit", "onnx"],
        &[&model, "-MF"],
        &[&model, "--max-ram", "much"],
        &[&model, "--max-flash", "1M", "--size-cc", "no-such-compiler"],
        &["integration", "bazel"],
    ];
    for line in lines {
        let run = tinyc(line.iter().copied());
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{line:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error"), "{line:?}: {}", run.stderr);
    }
}

#[test]
fn failure_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("cut.onnx");
    let whole = fs::read(shared::digits().0).unwrap();
    fs::write(&model, &whole[..whole.len() / 2]).unwrap();
    let out = folder.path().join("cut.c");
    let run = tinyc([model.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert_eq!(names(folder.path()), ["cut.onnx"]);

    // The header's path is a folder: the source is not written either.
    fs::create_dir(folder.path().join("y.h")).unwrap();
    let run = tinyc([&digits(), "-o", folder.path().join("y.c").to_str().unwrap()]);
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains("E0503"), "{}", run.stderr);
    assert_eq!(names(folder.path()), ["cut.onnx", "y.h"]);
}

#[test]
fn the_depfile_names_outputs_and_all_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (model, npz) = shared::digits();
    let (model, npz) = (model.display().to_string(), npz.display().to_string());
    ok(tinyc([&model, "-o", &path("d.c"), &format!("--selftest={npz}"), "-MD", "-MP"]));
    assert_eq!(names(folder.path()), ["d.c", "d.c.d", "d.h"]);
    let want = format!("{}: \\\n  {model} \\\n  {npz}\n\n{model}:\n\n{npz}:\n", [path("d.c"), path("d.h")].join(" "));
    assert_eq!(fs::read_to_string(path("d.c.d")).unwrap(), want);
    ok(tinyc([&model, "-o", &path("d.plan"), "--emit", "plan", "-MF", &path("x.d"), "-MTall"]));
    assert_eq!(fs::read_to_string(path("x.d")).unwrap(), format!("all: \\\n  {model}\n"));
}

#[test]
fn budgets_that_are_met_say_nothing_or_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("d.c");
    let out = out.to_str().unwrap();
    ok(tinyc([&digits(), "-o", out, "--max-ram", "64K"]));
    if cc::have("gcc") {
        let run = ok(tinyc([&digits(), "-o", out, "--max-flash", "1 MiB", "--size-cc", "gcc", "--size-cflags", "-Os"]));
        assert!(run.stderr.contains("of 1048576 B: weights") && run.stderr.contains("by gcc -Os"), "{}", run.stderr);
        ok(tinyc(["check", &digits(), "--max-flash=1M", "--size-cc=gcc"]));
    }
    let cross = ok(tinyc([&digits(), "-o", out, "--target", "cortex-m4", "--max-flash", "1M"])).stderr;
    let measured = cross.contains("by arm-none-eabi-gcc -mcpu=cortex-m4");
    assert!(measured || cross.contains("warning[W0004]"), "{cross}");
}

/// What a cross compiler makes of it: weights and code, each counted once.
#[test]
fn flash_is_what_the_compiler_makes_of_it() {
    if !cc::have("arm-none-eabi-gcc") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("d.c");
    let line = ["--target", "cortex-m4", "--max-flash", "10K", "--max-ram", "1k", "-o", out.to_str().unwrap()];
    let run = tinyc(std::iter::once(digits().as_str()).chain(line));
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(names(folder.path()).is_empty());
    let needs = |what: &str| -> usize {
        let text = run.stderr.split_once(&format!(" B of {what}, ")).unwrap().0;
        text.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let number = |before: &str| -> usize {
        let text = run.stderr.split_once(before).unwrap().1;
        text.split(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(needs("flash"), number("weights ") + number("and code "));
    assert!(run.stderr.contains(&format!("{} B more than --max-flash 10240", needs("flash") - 10240)));
    assert!(run.stderr.contains("--max-ram 1024") && run.stderr.contains("2 errors"), "{}", run.stderr);
    let code = number("and code ");
    assert!((1000..20_000).contains(&code), "{code} B of code");
    // What it names as enough is enough.
    let (ram, flash) = (needs("RAM").to_string(), needs("flash").to_string());
    ok(tinyc([&digits(), "--target=cortex-m4", "-o", line[7], "--max-ram", &ram, "--max-flash", &flash]));
}

#[test]
fn weights_go_to_a_file_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("d.c");
    let out = out.to_str().unwrap();
    ok(tinyc([&digits(), "-o", out, "--weights", "bin", "-MD", "--max-flash=1M", "--size-cc=cc"]));
    assert_eq!(names(folder.path()), ["d.c", "d.c.d", "d.h", "d_weights.bin"]);
    let rule = fs::read_to_string(folder.path().join("d.c.d")).unwrap();
    assert!(rule.split(':').next().unwrap().ends_with("d_weights.bin"), "{rule}");
    assert!(fs::read_to_string(out).unwrap().contains("\"d_weights.bin\""));
    // All or nothing: the file's path is a folder.
    fs::create_dir(folder.path().join("e_weights.bin")).unwrap();
    let e = folder.path().join("e.c");
    assert_eq!(tinyc([&digits(), "-o", e.to_str().unwrap(), "--weights=bin"]).status, 2);
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn integration_prints_what_builds_include() {
    let cmake = ok(tinyc(["integration", "cmake"])).stdout;
    let make = ok(tinyc(["integration", "make"])).stdout;
    assert!(cmake.contains("function(tinyc_add_model") && make.contains("$(tinyc_products): %.onnx"));
}

#[test]
fn explain_and_ops_answer() {
    let run = ok(tinyc(["explain", "e0203"]));
    assert!(run.stdout.starts_with("E0203: "), "{}", run.stdout);
    let all = ok(tinyc(["explain"])).stdout;
    assert!(tinyc_core::diag::CODES.iter().all(|c| all.contains(c.id)));
    assert_eq!(tinyc(["explain", "E9999"]).status, 2);
    let ops = ok(tinyc(["ops"])).stdout;
    assert!(tinyc_core::op::OpId::ALL.iter().all(|o| ops.contains(o.name())));
    assert!(ok(tinyc(["ops", "conv"])).stdout.lines().count() < ops.lines().count());
}

#[test]
fn check_lists_layers_and_totals() {
    let run = ok(tinyc(["check", &digits()]));
    assert!(
        run.stdout.contains("conv") && run.stdout.contains("total") && run.stdout.contains("RAM"),
        "{}",
        run.stdout
    );
}

#[test]
fn verify_compares_with_evaluation_and_data() {
    let (model, io) = shared::digits();
    let (model, io) = (model.to_str().unwrap(), io.to_str().unwrap());
    for mode in ["caller", "arena"] {
        let run = ok(tinyc(["verify", model, "--data", io, "--per-layer", "--io", mode]));
        assert!(run.stdout.contains("evaluation") && run.stdout.contains("data"), "{}", run.stdout);
        assert!(!run.stdout.contains("DIFFERS"));
    }
    let strict = tinyc(["verify", model, "--data", io, "--tolerance=-1"]);
    assert_eq!(strict.status, 4, "{}", strict.stderr);
    assert!(strict.stdout.contains("DIFFERS") && strict.stderr.contains("E0601"), "{}", strict.stderr);
}
