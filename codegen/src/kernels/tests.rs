//! Schedules of integers against the evaluator, to the bit: layers made up at random.

#![allow(clippy::unwrap_used, clippy::panic)]

use crate::select::Schedules;
use crate::targets::Target;
use crate::validate::validate;
use crate::{Generated, Io, generate};
use std::sync::Arc;
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::graph::Graph;
use tinyc_core::loops::{self, interp};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text::parse;

/// With micro-kernels, with scalars, and with vectors.
const TARGETS: [&str; 3] = ["cortex-m4", "generic", "x86-64-v3"];

/// A layer as text, with the constants that it names.
struct Layer {
    r: Random,
    text: String,
    data: Vec<Arc<Tensor>>,
}

impl Layer {
    fn line(&mut self, line: String) {
        self.text.push_str(&line);
        self.text.push('\n');
    }

    fn constant(&mut self, name: &str, shape: &[usize], value: impl Fn(&mut Random) -> i32) {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|_| value(&mut self.r)).collect();
        let tensor = Tensor::of::<i32>(shape.to_vec(), values);
        self.line(format!("%{name} = const data({}) : {}", self.data.len(), tensor.ty()));
        self.data.push(Arc::new(tensor));
    }

    /// What often stands behind sums over channels that have `shape`; the name of its end.
    fn chain(&mut self, channels: usize, shape: &[usize], depth: usize) -> &'static str {
        let per = if self.r.below(4) == 0 { vec![] } else { shape.to_vec() };
        let kind = self.r.below(8);
        if kind == 0 {
            return "s";
        }
        self.constant("o", &per, |r| r.below(8000) as i32 - 4000);
        self.line("%t = add %s, %o".into());
        if kind == 1 {
            self.line("%y = neg %t".into());
            return "y";
        }
        let big = 1_500_000_000 / (channels.max(depth) as i32 + 30);
        self.constant("m", shape, move |r| r.below(big as usize) as i32);
        let (to, zero, lo, hi) =
            [("i8", -3, -128, 127), ("i8", -128, -128, 20), ("u8", 7, 7, 255), ("i8", 5, -9, 90), ("u8", 128, 0, 200)]
                [self.r.below(5)];
        let shift = [0, 0, 0, 2][self.r.below(4)];
        self.line(format!("%q = requantize %t, %m {{to: {to}, shift: {shift}, zero: {zero}, lo: {lo}, hi: {hi}}}"));
        match kind {
            2..6 => "q",
            _ => {
                self.line("%f = cast %q {to: i32}".into());
                self.constant("k", &[], |r| r.below(900) as i32 + 100);
                self.line("%y = mul %f, %k".into());
                "y"
            }
        }
    }

    fn new(seed: u64) -> Layer {
        Layer { r: Random::new(seed), text: String::new(), data: Vec::new() }
    }

    fn graph(self, name: &str, output: &str) -> Graph {
        let text = format!("graph @{name} {{\n{}output %{output}\n}}\n", self.text);
        parse(&text, &self.data).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// A convolution; `each`: channel by channel.
    fn conv(seed: u64, each: bool) -> Graph {
        let mut l = Layer::new(seed);
        let mut one_of = |v: &[usize]| v[l.r.below(v.len())];
        let (c, mut o) = (one_of(&[1, 2, 3, 4, 5, 8, 12]), one_of(&[1, 2, 3, 4, 5, 6, 8, 9]));
        let (mut kh, mut kw) = (one_of(&[1, 1, 2, 3]), one_of(&[1, 1, 3, 4]));
        let mut more = one_of(&[0, 1, 4, 7]);
        if each {
            (o, kh, kw) = (c, one_of(&[1, 2, 3, 3, 5]), one_of(&[1, 2, 3, 3, 3, 4, 5, 7]));
            more += one_of(&[0, 0, 12, 21]);
        }
        let (h, w, n) = (kh + one_of(&[0, 3, 5]), kw + more, one_of(&[1, 1, 2]));
        let (sh, sw) = (one_of(&[1, 1, 2]), one_of(&[1, 1, 2, 3]));
        let pads: Vec<usize> = (0..4).map(|_| one_of(&[0, 0, 1, 2])).collect();
        let dilation = if h > kh + 2 && w > 2 * kw { one_of(&[1, 1, 2]) } else { 1 };
        let two = one_of(&[0, 1, 1]) == 1;
        let ty = if one_of(&[0, 1, 1]) == 1 { "i8" } else { "u8" };
        let moved = one_of(&[0, 1]) == 1;
        let shape = |h: &str| if two { h.to_owned() } else { String::new() };
        l.line(format!("%x0 = input : {ty}[{n},{c},{}{w}]", shape(&format!("{h},"))));
        // Computed, hence with channels last.
        l.line("%x = max_pool %x0 {POOL}".replace(
            "POOL",
            if two {
                "kernel: [1,1], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false"
            } else {
                "kernel: [1], strides: [1], pads: [0,0], dilations: [1], ceil: false"
            },
        ));
        let forms = [("i8", "_"), ("i8", "_"), ("i8", "%v"), ("u8", "_"), ("u8", "%v")];
        let (wide, w_zero) = forms[if each { 0 } else { l.r.below(5) }];
        l.line(format!(
            "%w = const random({seed}) : {wide}[{o},{},{}{kw}]",
            if each { 1 } else { c },
            shape(&format!("{kh},"))
        ));
        if w_zero != "_" {
            l.line(format!("%v = const random({}) : {wide}[{o},1,1{}]", seed + 1, if two { ",1" } else { "" }));
        }
        let zero = if ty == "i8" { l.r.below(200) as i64 - 100 } else { l.r.below(256) as i64 };
        l.line(format!("%z = const [{zero}] : {ty}[]"));
        let attrs = match two {
            true => format!(
                "strides: [{sh},{sw}], pads: [{},{},{},{}], dilations: [{dilation},{dilation}]",
                pads[0], pads[1], pads[2], pads[3]
            ),
            false => format!("strides: [{sw}], pads: [{},{}], dilations: [{dilation}]", pads[1], pads[3]),
        };
        let x = if moved { "x" } else { "x0" };
        let group = if each { c } else { 1 };
        l.line(format!("%s = conv_integer %{x}, %w, %z, {w_zero} {{{attrs}, group: {group}}}"));
        let per: &[usize] = if two { &[o, 1, 1] } else { &[o, 1] };
        let end = l.chain(o, per, c / group * kh * kw);
        let mut output = end;
        if l.r.below(3) > 0 {
            // The result is wanted as it is computed.
            l.line(format!("%last = transpose %{end} {{perm: [{}]}}", if two { "0,2,3,1" } else { "0,2,1" }));
            output = "last";
        }
        l.graph(&format!("{}{seed}", if each { "depthwise" } else { "conv" }), output)
    }

    fn product(seed: u64) -> Graph {
        let mut l = Layer::new(seed);
        let mut one_of = |v: &[usize]| v[l.r.below(v.len())];
        let (m, k, o) = (one_of(&[1, 1, 2, 3, 5, 8]), one_of(&[4, 8, 12, 7, 30]), one_of(&[1, 2, 3, 7, 8, 10, 16]));
        let front = one_of(&[0, 0, 2]);
        let ty = if one_of(&[0, 1, 1]) == 1 { "i8" } else { "u8" };
        let front = if front == 0 { String::new() } else { format!("{front},") };
        l.line(format!("%x = input : {ty}[{front}{m},{k}]"));
        l.line(format!("%w = const random({seed}) : i8[{k},{o}]"));
        let zero = if ty == "i8" { -5 } else { 130 };
        l.line(format!("%z = const [{zero}] : {ty}[]"));
        l.line("%s = matmul_integer %x, %w, %z, _".into());
        let end = l.chain(o, &[o], k);
        l.graph(&format!("product{seed}"), end)
    }

    /// The largest elements or the sums of an image.
    fn pool(seed: u64) -> Graph {
        let mut l = Layer::new(seed);
        let mut one_of = |v: &[usize]| v[l.r.below(v.len())];
        let (n, c, h, w) = (one_of(&[1, 2]), one_of(&[1, 3, 4, 6]), one_of(&[4, 7]), one_of(&[3, 5, 8]));
        let ty = ["i8", "u8"][one_of(&[0, 1])];
        let (kh, kw, pad, stride) = (one_of(&[1, 2, 3]), one_of(&[2, 3]), one_of(&[0, 1]), one_of(&[1, 2]));
        let kind = one_of(&[0, 1, 2]);
        l.line(format!("%x0 = input : {ty}[{n},{c},{h},{w}]"));
        l.line(format!(
            "%x = max_pool %x0 {{kernel: [{kh},{kw}], strides: [{stride},{stride}], pads: [0,{pad},0,{pad}], dilations: [1,1], \
             ceil: false}}"
        ));
        if kind == 0 {
            return l.graph(&format!("pool{seed}"), "x");
        }
        l.line("%wide = cast %x {to: i32}".into());
        let keep = kind == 1;
        let axes = if seed.is_multiple_of(3) { "-1" } else { "2,3" };
        l.line(format!("%s = reduce_sum %wide {{axes: [{axes}], keep: {keep}}}"));
        let end = match (keep, axes) {
            (true, _) => l.chain(c, &[c, 1, 1], h * w),
            (false, "-1") => l.chain(c, &[c, 1], w),
            (false, _) => l.chain(c, &[c], h * w),
        };
        l.graph(&format!("sums{seed}"), end)
    }
}

