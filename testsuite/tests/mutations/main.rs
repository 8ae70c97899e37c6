//! No model, however broken, makes the command panic, hang, take all memory or leave a file behind.
//!
//! Each of 10,000 seeds picks a model, changes it and compiles the result. Seeds run in batches in
//! child processes whose address space is limited to 1 GiB, as this very test with
//! [`SEEDS`] in the environment: `TINYC_MUTATION_SEEDS=17..18 cargo test -p tinyc-testsuite --test
//! mutations` runs one seed again and leaves its model in the temporary folder.

#![allow(clippy::unwrap_used)]

mod corpus;
mod structure;
mod wire;

use corpus::Model;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use tinyc_core::random::Random;
use tinyc_testsuite::cc;
use tinyc_testsuite::command::tinyc;

const COUNT: usize = 10_000;
const BATCH: usize = 250;
const MAX_MODEL_BYTES: usize = 100_000;

/// A run that takes longer hangs. No model of this size takes 5 s on a core of its own, most take some
/// milliseconds; here others may use the core too.
const HANG: Duration = Duration::from_secs(20);

/// Of so many seeds one's C is shown to a C compiler.
const CC_EVERY: usize = 20;

const ADDRESS_SPACE_KIB: usize = 1 << 20;

/// Stack of the thread that works, as large as the command's own.
const STACK_BYTES: usize = 256 << 20;

/// Seeds that a child process runs, as `from..to`.
const SEEDS: &str = "TINYC_MUTATION_SEEDS";

/// Findings beyond these are not run into.
const MAX_FINDINGS: usize = 20;

fn mutated(models: &[Model], seed: usize) -> (Vec<u8>, &[String]) {
    let mut r = Random::new(seed as u64);
    loop {
        let networks = models.len().min(corpus::NETWORKS.len() + 1);
        let among = if r.below(4) > 0 { networks } else { models.len() };
        let model = &models[r.below(among)];
        let mut proto = model.proto.clone();
        // Most stay well-formed: what does not decode says nothing about what comes after.
        let how = r.below(8);
        if how < 6 {
            for _ in 0..1 + r.below(3) {
                structure::change(&mut proto, &mut r);
            }
        }
        // Declared types refuse most of what follows from a changed extent, before it is planned.
        if let Some(graph) = proto.graph.as_mut().filter(|_| r.below(4) > 0) {
            graph.output.iter_mut().for_each(|o| o.r#type = None);
        }
        let mut bytes = proto.to_bytes();
        match how {
            5 | 6 => (0..1 + r.below(3)).for_each(|_| wire::fields(&mut bytes, &mut r)),
            7 if r.below(4) == 0 => {
                let other = models[r.below(models.len())].proto.to_bytes();
                bytes = wire::splice(&bytes, &other, &mut r);
            }
            7 => (0..1 + r.below(2)).for_each(|_| wire::bytes(&mut bytes, &mut r)),
            _ => {}
        }
        if bytes.len() <= MAX_MODEL_BYTES {
            return (bytes, &model.args);
        }
    }
}

/// Compiles a model in a folder of its own: the exit status, or what is wrong with the run. With a C
/// compiler, what was written is shown to it.
fn run(bytes: &[u8], args: &[String], folder: &Path, cc: Option<&str>) -> Result<u8, String> {
    let model = folder.join("model.onnx");
    fs::write(&model, bytes).unwrap();
    let output = folder.join("m.c");
    let args = [model.into(), "-o".into(), output.into()].into_iter().chain(args.iter().map(Into::into));
    let run = catch_unwind(AssertUnwindSafe(|| tinyc::<std::ffi::OsString>(args)));
    let run = run.map_err(|p| format!("it panics: {:?}", p.downcast_ref::<String>()))?;
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let want: &[&str] = if run.status == 0 { &["m.c", "m.h", "model.onnx"] } else { &["model.onnx"] };
    if names != want {
        return Err(format!("it exits with {} and leaves {names:?}", run.status));
    }
    match run.status {
        0 => {
            if let Some(cc) = cc {
                let mut command = Command::new(cc);
                let c = command.args(cc::WARNINGS).arg("-fsyntax-only").arg(folder.join("m.c")).output().unwrap();
                if !c.status.success() {
                    return Err(format!("the C does not compile: {}", String::from_utf8_lossy(&c.stderr)));
                }
            }
            fs::remove_file(folder.join("m.c")).unwrap();
            fs::remove_file(folder.join("m.h")).unwrap();
            Ok(0)
        }
        1 if run.stderr.contains("error[E") => Ok(1),
        status => Err(format!("it exits with {status}: {}", run.stderr)),
    }
}

/// Runs seeds, and tells of each on stdout: `seed N` before, `exit N` or `finding ...` after.
fn child(seeds: Range<usize>) {
    let models = corpus::models();
    let alone = seeds.len() == 1;
    let cc = cc::have("gcc");
    let (send, receive) = channel();
    let work = move || {
        let folder = tempfile::tempdir().unwrap();
        for seed in seeds {
            let (bytes, args) = mutated(&models, seed);
            if alone {
                let kept = std::env::temp_dir().join(format!("tinyc_mutation_{seed}.onnx"));
                fs::write(&kept, &bytes).unwrap();
                println!("{} {}", kept.display(), args.join(" "));
            }
            println!("seed {seed}");
            let cc = (cc && (alone || seed % CC_EVERY == 0)).then_some("gcc");
            match run(&bytes, args, folder.path(), cc) {
                Ok(status) => println!("exit {status}"),
                Err(problem) => println!("finding {}", problem.replace('\n', "; ")),
            }
            send.send(()).unwrap();
        }
    };
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap();
    loop {
        match receive.recv_timeout(HANG) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                println!("finding it takes longer than {HANG:?}");
                std::process::exit(1);
            }
        }
    }
    assert!(worker.join().is_ok(), "the test itself failed");
}

