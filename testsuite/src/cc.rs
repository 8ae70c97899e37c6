//! Compiles emitted C with the compilers of the machine and runs it: on the host, or on a board that
//! QEMU emulates. Results come back as bytes.
//!
//! A missing tool is reported by name; it fails the test where `CI` is `true` or
//! `TINYC_REQUIRE_TOOLS` is set, and otherwise skips it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tinyc::device::{self, Device};
use tinyc_codegen::Io;
use tinyc_codegen::c::{Emitted, Options};
use tinyc_codegen::targets::Target;
use tinyc_core::loops::Program;
use tinyc_core::tensor::{Data, Tensor};

/// Flags under which emitted C gives no warning.
pub const WARNINGS: &[&str] =
    &["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"];

/// Flags that make undefined behaviour stop the program with a message.
pub const SANITIZE: &[&str] = &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"];

/// Flags that make undefined behaviour stop the program; they need no run-time library.
pub const TRAP: &[&str] = &["-fsanitize=undefined", "-fsanitize-trap=undefined"];

/// Debian packages of the tools that tests run, beside those that [`device::package`] knows.
const PACKAGES: &[(&str, &str)] = &[
    ("g++", "g++"),
    ("nm", "binutils"),
    ("make", "make"),
    ("cmake", "cmake"),
    ("ninja", "ninja-build"),
    ("arm-none-eabi-nm", "binutils-arm-none-eabi"),
];

/// Whether a tool can be run. Says so where it cannot.
///
/// # Panics
/// When it is missing and tools are required.
pub fn have(tool: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success()) {
        return true;
    }
    let own = PACKAGES.iter().find(|(t, _)| *t == tool).map(|(_, p)| *p);
    let package = own.or_else(|| device::package(tool)).unwrap_or(tool);
    let required = std::env::var("CI").is_ok_and(|v| v == "true") || std::env::var_os("TINYC_REQUIRE_TOOLS").is_some();
    assert!(!required, "{tool} is missing; install {package}");
    eprintln!("skipped: {tool} is missing; install {package}");
    false
}