/// `exp((x - largest) * scale)` from a table over its sum, in integers: no step leaves 32 bits.
fn softmax(classes: usize) -> Graph {
    let table = (0..256).map(|d| ((1 << 22) as f64 * (-0.07 * d as f64).exp()).round() as i32).collect();
    let text = format!(
        "graph @softmax {{
%x = input : i8[3,{classes}]
%t = const data(0) : i32[256]
%k = const [256] : i32[]
%two = const [2] : i32[]
%z = const [-128] : i32[]
%hi = const [127] : i32[]
%wide = cast %x {{to: i32}}
%m = reduce_max %wide {{axes: [1], keep: true}}
%d = sub %m, %wide
%e = gather %t, %d {{axis: 0}}
%s = reduce_sum %e {{axes: [1], keep: true}}
%h = div %s, %two
%a = mul %e, %k
%b = add %a, %h
%q = div %b, %s
%r = add %q, %z
%c = min %r, %hi
%y = cast %c {{to: i8}}
output %y
}}
"
    );
    let table = Arc::new(Tensor::of::<i32>(vec![256], table));
    parse(&text, &[table]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn softmax_of_integers_is_close() {
    for classes in [2, 12] {
        let graph = softmax(classes);
        check(&graph, 1);
        let x = Tensor::random(graph.node(graph.inputs()[0]).tensor(), 5);
        let y = Evaluator.compile(&graph).unwrap().run(std::slice::from_ref(&x)).unwrap();
        for (x, y) in x.to_f64s().chunks(classes).zip(y[0].to_f64s().chunks(classes)) {
            let sum: f64 = x.iter().map(|x| (0.07 * x).exp()).sum();
            for (x, y) in x.iter().zip(y) {
                let want = (256.0 * (0.07 * x).exp() / sum).min(255.0) - 128.0;
                assert!((y - want).abs() <= 0.501, "{y} for {want}");
            }
        }
    }
}

/// The program is well formed, validated, and computes what the evaluator does. Its micro-kernels.
fn check(graph: &Graph, seed: u64) -> usize {
    let mut calls = 0;
    let inputs: Vec<Tensor> =
        graph.inputs().iter().map(|&id| Tensor::random(graph.node(id).tensor(), seed + 7)).collect();
    let want = Evaluator.compile(graph).unwrap().run(&inputs).unwrap();
    for target in TARGETS {
        for (io, schedules) in
            [(Io::Caller, Schedules::Fast), (Io::Arena, Schedules::Fast), (Io::Arena, Schedules::Smallest)]
        {
            let name =
                || format!("{} for {target} {io:?} {schedules:?}\n{}", graph.name, tinyc_core::text::print(graph).text);
            let generated = generate(graph, Target::find(target).unwrap(), io, schedules);
            let Generated { plan, program } = generated.unwrap_or_else(|e| panic!("{}: {e}", name()));
            calls += program.functions.iter().filter(|f| f.micro).count();
            let loops = || loops::print::print(&program);
            loops::check::check(&program).unwrap_or_else(|e| panic!("{}: {}\n{}", name(), e.join("\n"), loops()));
            validate(&program).unwrap_or_else(|e| panic!("{}: {e}\n{plan}\n{}", name(), loops()));
            let have = interp::run(&program, &inputs).unwrap_or_else(|e| panic!("{}: {e}", name()));
            assert_eq!(want, have, "{}\n{}", name(), loops());
        }
    }
    calls
}

#[test]
fn integer_convolutions_are_exact() {
    let kernels: usize = (0..150).map(|seed| check(&Layer::conv(seed, false), seed)).sum();
    assert!(kernels > 200, "{kernels}");
}

#[test]
fn integer_products_are_exact() {
    let kernels: usize = (0..60).map(|seed| check(&Layer::product(seed), seed)).sum();
    assert!(kernels > 60, "{kernels}");
}

#[test]
fn integer_convolutions_channel_by_channel_are_exact() {
    let kernels: usize = (0..150).map(|seed| check(&Layer::conv(seed, true), seed)).sum();
    assert!(kernels > 120, "{kernels}");
}

#[test]
fn pools_and_sums_of_bytes_are_exact() {
    for seed in 0..60 {
        check(&Layer::pool(seed), seed);
    }
}

/// Bands of rows are spread before they are computed, so a result may begin some rows below its operand: two
/// images and the planes of four channels take less than two images beside each other.
#[test]
fn convolutions_channel_by_channel_are_computed_over_their_operands() {
    let mut l = Layer::new(1);
    l.line("%x0 = input : i8[1,64,25,5]".into());
    l.line("%z = const [-128] : i8[]".into());
    l.constant("m", &[64, 1, 1], |r| 9_000_000 + r.below(9_000_000) as i32);
    for i in 1..4 {
        l.line(format!("%w{i} = const random({i}) : i8[64,1,3,3]"));
        let attrs = "strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 64";
        l.line(format!("%s{i} = conv_integer %x{}, %w{i}, %z, _ {{{attrs}}}", i - 1));
        l.line(format!("%x{i} = requantize %s{i}, %m {{to: i8, shift: 0, zero: -128, lo: -128, hi: 127}}"));
    }
    let graph = l.graph("bands", "x3");
    check(&graph, 3);
    let m4 = Target::find("cortex-m4").unwrap();
    let Generated { plan, program } = generate(&graph, m4, Io::Caller, Schedules::Fast).unwrap();
    assert!(program.arena_bytes < 2 * 8000 - 1000, "{plan}");
}

const POINTWISE: &str = "{strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}";

/// Convolutions of 64 channels, one behind the other, whose weights are of 8 bits.
fn pointwise(layers: usize) -> Graph {
    let mut l = Layer::new(5);
    l.line("%x = input : i8[1,25,5,64]\n%a = transpose %x {perm: [0,3,1,2]}".into());
    for i in 0..layers {
        let values = (0..64 * 64).map(|_| (l.r.bits() as i8).max(-127)).collect();
        l.line(format!("%w{i} = const data({}) : i8[64,64,1,1]", l.data.len()));
        l.data.push(Arc::new(Tensor::of::<i8>([64, 64, 1, 1], values)));
        let x = if i == 0 { "a".to_owned() } else { format!("y{}", i - 1) };
        l.line(format!("%s{i} = conv_integer %{x}, %w{i}, _, _ {POINTWISE}"));
        l.constant(&format!("m{i}"), &[64, 1, 1], |r| r.below(900_000) as i32);
        l.line(format!("%y{i} = requantize %s{i}, %m{i} {{to: i8, shift: 0, zero: 1, lo: -128, hi: 127}}"));
    }
    let last = layers - 1;
    l.line(format!("%y = transpose %y{last} {{perm: [0,2,3,1]}}"));
    l.graph("pointwise", "y")
}

fn made(graph: &Graph, schedules: Schedules) -> Generated {
    generate(graph, Target::find("cortex-m4").unwrap(), Io::Arena, schedules).unwrap()
}

/// A result lies over its operand; what the pixels at hand are widened to lies beside both.
#[test]
fn pointwise_convolutions_run_in_place() {
    let plan = made(&pointwise(2), Schedules::Fast).plan;
    assert_eq!(plan.arena_bytes, 8000 + 512, "{plan}");
    assert!(plan.to_string().contains(".t"), "{plan}");
}

#[test]
fn constants_go_for_cycles() {
    let graph = pointwise(1);
    let bytes = |schedules| made(&graph, schedules).plan.constant_bytes();
    let [fast, fastest, smallest] = [Schedules::Fast, Schedules::Fastest, Schedules::Smallest].map(bytes);
    assert_eq!((fast, fastest), (smallest, smallest + 64 * 64));
}

/// Layers share functions.
#[test]
fn equal_kernels_are_one() {
    let program = made(&pointwise(3), Schedules::Fast).program;
    let micro = program.functions.iter().filter(|f| f.micro).count();
    // Four pixels widened and multiplied, and the one that is left over.
    assert_eq!(micro, 4, "{}", loops::print::print(&program));
    assert_eq!(program.steps.len(), 3);
}

/// Channels that have the same weights and factors share them, and zero points of weights that are all 0 are as if
/// they were not there.
#[test]
fn averages_store_their_weights_once() {
    for (channels, h, w) in [(4, 3, 3), (7, 5, 2), (16, 9, 5)] {
        let mut l = Layer::new(2);
        l.line(format!("%x0 = input : u8[1,{channels},{h},{w}]"));
        l.line(
            "%x = max_pool %x0 {kernel: [1,1], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false}".into(),
        );
        for (name, value, shape) in [("w", 1, [channels, 1, h, w]), ("v", 0, [channels, 1, 1, 1])] {
            let tensor = Tensor::of::<i8>(shape, vec![value; shape.iter().product()]);
            l.line(format!("%{name} = const data({}) : {}", l.data.len(), tensor.ty()));
            l.data.push(Arc::new(tensor));
        }
        l.line("%z = const [9] : u8[]\n%m = const [90000000] : i32[]".into());
        let attrs = "strides: [1,1], pads: [0,0,0,0], dilations: [1,1]";
        l.line(format!("%s = conv_integer %x, %w, %z, %v {{{attrs}, group: {channels}}}"));
        l.line("%y = requantize %s, %m {to: u8, shift: 0, zero: 3, lo: 0, hi: 255}".into());
        let graph = l.graph("average", "y");
        assert_eq!(check(&graph, 4), 5, "two kernels for each way of inputs, and one where size counts");
        let m4 = Target::find("cortex-m4").unwrap();
        let program = generate(&graph, m4, Io::Caller, Schedules::Fast).unwrap().program;
        let words = program.buffers.iter().find(|b| b.name.ends_with(".p")).unwrap().len;
        assert!(words <= 2 + h * w.div_ceil(3), "{words}");
    }
}
