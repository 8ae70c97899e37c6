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

    fn conv(seed: u64) -> Graph {
        let mut l = Layer::new(seed);
        let mut one_of = |v: &[usize]| v[l.r.below(v.len())];
        let (c, o) = (one_of(&[1, 2, 3, 4, 5, 8, 12]), one_of(&[1, 2, 3, 4, 5, 6, 8, 9]));
        let (kh, kw) = (one_of(&[1, 1, 2, 3]), one_of(&[1, 1, 3, 4]));
        let (h, w, n) = (kh + one_of(&[0, 3, 5]), kw + one_of(&[0, 1, 4, 7]), one_of(&[1, 1, 2]));
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
        l.line(format!("%w = const random({seed}) : i8[{o},{c},{}{kw}]", shape(&format!("{kh},"))));
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
        l.line(format!("%s = conv_integer %{x}, %w, %z, _ {{{attrs}, group: 1}}"));
        let per: &[usize] = if two { &[o, 1, 1] } else { &[o, 1] };
        let end = l.chain(o, per, c * kh * kw);
        let mut output = end;
        if l.r.below(3) > 0 {
            // The result is wanted as it is computed.
            l.line(format!("%last = transpose %{end} {{perm: [{}]}}", if two { "0,2,3,1" } else { "0,2,1" }));
            output = "last";
        }
        l.graph(&format!("conv{seed}"), output)
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
}

/// The program is well formed, validated, and computes what the evaluator does. Its micro-kernels.
fn check(graph: &Graph, seed: u64) -> usize {
    let mut calls = 0;
    let inputs: Vec<Tensor> =
        graph.inputs().iter().map(|&id| Tensor::random(graph.node(id).tensor(), seed + 7)).collect();
    let want = Evaluator.compile(graph).unwrap().run(&inputs).unwrap();
    for target in TARGETS {
        for io in [Io::Caller, Io::Arena] {
            let name = || format!("{} for {target} {io:?}\n{}", graph.name, tinyc_core::text::print(graph).text);
            let generated = generate(graph, Target::find(target).unwrap(), io, Schedules::Fast);
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
    let kernels: usize = (0..150).map(|seed| check(&Layer::conv(seed), seed)).sum();
    assert!(kernels > 300, "{kernels}");
}

#[test]
fn integer_products_are_exact() {
    let kernels: usize = (0..60).map(|seed| check(&Layer::product(seed), seed)).sum();
    assert!(kernels > 60, "{kernels}");
}
