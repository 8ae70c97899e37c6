//! Instructions of one inference on an emulated Cortex-M4.
//!
//! QEMU counts time by instructions (`-icount shift=6`: 64 ns each), and the board's dual timer ticks
//! every 40 ns (Arm Cortex-M System Design Kit, DDI 0479, dual timer; the MPS2 board clocks it at
//! 25 MHz), so a tick is 1/1.6 instruction. The count repeats exactly.

use crate::cc::{self, Board, Folder};
use crate::command::tinyc;
use crate::optimized;
use std::path::Path;
use std::process::Command;
use tinyc_codegen::Io;
use tinyc_codegen::cost;
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::{CORTEX_M4_INSTRUCTIONS, Cycles, Floats, Target};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    pub instructions: u64,
    pub macs: u64,
    /// Estimated for the target's core.
    pub cycles: u64,
    /// Code and constants of the whole image.
    pub flash: u64,
    /// Of the network alone.
    pub code: u64,
}

/// Instructions that the walk which estimates cycles finds in a network for the Cortex-M4; `contracted`:
/// a product and the sum that it goes into are one.
pub fn estimated_instructions(model: &Path, contracted: bool) -> f64 {
    let table = match contracted {
        true => Cycles { single: Floats { mac: 1.0, ..CORTEX_M4_INSTRUCTIONS.single }, ..CORTEX_M4_INSTRUCTIONS },
        false => CORTEX_M4_INSTRUCTIONS,
    };
    let target = Target::find("cortex-m4").expect("there is that target");
    let generated = tinyc_codegen::generate(&optimized::graph(model), target, Io::Caller, Schedules::Fast);
    let program = generated.unwrap_or_else(|e| unreachable!("{}: {e}", model.display())).program;
    cost::steps(&program, target, &table).iter().sum()
}

const MAIN: &str = r#"#include "model.h"
void put(char c);
int finish(int status);
static m_ctx ctx;
static uint64_t arena[M_ARENA_BYTES / 8u + 1u];
static uint64_t in[M_IN0_BYTES / 8u + 1u];
static uint64_t out[M_OUT0_BYTES / 8u + 1u];
static volatile uint32_t *const timer = (volatile uint32_t *)0x40002000; /* load, value, control */
int main(void)
{
    int status = (int)m_init(&ctx, arena, M_ARENA_BYTES);
    float *x = (float *)in;
    for (uint32_t i = 0; i < M_IN0_BYTES / 4u; i++) {
        x[i] = (float)(i * 37u % 101u) * 0.01f;
    }
    timer[0] = 0xffffffffu;
    timer[2] = 0x82u; /* on, 32 bits */
    uint32_t start = timer[1];
    status |= (int)m_run(&ctx, x, (float *)out);
    uint32_t ticks = start - timer[1];
    for (int shift = 28; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[ticks >> shift & 15u]);
    }
    put('\n');
    return finish(status);
}
"#;

impl Board {
    /// Compiles a network of one float input and one float output with these flags, and runs it once.
    pub fn measure(&self, model: &Path, flags: &[&str]) -> Result<Measurement, String> {
        let target = Target::find(self.target).ok_or("no such target")?;
        let folder = Folder::new();
        let source = folder.path().join("model.c");
        let compile = [model.as_os_str(), "-o".as_ref(), source.as_os_str()];
        let options = ["--name", "m", "--target", self.target, "--stats=json"].map(AsRef::as_ref);
        let made = tinyc(compile.into_iter().chain(options));
        if made.status != 0 {
            return Err(made.stderr);
        }
        let stats: serde_json::Value = serde_json::from_str(&made.stdout).map_err(|e| e.to_string())?;
        let mut gcc = Command::new(target.compiler);
        gcc.current_dir(folder.path()).args(target.c_flags).args(flags).args(["-c", "model.c", "-o", "out.o"]);
        cc::run(&mut gcc)?;
        folder.write("main.c", MAIN);
        self.link(&folder)?;
        let line = self.emulate(&folder, &["-icount", "shift=6"])?;
        let ticks = u64::from_str_radix(line.trim(), 16).map_err(|e| format!("{line:?}: {e}"))?;
        Ok(Measurement {
            instructions: ticks * 10 / 16,
            macs: stats["macs"].as_u64().unwrap_or(0),
            cycles: stats["cycles"].as_u64().unwrap_or(0),
            flash: self.size(&folder, "image.elf", &["text", "data"])?,
            code: self.size(&folder, "out.o", &["text", "data"])? - stats["weights_bytes"].as_u64().unwrap_or(0),
        })
    }

    /// Bytes of sections as `size` gives them.
    fn size(&self, folder: &Folder, file: &str, columns: &[&str]) -> Result<u64, String> {
        let output = cc::run(Command::new("arm-none-eabi-size").current_dir(folder.path()).arg(file))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
        let (head, row) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let column = |c: &&str| head.iter().position(|h| h == c).and_then(|i| row.get(i)?.parse::<u64>().ok());
        columns.iter().map(|c| column(c).ok_or(format!("no size of {c}: {text}"))).sum()
    }
}
