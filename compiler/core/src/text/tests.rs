//! Round trips of graphs, and errors of texts.

use super::*;
use crate::attrs::Attrs;
use crate::graph::Graph;
use crate::op::OpId;
use crate::random::Random;
use crate::tensor::{Data, Tensor};
use crate::types::{DType, TensorType};

/// Printing, parsing and printing again gives the same text and the same constants.
fn round_trip(graph: &Graph) -> Graph {
    let once = print(graph);
    let parsed = parse(&once.text, &once.data).unwrap_or_else(|e| panic!("{e}\n{}", once.text));
    let twice = print(&parsed);
    assert_eq!(once.text, twice.text);
    assert_eq!(once.data, twice.data);
    let ids = graph.topological().unwrap();
    for (a, b) in ids.into_iter().zip(parsed.ids()) {
        let (a, b) = (graph.node(a), parsed.node(b));
        assert_eq!((&a.kind, &a.ty, &a.origins, &a.value), (&b.kind, &b.ty, &b.origins, &b.value));
    }
    assert_eq!(graph.name, parsed.name);
    parsed
}

/// A name such as ONNX files have: empty, odd, numeric, repeated.
fn name(r: &mut Random) -> String {
    let names = ["", "x", "x_2", "11", "/fc1/Gemm_output_0", "ü \"quoted\"\\\n\t\u{1}", "conv.1", "as", "%y", "; #"];
    names[r.below(names.len())].to_owned()
}

fn random_graph(seed: u64) -> Graph {
    let mut r = Random::new(seed);
    let mut g = Graph::new(name(&mut r));
    let mut values = Vec::new();
    for i in 0..=r.below(3) {
        values.push(g.add_input(format!("{}{i}", name(&mut r)), TensorType::new(DType::ALL[r.below(13)], [2, 3, 4])));
    }
    for i in 0..r.below(20) {
        let id = if r.below(3) == 0 {
            let ty = TensorType::new(DType::ALL[r.below(13)], [1 + r.below(4), 2, 1 + r.below(4)]);
            g.add_const(Tensor::random(&ty, i as u64), None)
        } else {
            let x = values[r.below(values.len())];
            let shape = g.node(x).tensor().shape.clone();
            let (op, attrs) = match r.below(2) {
                0 => (OpId::transpose, Attrs::new().with_ints("perm", (0..shape.rank() as i64).rev())),
                _ => (OpId::reshape, Attrs::new().with_ints("shape", [1, 1, shape.elements() as i64])),
            };
            let origins = (0..r.below(3)).map(|_| name(&mut r).into()).collect();
            g.add_op(op, attrs, &[Some(x)], origins).unwrap()
        };
        g.node_mut(id).value = (r.below(2) == 0).then(|| name(&mut r).into());
        values.push(id);
    }
    for i in 0..=r.below(3) {
        g.add_output(format!("{}{i}", name(&mut r)), values[r.below(values.len())]);
    }
    g
}

#[test]
fn random_graphs_round_trip() {
    for seed in 0..300 {
        let g = random_graph(seed);
        let parsed = round_trip(&g);
        assert_eq!(g.inputs().len(), parsed.inputs().len());
        let outputs = |g: &Graph| g.outputs().iter().map(|o| o.name.clone()).collect::<Vec<_>>();
        assert_eq!(outputs(&g), outputs(&parsed));
    }
}

#[test]
fn floats_keep_their_bits() {
    let floats = [0.0, -0.0, 1e-45, f32::MIN_POSITIVE, 0.1, 16777217.0, f32::MAX, f32::INFINITY, f32::NEG_INFINITY];
    let mut floats = floats.to_vec();
    floats.extend([f32::NAN, -f32::NAN, f32::from_bits(0x7fa0_0001)]);
    let doubles = vec![5e-324, 0.1, f64::from_bits(0x7ff4_0000_0000_0001), f64::NEG_INFINITY];
    let halves = [1u16, 0x3c01, 0x7e00, 0x7c00, 0xfe01].map(half::f16::from_bits).to_vec();
    let brains = [1u16, 0x3f81, 0x7fc0, 0x7f80, 0xffc1].map(half::bf16::from_bits).to_vec();
    let mut g = Graph::new("floats");
    for data in [Data::F32(floats), Data::F64(doubles), Data::F16(halves), Data::BF16(brains)] {
        let id = g.add_const(Tensor::new([data.len()], data).unwrap(), None);
        g.add_output(format!("{id:?}"), id);
    }
    round_trip(&g);
}

#[test]
fn equal_constants_that_are_shared_stay_shared() {
    let mut g = Graph::new("shared");
    let t = std::sync::Arc::new(Tensor::random(&TensorType::new(DType::F32, [40]), 1));
    for i in 0..2 {
        let id = g.add_const(t.clone(), None);
        g.add_output(format!("y{i}"), id);
    }
    assert_eq!(print(&g).data.len(), 1);
    round_trip(&g);
}

#[test]
fn no_text_makes_the_parser_panic() {
    let base = print(&random_graph(5)).text;
    let chars: Vec<char> = base.chars().collect();
    let mut r = Random::new(9);
    let pool: Vec<char> = "%=:;,@[]{}()_\"\\-0123456789abz# \n\u{fc}".chars().collect();
    let mut failed = 0;
    for _ in 0..3000 {
        let mut text = chars.clone();
        for _ in 0..=r.below(4) {
            let at = r.below(text.len());
            match r.below(3) {
                0 => text[at] = pool[r.below(pool.len())],
                1 => drop(text.remove(at)),
                _ => text.truncate(at.max(8)),
            }
        }
        let text: String = text.into_iter().collect();
        failed += usize::from(parse(&text, &[]).is_err());
        let _ = parse_unchecked(&text, &[]).map(|g| print(&g));
    }
    assert!(failed > 1000, "{failed}");
}
