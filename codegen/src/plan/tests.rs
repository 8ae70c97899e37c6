//! Plans of graphs in text form: no two live slots overlap, every combination of outputs, speed.

use super::*;
use crate::select::{Schedules, select};
use crate::targets::Target;
use tinyc_core::graph::Graph;
use tinyc_core::text::parse;

fn plain(graph: &Graph, io: Io) -> Plan {
    plan(&select(graph, Target::find("generic").unwrap(), io, Schedules::Plain).unwrap(), io)
}

fn planned(text: &str, io: Io) -> (Graph, Plan) {
    let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let plan = plain(&graph, io);
    check(&plan);
    (graph, plan)
}

/// What every plan promises, by brute force.
fn check(plan: &Plan) {
    let slots: Vec<_> = plan
        .slots
        .iter()
        .enumerate()
        .filter_map(|(i, s)| if let SlotPlace::Arena(at) = s.place { Some((i, s, at)) } else { None })
        .collect();
    let may = |l: usize, u: usize| plan.overlaps.iter().any(|o| (o.lower, o.upper) == (l, u));
    for (n, (i, a, at)) in slots.iter().enumerate() {
        assert!(at % a.align == 0 && at + a.bytes <= plan.arena_bytes, "{a:?}");
        assert!(plan.arena_align.is_multiple_of(a.align));
        for (j, b, bt) in &slots[..n] {
            let apart = a.last < b.first || b.last < a.first || at + a.bytes <= *bt || bt + b.bytes <= *at;
            let apart = apart || may(*i, *j) || may(*j, *i);
            assert!(apart || a.bytes == 0 || b.bytes == 0, "{a:?} and {b:?} overlap\n{plan}");
        }
    }
    assert!(plan.arena_bytes >= plan.lower_bound());
    for b in &plan.buffers {
        assert!(b.ty.bytes() <= plan.slots[b.slot].bytes, "{}", b.name);
    }
}

fn steps(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|s| s.op).collect()
}

fn places(plan: &Plan) -> Vec<SlotPlace> {
    plan.outputs.iter().map(|&b| plan.slots[plan.buffers[b].slot].place).collect()
}

const CHAIN: &str = r#"graph @chain {
    %x = input : f32[2,3]
    %a = transpose %x {perm: [1,0]}
    %b = reshape %a {shape: [6]}
    %c = reshape %b {shape: [2,3]}
    %d = transpose %c {perm: [1,0]}
    output %d
}"#;

#[test]
fn aliases_take_no_step_and_results_go_to_the_output() {
    let (_, p) = planned(CHAIN, Io::Caller);
    assert_eq!(steps(&p), ["transpose", "transpose"]);
    assert_eq!(places(&p), [SlotPlace::Output(0)]);
    assert_eq!((p.arena_bytes, p.input_bytes(), p.output_bytes()), (24, 24, 24));
    let (_, p) = planned(CHAIN, Io::Arena);
    // Each transpose may begin 16 bytes below what it reads, and the two in a row add up.
    assert_eq!((p.arena_bytes, p.lower_bound(), p.input_bytes(), p.output_bytes()), (40, 32, 0, 0));
}

#[test]
fn tables_show_order_places_and_totals() {
    insta::assert_snapshot!(planned(CHAIN, Io::Caller).1);
    insta::assert_snapshot!(planned(CHAIN, Io::Arena).1);
}

#[test]
fn pictures_show_each_slot_of_the_arena() {
    let (_, p) = planned(CHAIN, Io::Arena);
    let picture = svg(&p);
    assert_eq!(picture.matches("<title>").count(), p.slots.len());
    assert!(picture.contains("<title>%a : f32[3,2]&#10;24 bytes at 8, steps 0 to 1</title>"), "{picture}");
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    assert_eq!(picture.matches("<g>").count(), picture.matches("</g>").count());
}