/// A fresh folder that is removed again.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tinyc-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the folder for temporary files can be written");
        path
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Folder {
        Folder::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays among the temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a command; its output if it succeeds, else all that it said.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Err(format!("{command:?}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)))
}

/// How long a program may run on an emulated board.
const LIMIT: Duration = Duration::from_secs(120);

/// What [`compile`] calls a file of constants.
pub const WEIGHTS_FILE: &str = "model_weights.bin";

/// Compiles the source of `emitted` alone, without linking, to `model.o`.
pub fn compile(folder: &Folder, compiler: &str, flags: &[&str], emitted: &Emitted) -> Result<(), String> {
    folder.write("model.h", &emitted.header);
    folder.write("model.c", &emitted.source);
    if let Some(bytes) = &emitted.weights {
        std::fs::write(folder.path().join(WEIGHTS_FILE), bytes).map_err(|e| e.to_string())?;
    }
    let mut command = Command::new(compiler);
    command.current_dir(folder.path()).arg("-c").args(flags).args(["model.c", "-o", device::OBJECT]);
    run(&mut command).map(|_| ())
}

/// The assembly that the target's compiler makes of it at -O2.
pub fn assembly(target: &Target, emitted: &Emitted) -> Result<String, String> {
    let folder = Folder::new();
    compile(&folder, target.compiler, &[target.c_flags, &["-std=c99", "-O2", "-S"]].concat(), emitted)?;
    std::fs::read_to_string(folder.path().join(device::OBJECT)).map_err(|e| e.to_string())
}

/// A program that runs the model once on the inputs and prints the bytes of each output as a line of
/// hexadecimal digits. Its functions `put` and `finish` come from [`host`] or a board.
pub fn main_source(program: &Program, options: &Options, prefix: &str, inputs: &[Tensor]) -> String {
    main_around(program, options, prefix, inputs, ["", "", ""])
}

/// The same with statements at file scope, before the run and behind it.
pub fn main_around(
    program: &Program,
    options: &Options,
    prefix: &str,
    inputs: &[Tensor],
    [outside, before, behind]: [&str; 3],
) -> String {
    let upper = prefix.to_ascii_uppercase();
    let mut s = format!(
        "#include \"model.h\"\n\nvoid put(char c);\nint finish(int status);\n\n\
         static {prefix}_ctx ctx;\nstatic uint64_t arena[{upper}_ARENA_BYTES / 8u + 1u];\n"
    );
    for (i, t) in inputs.iter().enumerate() {
        let bytes = t.data().to_le_bytes();
        let list: String = bytes.iter().map(|b| format!("{b},")).collect();
        let _ = writeln!(s, "static const uint8_t in{i}[] __attribute__((aligned(8))) = {{{list}}};");
    }
    for i in 0..program.outputs.len() {
        let _ = writeln!(s, "static uint64_t out{i}[{upper}_OUT{i}_BYTES / 8u + 1u];");
    }
    s.push_str(outside);
    s.push_str(
        "\nstatic void hex(const void *p, size_t n)\n{\n    const uint8_t *b = p;\n    \
         for (size_t i = 0; i < n; i++) {\n        put(\"0123456789abcdef\"[b[i] >> 4]);\n        \
         put(\"0123456789abcdef\"[b[i] & 15]);\n    }\n    put('\\n');\n}\n\nint main(void)\n{\n    int status;\n",
    );
    let _ = writeln!(s, "    status = (int){prefix}_init(&ctx, arena, {upper}_ARENA_BYTES);");
    s.push_str("    if (status != 0) {\n        return finish(status);\n    }\n");
    let mut arguments = String::new();
    if options.io == Io::Caller {
        arguments.extend((0..inputs.len()).map(|i| format!(", (const {upper}_IN{i}_TYPE *)(const void *)in{i}")));
        arguments.extend((0..program.outputs.len()).map(|i| format!(", ({upper}_OUT{i}_TYPE *)out{i}")));
    } else {
        for i in 0..inputs.len() {
            let _ = writeln!(s, "    for (size_t i = 0; i < {upper}_IN{i}_BYTES; i++) {{");
            let _ = writeln!(s, "        ((uint8_t *){prefix}_in{i}(&ctx))[i] = in{i}[i];\n    }}");
        }
    }
    let _ = writeln!(s, "{before}    status = (int){prefix}_run(&ctx{arguments});\n{behind}");
    for i in 0..program.outputs.len() {
        let from = if options.io == Io::Caller { format!("out{i}") } else { format!("{prefix}_out{i}(&ctx)") };
        let _ = writeln!(s, "    hex({from}, {upper}_OUT{i}_BYTES);");
    }
    s.push_str("    return finish(status);\n}\n");
    s
}

const HOST: &str = "#include <stdio.h>\nvoid put(char c);\nint finish(int status);\n\
    void put(char c) { putchar(c); }\nint finish(int status) { return status; }\n";

/// Compiles model and main program for this machine, runs them, and returns what they print.
pub fn host(compiler: &str, flags: &[&str], emitted: &Emitted, main: &str) -> Result<String, String> {
    let folder = Folder::new();
    compile(&folder, compiler, &[WARNINGS, flags].concat(), emitted)?;
    folder.write("main.c", main);
    folder.write("host.c", HOST);
    let mut link = Command::new(compiler);
    link.current_dir(folder.path()).args(flags).args(["-std=c99", device::OBJECT, "main.c", "host.c", "-o", "a.out"]);
    run(&mut link)?;
    let output = run(&mut Command::new(folder.path().join("a.out")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The outputs from the lines that [`main_source`] prints.
pub fn tensors(program: &Program, lines: &str) -> Result<Vec<Tensor>, String> {
    let lines: Vec<&str> = lines.lines().collect();
    if lines.len() != program.outputs.len() {
        return Err(format!("{} lines for {} outputs: {lines:?}", lines.len(), program.outputs.len()));
    }
    program
        .outputs
        .iter()
        .zip(lines)
        .map(|(port, line)| {
            let digit = |i: usize| line.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
            let bytes: Option<Vec<u8>> = (0..line.len()).step_by(2).map(digit).collect();
            let data = bytes.and_then(|b| Data::from_le_bytes(port.ty.dtype, &b));
            data.and_then(|d| Tensor::new(port.ty.shape.clone(), d)).ok_or_else(|| format!("not an output: {line}"))
        })
        .collect()
}

/// The emulated board for a core.
pub fn device(core: &str) -> &'static Device {
    let device = Target::find(core).and_then(Device::of);
    device.unwrap_or_else(|| unreachable!("a board is emulated for {core}"))
}

/// Whether compiler and emulator of a board are there; see [`have`].
pub fn available(device: &Device) -> bool {
    device.tools().into_iter().all(have)
}

/// Compiles model and main program for an emulated board, runs them, and returns what they print.
pub fn on_device(device: &Device, flags: &[&str], emitted: &Emitted, main: &str) -> Result<String, String> {
    let (target, folder) = (device.target(), Folder::new());
    compile(&folder, target.compiler, &[WARNINGS, target.c_flags, flags].concat(), emitted)?;
    folder.write(device::MAIN, main);
    let run = device.link(folder.path()).and_then(|()| device.emulate(folder.path(), LIMIT));
    run.map_err(|failure| failure.report.to_string())
}

/// The firmware's clock around a run; its ticks come as a line before the outputs.
const CLOCK: [&str; 3] = [
    "#include \"bare-board.h\"\n",
    "    clock_start();\n    uint32_t start = clock_now();\n",
    "    uint32_t ticks = clock_now() - start;\n    hex(&ticks, sizeof ticks);\n",
];

/// Compiles a program for an emulated MPS2 board with this compiler and these flags, and runs it once:
/// instructions, of which each takes 1.6 ticks of the board's timer, and outputs.
pub fn count(
    device: &Device,
    (compiler, flags): (&str, &[&str]),
    (program, inputs): (&Program, &[Tensor]),
    (emitted, options, prefix): (&Emitted, &Options, &str),
) -> Result<(u64, Vec<Tensor>), String> {
    let folder = Folder::new();
    compile(&folder, compiler, &[WARNINGS, device.target().c_flags, flags].concat(), emitted)?;
    folder.write(device::MAIN, &main_around(program, options, prefix, inputs, CLOCK));
    let run = device.link(folder.path()).and_then(|()| device.emulate(folder.path(), LIMIT));
    let lines = run.map_err(|failure| failure.report.to_string())?;
    let (ticks, lines) = lines.split_once('\n').ok_or("no output")?;
    let ticks = u32::from_str_radix(ticks, 16).map_err(|e| format!("{ticks}: {e}"))?.swap_bytes();
    Ok((u64::from(ticks) * 10 / 16, tensors(program, lines)?))
}
