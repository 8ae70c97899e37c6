//! Quantized operators computed in integers: what an operator between `dequantize` and `quantize` is, with
//! sums of products in 32 bits and one rounding.
//!
//! `quantize(f(dequantize(x)))` rounds in floats and these forms round the exact sum, so results differ
//! where a real number lies between two integers to within the rounding of floats: by one step.

use super::scales::{Scaling, along, narrow, positive, row, zero};
use crate::Rounding;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

pub const RULES: &[Rule] = &[
    Rule {
        name: "make-conv-integer",
        doc: "`quantize(conv(dequantize(x), dequantize(w), b)) = requantize(conv_integer(x, w) + o)` with `o = b / (sx * sw)` and \
              the factor `sx * sw / sy` of each output channel, where weights and bias are constant and no sum of products \
              exceeds 32 bits. Jacob et al., \"Quantization and training of neural networks for efficient \
              integer-arithmetic-only inference\" (CVPR 2018), section 2.2.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (conv ?a (dequantize ?x ?sx ?zx) (dequantize ?w ?sw ?zw) ?b) ?sy ?zy)",
        to: "(requantize ?r (add (conv_integer ?a ?x ?w ?zx ?n) ?o) ?m ?e)",
        bind: |m| {
            let w = m.constant("?w")?;
            let (outputs, spatial) = (w.shape()[0], w.shape().rank() - 2);
            let products = Products { weights: w.to_f64s(), outputs, channel: Box::new(move |i, n| i * outputs / n) };
            let column = [vec![outputs], vec![1; spatial]].concat();
            let bound = products.bind(m, "?b", column, 0)?;
            Some(if zero(m, "?zw") == Some(0.0) { bound.absent("?n") } else { bound.same("?n", "?zw") })
        },
        examples: &[
            "?q {to: i8}; ?a {strides: [1,1], pads: [1,1,0,1], dilations: [1,1], group: 1}; ?x i8[1,3,4,4] in -128..127; ?sx const \
             [0.02] : f32[]; ?zx const [-5] : i8[]; ?w const i8[2,3,2,2] in -127..127; ?sw const [0.01,0.003] : f32[2,1,1,1]; ?zw const \
             [0,0] : i8[2,1,1,1]; ?b const [0.3,-0.4] : f32[2]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
            "?q {to: u8}; ?a {strides: [2], pads: [0,0], dilations: [1], group: 3}; ?x u8[2,3,7] in 0..255; ?sx const [0.5] : f32[]; \
             ?zx _; ?w const i8[3,1,2] in -127..127; ?sw const [2.0] : f32[]; ?zw _; ?b _; ?sy const [90.0] : f32[]; ?zy const [128] : \
             u8[]",
            "rounding tflite; ?q {to: i8}; ?a {strides: [1,1], pads: [1,1,0,1], dilations: [1,1], group: 1}; ?x i8[1,3,4,4] in -128..127; ?sx const \
             [0.02] : f32[]; ?zx const [-5] : i8[]; ?w const i8[2,3,2,2] in -127..127; ?sw const [0.01,0.003] : f32[2,1,1,1]; ?zw _; ?b const \
             [0.3,-0.4] : f32[2]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x i8[1,2,3]; ?sx const [0.5] : f32[]; ?zx _; ?w \
             i8[2,2,1]; ?sw const [2.0] : f32[]; ?zw _; ?b _; ?sy const [0.9] : f32[]; ?zy _",
            "?q {to: i8}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x i8[1,2,3]; ?sx const [0.5] : f32[]; ?zx _; ?w const \
             i8[2,2,1] in 1..5; ?sw const [2.0] : f32[]; ?zw _; ?b f32[2]; ?sy const [0.9] : f32[]; ?zy _",
            "?q {to: i8}; ?a {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x i8[1,2,3]; ?sx const [1e-9] : f32[]; ?zx _; ?w const \
             i8[2,2,1] in 1..5; ?sw const [1e-9] : f32[]; ?zw _; ?b const [1.0,2.0] : f32[2]; ?sy const [0.9] : f32[]; ?zy _",
        ],
    },
    Rule {
        name: "make-gemm-integer",
        doc: "`quantize(gemm(dequantize(x), dequantize(w), c)) = requantize(matmul_integer(x, w) + o)`, as for a convolution, where \
              the factors of both summands are 1.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (gemm ?g (dequantize ?x ?sx ?zx) (dequantize ?w ?sw ?zw) ?b) ?sy ?zy)",
        to: "(requantize ?r (add (matmul_integer ?x ?v ?zx _) ?o) ?m ?e)",
        bind: |m| {
            let g = m.attrs("?g");
            let plain = g.float("alpha") == 1.0 && g.float("beta") == 1.0 && !g.bool("trans_a");
            let w = m.constant("?w").filter(|_| plain && zero(m, "?zw") == Some(0.0))?;
            let axis = usize::from(!g.bool("trans_b"));
            let (rows, columns) = (w.shape()[0], w.shape()[1]);
            let numbers = w.to_f64s();
            let (outputs, depth) = if axis == 0 { (rows, columns) } else { (columns, rows) };
            let at = |k: usize, o: usize| if axis == 0 { o * columns + k } else { k * columns + o };
            let turned = (0..depth).flat_map(|k| (0..outputs).map(move |o| (k, o))).map(|(k, o)| numbers[at(k, o)]);
            let turned = Tensor::of::<f64>([depth, outputs], turned.collect()).cast(w.dtype());
            let products = Products { weights: turned.to_f64s(), outputs, channel: Box::new(move |i, _| i % outputs) };
            products.bind(m, "?b", vec![outputs], axis).map(|b| b.tensor("?v", turned))
        },
        examples: &[
            "?q {to: i8}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x i8[2,5] in -128..127; ?sx const [0.02] : f32[]; \
             ?zx const [-5] : i8[]; ?w const i8[3,5] in -127..127; ?sw const [0.01,0.003,0.02] : f32[3,1]; ?zw _; ?b const \
             [0.3,-0.4,0.0] : f32[3]; ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
            "?q {to: u8}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x u8[1,4] in 0..255; ?sx const [0.02] : f32[]; ?zx \
             const [128] : u8[]; ?w const i8[4,3] in -127..127; ?sw const [0.01,0.003,0.02] : f32[3]; ?zw const [0,0,0] : i8[3]; ?b _; ?sy \
             const [0.03] : f32[]; ?zy const [100] : u8[]",
            "rounding tflite; ?q {to: i8}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x i8[40,5] in -128..127; ?sx const [0.02] : \
             f32[]; ?zx const [-5] : i8[]; ?w const i8[3,5] in -127..127; ?sw const [0.01] : f32[]; ?zw _; ?b const [0.3,-0.4,0.0] : f32[3]; \
             ?sy const [0.03] : f32[]; ?zy const [4] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?g {alpha: 2.0, beta: 1.0, trans_a: false, trans_b: false}; ?x i8[1,4]; ?sx const [0.02] : f32[]; ?zx _; ?w const \
             i8[4,3] in 1..5; ?sw const [0.01] : f32[]; ?zw _; ?b _; ?sy const [0.03] : f32[]; ?zy _",
            "?q {to: i8}; ?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x i8[1,4]; ?sx const [0.02] : f32[]; ?zx _; ?w const \
             i8[4,3] in 1..5; ?sw const [0.01,0.02,0.03,0.04] : f32[4,1]; ?zw _; ?b _; ?sy const [0.03] : f32[]; ?zy _",
        ],
    },
];

