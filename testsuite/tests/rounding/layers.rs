//! Quantized layers made up at random, each as a graph of real numbers between `quantize` and `dequantize`, and what
//! TensorFlow Lite's arithmetic gives for it.
//!
//! Half of the scales are powers of two, so that sums often lie in the middle between two integers, and a part of
//! the results is beyond the limits.

use super::tflite::{self, Activation, Scale};
use std::fmt::Write;
use std::sync::Arc;
use tinyc_core::graph::Graph;
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_core::types::DType;

/// What a layer makes of the integers of its operands.
type Reference = Box<dyn Fn(&[Vec<i64>]) -> Vec<i64>>;

pub struct Layer {
    pub graph: Graph,
    /// Shapes and zero points of the operands.
    pub inputs: Vec<(Vec<usize>, i64)>,
    pub reference: Reference,
}

pub const KINDS: [&str; 9] = ["conv", "depthwise", "fully_connected", "add", "sub", "mul", "pool", "mean", "quantize"];

/// Random numbers, and the lines of a graph over constants.
struct Draft {
    random: Random,
    text: String,
    data: Vec<Arc<Tensor>>,
    inputs: Vec<(Vec<usize>, i64)>,
}

impl Draft {
    fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    /// About `size`.
    fn near(&mut self, size: f64) -> f32 {
        let jitter = f64::from(self.random.signed()) * 0.5;
        if self.below(2) == 0 { size.log2().round().exp2() as f32 } else { (size * jitter.exp2()) as f32 }
    }

    fn scale(&mut self, size: f64) -> Scale {
        Scale { scale: self.near(size), zero: self.below(256) as i64 - 128 }
    }

    fn integers(&mut self, n: usize, largest: i64) -> Vec<i64> {
        (0..n).map(|_| self.below(2 * largest as usize + 1) as i64 - largest).collect()
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {line}");
    }

    fn constant(&mut self, name: &str, t: Tensor) {
        let line = format!("%{name} = const data({}) : {}", self.data.len(), t.ty());
        self.line(&line);
        self.data.push(Arc::new(t));
    }

    fn scales(&mut self, name: &str, s: Scale) {
        self.constant(&format!("s{name}"), Tensor::of([], vec![s.scale]));
        self.constant(&format!("z{name}"), Tensor::of([], vec![s.zero as i8]));
    }

    /// The operand `name` as integers with a scale; its real numbers are `rname`.
    fn operand(&mut self, name: &str, shape: &[usize], s: Scale) {
        let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
        self.line(&format!("%{name} = input : i8[{}]", dims.join(",")));
        self.scales(name, s);
        self.line(&format!("%r{name} = dequantize %{name}, %s{name}, %z{name}"));
        self.inputs.push((shape.to_vec(), s.zero));
    }

    /// Weights with a scale for each of `scales`, along the first axis, and biases.
    fn weights(&mut self, shape: &[usize], w: &[i64], scales: &[f32], x: Scale, biases: &[i64]) {
        let integers =
            |v: &[i64], d: DType| Tensor::of::<f64>([v.len()], v.iter().map(|v| *v as f64).collect()).cast(d);
        let of_bias: Vec<f32> = scales.iter().map(|s| x.scale * s).collect();
        let mut along = vec![1; shape.len()];
        along[0] = scales.len();
        self.constant("w", integers(w, DType::I8).reshaped(shape.to_vec()).expect("as many weights"));
        self.constant("sw", Tensor::of(along, scales.to_vec()));
        self.line("%rw = dequantize %w, %sw");
        self.constant("b", integers(biases, DType::I32));
        self.constant("sb", Tensor::of([scales.len()], of_bias));
        self.line("%rb = dequantize %b, %sb");
    }

    fn activation(&mut self) -> Activation {
        [Activation::None, Activation::Relu, Activation::Relu6][self.below(3)]
    }

    /// The real numbers `%f`, limited and quantized.
    fn finish(mut self, activation: Activation, y: Scale, reference: Reference) -> Layer {
        let limited = match activation {
            Activation::None => "%f",
            Activation::Relu => {
                self.line("%g = relu %f");
                "%g"
            }
            Activation::Relu6 => {
                self.constant("lo", Tensor::of([], vec![0f32]));
                self.constant("hi", Tensor::of([], vec![6f32]));
                self.line("%g = clip %f, %lo, %hi");
                "%g"
            }
        };
        self.scales("y", y);
        self.line(&format!("%y = quantize {limited}, %sy, %zy {{to: i8}}"));
        let text = format!("graph @layer {{\n{}  output %y\n}}", self.text);
        let graph = text::parse(&text, &self.data).unwrap_or_else(|e| unreachable!("{text}\n{e}"));
        Layer { graph, inputs: self.inputs, reference }
    }

