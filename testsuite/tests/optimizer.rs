//! The optimizer on whole networks: the same function, exactly where that is asked for, the same on
//! every run, never more work; and what it made of small and real networks, as reviewed snapshots.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::cost::Cost;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_rewrite::{Options, run};
use tinyc_testsuite::{graphs, optimized, shared};

fn cost() -> CodegenCost {
    CodegenCost::new(Target::find("cortex-m4").unwrap(), Io::Caller)
}

fn rewritten(graph: &Graph, exact: bool) -> Graph {
    let mut graph = graph.clone();
    let cost = cost();
    let outcomes = run(&mut graph, &Options { exact, ..Options::new(&cost) }).unwrap_or_else(|e| panic!("{e}"));
    for o in &outcomes {
        assert!(o.rejected.is_empty(), "{}: {:?}", graph.name, o.rejected);
    }
    graph
}

fn outputs(graph: &Graph, seed: u64) -> Vec<Tensor> {
    let inputs = graph.inputs().iter().enumerate();
    let inputs: Vec<Tensor> =
        inputs.map(|(i, id)| Tensor::random(graph.node(*id).tensor(), 7 * seed + i as u64)).collect();
    Evaluator.compile(graph).and_then(|r| r.run(&inputs)).unwrap_or_else(|e| panic!("{}: {e}", graph.name))
}

/// Largest difference of two networks' outputs, relative to 1 and the largest element of each output;
/// infinite where one has a NaN and the other not.
fn difference(a: &Graph, b: &Graph, seed: u64) -> f64 {
    let mut largest = 0f64;
    for (x, y) in outputs(a, seed).iter().zip(outputs(b, seed)) {
        assert_eq!(x.ty(), y.ty(), "{}", a.name);
        let (x, y) = (x.to_f64s(), y.to_f64s());
        let scale = x.iter().filter(|v| v.is_finite()).fold(1f64, |s, v| s.max(v.abs()));
        for (p, q) in x.iter().zip(&y) {
            let same = p.to_bits() == q.to_bits() || p.is_nan() && q.is_nan() || p == q;
            let d = if same { 0.0 } else { (p - q).abs() / scale };
            largest = largest.max(if d.is_nan() { f64::INFINITY } else { d });
        }
    }
    largest
}

fn same_bits(a: &Graph, b: &Graph, seed: u64) -> bool {
    let bits = |g: &Graph| -> Vec<Vec<u64>> {
        let bits = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
        outputs(g, seed).iter().map(|t| t.to_f64s().into_iter().map(bits).collect()).collect()
    };
    bits(a) == bits(b)
}

/// The example and all of the shared folder that is supported, as imported.
fn networks() -> impl Iterator<Item = (String, Graph)> {
    let folder = shared::file("models").map(|f| std::fs::read_dir(f).unwrap());
    let mut folders: Vec<_> = folder.into_iter().flatten().map(|e| e.unwrap().path()).collect();
    folders.sort();
    let shared = folders
        .into_iter()
        .filter_map(|f| Some((f.file_name()?.to_str()?.to_owned(), optimized::imported(&f.join("model.onnx"))?)));
    [("digits".to_owned(), optimized::imported(&shared::digits().0).unwrap())].into_iter().chain(shared)
}

#[test]
fn exact_rewriting_keeps_every_bit() {
    for seed in 0..400 {
        let graph = graphs::network(seed);
        assert!(same_bits(&graph, &rewritten(&graph, true), seed), "network {seed}\n{}", text::print(&graph).text);
    }
    for (name, graph) in networks() {
        assert!(same_bits(&graph, &rewritten(&graph, true), 1), "{name}");
    }
}

/// Rules round differently by at most 1e-4 each, most by 1e-6; a network adds its rounding up. What is
/// seen is at most a tenth of the bound here.
#[test]
fn rewriting_keeps_the_function() {
    for seed in 0..400 {
        let graph = graphs::network(seed);
        let d = difference(&graph, &rewritten(&graph, false), seed);
        assert!(d <= 1e-5, "network {seed}: {d:e}\n{}", text::print(&graph).text);
    }
    for (name, graph) in networks() {
        let d = difference(&graph, &rewritten(&graph, false), 1);
        println!("{name}: {d:.1e}");
        assert!(d <= 1e-4, "{name}: {d:e}");
    }
}

