//! `--rounding tflite`: layers in integers against TensorFlow Lite's arithmetic, to the bit; by evaluation, by
//! interpreted loops, and as compiled C on the host and on an emulated board.

#![allow(clippy::unwrap_used, clippy::panic)]

mod layers;
mod tflite;

use layers::{KINDS, Layer, layer};
use std::path::Path;
use tinyc_codegen::c::{self, Options, Weights};
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::validate::validate;
use tinyc_codegen::{Io, generate};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::loops::{Program, interp};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_rewrite::Rounding;
use tinyc_testsuite::cc;
use tinyc_testsuite::command::tinyc;

const TARGETS: [&str; 3] = ["generic", "cortex-m4", "x86-64-v3"];

fn target(name: &str) -> &'static Target {
    Target::find(name).unwrap()
}

/// The layer in integers, and nothing else.
fn in_integers(layer: &Layer, rounding: Rounding) -> Graph {
    let mut graph = layer.graph.clone();
    let cost = CodegenCost::new(target("cortex-m4"), Io::Caller);
    let options = tinyc_rewrite::Options { rounding, ..tinyc_rewrite::Options::new(&cost) };
    tinyc_rewrite::run(&mut graph, &options).unwrap_or_else(|e| panic!("{e}"));
    let float = graph.ids().any(|id| graph.node(id).ty.parts().iter().any(|t| t.dtype.is_float()));
    assert!(!float, "{}\nbecomes\n{}", text::print(&layer.graph).text, text::print(&graph).text);
    graph
}

/// Elements often at the ends and at the zero point.
fn sample(layer: &Layer, seed: u64) -> Vec<Tensor> {
    let mut r = Random::new(seed);
    let tensor = |(shape, zero): &(Vec<usize>, i64)| {
        let mut one = || match r.below(8) {
            0 => -128,
            1 => 127,
            2 => *zero as i8,
            _ => (r.below(256) as i64 - 128) as i8,
        };
        Tensor::of(shape.clone(), (0..shape.iter().product()).map(|_| one()).collect())
    };
    layer.inputs.iter().map(tensor).collect()
}

fn expected(layer: &Layer, x: &[Tensor]) -> Vec<i64> {
    (layer.reference)(&x.iter().map(|t| t.to_i64s().unwrap()).collect::<Vec<_>>())
}

fn options(target: &'static Target) -> Options {
    Options {
        target,
        io: Io::Caller,
        hook: false,
        selftest: None,
        header_name: "model.h".to_owned(),
        model_hash: String::new(),
        input_ranges: Default::default(),
        scales: Default::default(),
        weights: Weights::Arrays,
        share: false,
    }
}

fn program(graph: &Graph, target: &'static Target) -> Program {
    let program = generate(graph, target, Io::Caller, Schedules::Fast).unwrap().program;
    validate(&program).unwrap_or_else(|e| panic!("{e}"));
    program
}

#[track_caller]
fn same(what: &str, graph: &Graph, want: &[i64], have: &[Tensor]) {
    assert_eq!(want, have[0].to_i64s().unwrap(), "{what}\n{}", text::print(graph).text);
}

#[test]
fn layers_give_what_tensorflow_lite_gives() {
    let (mut elements, mut differ) = (0, 0);
    for kind in KINDS {
        for seed in 0..24 {
            let layer = layer(kind, seed);
            let graph = in_integers(&layer, Rounding::Tflite);
            let tflite = Evaluator.compile(&graph).unwrap();
            let once = Evaluator.compile(&in_integers(&layer, Rounding::Once)).unwrap();
            for s in 0..8 {
                let x = sample(&layer, s);
                let want = expected(&layer, &x);
                same(&format!("{kind} {seed}"), &graph, &want, &tflite.run(&x).unwrap());
                let other = once.run(&x).unwrap()[0].to_i64s().unwrap();
                elements += want.len();
                differ += want.iter().zip(&other).filter(|(a, b)| a != b).count();
                assert!(want.iter().zip(&other).all(|(a, b)| a.abs_diff(*b) <= 1), "{kind} {seed}");
            }
        }
    }
    let share = differ as f64 / elements as f64;
    println!("{elements} elements, {:.2} % of them rounded once are one step away", share * 100.0);
    assert!(elements > 50_000 && share > 0.001, "{elements} elements, {differ}");
}

#[test]
fn their_loops_compute_the_same() {
    for kind in KINDS {
        for seed in 100..104 {
            let layer = layer(kind, seed);
            let graph = in_integers(&layer, Rounding::Tflite);
            let x = sample(&layer, seed);
            for name in TARGETS {
                let have = interp::run(&program(&graph, target(name)), &x).unwrap_or_else(|e| panic!("{e}"));
                same(&format!("{kind} {seed} for {name}"), &graph, &expected(&layer, &x), &have);
            }
        }
    }
}

#[test]
fn their_c_computes_the_same() {
    let board = cc::device("cortex-m4");
    for (kind, seed) in KINDS.into_iter().zip(200..) {
        let layer = layer(kind, seed);
        let graph = in_integers(&layer, Rounding::Tflite);
        let (x, options) = (sample(&layer, seed), options(board.target()));
        let program = program(&graph, options.target);
        let (emitted, main) = (c::print(&program, &options), cc::main_source(&program, &options, &program.name, &x));
        let check = |what: &str, lines: Result<String, String>| {
            let have = lines.and_then(|l| cc::tensors(&program, &l)).unwrap_or_else(|e| panic!("{kind}, {what}: {e}"));
            same(&format!("{kind}, {what}"), &graph, &expected(&layer, &x), &have);
        };
        for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
            check(compiler, cc::host(compiler, &["-O2"], &emitted, &main));
        }
        if cc::available(board) {
            check("on the board", cc::on_device(board, &["-O2"], &emitted, &main));
        }
    }
}

fn digits(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/digits").join(file).display().to_string()
}

/// The example through the command: in integers, rounded twice, the same on a board as on the host.
#[test]
fn the_command_rounds_as_it_is_told() {
    let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let quantized = ["--quantize", "int8", "--calib", &calib];
    let run = |args: &[&str]| tinyc(args.iter().chain(&quantized).map(|a| (*a).to_owned()));
    let graph = |rounding: &str| {
        let run = run(&[&model, "-o", "-", "--emit", "graph", "--rounding", rounding]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        run.stdout
    };
    let exponents = |text: &str| {
        let operands = |line: &str| line.split_once(" = requantize ").map(|(_, l)| l.matches('%').count());
        text.lines().filter_map(operands).collect::<Vec<_>>()
    };
    let (once, twice) = (exponents(&graph("once")), exponents(&graph("tflite")));
    assert!(!once.is_empty() && once.iter().all(|n| *n == 2), "{once:?}");
    assert!(twice.contains(&3), "{twice:?}");
    let both = run(&[&model, "-o", "-", "--emit", "graph", "--rounding", "tflite", "--exact"]);
    assert!(both.status == 2 && both.stderr.contains("--exact"), "{}", both.stderr);
    if cc::available(cc::device("cortex-m4")) {
        let bench = run(&["bench", &model, "--target", "cortex-m4", "--json", "--rounding", "tflite"]);
        let json: serde_json::Value =
            serde_json::from_str(&bench.stdout).unwrap_or_else(|e| panic!("{e}: {}", bench.stderr));
        assert_eq!((&json["bit_exact"], &json["equal"]), (&true.into(), &true.into()), "{json}");
    }
}
