//! Prints what the MLPerf networks take in integers of 8 bits on emulated cores: calibrated by `tinyc`, and as
//! onnxruntime quantized them (QDQ). `cargo bench -p tinyc-testsuite --bench int8 [-- TABLE...]` with the tables
//! `m4`, `size`, `compilers`, `cores` and `boards`; all of them by default. Networks that are not there are left
//! out, as is a compiler.

use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tinyc_testsuite::cc;
use tinyc_testsuite::command::tinyc;
use tinyc_testsuite::int8::{NETWORKS, Network, Origin, measure, of_cmsis_nn, published_megacycles};

const TABLES: [(&str, fn()); 5] =
    [("m4", m4), ("size", size), ("compilers", compilers), ("cores", cores), ("boards", boards)];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|a| TABLES.iter().all(|(name, _)| name != a)) {
        let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no table {unknown:?}; tables are {}", names.join(", "));
        std::process::exit(2);
    }
    for (name, print) in TABLES {
        if asked.is_empty() || asked.iter().any(|a| a == name) {
            print();
        }
    }
}

/// Scales decide next to nothing of what is executed, and calibration takes most of the time.
const FEW: [&str; 2] = ["--calib-samples", "8"];

/// What is measured of a network, and with which options.
struct Job {
    network: &'static Network,
    origin: Origin,
    core: &'static str,
    options: Vec<String>,
}

impl Job {
    fn new(network: &'static Network, origin: Origin, core: &'static str, options: &[&str]) -> Job {
        Job { network, origin, core, options: options.iter().map(|o| (*o).to_owned()).collect() }
    }

    fn name(&self) -> String {
        match self.origin {
            Origin::Calibrated => self.network.key.to_owned(),
            Origin::Qdq => format!("{} (QDQ)", self.network.key),
        }
    }

    /// Nothing where the network is not there, or a message in its place.
    fn run(&self) -> Option<Value> {
        let arguments = self.network.arguments(self.origin)?;
        let options = [&["--samples", "1", "--name", self.network.key], &*texts(&self.options)].concat();
        match measure(&arguments, self.core, &options) {
            Ok(json) => Some(json),
            Err(e) => {
                eprintln!("{} on {}: {e}", self.name(), self.core);
                None
            }
        }
    }
}

fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// Results in the order of the jobs, which share the machine's cores.
fn run<J: Sync, R: Send>(jobs: &[J], of: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(i) else { return };
            let result = of(job);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((i, result));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|s| {
        for _ in 0..workers {
            s.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, r)| r).collect()
}

fn measured(jobs: &[Job]) -> Vec<Option<Value>> {
    run(jobs, Job::run)
}

/// All networks, as calibrated and as QDQ.
fn all(core: &'static str, options: &[&str]) -> Vec<Job> {
    let origins = [Origin::Calibrated, Origin::Qdq];
    let of = |network| origins.map(|origin| Job::new(network, origin, core, options));
    NETWORKS.iter().flat_map(of).collect()
}

