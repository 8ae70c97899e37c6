//! C compilers: that of the host, and those of targets.

use crate::exit::Failure;
use object::{Object, ObjectSection, SectionKind};
use std::path::Path;
use std::process::{Command, Output};
use tinyc_core::diag::Code;

/// Debian packages of the tools that tinyc starts by a name of its own.
pub const PACKAGES: &[(&str, &str)] = &[
    ("gcc", "gcc"),
    ("clang", "clang"),
    ("clang-19", "clang-19"),
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
    ("qemu-system-arm", "qemu-system-arm"),
    ("qemu-system-riscv32", "qemu-system-misc"),
];

/// A C compiler that can be run.
pub struct Cc {
    program: String,
}

impl Cc {
    /// The one asked for, else `$CC`, else the first that runs.
    pub fn find(wanted: Option<&str>) -> Result<Cc, Failure> {
        let from_env = std::env::var("CC").ok().filter(|c| !c.is_empty());
        let candidates: Vec<String> = match wanted.map(str::to_owned).or(from_env) {
            Some(one) => vec![one],
            None => ["cc", "gcc", "clang"].map(str::to_owned).to_vec(),
        };
        candidates.iter().find_map(|c| Cc::named(c)).ok_or_else(|| {
            let message = format!("no C compiler found (tried {})", candidates.join(", "));
            Failure::new(Code::NoTool, message).help("install the package gcc or clang, or give --cc")
        })
    }

    /// This one, if it runs.
    pub fn named(program: &str) -> Option<Cc> {
        let runs = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
        runs.then(|| Cc { program: program.to_owned() })
    }

    /// This one; an error that says what to install where it is missing.
    pub fn required(program: &str) -> Result<Cc, Failure> {
        Cc::named(program).ok_or_else(|| {
            let failure = Failure::new(Code::NoTool, format!("cannot run {program}"));
            match PACKAGES.iter().find(|(tool, _)| *tool == program) {
                Some((_, package)) => failure.help(&format!("install {package} (Debian's packages)")),
                None => failure,
            }
        })
    }

    pub fn name(&self) -> &str {
        &self.program
    }

    /// Compiles sources; into an executable, unless the flags hold `-c`.
    pub fn build<'a>(
        &self,
        flags: impl IntoIterator<Item = &'a str>,
        sources: &[&Path],
        output: &Path,
    ) -> Result<(), Failure> {
        self.link(flags, sources, [], output)
    }

    /// The same with libraries, which come behind what needs them.
    pub fn link<'a>(
        &self,
        flags: impl IntoIterator<Item = &'a str>,
        sources: &[&Path],
        libraries: impl IntoIterator<Item = &'a str>,
        output: &Path,
    ) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(flags).args(sources).args(libraries).arg("-o").arg(output);
        run(command, &self.program).map(drop)
    }
}

/// Bytes of code, constants and initialized data in an object file: what it takes of flash before it
/// is linked.
pub fn flash_bytes(object: &[u8]) -> Result<usize, Failure> {
    let file = object::File::parse(object)
        .map_err(|e| Failure::new(Code::NoTool, format!("the C compiler's output is not an object file: {e}")))?;
    let stored = |kind| {
        use SectionKind::{Data, ReadOnlyData, ReadOnlyDataWithRel, ReadOnlyString, Text};
        matches!(kind, Text | Data | ReadOnlyData | ReadOnlyDataWithRel | ReadOnlyString)
    };
    Ok(file.sections().filter(|s| stored(s.kind())).map(|s| s.size() as usize).sum())
}

/// Runs a program to its end; a failure shows what it printed.
pub fn run(mut command: Command, name: &str) -> Result<Output, Failure> {
    let output = command.output().map_err(|e| Failure::new(Code::NoTool, format!("cannot run {name}: {e}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut failure = Failure::new(Code::NoTool, format!("{name} failed ({})", output.status));
    for d in &mut failure.report.diagnostics {
        d.notes.extend(text.lines().take(20).map(str::to_owned));
    }
    Err(failure)
}