/// The factor of channels that are a bias and nothing else.
const BIAS_ALONE: f64 = 1.0 / 4096.0;

/// Products of one operand with constant weights, summed for each output channel.
struct Products {
    weights: Vec<f64>,
    outputs: usize,
    /// The output channel of weight `i` of `n`.
    channel: Box<dyn Fn(usize, usize) -> usize>,
}

impl Products {
    /// The bias `?o` and the multipliers `?m` in a shape, and the attributes `?r`; scales of weights lie along
    /// `axis` of the weights.
    fn bind(&self, m: &Match<'_>, bias: &str, shape: Vec<usize>, axis: usize) -> Option<Bindings> {
        let (sx, sy, zx) = (positive(m, "?sx")?, positive(m, "?sy")?, zero(m, "?zx")?);
        let sw = along(m, "?sw", axis, self.outputs)?;
        let zw = if m.is_absent("?zw") { vec![0.0; self.outputs] } else { along(m, "?zw", axis, self.outputs)? };
        let b = if m.is_absent(bias) { vec![0.0; self.outputs] } else { row(m, bias, self.outputs)? };
        if !narrow(m.dtype("?x")?) || !narrow(m.dtype("?w")?) || !sw.iter().all(|s| *s > 0.0) {
            return None;
        }
        let (lowest, highest) = m.dtype("?x")?.range();
        let farthest = (lowest - zx).abs().max((highest - zx).abs());
        let mut bounds = vec![0.0; self.outputs];
        for (i, w) in self.weights.iter().enumerate() {
            let c = (self.channel)(i, self.weights.len());
            bounds[c] += farthest * (w - zw[c]).abs();
        }
        let once = m.rounding() == Rounding::Once;
        let (mut offsets, mut factors) = (Vec::new(), Vec::new());
        for (c, bound) in bounds.iter_mut().enumerate() {
            // A channel without weights has any factor: its own may have no more than a few bits.
            let steps = b[c] / sy;
            let factor = if once && *bound == 0.0 && steps.abs() < 1024.0 { BIAS_ALONE } else { sx * sw[c] / sy };
            offsets.push((steps / factor).round_ties_even());
            factors.push(factor);
            *bound += offsets[c].abs();
        }
        let scaling = Scaling::of(m, &factors, bounds.into_iter().fold(0.0, f64::max))?;
        let offsets = Tensor::of::<f64>(shape.clone(), offsets).cast(DType::I32);
        Some(scaling.bind(m, shape)?.tensor("?o", offsets))
    }
}