/// A table of Markdown.
fn table(title: &str, headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    println!("\n{title}\n\n| {} |\n|---|{}", headers.join(" | "), "--:|".repeat(headers.len() - 1));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

fn number(json: &Value, key: &str) -> f64 {
    json[key].as_f64().unwrap_or(f64::NAN)
}

fn flash(json: &Value) -> f64 {
    number(json, "code_bytes") + number(json, "constant_bytes")
}

/// With commas between thousands.
fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A figure and what it must not exceed, with a mark where it does.
fn limited(figure: f64, limit: usize) -> String {
    match (limit, figure <= limit as f64) {
        (usize::MAX, _) => grouped(figure),
        (_, true) => format!("{} (<= {})", grouped(figure), grouped(limit as f64)),
        (_, false) => format!("**{}** (<= {})", grouped(figure), grouped(limit as f64)),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |s| format!("{:+.1} %", 100.0 * s))
}

/// Errors of the prediction: total, mean of layers, worst layer.
fn errors(json: &Value) -> [String; 3] {
    let p = &json["prediction"];
    let mean = p["mean_error"].as_f64().map_or("-".to_owned(), |e| format!("{:.1} %", 100.0 * e));
    [percent(p["error"].as_f64()), mean, percent(p["worst_error"].as_f64())]
}

fn m4() {
    let jobs = all("cortex-m4", &[]);
    let results = measured(&jobs);
    let rows = jobs.iter().zip(results).filter_map(|(job, json)| Some((job, json?)));
    let row = |(job, json): (&Job, Value)| {
        let network = job.network;
        let instructions = number(&json, "instructions");
        let ratio = of_cmsis_nn(network.key).zip(network.ratio).map_or("-".to_owned(), |(theirs, most)| {
            let ratio = instructions / theirs;
            if ratio <= most { format!("{ratio:.3} (<= {most})") } else { format!("**{ratio:.3}** (<= {most})") }
        });
        let figures = [
            job.name(),
            grouped(instructions),
            format!("{:.3}", number(&json, "instructions_per_mac")),
            ratio,
            limited(number(&json, "arena_bytes"), network.arena),
            limited(flash(&json), network.flash),
            limited(number(&json, "code_bytes"), network.code),
            grouped(number(&json, "stack_bytes")),
        ];
        figures.into_iter().chain(errors(&json)).collect()
    };
    table(
        "cortex-m4, gcc -O3",
        &[
            "network",
            "instructions",
            "per MAC",
            "/ CMSIS-NN",
            "arena (B)",
            "code + constants (B)",
            "code (B)",
            "stack (B)",
            "predicted",
            "layers, mean",
            "worst layer",
        ],
        rows.map(row),
    );
}

fn size() {
    let levels = [&["--optimize", "size"][..], &["--optimize", "size", "-Os"]];
    let jobs: Vec<Job> = levels.iter().flat_map(|options| all("cortex-m4", options)).collect();
    let results = measured(&jobs);
    let (o3, os) = jobs.split_at(jobs.len() / 2);
    let row = |i: usize| {
        let pair = [results[i].as_ref()?, results[o3.len() + i].as_ref()?];
        let mut row = vec![o3[i].name()];
        for json in pair {
            let figures = [limited(flash(json), o3[i].network.small), grouped(number(json, "code_bytes"))];
            row.extend(figures.into_iter().chain([grouped(number(json, "instructions"))]));
        }
        Some(row)
    };
    let headers = [
        "network",
        "-O3: code + constants (B)",
        "code (B)",
        "instructions",
        "-Os: code + constants (B)",
        "code (B)",
        "instructions",
    ];
    table("cortex-m4, gcc, `--optimize size`", &headers, (0..os.len()).filter_map(row));
}

/// With micro-kernels in assembly, and with the C that computes the same.
fn compilers() {
    let Some(clang) = ["clang-19", "clang"].into_iter().find(|c| cc::have(c)) else { return };
    let of = |network: &'static Network| {
        let c = format!("--cflags=-std=c99 -D{}_USE_NAKED=0", network.key.to_uppercase());
        let job = |options: &[&str]| Job::new(network, Origin::Calibrated, "cortex-m4", &[&FEW[..], options].concat());
        [job(&[]), job(&[&c]), job(&["--cc", clang]), job(&["--cc", clang, &c])]
    };
    let jobs: Vec<Job> = NETWORKS.iter().flat_map(of).collect();
    let results = measured(&jobs);
    let row = |(network, four): (&Network, &[Option<Value>])| {
        let [gcc, gcc_c, clang, clang_c] = four else { return None };
        let n = |json: &Option<Value>| Some(number(json.as_ref()?, "instructions"));
        let [gcc, gcc_c, clang, clang_c] = [n(gcc)?, n(gcc_c)?, n(clang)?, n(clang_c)?];
        let ratio = |a: f64, b: f64| format!("{:.3}", a / b);
        Some(vec![
            network.key.to_owned(),
            grouped(gcc),
            grouped(clang),
            ratio(clang, gcc),
            grouped(gcc_c),
            grouped(clang_c),
            ratio(clang_c, gcc_c),
            ratio(gcc_c, gcc),
            ratio(clang_c, clang),
        ])
    };
    table(
        &format!("cortex-m4, -O3, instructions: micro-kernels in assembly, and in C (gcc, {clang})"),
        &["network", "gcc", "clang", "clang / gcc", "gcc, C", "clang, C", "clang / gcc", "C / assembly, gcc", "clang"],
        NETWORKS.iter().zip(results.chunks(4)).filter_map(row),
    );
}

