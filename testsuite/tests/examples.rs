//! Each operator's examples as compiled C: the same bits as evaluation.

#![allow(clippy::unwrap_used, clippy::panic)]

use tinyc_codegen::c::{self, Options};
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::{Io, generate};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::loops::Scalar;
use tinyc_core::op::OpId;
use tinyc_core::ops::example::as_graph;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_testsuite::cc;

/// All examples of an operator whose element types C can hold, side by side in one graph.
fn graph(op: OpId) -> Graph {
    let mut all = Graph::new("examples");
    for (k, example) in op.op().examples().iter().enumerate() {
        let one = text::parse(&as_graph(example).0, &[]).unwrap_or_else(|e| panic!("{example}\n{e}"));
        let types = one.ids().flat_map(|id| one.node(id).ty.parts());
        if types.into_iter().any(|t| Scalar::of(t.dtype).is_none()) {
            continue;
        }
        let mut copies = std::collections::BTreeMap::new();
        for id in one.topological().unwrap() {
            let node = one.node(id);
            let copy = match &node.kind {
                Kind::Input(name) => all.add_input(format!("{name}_{k}"), node.tensor().clone()),
                Kind::Op(op, attrs) => {
                    let operands: Vec<_> = one.operands(id).into_iter().map(|o| o.map(|o| copies[&o])).collect();
                    all.add_op(*op, attrs.clone(), &operands, Vec::new()).unwrap()
                }
                other => panic!("{example} holds {other:?}"),
            };
            copies.insert(id, copy);
        }
        all.add_output(format!("y_{k}"), copies[&one.outputs()[0].node]);
    }
    all
}

#[test]
fn compiled_examples_equal_evaluation() {
    if !cc::have("gcc") {
        return;
    }
    let mut examples = 0;
    for &op in OpId::ALL {
        let graph = graph(op);
        let inputs = graph.inputs().iter().enumerate();
        let inputs: Vec<Tensor> =
            inputs.map(|(i, &id)| Tensor::random(graph.node(id).tensor(), i as u64 + 1)).collect();
        let want = Evaluator.compile(&graph).unwrap().run(&inputs).unwrap();
        let target = Target::find("generic").unwrap();
        let program = generate(&graph, target, Io::Caller, Schedules::Plain).unwrap().program;
        let options = Options {
            target,
            io: Io::Caller,
            hook: false,
            selftest: None,
            header_name: "model.h".to_owned(),
            weights: c::Weights::Arrays,
            model_hash: String::new(),
            input_ranges: Default::default(),
            scales: Default::default(),
            share: false,
        };
        let main = cc::main_source(&program, &options, &program.name, &inputs);
        let lines = cc::host("gcc", &["-O1"], &c::print(&program, &options), &main);
        let got =
            lines.and_then(|lines| cc::tensors(&program, &lines)).unwrap_or_else(|e| panic!("{}: {e}", op.name()));
        for (k, (w, g)) in want.iter().zip(&got).enumerate() {
            let same = |(w, g): (&f64, &f64)| w.to_bits() == g.to_bits() || (w.is_nan() && g.is_nan());
            let (w, g) = (w.to_f64s(), g.to_f64s());
            assert!(w.len() == g.len() && w.iter().zip(&g).all(same), "{} {k}: {g:?} instead of {w:?}", op.name());
        }
        examples += want.len();
    }
    assert!(examples >= OpId::ALL.len(), "{examples} examples");
}