    /// Scales of weights and of the result, whose factors are at most `1 / 2^least`.
    fn product_scales(&mut self, outputs: usize, x: Scale, least: usize) -> (Vec<f32>, Scale) {
        let scales: Vec<f32> = (0..outputs).map(|_| self.near(0.01)).collect();
        let largest = scales.iter().fold(0.0, |a: f32, s| a.max(*s));
        let size = f64::from(x.scale) * f64::from(largest) * (self.below(8) as f64 + least as f64 + 0.5).exp2();
        (scales, self.scale(size))
    }
}

/// A layer of a kind.
pub fn layer(kind: &str, seed: u64) -> Layer {
    let mut d = Draft { random: Random::new(seed), text: String::new(), data: Vec::new(), inputs: Vec::new() };
    let x = d.scale(0.03);
    match kind {
        "conv" | "depthwise" => convolution(d, x, kind == "depthwise"),
        "fully_connected" => fully_connected(d, x),
        "add" | "sub" => {
            let (v, y, activation) = (d.scale(0.05), d.scale(0.06), d.activation());
            let shape = [2, 5 + d.below(30)];
            d.operand("x", &shape, x);
            d.operand("v", &shape, v);
            d.line(&format!("%f = {kind} %rx, %rv"));
            let sign = if kind == "add" { 1 } else { -1 };
            let one = move |(p, q): (&i64, &i64)| tflite::add((*p, x), (*q, v), sign, y, activation);
            d.finish(activation, y, Box::new(move |x| x[0].iter().zip(&x[1]).map(one).collect()))
        }
        "mul" => {
            let v = d.scale(0.05);
            let power = (d.below(9) as f64 + 1.0).exp2();
            let y = d.scale(f64::from(x.scale * v.scale) * power);
            let shape = [2, 5 + d.below(30)];
            d.operand("x", &shape, x);
            d.operand("v", &shape, v);
            d.line("%f = mul %rx, %rv");
            let one = move |(p, q): (&i64, &i64)| tflite::mul((*p, x), (*q, v), y);
            d.finish(Activation::None, y, Box::new(move |x| x[0].iter().zip(&x[1]).map(one).collect()))
        }
        "pool" => pool(d, x),
        "mean" => {
            let shape = [1, 1 + d.below(6), 1 + d.below(9), 2 + d.below(9)];
            let power = (d.below(4) as f64 - 2.0).exp2();
            let y = d.scale(f64::from(x.scale) * power * 1.1);
            d.operand("x", &shape, x);
            d.line("%f = reduce_mean %rx {axes: [2,3], keep: true}");
            let n = shape[2] * shape[3];
            d.finish(Activation::None, y, Box::new(move |i| i[0].chunks(n).map(|a| tflite::mean(a, x, y)).collect()))
        }
        _ => {
            let power = (d.below(6) as f64 - 3.0).exp2();
            let y = d.scale(f64::from(x.scale) * power * 1.1);
            d.operand("x", &[3, 20], x);
            d.line("%f = relu %rx");
            let one = move |q: &i64| tflite::requantize(*q, x, y).max(y.zero);
            d.finish(Activation::None, y, Box::new(move |i| i[0].iter().map(one).collect()))
        }
    }
}