/// What may lie in the caller's output takes no arena, however long the chain of such results.
#[test]
fn results_in_place_of_the_output_take_no_arena() {
    let text = r#"graph @tail {
        %x = input : f32[2,3]
        %a = transpose %x {perm: [1,0]}
        %b = relu %a
        %c = relu %b
        output %c
    }"#;
    let (_, p) = planned(text, Io::Caller);
    assert_eq!((p.arena_bytes, places(&p)), (0, vec![SlotPlace::Output(0)]));
    assert_eq!(p.order.proof, Proof::Optimal);
}

#[test]
fn outputs_without_memory_of_their_own_are_copied() {
    let text = r#"graph @outputs {
        %x = input : f32[2,3]
        %k = const [1,2] : i32[2]
        %a = transpose %x {perm: [1,0]}
        %r = reshape %a {shape: [6]}
        %b = transpose %a {perm: [1,0]}
        output %x
        output %k
        output %a
        output %a ; "again"
        output %r
        output %b
    }"#;
    let (_, p) = planned(text, Io::Caller);
    assert_eq!(steps(&p), ["transpose", "transpose", "copy", "copy", "copy", "copy"]);
    assert_eq!(places(&p), (0..6).map(SlotPlace::Output).collect::<Vec<_>>());
    assert_eq!(p.arena_bytes, 0);
    let (_, p) = planned(text, Io::Arena);
    assert_eq!(steps(&p), ["transpose", "transpose", "copy"]);
    assert_eq!(p.outputs[0], p.inputs[0]);
    assert_eq!((p.outputs[2], p.outputs[3]), (p.outputs[4], p.outputs[4]));
    assert_eq!(p.arena_bytes, 24 * 3 + 8);
}

#[test]
fn unread_inputs_and_empty_tensors_have_places() {
    let text = r#"graph @odd {
        %x = input : f32[2,3]
        %u = input : f64[3]
        %e = input : f32[0,3]
        %f = transpose %e {perm: [1,0]}
        output %f
    }"#;
    for io in [Io::Caller, Io::Arena] {
        let (_, p) = planned(text, io);
        assert_eq!(p.inputs.len(), 3);
        assert_eq!(p.arena_bytes, if io == Io::Arena { 48 } else { 0 });
    }
}

#[test]
fn eight_byte_elements_are_aligned_to_eight() {
    let text = r#"graph @mixed {
        %x = input : i8[3]
        %y = input : f64[2]
        %z = input : i8[5]
        output %x
        output %y
        output %z
    }"#;
    let (_, p) = planned(text, Io::Arena);
    assert_eq!((p.arena_bytes, p.arena_align), (16 + 3 + 1 + 5, 8));
}

/// A graph of `nodes` transposes in `width` chains that are read crosswise.
fn large(nodes: usize, width: usize) -> Graph {
    use tinyc_core::attrs::Attrs;
    use tinyc_core::op::OpId;
    use tinyc_core::types::DType;
    let mut g = Graph::new("large");
    let mut heads = vec![g.add_input("x", TensorType::new(DType::F32, [3, 5]))];
    for i in 0..nodes {
        let from = heads[(i * 7) % heads.len()];
        let id = g.add_op(OpId::transpose, Attrs::new().with_ints("perm", [1, 0]), &[Some(from)], vec![]).unwrap();
        if heads.len() < width {
            heads.push(id);
        } else {
            heads[i % width] = id;
        }
    }
    for (i, h) in heads.into_iter().enumerate() {
        g.add_output(format!("y{i}"), h);
    }
    g
}

/// Quadratic behaviour would take minutes here.
#[test]
fn graphs_of_ten_thousand_nodes_are_planned() {
    for (nodes, width) in [(1_000, 1), (10_000, 1), (10_000, 64)] {
        let p = plain(&large(nodes, width), Io::Arena);
        // No more than without overlaps.
        let apart = Plan { overlaps: Vec::new(), ..p.clone() };
        assert!(p.arena_bytes <= apart.lower_bound(), "{nodes} nodes in {width} chains: {}", p.arena_bytes);
        if nodes == 1_000 {
            check(&p);
        }
    }
}
