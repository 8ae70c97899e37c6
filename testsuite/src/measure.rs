//! What the compiler itself takes: time, memory, and the share of its stages.
//!
//! It is measured in a process of its own, which is the measuring program started again. So `main` of
//! such a program begins with [`serve`].

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs of the compiler; the fastest counts.
const RUNS: usize = 3;

/// First argument of a process that is to be the compiler, as [`serve`] makes it.
pub const AS_TINYC: &str = "--tinyc";

/// Where this process was started to be measured: runs `tinyc` and ends.
pub fn serve() {
    let mut args = std::env::args_os();
    if args.any(|a| a == AS_TINYC) {
        let args = std::iter::once("tinyc".into()).chain(args);
        let status = tinyc::run(args, &mut std::io::stdout(), &mut std::io::stderr(), false);
        std::process::exit(status.into());
    }
}

/// The fastest of some runs.
pub struct Compilation {
    /// From start to end of the process.
    pub time: Duration,
    /// What `--stats=json` says.
    pub stats: serde_json::Value,
    /// Name and milliseconds of each stage, in their order.
    pub stages: Vec<(String, f64)>,
}

impl Compilation {
    /// Compiles a model to this C file and its header.
    pub fn of(model: &Path, output: &Path) -> Compilation {
        let run = |_| Compilation::once(model, output);
        (0..RUNS).map(run).min_by_key(|c| c.time).expect("it is run")
    }

    fn once(model: &Path, output: &Path) -> Compilation {
        let this = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(this);
        command.arg(AS_TINYC).arg(model).args(["--stats=json", "--time-passes", "-o"]).arg(output);
        let start = Instant::now();
        let run = command.output().expect("this program starts");
        let time = start.elapsed();
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{}: {told}", model.display());
        let stats = serde_json::from_slice(&run.stdout).expect("JSON");
        Compilation { time, stats, stages: stages(&told) }
    }

    pub fn milliseconds(&self) -> f64 {
        self.time.as_secs_f64() * 1e3
    }

    /// Peak resident memory in units of 10^6 bytes.
    pub fn megabytes(&self) -> f64 {
        self.stats["compiler_peak_bytes"].as_f64().unwrap_or(f64::NAN) / 1e6
    }
}

/// The rows of the table of `--time-passes` but its last, the total.
fn stages(told: &str) -> Vec<(String, f64)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [name, times, milliseconds, ..] = *cells else { return None };
        times.parse::<usize>().ok()?;
        Some((name.to_owned(), milliseconds.parse().ok()?))
    };
    let rows = told.lines().skip_while(|l| !l.trim_start().starts_with("stage "));
    rows.filter_map(row).filter(|(name, _)| name != "total").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_from_the_table_of_the_command() {
        let run = crate::command::tinyc([
            crate::shared::digits().0.into_os_string(),
            "--time-passes".into(),
            "--emit".into(),
            "plan".into(),
        ]);
        let names: Vec<String> = stages(&run.stderr).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.first().map(String::as_str), Some("import"), "{}", run.stderr);
        assert!(names.iter().any(|n| n == "validate") && !names.iter().any(|n| n == "total"), "{names:?}");
    }
}
