//! What `tinyc bench` counts, and the instructions that the walk which estimates cycles finds.

use crate::command::tinyc;
use crate::optimized;
use std::path::Path;
use tinyc_codegen::Io;
use tinyc_codegen::cost;
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    pub instructions: u64,
    pub macs: u64,
    /// Estimated for the target's core.
    pub cycles: u64,
    /// Code and constants of the network and what it needs of the compiler's library.
    pub flash: u64,
}

/// Instructions that the walk which estimates cycles finds in a network for the Cortex-M4; `contracted`:
/// a product and the sum that it goes into are one.
pub fn estimated_instructions(model: &Path, contracted: bool) -> f64 {
    let target = Target::find("cortex-m4").expect("there is that target");
    let mut table = target.instructions.expect("an emulator counts them");
    if contracted {
        table.single.mac = 1.0;
    }
    let generated = tinyc_codegen::generate(&optimized::graph(model), target, Io::Caller, Schedules::Fast);
    let program = generated.unwrap_or_else(|e| unreachable!("{}: {e}", model.display())).program;
    cost::steps(&program, target, &table).iter().sum()
}

/// Runs a network once on the emulated board of a core, compiled with these flags: one for how hard to
/// optimize, and others.
pub fn measure(core: &str, model: &Path, flags: &[&str]) -> Result<Measurement, String> {
    let (level, others): (Vec<&str>, Vec<&str>) = flags.iter().partition(|f| f.starts_with("-O"));
    let cflags = format!("--cflags={}", others.join(" "));
    let options = ["--target", core, "--samples", "1", "--json", &cflags].map(str::to_owned);
    let arguments = ["bench".to_owned(), model.display().to_string()].into_iter().chain(options);
    let run = tinyc(arguments.chain(level.into_iter().map(str::to_owned)));
    if run.status != 0 {
        return Err(run.stderr);
    }
    let json: serde_json::Value = serde_json::from_str(&run.stdout).map_err(|e| e.to_string())?;
    let figure = |what: &str| json[what].as_u64().ok_or(format!("no {what} in {json}"));
    Ok(Measurement {
        instructions: figure("instructions")?,
        macs: figure("macs")?,
        cycles: figure("cycles")?,
        flash: figure("code_bytes")? + figure("constant_bytes")?,
    })
}
