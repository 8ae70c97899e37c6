//! Whole layers of integers on the emulated Cortex-M4: gathering, products and requantization take as many
//! instructions as they should, and as many as are estimated.

use crate::programs::Case;
use crate::{assert_same, excerpt, options, prefix, print};
use std::sync::Arc;
use tinyc_codegen::select::Schedules;
use tinyc_codegen::targets::Target;
use tinyc_codegen::{Io, cost, generate};
use tinyc_core::loops::interp;
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text::parse;
use tinyc_testsuite::cc;

/// A layer: what it is, the type that it reads, its weights, the operator and its attributes, channels, how
/// the channels lie along the result, and at most so many thousandths of an instruction a multiplication.
struct Layer {
    name: &'static str,
    x: &'static str,
    w: &'static str,
    op: &'static str,
    channels: usize,
    most: u64,
}

const SAME: &str = "pads: [1,1,1,1], dilations: [1,1], group: 1}";
const VALID: &str = "pads: [0,0,0,0], dilations: [1,1], group: 1}";

const LAYERS: [Layer; 11] = [
    Layer {
        name: "pointwise 64 to 64, 125 pixels",
        x: "i8[1,64,25,5]",
        w: "i8[64,64,1,1]",
        op: VALID,
        channels: 64,
        most: 910,
    },
    Layer {
        name: "pointwise 8 to 16, 2304 pixels",
        x: "i8[1,8,48,48]",
        w: "i8[16,8,1,1]",
        op: VALID,
        channels: 16,
        most: 1750,
    },
    Layer {
        name: "pointwise 128 to 128, 36 pixels",
        x: "i8[1,128,6,6]",
        w: "i8[128,128,1,1]",
        op: VALID,
        channels: 128,
        most: 850,
    },
    Layer {
        name: "pointwise 256 to 256, 9 pixels",
        x: "i8[1,256,3,3]",
        w: "i8[256,256,1,1]",
        op: VALID,
        channels: 256,
        most: 860,
    },
    Layer { name: "3x3, 3 to 16, 32x32", x: "i8[1,3,32,32]", w: "i8[16,3,3,3]", op: SAME, channels: 16, most: 1300 },
    Layer { name: "3x3, 16 to 16, 32x32", x: "i8[1,16,32,32]", w: "i8[16,16,3,3]", op: SAME, channels: 16, most: 960 },
    Layer { name: "3x3, 32 to 32, 16x16", x: "i8[1,32,16,16]", w: "i8[32,32,3,3]", op: SAME, channels: 32, most: 900 },
    Layer { name: "3x3, 64 to 64, 8x8", x: "i8[1,64,8,8]", w: "i8[64,64,3,3]", op: SAME, channels: 64, most: 850 },
    Layer {
        name: "10x4, 1 to 64, 25x5, stride 2",
        x: "i8[1,1,49,10]",
        w: "i8[64,1,10,4]",
        op: "pads: [4,1,5,1], dilations: [1,1], group: 1}",
        channels: 64,
        most: 1180,
    },
    Layer { name: "product 640 to 128", x: "i8[1,640]", w: "i8[640,128]", op: "", channels: 128, most: 1180 },
    Layer { name: "product 128 to 8", x: "i8[1,128]", w: "i8[128,8]", op: "", channels: 8, most: 1280 },
];

fn case(layer: &Layer) -> Case {
    let Layer { x, w, op, channels, .. } = *layer;
    let mut r = Random::new(3);
    let mut numbers = |f: &dyn Fn(&mut Random) -> i32| (0..channels).map(|_| f(&mut r)).collect::<Vec<i32>>();
    let (bias, scale) = (numbers(&|r| r.below(8000) as i32 - 4000), numbers(&|r| r.below(900_000) as i32 + 900_000));
    let stride = if layer.name.contains("stride 2") { "strides: [2,2]" } else { "strides: [1,1]" };
    let conv = !op.is_empty();
    let shape = if conv { vec![channels, 1, 1] } else { vec![channels] };
    let text = format!(
        "graph @model {{\n%i = input : {input}\n{x}%w = const data(2) : {w}\n%z = const [-7] : i8[]\n%s = {product}\n\
         %o = const data(0) : i32{shape:?}\n%t = add %s, %o\n%m = const data(1) : i32{shape:?}\n\
         %q = requantize %t, %m {{to: i8, shift: 0, zero: -3, lo: -128, hi: 127}}\n{end}}}\n",
        input = if conv { last(x) } else { x.to_owned() },
        x = if conv { "%x = transpose %i {perm: [0,3,1,2]}\n" } else { "" },
        product = if conv {
            format!("conv_integer %x, %w, %z, _ {{{stride}, {op}")
        } else {
            "matmul_integer %i, %w, %z, _".into()
        },
        end = if conv { "%y = transpose %q {perm: [0,2,3,1]}\noutput %y\n" } else { "output %q\n" },
    );
    let extents: Vec<usize> = w[3..].trim_end_matches(']').split(',').map(|n| n.parse().unwrap()).collect();
    // As quantization makes them, without -128.
    let weights = (0..extents.iter().product()).map(|_| (r.bits() as i8).max(-127)).collect();
    let [bias, scale] = [bias, scale].map(|v| Arc::new(Tensor::of(shape.clone(), v)));
    let data = [bias, scale, Arc::new(Tensor::of::<i8>(extents, weights))];
    let graph = parse(&text, &data).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let inputs = graph.inputs().iter().map(|&id| Tensor::random(graph.node(id).tensor(), 1)).collect();
    let target = Target::find("cortex-m4").unwrap();
    Case { program: generate(&graph, target, Io::Caller, Schedules::Fast).unwrap().program, inputs }
}

/// `i8[n,c,h,w]` with channels last.
fn last(x: &str) -> String {
    let extents: Vec<&str> = x.trim_start_matches("i8[").trim_end_matches(']').split(',').collect();
    let [n, c, h, w] = extents[..] else { panic!("{x} is no image") };
    format!("i8[{n},{h},{w},{c}]")
}

#[test]
fn integer_layers_take_as_many_instructions_as_they_should() {
    let board = cc::device("cortex-m4");
    if !cc::available(board) {
        return;
    }
    let options = options("cortex-m4");
    let mut wrong = Vec::new();
    for layer in &LAYERS {
        let case = case(layer);
        let want = interp::run(&case.program, &case.inputs).unwrap_or_else(|e| panic!("{}: {e}", layer.name));
        let emitted = print(&case, &options);
        let run = cc::count(
            board,
            ("arm-none-eabi-gcc", &["-O3"]),
            (&case.program, &case.inputs),
            (&emitted, &options, &prefix(&case)),
        );
        let (instructions, got) = run.unwrap_or_else(|e| panic!("{}: {}", layer.name, excerpt(&e)));
        assert_same(layer.name, &want, &got);
        let macs: u64 = case.program.steps.iter().map(|s| s.macs).sum();
        let estimated: f64 =
            cost::steps(&case.program, options.target, &options.target.instructions.unwrap()).iter().sum();
        let ratio = estimated / instructions as f64;
        println!(
            "{}: {:.3} instructions a multiplication, {ratio:.3} of them estimated; {}",
            layer.name,
            instructions as f64 / macs as f64,
            case.program.steps[0].comment
        );
        let estimable = (ratio - 1.0).abs() < 0.1;
        if !estimable || instructions * 1000 > macs * layer.most {
            wrong.push(layer.name);
        }
    }
    assert!(wrong.is_empty(), "more instructions than allowed, or not as estimated: {wrong:?}");
}