/// What came of some seeds.
#[derive(Default)]
struct Outcome {
    /// Number of runs by exit status.
    statuses: BTreeMap<String, usize>,
    findings: Vec<String>,
}

/// Runs seeds in child processes. One that dies is told of, and what it left is run by the next.
fn batch(seeds: Range<usize>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut next = seeds.start;
    while next < seeds.end && outcome.findings.len() < MAX_FINDINGS {
        let limited = format!("ulimit -v {ADDRESS_SPACE_KIB} 2>/dev/null; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "mutated_models_are_compiled_or_refused", "--nocapture"]);
        command.env(SEEDS, format!("{next}..{}", seeds.end)).env("RUST_BACKTRACE", "0");
        let child = command.output().unwrap();
        let stdout = String::from_utf8_lossy(&child.stdout);
        let mut open = false;
        for line in stdout.lines() {
            if let Some(seed) = line.strip_prefix("seed ") {
                (next, open) = (seed.parse::<usize>().unwrap() + 1, true);
            } else if let Some(status) = line.strip_prefix("exit ") {
                *outcome.statuses.entry(status.to_owned()).or_default() += 1;
                open = false;
            } else if let Some(finding) = line.strip_prefix("finding ") {
                outcome.findings.push(format!("seed {}: {finding}", next - 1));
                open = false;
            }
        }
        let stderr = String::from_utf8_lossy(&child.stderr);
        if open {
            let last = stderr.lines().last().unwrap_or_default();
            outcome.findings.push(format!("seed {}: the process ends: {last}", next - 1));
        }
        assert!(stdout.contains("seed ") && !stderr.contains("the test itself failed"), "{stdout}{stderr}");
    }
    outcome
}

/// A change says something only about what would have compiled without it.
#[test]
fn the_networks_compile_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (i, model) in corpus::models().iter().take(corpus::NETWORKS.len() + 1).enumerate() {
        let bytes = model.proto.to_bytes();
        assert!(bytes.len() <= MAX_MODEL_BYTES, "model {i}");
        assert_eq!(run(&bytes, &model.args, folder.path(), None), Ok(0), "model {i}");
    }
}

#[test]
fn mutated_models_are_compiled_or_refused() {
    if let Ok(seeds) = std::env::var(SEEDS) {
        let (from, to) = seeds.split_once("..").unwrap();
        return child(from.parse().unwrap()..to.parse().unwrap());
    }
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new(Outcome::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= COUNT {
                        break;
                    }
                    let new = batch(from..(from + BATCH).min(COUNT));
                    let mut all = outcome.lock().unwrap();
                    all.findings.extend(new.findings);
                    new.statuses.into_iter().for_each(|(s, n)| *all.statuses.entry(s).or_default() += n);
                    if all.findings.len() >= MAX_FINDINGS {
                        next.store(COUNT, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let Outcome { statuses, findings } = outcome.into_inner().unwrap();
    println!("runs by exit status: {statuses:?}");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert_eq!(statuses.values().sum::<usize>(), COUNT);
    // Both ways out are well travelled.
    assert!(["0", "1"].iter().all(|s| statuses.get(*s).is_some_and(|&n| n > COUNT / 10)), "{statuses:?}");
}
