//! `tinyc targets`: the cores and boards that code is generated for.

use crate::cli::TargetsArgs;
use crate::console::Console;
use crate::device::Device;
use crate::exit::Failure;
use crate::table;
use serde::Serialize;
use tinyc_codegen::targets::{Board, Target};

#[derive(Serialize)]
struct Listed {
    cores: Vec<Core>,
    boards: Vec<Preset>,
}

#[derive(Serialize)]
struct Core {
    name: &'static str,
    doc: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    /// Loads and stores of 16 and 32 bits may be at any address.
    unaligned: bool,
    /// Of arena and weights.
    align_bytes: usize,
    /// The machine on which `tinyc bench` runs code for it.
    emulated: Option<&'static str>,
}

#[derive(Serialize)]
struct Preset {
    name: &'static str,
    doc: &'static str,
    core: &'static str,
    clock_hz: u64,
    ram_bytes: usize,
    flash_bytes: Option<usize>,
    power_milliwatts: Option<(f64, f64)>,
    fetch: Option<Flash>,
}

/// How what lies in flash is read at that clock.
#[derive(Serialize)]
struct Flash {
    wait_states: u32,
    line_bytes: usize,
    code_cache_bytes: usize,
    data_cache_bytes: usize,
    source: &'static str,
}

impl Listed {
    fn matching(filter: &str) -> Listed {
        let core = |t: &&'static Target| Core {
            name: t.name,
            doc: t.doc,
            compiler: t.compiler,
            flags: t.c_flags,
            unaligned: t.unaligned,
            align_bytes: t.align,
            emulated: Device::of(t).map(|d| d.machine),
        };
        let preset = |b: &Board| Preset {
            name: b.name,
            doc: b.doc,
            core: b.core.name,
            clock_hz: b.clock_hz,
            ram_bytes: b.ram,
            flash_bytes: b.flash,
            power_milliwatts: b.power_mw,
            fetch: b.fetch.as_ref().map(|f| Flash {
                wait_states: f.waits,
                line_bytes: f.line,
                code_cache_bytes: f.code_cache,
                data_cache_bytes: f.data_cache,
                source: f.source,
            }),
        };
        Listed {
            cores: Target::ALL.iter().filter(|t| t.name.contains(filter)).map(core).collect(),
            boards: Board::ALL.iter().filter(|b| b.name.contains(filter)).map(preset).collect(),
        }
    }

    fn text(&self) -> String {
        let cores = self.cores.iter().map(|c| {
            let emulated = c.emulated.unwrap_or("-");
            [c.name, c.doc, c.compiler, emulated].map(str::to_owned).to_vec()
        });
        let boards = self.boards.iter().map(|b| {
            let kib = |n: usize| format!("{} KiB", n / 1024);
            vec![
                b.name.to_owned(),
                b.doc.to_owned(),
                b.core.to_owned(),
                format!("{} MHz", b.clock_hz / 1_000_000),
                kib(b.ram_bytes),
                b.flash_bytes.map_or("-".to_owned(), kib),
                b.power_milliwatts.map_or("-".to_owned(), |(lo, hi)| format!("{lo} to {hi} mW")),
                b.fetch.as_ref().map_or("-".to_owned(), |f| format!("{} / {} B", f.wait_states, f.line_bytes)),
                b.fetch
                    .as_ref()
                    .map_or("-".to_owned(), |f| format!("{} / {} B", f.code_cache_bytes, f.data_cache_bytes)),
            ]
        });
        let headers =
            ["board", "", "core", "#clock", "#RAM", "#flash", "#power", "#waits / line", "#caches: code / data"];
        let tables = [
            (!self.cores.is_empty()).then(|| table::text(&["core", "", "compiler", "emulated"], cores)),
            (!self.boards.is_empty()).then(|| table::text(&headers, boards)),
        ];
        tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

pub fn run(args: &TargetsArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let listed = Listed::matching(args.filter.as_deref().unwrap_or_default());
    if listed.cores.is_empty() && listed.boards.is_empty() {
        return Err(Failure::usage("no core or board has such a name").help("`tinyc targets` lists all"));
    }
    console.print(&match args.json {
        true => serde_json::to_string_pretty(&listed).expect("plain data") + "\n",
        false => listed.text(),
    })
}
