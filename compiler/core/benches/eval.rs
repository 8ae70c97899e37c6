//! Speed of the reference evaluation on the layer shapes of the MLPerf networks, in GMAC/s on one
//! core: `cargo bench -p tinyc-core`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};
use tinyc_core::graph::{Graph, Kind};
use tinyc_core::tensor::Tensor;
use tinyc_core::text;

/// Layers as text: network, then operands and attributes.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "resnet8",
        &[
            "conv f32[1,3,32,32], f32[16,3,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}",
            "conv f32[1,16,32,32], f32[16,16,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}",
            "conv f32[1,32,16,16], f32[32,32,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}",
            "conv f32[1,64,8,8], f32[64,64,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}",
        ],
    ),
    (
        "ds-cnn",
        &[
            "conv f32[1,1,49,10], f32[64,1,10,4] {strides: [2,2], pads: [4,1,5,1], dilations: [1,1], group: 1}",
            "conv f32[1,64,25,5], f32[64,1,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 64}",
            "conv f32[1,64,25,5], f32[64,64,1,1] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}",
        ],
    ),
    (
        "mobilenet",
        &[
            "conv f32[1,3,96,96], f32[8,3,3,3] {strides: [2,2], pads: [0,0,1,1], dilations: [1,1], group: 1}",
            "conv f32[1,8,48,48], f32[8,1,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 8}",
            "conv f32[1,16,48,48], f32[16,1,3,3] {strides: [2,2], pads: [0,0,1,1], dilations: [1,1], group: 16}",
            "conv f32[1,128,6,6], f32[128,128,1,1] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}",
        ],
    ),
    (
        "autoencoder",
        &[
            "gemm f32[1,640], f32[128,640], f32[128] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}",
            "gemm f32[1,128], f32[128,640], f32[640] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}",
        ],
    ),
    (
        "transformer",
        &[
            "matmul f32[1,99,64], f32[64,256]",
            "matmul f32[1,1,99,64], f32[1,1,64,99]",
            "matmul f32[1,1,99,99], f32[1,1,99,64]",
        ],
    ),
    ("matrices", &["matmul f32[256,256], f32[256,256]"]),
];

fn graph(layer: &str) -> Graph {
    let (call, attrs) = layer.split_once(" {").map_or((layer, String::new()), |(c, a)| (c, format!(" {{{a}")));
    let (op, types) = call.split_once(' ').unwrap();
    let types: Vec<&str> = types.split(", ").collect();
    let mut text = String::from("graph @layer {\n");
    for (i, ty) in types.iter().enumerate() {
        text += &format!("%x{i} = const random({i}) : {ty}\n");
    }
    let names: Vec<String> = (0..types.len()).map(|i| format!("%x{i}")).collect();
    text += &format!("%y = {op} {}{attrs}\noutput %y\n}}", names.join(", "));
    text::parse(&text, &[]).unwrap()
}

/// Multiply-accumulates, and the shortest time of one evaluation.
fn measure(layer: &str) -> (u64, Duration) {
    let g = graph(layer);
    let id = g.outputs()[0].node;
    let Kind::Op(op, attrs) = &g.node(id).kind else { unreachable!("the output is the operator") };
    let operands: Vec<Option<Tensor>> = g
        .operands(id)
        .into_iter()
        .map(|o| match &g.node(o?).kind {
            Kind::Const(t) => Some(Tensor::clone(t)),
            _ => None,
        })
        .collect();
    let x: Vec<Option<&Tensor>> = operands.iter().map(Option::as_ref).collect();
    let types: Vec<_> = x.iter().map(|t| t.map(Tensor::ty)).collect();
    let types: Vec<_> = types.iter().map(Option::as_ref).collect();
    let macs = op.op().macs(attrs, &types, g.node(id).ty.parts());
    let repeats = (50_000_000 / macs).clamp(5, 2000);
    let once = || {
        let start = Instant::now();
        black_box(op.op().eval(attrs, black_box(&x)).unwrap());
        start.elapsed()
    };
    (macs, (0..repeats).map(|_| once()).min().unwrap())
}

fn main() {
    let rate = |macs: u64, time: Duration| macs as f64 / time.as_nanos().max(1) as f64;
    for (network, layers) in LAYERS {
        let (mut total, mut elapsed) = (0, Duration::ZERO);
        for layer in *layers {
            let (macs, time) = measure(layer);
            println!("{network:<12} {:>6.2} GMAC/s  {:>8.3} MMAC  {layer}", rate(macs, time), macs as f64 / 1e6);
            total += macs;
            elapsed += time;
        }
        println!("{network:<12} {:>6.2} GMAC/s  all layers above\n", rate(total, elapsed));
    }
}