fn convolution(mut d: Draft, x: Scale, depthwise: bool) -> Layer {
    let outputs = 1 + d.below(9);
    let (inputs, each) = if depthwise { (outputs, 1) } else { (1 + d.below(9), usize::MAX) };
    let each = each.min(inputs);
    let kernel = [1 + d.below(3), 1 + d.below(3)];
    let (stride, pad) = (1 + d.below(2), [d.below(kernel[0]), d.below(kernel[1])]);
    let sides = [kernel[0] + d.below(5), kernel[1] + d.below(5)];
    let group = if depthwise { outputs } else { 1 };
    let (scales, y) = d.product_scales(outputs, x, 0);
    let w = d.integers(outputs * each * kernel[0] * kernel[1], 127);
    let biases = d.integers(outputs, 9000);
    let activation = d.activation();
    d.operand("x", &[1, inputs, sides[0], sides[1]], x);
    d.weights(&[outputs, each, kernel[0], kernel[1]], &w, &scales, x, &biases);
    d.line(&format!(
        "%f = conv %rx, %rw, %rb {{strides: [{stride},{stride}], pads: [{},{},{},{}], dilations: [1,1], group: {group}}}",
        pad[0], pad[1], pad[0], pad[1]
    ));
    let reference = move |i: &[Vec<i64>]| {
        let to = [0, 1].map(|a| (sides[a] + 2 * pad[a] - kernel[a]) / stride + 1);
        let mut results = Vec::new();
        for o in 0..outputs {
            for at in (0..to[0]).flat_map(|r| (0..to[1]).map(move |c| [r, c])) {
                let mut sum = biases[o];
                for (k, w) in
                    w[o * each * kernel[0] * kernel[1]..].iter().take(each * kernel[0] * kernel[1]).enumerate()
                {
                    let channel = k / (kernel[0] * kernel[1]) + if depthwise { o } else { 0 };
                    let tap = [k / kernel[1] % kernel[0], k % kernel[1]];
                    let place = [0, 1].map(|a| (at[a] * stride + tap[a]).checked_sub(pad[a]).filter(|p| *p < sides[a]));
                    if let [Some(r), Some(c)] = place {
                        sum += w * (i[0][(channel * sides[0] + r) * sides[1] + c] - x.zero);
                    }
                }
                results.push(tflite::product(sum, (x, scales[o], y), activation));
            }
        }
        results
    };
    d.finish(activation, y, Box::new(reference))
}

/// One scale for all weights, whose factor may be more than 1.
fn fully_connected(mut d: Draft, x: Scale) -> Layer {
    let (rows, depth, outputs) = (1 + d.below(4), 1 + d.below(60), 1 + d.below(9));
    let s = d.near(0.01);
    let size = f64::from(x.scale) * f64::from(s) * (d.below(12) as f64 - 2.2).exp2();
    let y = d.scale(size);
    let (w, biases) = (d.integers(depth * outputs, 127), d.integers(outputs, 9000));
    let activation = d.activation();
    d.operand("x", &[rows, depth], x);
    d.weights(&[outputs, depth], &w, &vec![s; outputs], x, &biases);
    d.line("%f = gemm %rx, %rw, %rb {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}");
    let reference = move |i: &[Vec<i64>]| {
        let one = |(row, o): (&[i64], usize)| {
            let products = row.iter().zip(&w[o * depth..]).map(|(q, w)| (q - x.zero) * w);
            tflite::product(biases[o] + products.sum::<i64>(), (x, s, y), activation)
        };
        i[0].chunks(depth).flat_map(|row| (0..outputs).map(move |o| (row, o))).map(one).collect()
    };
    d.finish(activation, y, Box::new(reference))
}

fn pool(mut d: Draft, x: Scale) -> Layer {
    let kernel = [1 + d.below(4), 1 + d.below(5)];
    let (stride, channels) = (1 + d.below(2), 1 + d.below(6));
    let sides = [kernel[0] + d.below(4), kernel[1] + d.below(4)];
    d.operand("x", &[1, channels, sides[0], sides[1]], x);
    d.line(&format!(
        "%f = average_pool %rx {{kernel: [{},{}], strides: [{stride},{stride}], pads: [0,0,0,0], dilations: [1,1], ceil: false, \
         count_padding: false}}",
        kernel[0], kernel[1]
    ));
    let reference = move |i: &[Vec<i64>]| {
        let to = [0, 1].map(|a| (sides[a] - kernel[a]) / stride + 1);
        let mut results = Vec::new();
        for plane in i[0].chunks(sides[0] * sides[1]) {
            for at in (0..to[0]).flat_map(|r| (0..to[1]).map(move |c| [r, c])) {
                let taps = (0..kernel[0]).flat_map(|r| (0..kernel[1]).map(move |c| [r, c]));
                let window: Vec<i64> =
                    taps.map(|t| plane[(at[0] * stride + t[0]) * sides[1] + at[1] * stride + t[1]]).collect();
                results.push(tflite::average(&window));
            }
        }
        results
    };
    d.finish(Activation::None, x, Box::new(reference))
}
