//! Removal of channels: bits of outputs, and what becomes of the network that it was made for.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use tinyc_codegen::Io;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::targets::Target;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_core::types::TensorType;
use tinyc_rewrite::{Options, Pass};
use tinyc_testsuite::graphs::network;
use tinyc_testsuite::pruned::pruned;
use tinyc_testsuite::{shared, wild};

/// Multiply-accumulates of all operators.
fn macs(graph: &Graph) -> u64 {
    let of = |id| match &graph.node(id).kind {
        Kind::Op(op, attrs) => {
            let operands = graph.operands(id);
            let x: Vec<Option<&TensorType>> = operands.iter().map(|x| x.map(|x| graph.node(x).tensor())).collect();
            op.op().macs(attrs, &x, graph.node(id).ty.parts())
        }
        _ => 0,
    };
    graph.ids().map(of).sum()
}

fn limits(graph: &Graph, lo: f64, hi: f64) -> BTreeMap<String, (f64, f64)> {
    let name = |id| match &graph.node(id).kind {
        Kind::Input(name) => name.clone(),
        _ => unreachable!(),
    };
    graph.inputs().iter().map(|&id| (name(id), (lo, hi))).collect()
}

/// Inputs of `steps + 1` different numbers from `lo` to `hi`.
fn inputs(graph: &Graph, (lo, hi): (f64, f64), steps: usize, r: &mut Random) -> Vec<Tensor> {
    let number = |r: &mut Random| lo + (hi - lo) * r.below(steps + 1) as f64 / steps as f64;
    let tensor = |&id| {
        let ty: &TensorType = graph.node(id).tensor();
        Tensor::of::<f64>(ty.shape.clone(), (0..ty.elements()).map(|_| number(r)).collect()).cast(ty.dtype)
    };
    graph.inputs().iter().map(tensor).collect()
}

fn run(graph: &Graph, x: &[Tensor]) -> Vec<Tensor> {
    Evaluator.compile(graph).unwrap().run(x).unwrap()
}

#[test]
fn person_detection_halves_to_the_bit() {
    let Some((model, _)) = shared::model("mlperf_vww_mobilenetv1_025") else { return };
    let bytes = std::fs::read(model).unwrap();
    let external = |_: &str| unreachable!("the model is one file");
    let options = ImportOptions { name: "vww".into(), dims: BTreeMap::new(), external: &external };
    let before = import(&bytes, &options).unwrap().graph;
    let mut after = before.clone();
    pass("remove-channels", &mut after, limits(&before, 0.0, 1.0), true);
    assert_eq!((macs(&before), macs(&after)), (7_489_664, 3_909_554));
    let mut r = Random::new(1);
    for _ in 0..3 {
        let x = inputs(&before, (0.0, 1.0), 255, &mut r);
        assert!(run(&before, &x) == run(&after, &x));
    }
}

/// Every bit stays in exact runs. Others fold whole numbers without rounding, floats with errors of
/// some units in the last place of the largest ones.
#[test]
fn random_networks_keep_their_outputs() {
    let (mut removed, mut folded, mut saved) = (0, 0, 0);
    for seed in 0..2000 {
        let whole = seed % 2 == 0;
        let before = if seed % 5 == 0 { network(seed) } else { pruned(seed, whole) };
        let mut r = Random::new(seed);
        let lo = [-1.0, 0.0, 1.0][r.below(3)];
        let range: (f64, f64) = (lo, lo + [0.0, 1.0, 2.0][r.below(3)]);
        let input_ranges = limits(&before, range.0, range.1);
        let mut exact = before.clone();
        removed += pass("remove-channels", &mut exact, input_ranges.clone(), true);
        let mut rounded = exact.clone();
        folded += pass("fold-channels", &mut rounded, input_ranges, false);
        saved += macs(&before) - macs(&rounded);
        for _ in 0..2 {
            let x = inputs(&before, range, if whole { 2 } else { 255 }, &mut r);
            let want = run(&before, &x);
            assert!(want == run(&exact, &x), "{seed}:\n{}\n{}", text::print(&before).text, text::print(&exact).text);
            for (w, h) in want.iter().zip(run(&rounded, &x)) {
                let scale = w.to_f64s().iter().fold(1.0_f64, |m, w| m.max(w.abs()));
                let near = |(w, h): (&f64, &f64)| w == h || (w - h).abs() < 1e-5 * scale;
                // What is infinite or no number may become either.
                let finite = w.to_f64s().iter().all(|w| w.is_finite());
                let ok = !finite || w.to_f64s().iter().zip(&h.to_f64s()).all(near);
                assert!(ok, "{seed}:\n{}\n{}", text::print(&exact).text, text::print(&rounded).text);
            }
        }
    }
    assert!(removed > 1000 && folded > 500 && saved > 0, "{removed} channels removed, {folded} folded, {saved} MACs");
}