fn cores() {
    const CORES: [&str; 6] = ["cortex-m0plus", "cortex-m3", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc"];
    let there = CORES.into_iter().filter(|core| cc::available(cc::device(core)));
    let jobs: Vec<Job> =
        there.flat_map(|core| NETWORKS.iter().map(move |n| Job::new(n, Origin::Calibrated, core, &FEW))).collect();
    let rows = jobs.iter().zip(measured(&jobs)).filter_map(|(job, json)| Some((job, json?)));
    let row = |(job, json): (&Job, Value)| {
        let figures = [
            format!("{}, {}", job.core, job.name()),
            grouped(number(&json, "instructions")),
            format!("{:.3}", number(&json, "instructions_per_mac")),
            grouped(number(&json, "arena_bytes")),
            grouped(number(&json, "code_bytes")),
            grouped(number(&json, "constant_bytes")),
        ];
        figures.into_iter().chain(errors(&json)).collect()
    };
    table(
        "Other cores, gcc -O3",
        &[
            "core, network",
            "instructions",
            "per MAC",
            "arena (B)",
            "code (B)",
            "constants (B)",
            "predicted",
            "layers, mean",
            "worst layer",
        ],
        rows.map(row),
    );
}

/// Cycles estimated for boards, beside the best that anyone has published for them.
fn boards() {
    const BOARDS: [(&str, &str); 3] = [
        ("stm32l4r5", "cortex-m4 STM32L4R5 120 MHz"),
        ("stm32u575", "cortex-m33 STM32U575 160 MHz"),
        ("stm32h7a3", "cortex-m7 STM32H7A3 280 MHz"),
    ];
    let pairs = |&(board, row): &(&'static str, &'static str)| NETWORKS.iter().map(move |n| (board, row, n));
    let jobs: Vec<_> = BOARDS.iter().flat_map(pairs).collect();
    let cycles = run(&jobs, |(board, row, network)| {
        let theirs = published_megacycles(row, network.key)? * 1e6;
        let folder = cc::Folder::new();
        let output = folder.path().join("m.c").display().to_string();
        let options = [&["--target", board, "--stats=json", "-o", &output], &FEW[..]].concat();
        let options = options.into_iter().map(str::to_owned);
        let run = tinyc(network.arguments(Origin::Calibrated)?.into_iter().chain(options));
        let json: Value = serde_json::from_str(&run.stdout).ok()?;
        Some((json["cycles"].as_f64()?, theirs))
    });
    let mut rows = Vec::new();
    for ((board, _), of_board) in BOARDS.iter().zip(cycles.chunks(NETWORKS.len())) {
        let ratios: Vec<f64> = of_board.iter().flatten().map(|(ours, theirs)| theirs / ours).collect();
        if ratios.is_empty() {
            continue;
        }
        let factor = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
        for (network, (ours, theirs)) in NETWORKS.iter().zip(of_board).filter_map(|(n, c)| Some((n, (*c)?))) {
            rows.push(vec![
                format!("{board}, {}", network.key),
                grouped(ours),
                grouped(theirs),
                format!("{:.3}", theirs / ours),
                format!("{factor:.3}"),
                percent(Some(theirs / ours / factor - 1.0)),
            ]);
        }
    }
    table(
        "Estimated cycles, and the best published ones (other code on the same boards)",
        &["board, network", "estimated", "published", "published / estimated", "factor", "off the factor"],
        rows,
    );
}
