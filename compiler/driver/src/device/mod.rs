//! Emulated boards on which compiled networks run without an operating system.
//!
//! A device is a machine of QEMU for each core, with the firmware that the folder `firmware` holds as text:
//! start-up code, output and exit by semihosting, a clock that counts instructions, linker scripts. What is
//! run are two files in a folder of the caller's: `model.o`, compiled with whatever compiler and flags, and
//! `main.c`, which the firmware's start calls.

mod cross;
mod emulator;
mod functions;
mod image;

pub use cross::Cross;
pub use functions::DEBUG;
pub use image::Sections;

use crate::exit::Failure;
use crate::files;
use crate::toolchain::{self, Cc};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tinyc_codegen::targets::Target;

/// What the caller compiles the network to.
pub const OBJECT: &str = "model.o";
/// What the caller writes beside it.
pub const MAIN: &str = "main.c";
/// The section of the image with the network's functions.
const CODE: &str = ".network_code";
/// What they are linked to.
const IMAGE: &str = "image.elf";

const STARTUP: &str = include_str!("../../firmware/startup.c");
const HEADER: &str = include_str!("../../firmware/bare-board.h");
const SECTIONS: &str = include_str!("../../firmware/sections.ld");

#[derive(Debug)]
pub struct Device {
    /// The core that it runs code for.
    pub core: &'static str,
    /// The board's name in QEMU.
    pub machine: &'static str,
    script: &'static str,
    emulator: &'static str,
    options: &'static [&'static str],
    /// Every instruction takes two to the power of so many nanoseconds.
    shift: u32,
    /// Where the firmware's clock is.
    clock: &'static [&'static str],
    /// What is linked beside start-up code, network and main program.
    libraries: &'static [&'static str],
}

/// A dual timer of 25 MHz (Cortex-M System Design Kit, DDI 0479), 1.6 ticks to 64 ns.
const MPS2: Device = Device {
    core: "",
    machine: "",
    script: "",
    emulator: "qemu-system-arm",
    options: &[],
    shift: 6,
    clock: &["-DCLOCK_TIMER=0x40002000"],
    libraries: &[],
};