/// Without ranges, for inputs of all magnitudes: an exact run keeps every bit whatever they are, others where
/// no NaN is computed. Folding rounds differently, by some units in the last place of the network's largest
/// value.
#[test]
fn random_networks_without_ranges_keep_their_outputs() {
    let (mut kept, mut removed, mut folded, mut compared) = (0, 0, 0, 0);
    for seed in 0..2000 {
        let before = pruned(seed, seed % 2 == 0);
        let mut r = Random::new(seed);
        let [mut exact, mut numbers] = [before.clone(), before.clone()];
        kept += pass("remove-channels", &mut exact, BTreeMap::new(), true);
        removed += pass("remove-channels", &mut numbers, BTreeMap::new(), false);
        let mut rounded = numbers.clone();
        folded += pass("fold-channels", &mut rounded, BTreeMap::new(), false);
        for nans in [true, false, false] {
            let x = wild::inputs(&before, nans, &mut r);
            let values = wild::values(&before, &x);
            let bits = |t: &Tensor| -> Vec<u64> {
                t.to_f64s().iter().map(|v| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() }).collect()
            };
            let same = |a: &[Tensor], b: &[Tensor]| a.iter().map(bits).eq(b.iter().map(bits));
            let want = run(&before, &x);
            assert!(
                same(&want, &run(&exact, &x)),
                "{seed}:\n{}\n{}",
                text::print(&before).text,
                text::print(&exact).text
            );
            if values.iter().any(|(_, t)| wild::has_nan(t)) {
                continue;
            }
            compared += 1;
            let have = run(&numbers, &x);
            assert!(same(&want, &have), "{seed}:\n{}\n{}", text::print(&before).text, text::print(&numbers).text);
            let largest = values.iter().flat_map(|(_, t)| t.to_f64s()).fold(1.0_f64, |m, v| m.max(v.abs()));
            for (w, h) in want.iter().zip(run(&rounded, &x)) {
                let near = |(w, h): (f64, f64)| w == h || (w - h).abs() < 1e-5 * largest;
                let ok = w.to_f64s().into_iter().zip(h.to_f64s()).all(near);
                assert!(ok, "{seed}:\n{}\n{}", text::print(&numbers).text, text::print(&rounded).text);
            }
        }
    }
    let all = format!("{kept} channels removed exactly, {removed} otherwise, {folded} folded, {compared} runs");
    assert!(removed > 2 * kept && removed > 1000 && folded > 300 && compared > 3000, "{all}");
}

fn pass(name: &str, graph: &mut Graph, input_ranges: BTreeMap<String, (f64, f64)>, exact: bool) -> usize {
    let cost = CodegenCost::new(Target::find("generic").unwrap(), Io::Caller);
    let options = Options { input_ranges, exact, ..Options::new(&cost) };
    let done = (Pass::find(name).unwrap().run)(graph, &options).unwrap();
    tinyc_core::verify::verify(graph).unwrap();
    done.changes
}
