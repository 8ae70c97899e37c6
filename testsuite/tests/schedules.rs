//! Schedules against the plain meaning: every case of `cases/schedules`, and networks made up at random,
//! for every machine that tiles differ on, validated and interpreted; the cases as compiled C too.
//!
//! Inputs and constants are small whole numbers, so that sums are exact in any order and all results
//! must be equal to the bit.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use tinyc_codegen::c::{self, Options, Weights};
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::validate::validate;
use tinyc_codegen::{Generated, Io, generate};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::loops::{self, interp};
use tinyc_core::tensor::Tensor;
use tinyc_core::text::parse;
use tinyc_testsuite::cc;
use tinyc_testsuite::graphs;
use tinyc_testsuite::shared::root;

/// Scalars with few and with many registers, vectors of each width.
const TARGETS: [&str; 5] = ["generic", "cortex-m4", "aarch64", "x86-64-v3", "x86-64-v4"];

/// Numbers in -2..=2.
fn whole(t: &Tensor) -> Tensor {
    Tensor::of::<f64>(t.shape().clone(), t.to_f64s().iter().map(|v| (v * 2.0).round()).collect()).cast(t.dtype())
}

fn cases() -> BTreeMap<String, Graph> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut graph = parse(&text, &[]).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for id in graph.topological().unwrap() {
            if let Kind::Const(t) = &graph.node(id).kind
                && t.data().len() > 1
            {
                let t = whole(t);
                graph.node_mut(id).kind = Kind::Const(Arc::new(t));
            }
        }
        (path.file_stem().unwrap().to_string_lossy().into_owned(), graph)
    };
    std::fs::read_dir(root().join("testsuite/cases/schedules")).unwrap().map(read).collect()
}

fn inputs(graph: &Graph) -> Vec<Tensor> {
    let random = |(i, &id)| whole(&Tensor::random(graph.node(id).tensor(), i as u64 + 1));
    graph.inputs().iter().enumerate().map(random).collect()
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
        share: false,
        weights: Weights::Arrays,
    }
}

#[track_caller]
fn equal(name: &str, want: &[Tensor], have: &[Tensor]) {
    assert_eq!(want.len(), have.len(), "{name}");
    for (i, (w, h)) in want.iter().zip(have).enumerate() {
        let (w, h) = (w.to_f64s(), h.to_f64s());
        let differ = |k: &usize| w[*k] != h[*k] && !(w[*k].is_nan() && h[*k].is_nan());
        let wrong = (0..w.len()).find(differ);
        assert!(wrong.is_none(), "{name}: output {i} differs first at {wrong:?}: {:?}", wrong.map(|k| (w[k], h[k])));
    }
}

