//! Quantized means, pools, pads and softmax in integers.

use super::scales::{Scaling, int, positive, scale, widening, zero};
use crate::rule::{Accuracy, Bindings, Rule};
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// Bits behind the point of exponentials in softmax.
const SOFTMAX_BITS: i32 = 22;

pub const RULES: &[Rule] = &[
    Rule {
        name: "make-mean-integer",
        doc: "`quantize(reduce_mean(dequantize(x))) = requantize(reduce_sum(x) - n zx)` of `n` summands; rounded as TensorFlow Lite does \
              and with one scale and zero point, `requantize(reduce_sum(x))`.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (reduce_mean ?a (dequantize ?x ?sx ?zx)) ?sy ?zy)",
        to: "(requantize ?r (sub (reduce_sum ?a (cast ?i ?x)) ?o) ?m ?e)",
        bind: |m| {
            let n = m.shape("?x")?.elements().checked_div(m.result()?.elements())?;
            let mean = Scaling::mean(m, &scale(m, "?x", "?sx", "?zx")?, n)?;
            let bound = mean.scaling.around(m, mean.zero, Vec::new()).tensor("?o", int(mean.offset));
            Some(bound.attrs("?i", widening()))
        },
        examples: &[
            "?q {to: i8}; ?a {axes: [2,3], keep: true}; ?x i8[1,40,3,2] in -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy \
             const [0.009] : f32[]; ?zy const [4] : i8[]",
            "?q {to: u8}; ?a {axes: [1], keep: false}; ?x u8[60,5] in 0..3; ?sx const [0.02] : f32[]; ?zx _; ?sy const [0.02] : f32[]; ?zy _",
            "rounding tflite; ?q {to: i8}; ?a {axes: [2,3], keep: true}; ?x i8[1,40,7,3] in -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : \
             i8[]; ?sy const [0.02] : f32[]; ?zy const [-5] : i8[]",
            "rounding tflite; ?q {to: i8}; ?a {axes: [2,3], keep: true}; ?x i8[1,40,7,3] in -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : \
             i8[]; ?sy const [0.091] : f32[]; ?zy const [4] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?a {axes: [2,3], keep: true}; ?x i8[1,4,3,2]; ?sx f32[]; ?zx const [-5] : i8[]; ?sy const [0.009] : f32[]; ?zy const [4] : \
             i8[]",
        ],
    },
    Rule {
        name: "make-average-pool-integer",
        doc: "`quantize(average_pool(dequantize(x))) = requantize(conv_integer(x, 1))` of each channel with weights of one, where taps in \
              the padding count or there are none, and windows do not hold all that there is, whose mean takes no weights.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (average_pool ?p (dequantize ?x ?sx ?zx)) ?sy ?zy)",
        to: "(requantize ?r (conv_integer ?c ?x ?w ?z _) ?m ?e)",
        bind: |m| {
            let (p, channels) = (m.attrs("?p"), m.shape("?x")?[1]);
            let kernel = p.extents("kernel");
            let counted = p.bool("count_padding") || p.ints("pads").iter().all(|&n| n == 0);
            let whole = kernel == m.shape("?x")?[2..];
            let fits = counted && !whole && !p.bool("ceil") && (m.is_absent("?zx") || m.shape("?zx")?.rank() == 0);
            let n: usize = kernel.iter().product();
            let mean = Scaling::mean(m, &scale(m, "?x", "?sx", "?zx")?, n).filter(|_| fits)?;
            // Without a zero point, padding would be zeros that stand for other numbers.
            let bare = mean.offset == 0.0 && zero(m, "?zx")? != 0.0;
            if bare && !p.ints("pads").iter().all(|&n| n == 0) {
                return None;
            }
            let w = Tensor::of::<f64>([vec![channels, 1], kernel].concat(), vec![1.0; channels * n]).cast(DType::I8);
            let c = Attrs::new()
                .with_ints("strides", p.ints("strides").to_vec())
                .with_ints("pads", p.ints("pads").to_vec());
            let c = c.with_ints("dilations", p.ints("dilations").to_vec()).with_int("group", channels as i64);
            let bound = mean.scaling.around(m, mean.zero, Vec::new()).tensor("?w", w).attrs("?c", c);
            Some(if bare { bound.absent("?z") } else { bound.same("?z", "?zx") })
        },
        examples: &[
            "?q {to: i8}; ?p {kernel: [2,3], strides: [2,1], pads: [1,0,1,1], dilations: [1,1], ceil: false, count_padding: true}; ?x i8[1,4,7,6] in \
             -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.009] : f32[]; ?zy const [4] : i8[]",
            "rounding tflite; ?q {to: i8}; ?p {kernel: [3,3], strides: [2,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: \
             false}; ?x i8[1,4,7,6] in -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.02] : f32[]; ?zy const [-5] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?p {kernel: [2,3], strides: [2,1], pads: [1,0,1,1], dilations: [1,1], ceil: false, count_padding: false}; ?x i8[1,4,7,6]; \
             ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.009] : f32[]; ?zy const [4] : i8[]",
            "rounding tflite; ?q {to: i8}; ?p {kernel: [2,3], strides: [2,1], pads: [1,0,1,1], dilations: [1,1], ceil: false, count_padding: true}; ?x \
             i8[1,4,7,6]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.02] : f32[]; ?zy const [-5] : i8[]",
        ],
    },
    Rule {
        name: "move-pad-over-dequantize",
        doc: "`pad(dequantize(x)) = dequantize(pad(x))` with the zero point in place of zeros, with one scale for all.",
        accuracy: Accuracy::Exact,
        from: "(pad ?p (dequantize ?x ?s ?z) ?v)",
        to: "(dequantize (pad ?p ?x ?o) ?s ?z)",
        bind: |m| {
            let zeros = m.is_absent("?v") || m.number("?v") == Some(0.0);
            let scalar = |name: &str| m.shape(name).is_some_and(|s| s.rank() == 0);
            let fits = zeros && scalar("?s") && (m.is_absent("?z") || scalar("?z"));
            let finite = m.number("?s").is_some_and(f64::is_finite);
            let o = Tensor::of::<f64>(Shape::scalar(), vec![zero(m, "?z")?]).cast(m.dtype("?x")?);
            (fits && finite).then(|| Bindings::default().tensor("?o", o))
        },
        examples: &[
            "?p {before: [0,1], after: [0,2], mode: constant}; ?x i8[2,3]; ?s const [0.02] : f32[]; ?z const [-5] : i8[]; ?v _",
            "?p {before: [0,1], after: [0,-1], mode: constant}; ?x u8[2,3]; ?s const [0.02] : f32[]; ?z _; ?v const [0.0] : f32[]",
        ],
        declines: &[
            "?p {before: [0,1], after: [0,2], mode: constant}; ?x i8[2,3]; ?s const [0.02] : f32[]; ?z const [-5] : i8[]; ?v const [1.0] : f32[]",
            "?p {before: [0,1], after: [0,2], mode: constant}; ?x i8[2,3]; ?s const [0.02,0.1,0.2] : f32[3]; ?z _; ?v _",
        ],
    },
    Rule {
        name: "move-pad-over-quantize",
        doc: "`quantize(pad(x)) = pad(quantize(x))` with the zero point in place of zeros, with one scale for all.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (pad ?p ?x ?v) ?s ?z)",
        to: "(pad ?p (quantize ?q ?x ?s ?z) ?o)",
        bind: |m| {
            let zeros = m.is_absent("?v") || m.number("?v") == Some(0.0);
            let scalar = |name: &str| m.shape(name).is_some_and(|s| s.rank() == 0);
            let fits = zeros && scalar("?s") && (m.is_absent("?z") || scalar("?z"));
            let usual = m.number("?s").is_some_and(|s| (1e-20..1e20).contains(&s));
            let o = Tensor::of::<f64>(Shape::scalar(), vec![zero(m, "?z")?]).cast(m.attrs("?q").dtype("to"));
            (fits && usual).then(|| Bindings::default().tensor("?o", o))
        },
        examples: &[
            "?q {to: i8}; ?p {before: [0,1], after: [0,2], mode: constant}; ?x f32[2,3]; ?s const [0.02] : f32[]; ?z const [-5] : i8[]; ?v _",
        ],
        declines: &[
            "?q {to: i8}; ?p {before: [0,1], after: [0,2], mode: constant}; ?x f32[2,3]; ?s const [0.02] : f32[]; ?z const [-5] : i8[]; ?v const [1.0] \
             : f32[]",
        ],
    },
    Rule {
        name: "make-softmax-integer",
        doc: "`quantize(softmax(dequantize(x))) = (e / sy + (sum e) / 2) / (sum e) + zy`, limited, with `e = t[x - max x]` and the table \
              `t[d] = 2^22 exp(d sx)`, where `1 / sy` is an integer and sums fit 32 bits.",
        accuracy: Accuracy::Step,
        from: "(quantize ?q (softmax ?s (dequantize ?x ?sx ?zx)) ?sy ?zy)",
        to: "(cast ?b (clip (add (div (add (mul (gather ?g ?t (sub (cast ?i ?x) (reduce_max ?a (cast ?i ?x)))) ?k) (div (reduce_sum ?a (gather \
             ?g ?t (sub (cast ?i ?x) (reduce_max ?a (cast ?i ?x))))) ?two)) (reduce_sum ?a (gather ?g ?t (sub (cast ?i ?x) (reduce_max \
             ?a (cast ?i ?x)))))) ?o) ?l ?h))",
        bind: |m| {
            let (x, sy) = (scale(m, "?x", "?sx", "?zx")?, positive(m, "?sy")?);
            let (shape, k) = (m.shape("?x")?, (1.0 / sy).round());
            let axis = m.attrs("?s").int("axis");
            let at = if axis < 0 { shape.rank() as i64 + axis } else { axis } as usize;
            // What is divided is at most k + n / 2 times the largest exponential.
            let largest = 2f64.powi(31) / (k + shape[at] as f64 + 1.0);
            let bits = SOFTMAX_BITS.min(largest.log2().floor() as i32);
            let to = m.attrs("?q").dtype("to");
            let fits = bits >= 12 && (k * sy - 1.0).abs() < 1e-6 && k >= 1.0;
            let table = |d: usize| ((d as f64 - 256.0) * f64::from(d > 0) * x.scale).exp() * 2f64.powi(bits);
            let t = (0..256).map(|d| table(d).round()).collect();
            let (lowest, highest) = to.range();
            let a = Attrs::new().with_ints("axes", [at as i64]).with_bool("keep", true);
            let bound = Bindings::default()
                .attrs("?a", a)
                .attrs("?i", widening())
                .tensor("?k", int(k))
                .tensor("?two", int(2.0));
            let bound =
                bound.attrs("?g", Attrs::new().with_int("axis", 0)).attrs("?b", Attrs::new().with_dtype("to", to));
            let bound = bound.tensor("?o", int(zero(m, "?zy")?)).tensor("?l", int(lowest)).tensor("?h", int(highest));
            fits.then(|| bound.tensor("?t", Tensor::of::<f64>([256], t).cast(DType::I32)))
        },
        examples: &[
            "?q {to: i8}; ?s {axis: -1}; ?x i8[40,10] in -128..127; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.00390625] : f32[]; ?zy \
             const [-128] : i8[]",
            "?q {to: u8}; ?s {axis: 1}; ?x u8[5,3,30] in 0..255; ?sx const [0.1] : f32[]; ?zx const [128] : u8[]; ?sy const [0.00390625] : f32[]; ?zy _",
        ],
        declines: &[
            "?q {to: i8}; ?s {axis: -1}; ?x i8[4,10]; ?sx const [0.02] : f32[]; ?zx const [-5] : i8[]; ?sy const [0.0039] : f32[]; ?zy const [-128] : i8[]",
        ],
    },
];
