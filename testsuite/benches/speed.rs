//! Prints the time of compiled networks as a ratio to onnxruntime's, both on one thread, in turns in
//! one process. `cargo bench -p tinyc-testsuite --bench speed [-- NETWORK...]`
//!
//! C is compiled by `gcc -O3 -march=native -std=c99` for the target that suits this processor. Needs
//! Python with numpy and onnxruntime: `$TINYC_PYTHON`, or `python3`.

use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc_testsuite::cc;
use tinyc_testsuite::command::tinyc;
use tinyc_testsuite::shared;

const NETWORKS: [&str; 6] = [
    "mlperf_ad_autoencoder",
    "mlperf_ic_resnet8",
    "mlperf_kws_dscnn",
    "mlperf_sww_1dconv",
    "mlperf_vww_mobilenetv1_025",
    "st_mobilenetv2_035_128",
];

const FLAGS: [&str; 5] = ["-O3", "-march=native", "-std=c99", "-D_POSIX_C_SOURCE=199309L", "-fPIC"];

const MAIN: &str = r#"#include "m.h"
#include <time.h>
static unsigned char arena[M_ARENA_BYTES + 64] __attribute__((aligned(64)));
static m_ctx ctx;
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
double go(const void *x, void *y, int n);
double go(const void *x, void *y, int n)
{
    if (m_init(&ctx, arena, sizeof arena) != M_OK) {
        return -1.0;
    }
    double start = now();
    for (int i = 0; i < n; i++) {
        m_run(&ctx, x, y);
    }
    return (now() - start) / n;
}
"#;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let target = target();
    println!("target {target}; gcc {}", FLAGS[..3].join(" "));
    let folder = cc::Folder::new();
    let mut arguments: Vec<PathBuf> = Vec::new();
    for name in NETWORKS.iter().filter(|n| chosen.is_empty() || chosen.iter().any(|c| n.contains(c.as_str()))) {
        let Some((model, io)) = shared::model(name) else { continue };
        let library = library(folder.path(), name, &model, target);
        arguments.extend([PathBuf::from(name), model, io, library]);
    }
    let python = std::env::var("TINYC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed.py");
    let status = Command::new(&python).arg(script).args(arguments).status();
    if !status.is_ok_and(|s| s.success()) {
        eprintln!("{python} needs numpy and onnxruntime; TINYC_PYTHON names another");
    }
}

/// The level of this processor.
fn target() -> &'static str {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|f| f == flag);
    match () {
        () if cfg!(target_arch = "aarch64") => "aarch64",
        () if has("avx512f") && has("avx512vl") && has("avx512dq") => "x86-64-v4",
        () if has("avx2") && has("fma") => "x86-64-v3",
        () => "x86-64",
    }
}

fn library(folder: &Path, name: &str, model: &Path, target: &str) -> PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let source = folder.join("m.c");
    let compile = [model.as_os_str(), "-o".as_ref(), source.as_os_str()];
    let run = tinyc(compile.into_iter().chain(["--name", "m", "--target", target].map(AsRef::as_ref)));
    assert_eq!(run.status, 0, "{name}: {}", run.stderr);
    std::fs::write(folder.join("main.c"), MAIN).expect("a temporary folder");
    let library = folder.join("m.so");
    let mut gcc = Command::new("gcc");
    gcc.current_dir(&folder).args(FLAGS).args(["-shared", "m.c", "main.c", "-o"]).arg(&library);
    cc::run(&mut gcc).unwrap_or_else(|e| unreachable!("{name}: {e}"));
    library
}