/// The program is well formed, validated, and computes what the evaluator has computed.
#[track_caller]
fn check(graph: &Graph, target: &'static Target, io: Io, inputs: &[Tensor], want: &[Tensor]) {
    let name = format!("{} for {} {io:?}", graph.name, target.name);
    let generated = generate(graph, target, io, Schedules::Fast);
    let Generated { plan, program } = generated.unwrap_or_else(|e| panic!("{name}: {e}"));
    loops::check::check(&program).unwrap_or_else(|e| panic!("{name}: {}", e.join("\n")));
    validate(&program).unwrap_or_else(|e| panic!("{name}: {e}\n{plan}"));
    let have = interp::run(&program, inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    equal(&name, want, &have);
}

#[test]
fn schedules_compute_what_operators_mean() {
    let mut programs = 0;
    for graph in cases().values() {
        let inputs = inputs(graph);
        let want = Evaluator.compile(graph).unwrap().run(&inputs).unwrap();
        for target in TARGETS {
            let target = Target::find(target).unwrap();
            for io in [Io::Caller, Io::Arena] {
                check(graph, target, io, &inputs, &want);
                programs += 1;
            }
        }
    }
    assert!(programs >= 100, "{programs} programs");
}

#[test]
fn schedules_of_random_networks_compute_what_operators_mean() {
    let mut operators = 0;
    for seed in 0..200 {
        let graph = graphs::network(seed);
        let inputs = inputs(&graph);
        let want = Evaluator.compile(&graph).unwrap().run(&inputs).unwrap();
        for target in TARGETS {
            for io in [Io::Caller, Io::Arena] {
                check(&graph, Target::find(target).unwrap(), io, &inputs, &want);
            }
        }
        operators += graph.ids().filter(|&id| matches!(graph.node(id).kind, Kind::Op(..))).count();
    }
    assert!(operators >= 1000, "{operators} operators");
}

#[test]
fn compiled_schedules_compute_what_operators_mean() {
    for (name, graph) in cases() {
        let inputs = inputs(&graph);
        let want = Evaluator.compile(&graph).unwrap().run(&inputs).unwrap();
        for target in TARGETS {
            let target = Target::find(target).unwrap();
            let io = if target.float_lanes == 1 { Io::Arena } else { Io::Caller };
            let options = Options { io, ..options(target) };
            let program = generate(&graph, target, io, Schedules::Fast).unwrap().program;
            let emitted = c::print(&program, &options);
            let main = cc::main_source(&program, &options, &program.name, &inputs);
            for compiler in ["gcc", "clang"].into_iter().filter(|c| cc::have(c)) {
                // The portable meaning of the target's instructions.
                let lines = cc::host(compiler, &["-O2"], &emitted, &main);
                let have = lines.and_then(|lines| cc::tensors(&program, &lines));
                equal(
                    &format!("{name} for {} by {compiler}", target.name),
                    &want,
                    &have.unwrap_or_else(|e| panic!("{e}")),
                );
            }
        }
    }
}

#[test]
fn schedules_compute_the_same_on_a_board() {
    let board = cc::device("cortex-m4");
    if !cc::available(board) {
        return;
    }
    for (name, graph) in cases() {
        let inputs = inputs(&graph);
        let want = Evaluator.compile(&graph).unwrap().run(&inputs).unwrap();
        let options = options(board.target());
        let program = generate(&graph, options.target, Io::Caller, Schedules::Fast).unwrap().program;
        let main = cc::main_source(&program, &options, &program.name, &inputs);
        let lines = cc::on_device(board, &["-O2"], &c::print(&program, &options), &main)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        equal(&name, &want, &cc::tensors(&program, &lines).unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

/// What is flattened into the rows of products stays channels last, and nothing copies it.
#[test]
fn products_read_rows_as_they_lie() {
    let graph = &cases()["flattened_rows"];
    let target = Target::find("generic").unwrap();
    let selection = tinyc_codegen::select::select(graph, target, Io::Caller, Schedules::Fast).unwrap();
    let order = |name: &str| &selection.buffers.iter().find(|b| b.name == name).unwrap().order[..];
    assert_eq!((order("r"), order("q")), (&[0, 2, 3, 1][..], &[0, 2, 3, 1][..]));
    // No order of memory has a view of these rows, or something else reads them.
    assert_eq!((order("n"), order("a")), (&[0, 1, 2, 3][..], &[0, 1, 2][..]));
    let copies = selection.steps.iter().filter(|s| ["copy", "reshape", "transpose"].contains(&s.op)).count();
    assert_eq!(copies, 0);
    // As the product with a factor reads them, and packed as the others do.
    let constants = |name: &str| selection.buffers.iter().filter(|b| b.name.ends_with(name)).count();
    assert_eq!((constants(".rows"), constants(".w")), (1, 10));
}

/// Neither a transpose nor a copy, nor an operator of its own for what runs on the way out.
#[test]
fn transposes_and_activations_take_no_step() {
    let graph = &cases()["residual"];
    let selection =
        tinyc_codegen::select::select(graph, Target::find("generic").unwrap(), Io::Caller, Schedules::Fast).unwrap();
    let steps: Vec<&str> = selection.steps.iter().map(|s| s.op).collect();
    // The second output is read in the network and wanted row-major.
    assert_eq!(steps, ["conv", "conv"]);
}