#[test]
fn the_same_network_gives_the_same_result() {
    for (name, graph) in networks() {
        let print = |g: &Graph| text::print(&rewritten(g, false)).text;
        assert_eq!(print(&graph), print(&graph), "{name}");
    }
}

/// Multiply-accumulates and bytes of constants.
fn work(graph: &Graph) -> (u64, usize) {
    let live = graph.live();
    let (mut macs, mut bytes) = (0, 0);
    for id in graph.ids().filter(|id| live.contains(id)) {
        match &graph.node(id).kind {
            Kind::Op(op, attrs) => {
                let operands = graph.operands(id);
                let types: Vec<_> = operands.iter().map(|o| o.map(|o| graph.node(o).tensor())).collect();
                macs += op.op().macs(attrs, &types, graph.node(id).ty.parts());
            }
            Kind::Const(t) => bytes += t.ty().bytes(),
            _ => {}
        }
    }
    (macs, bytes)
}

/// Against the network whose constants are computed. Estimated cycles choose the form; they must not be
/// bought with multiply-accumulates or constants.
#[test]
fn no_network_becomes_worse() {
    let cost = cost();
    let mut worse = Vec::new();
    for (name, mut graph) in networks() {
        run(&mut graph, &Options { effort: 0, ..Options::new(&cost) }).unwrap();
        let after = rewritten(&graph, false);
        let cycles = |g: &Graph| cost.exact(g).unwrap().cycles.round() as u64;
        let ((m, w), (n, v)) = (work(&graph), work(&after));
        let (a, b) = (cycles(&graph), cycles(&after));
        println!("{name}: MACs {m} -> {n}, constants {w} -> {v} B, cycles {a} -> {b}");
        if n > m || v > w || b > a {
            worse.push(name);
        }
    }
    assert!(worse.is_empty(), "{worse:?}");
}

#[test]
fn nothing_is_left_that_every_optimizer_removes() {
    for (name, graph) in networks() {
        let after = rewritten(&graph, false);
        let left =
            |op: OpId| after.ids().filter(|&id| matches!(after.node(id).kind, Kind::Op(o, _) if o == op)).count();
        assert_eq!(left(OpId::batch_norm), 0, "{name}");
    }
}

/// Also of rules whose right side was there already, and so added nothing.
#[test]
fn every_change_names_its_rule() {
    let one = "%a = mul %x, %one ; \"scale\"\n  %b = relu %a ; \"act\"\n  output %b";
    let back = "%a = transpose %x {perm: [1,0]} ; \"there\"\n  %b = transpose %a {perm: [1,0]} ; \"back\"\n  \
                %c = relu %b\n  output %c";
    for (body, wanted) in [(one, "remove-neutral-mul"), (back, "merge-transpose-transpose")] {
        let input = format!("graph @g {{\n  %x = input : f32[2,3]\n  %one = const [1.0] : f32[]\n  {body}\n}}\n");
        let mut graph = text::parse(&input, &[]).unwrap_or_else(|e| panic!("{e}"));
        let outcomes = run(&mut graph, &Options::new(&cost())).unwrap();
        let fired: Vec<&str> = outcomes.iter().flat_map(|o| &o.fired).map(|f| f.rule).collect();
        assert!(fired.contains(&wanted), "{fired:?}");
    }
    let mut unchanged =
        text::parse("graph @g {\n  %x = input : f32[2,3]\n  %y = relu %x\n  output %y\n}\n", &[]).unwrap();
    let outcomes = run(&mut unchanged, &Options::new(&cost())).unwrap();
    assert!(outcomes.iter().all(|o| o.fired.is_empty()), "{outcomes:?}");
}

/// Case files beside the snapshots hold small networks, one subject each.
#[test]
fn small_networks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/rewrite");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let graph = text::parse(&std::fs::read_to_string(&file).unwrap(), &[]).unwrap_or_else(|e| panic!("{e}"));
        let after = rewritten(&graph, false);
        assert!(difference(&graph, &after, 3) <= 1e-5, "{}", file.display());
        insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), text::print(&after).text);
    }
}

#[test]
fn real_networks() {
    for (name, graph) in networks().filter(|(n, _)| n.starts_with("mlperf") || n == "digits") {
        insta::assert_snapshot!(name, text::print(&rewritten(&graph, false)).text);
    }
}