impl Device {
    /// The Cortex-M0+ has no board of its own: its instructions are some of the Cortex-M3's, and the
    /// firmware makes unaligned accesses fault as they do there.
    pub const ALL: &'static [Device] = &[
        Device {
            core: "cortex-m0plus",
            machine: "mps2-an385",
            script: include_str!("../../firmware/mps2-an385.ld"),
            ..MPS2
        },
        Device {
            core: "cortex-m3",
            machine: "mps2-an385",
            script: include_str!("../../firmware/mps2-an385.ld"),
            ..MPS2
        },
        Device {
            core: "cortex-m4",
            machine: "mps2-an386",
            script: include_str!("../../firmware/mps2-an386.ld"),
            ..MPS2
        },
        Device {
            core: "cortex-m7",
            machine: "mps2-an500",
            script: include_str!("../../firmware/mps2-an500.ld"),
            ..MPS2
        },
        Device {
            core: "cortex-m33",
            machine: "mps2-an505",
            script: include_str!("../../firmware/mps2-an505.ld"),
            clock: &["-DCLOCK_TIMER=0x50002000"],
            ..MPS2
        },
        Device {
            core: "cortex-m55",
            machine: "mps3-an547",
            script: include_str!("../../firmware/mps3-an547.ld"),
            // The system counter of the SSE-300 subsystem (101773).
            clock: &["-DCLOCK_COUNTER=0x58000000", "-DCLOCK_FRAME=0x58100000"],
            ..MPS2
        },
        Device {
            core: "rv32imc",
            machine: "virt",
            script: include_str!("../../firmware/virt.ld"),
            emulator: "qemu-system-riscv32",
            options: &["-bios", "none"],
            shift: 0,
            clock: &[],
            // The compiler comes without a C library.
            libraries: &["-nostdlib", "-lgcc"],
        },
    ];

    /// The one for a core.
    pub fn of(target: &Target) -> Option<&'static Device> {
        Device::ALL.iter().find(|d| d.core == target.name)
    }

    pub fn target(&self) -> &'static Target {
        Target::find(self.core).expect("every device's core is a target")
    }

    /// The tools that it needs beside the compiler of the network.
    pub fn tools(&self) -> [&'static str; 2] {
        [self.target().compiler, self.emulator]
    }

    /// Fails with the first tool that is missing, and what to install.
    pub fn require_tools(&self) -> Result<(), Failure> {
        self.tools().into_iter().try_for_each(|tool| Cc::required(tool).map(drop))
    }

    /// Links `model.o` and `main.c` in the folder with the firmware.
    pub fn link(&self, folder: &Path) -> Result<(), Failure> {
        let target = self.target();
        let script = format!("{}.ld", self.machine);
        let texts =
            [("startup.c", STARTUP), ("bare-board.h", HEADER), ("sections.ld", SECTIONS), (&script, self.script)];
        for (name, text) in texts {
            files::write_scratch(&folder.join(name), text.as_bytes())?;
        }
        let cc = Cc::required(target.compiler)?;
        let path = |name: &str| folder.join(name);
        let trap: &[&str] = if target.unaligned { &[] } else { &["-DTRAP_UNALIGNED"] };
        let flags = [target.c_flags, self.clock, trap, &["-std=gnu99", "-O1", "-Wall", "-Wextra"]].concat();
        let include = format!("-I{}", folder.display());
        let compile = |name: &str| {
            let sources = path(name);
            let more = ["-c", include.as_str()];
            cc.build(flags.iter().copied().chain(more), &[&sources], &sources.with_extension("o"))
        };
        compile("startup.c")?;
        compile(MAIN)?;
        let scripts = [format!("-L{}", folder.display()), format!("-T{}", path(&script).display())];
        let options = scripts.iter().map(String::as_str).chain(["-nostartfiles"]);
        let objects = [OBJECT, "main.o", "startup.o"].map(path);
        let objects = objects.each_ref().map(|p| &**p);
        let libraries = self.libraries.iter().copied();
        cc.link(target.c_flags.iter().copied().chain(options), &objects, libraries, &path(IMAGE))
    }

    /// Runs what [`Device::link`] made until it ends; what it prints.
    pub fn emulate(&self, folder: &Path, limit: Duration) -> Result<String, Failure> {
        let shift = format!("shift={}", self.shift);
        let mut arguments = vec!["-M", self.machine, "-icount", &shift, "-display", "none", "-monitor", "none"];
        arguments.extend(["-serial", "none", "-chardev", "stdio,id=out"]);
        arguments.extend(["-semihosting-config", "enable=on,target=native,chardev=out", "-kernel", IMAGE]);
        arguments.extend(self.options);
        emulator::run(self.emulator, &arguments, folder, limit)
    }

    /// What the sections of the image hold.
    pub fn sections(&self, folder: &Path) -> Result<Sections, Failure> {
        Sections::of(&files::read(&folder.join(IMAGE))?)
    }

    /// Bytes of code of the network's functions of these names, and under the empty name of all others;
    /// what was compiled without [`DEBUG`] has none.
    pub fn functions<'n>(&self, folder: &Path, names: &BTreeSet<&'n str>) -> Result<BTreeMap<&'n str, usize>, Failure> {
        functions::bytes(&files::read(&folder.join(IMAGE))?, names)
    }
}

/// What to install for a tool that devices need, on Debian.
pub fn package(tool: &str) -> Option<&'static str> {
    toolchain::PACKAGES.iter().find(|(t, _)| *t == tool).map(|(_, package)| *package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_its_core() {
        for d in Device::ALL {
            let t = d.target();
            assert!(t.name == d.core && Device::of(t).is_some_and(|of| of.machine == d.machine), "{}", d.core);
            assert!(d.tools().iter().all(|t| package(t).is_some()), "{:?}", d.tools());
        }
        assert!(Target::find("generic").is_some_and(|t| Device::of(t).is_none()));
    }
}
