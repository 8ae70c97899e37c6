//! Linear operators one behind the other as one, and in another order.
//!
//! A merged constant is never larger than those that it replaces together.

use super::constants::{Matrix, WORK};
use super::floats;
use super::linear::{bias, plain};
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;

pub const RULES: &[Rule] = &[
    Rule {
        name: "merge-gemm-gemm",
        doc: "`(x v + b) w + c = x (v w) + (b w + c)`, over constants `v`, `w`, `b` and `c`, where `v w` has no more elements than \
              `v` and `w`. `b` and `c` may be missing.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (gemm ?f ?x ?v ?b) ?w ?c)",
        to: "(gemm ?h ?x ?vw ?d)",
        bind: |m| {
            let (f, g) = (m.attrs("?f"), m.attrs("?g"));
            let (v, w) = (weights(m, "?f", "?v")?, weights(m, "?g", "?w")?);
            let vw = product(&v, &w).filter(|_| !g.bool("trans_a"))?;
            let b = bias(m, "?f", "?b", v.columns)?;
            let c = bias(m, "?g", "?c", w.columns)?;
            let passed = b.map(|b| Matrix::row(b).times(&w).numbers);
            let h = plain().with_bool("trans_a", f.bool("trans_a"));
            let dtype = m.dtype("?v")?;
            let bound = Bindings::default().attrs("?h", h).tensor("?vw", vw.tensor(dtype, false));
            Some(with_row(bound, sum(passed, c), m))
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?f {alpha: 2.0, beta: 0.5, trans_a: true, trans_b: false}; ?x \
             f32[3,2]; ?v const f32[3,4]; ?w const f32[2,4]; ?b const f32[4]; ?c const f32[]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?f {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?x \
             f32[2,3]; ?v const f32[4,3]; ?w const f32[4,3]; ?b _; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?f {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x \
             f32[2,8]; ?v const f32[8,2]; ?w const f32[2,9]; ?b _; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?f {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x \
             f32[2,3]; ?v const f32[3,4]; ?w const f32[4,3]; ?b f32[4]; ?c _",
        ],
    },
    Rule {
        name: "move-weights-over-product",
        doc: "`(s (x v + b)) w + c = s (x (v w) + b w) + c`, over constants `v`, `w` and `b`, where `v w` has no more elements than \
              `v` and `w`: the output projection of attention in that of the values.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (gemm ?e ?s (gemm ?f ?x ?v ?b) _) ?w ?c)",
        to: "(gemm ?i ?s (gemm ?h ?x ?vw ?d) ?c)",
        bind: |m| {
            let (e, f, g) = (m.attrs("?e"), m.attrs("?f"), m.attrs("?g"));
            let straight = !g.bool("trans_a") && !e.bool("trans_b");
            let (v, w) = (weights(m, "?f", "?v")?, weights(m, "?g", "?w")?);
            let vw = product(&v, &w).filter(|_| straight)?;
            let b = bias(m, "?f", "?b", v.columns)?.map(|b| Matrix::row(b).times(&w).numbers);
            let i = plain().with_float("alpha", e.float("alpha")).with_float("beta", g.float("beta"));
            let bound = Bindings::default()
                .attrs("?i", i.with_bool("trans_a", e.bool("trans_a")))
                .attrs("?h", plain().with_bool("trans_a", f.bool("trans_a")))
                .tensor("?vw", vw.tensor(m.dtype("?v")?, false));
            Some(with_row(bound, b, m))
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?e {alpha: 2.0, beta: 1.0, trans_a: true, trans_b: false}; ?f \
             {alpha: 1.0, beta: 0.5, trans_a: false, trans_b: false}; ?s f32[5,2]; ?x f32[5,3]; ?v const f32[3,4]; ?b const f32[4]; ?w \
             const f32[2,4]; ?c f32[2]",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?e {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; \
             ?f {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s f32[2,5]; ?x f32[5,8]; ?v const f32[8,2]; ?b _; ?w const \
             f32[2,9]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: false}; ?e {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; \
             ?f {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?s f32[4,5]; ?x f32[5,3]; ?v const f32[3,4]; ?b _; ?w const \
             f32[4,2]; ?c _",
        ],
    },
    Rule {
        name: "merge-weights-of-product",
        doc: "`(x v + b) (z w)^T = (x (v w^T) + b w^T) z^T`, over constants `v`, `w` and `b`, where `v w^T` has no more elements than \
              `v` and `w`: queries and keys of attention under one projection.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (gemm ?e ?x ?v ?b) (gemm ?f ?z ?w _) ?c)",
        to: "(gemm ?i (gemm ?h ?x ?vw ?d) ?z ?c)",
        bind: |m| {
            let (e, f, g) = (m.attrs("?e"), m.attrs("?f"), m.attrs("?g"));
            let (v, w) = (weights(m, "?e", "?v")?, weights(m, "?f", "?w")?.transposed());
            let straight = !g.bool("trans_a") && g.bool("trans_b");
            let alpha = f64::from(g.float("alpha"));
            let vw = product(&v, &w).filter(|_| straight)?.scaled(alpha);
            let b = bias(m, "?e", "?b", v.columns)?.map(|b| Matrix::row(b).times(&w).scaled(alpha).numbers);
            let i = plain().with_float("beta", g.float("beta")).with_bool("trans_b", !f.bool("trans_a"));
            let bound = Bindings::default()
                .attrs("?i", i)
                .attrs("?h", plain().with_bool("trans_a", e.bool("trans_a")))
                .tensor("?vw", vw.tensor(m.dtype("?v")?, false));
            Some(with_row(bound, b, m))
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?e {alpha: 2.0, beta: 0.5, trans_a: true, trans_b: false}; ?f \
             {alpha: 3.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[3,5]; ?z f32[6,2]; ?v const f32[3,4]; ?b const f32[4]; ?w \
             const f32[2,4]; ?c f32[6]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?e {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?f \
             {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true}; ?x f32[5,3]; ?z f32[2,6]; ?v const f32[3,4]; ?b _; ?w const \
             f32[4,2]; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true}; ?e {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?f \
             {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,8]; ?z f32[3,9]; ?v const f32[8,2]; ?b _; ?w const \
             f32[9,2]; ?c _",
        ],
    },
    Rule {
        name: "merge-conv-pointwise",
        doc: "`conv1x1(conv(x, v, b), w, c) = conv(x, w v, w b + c)`, over constants and without groups, where the merged weights \
              have no more elements than `v` and `w`. The strides are multiplied.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?g (conv ?f ?x ?v ?b) ?w ?c)",
        to: "(conv ?h ?x ?vw ?d)",
        bind: |m| {
            let (f, g) = (m.attrs("?f"), m.attrs("?g"));
            let (v, w) = (m.constant("?v")?, m.constant("?w")?);
            if !is_pointwise(g, w) || f.int("group") != 1 {
                return None;
            }
            let rows = v.shape()[0];
            let (v2, w2) = (Matrix { rows, columns: v.data().len() / rows.max(1), numbers: v.to_f64s() }, channels(w));
            let vw = product(&w2, &v2)?;
            let b = numbers(m, "?b")?.map(|b| w2.times(&Matrix { rows, columns: 1, numbers: b }).numbers);
            let d = sum(b, numbers(m, "?c")?);
            let strides = f.ints("strides").iter().zip(g.ints("strides")).map(|(f, g)| f * g);
            let shape = [&w.shape()[..1], &v.shape()[1..]].concat();
            let bound = Bindings::default().attrs("?h", f.clone().with_ints("strides", strides));
            Some(with_row(bound.tensor("?vw", floats(v.dtype(), &shape, vw.numbers)), d, m))
        },
        examples: &[
            "?g {strides: [1,2], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?f {strides: [2,1], pads: [1,0,1,1], dilations: [1,1], \
             group: 1}; ?x f32[1,2,5,6]; ?v const f32[4,2,3,3]; ?b const f32[4]; ?w const f32[4,4,1,1]; ?c const f32[4]",
            "?g {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,2,5]; ?v const f32[3,2,1]; ?b _; ?w const f32[2,3,1]; ?c _",
        ],
        declines: &[
            "?g {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,8,5]; ?v const f32[2,8,1]; ?b _; ?w const f32[9,2,1]; ?c _",
            "?g {strides: [1], pads: [1,0], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,2,5]; ?v const f32[3,2,1]; ?b _; ?w const f32[2,3,1]; ?c _",
            "?g {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 2}; ?x \
             f32[1,4,5]; ?v const f32[4,2,1]; ?b _; ?w const f32[2,4,1]; ?c _",
        ],
    },
    Rule {
        name: "merge-pointwise-conv",
        doc: "`conv(conv1x1(x, v, b), w, c) = conv(x, w v, sum over taps of w b + c)`, over constants and without groups, where the \
              merged weights have no more elements than `v` and `w`, and padding is none or `b` is missing.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?g (conv ?f ?x ?v ?b) ?w ?c)",
        to: "(conv ?g ?x ?vw ?d)",
        bind: |m| {
            let (f, g) = (m.attrs("?f"), m.attrs("?g"));
            let (v, w) = (m.constant("?v")?, m.constant("?w")?);
            let unpadded = g.ints("pads").iter().all(|&p| p == 0);
            let steps = f.ints("strides").iter().all(|&s| s == 1);
            if !is_pointwise(f, v) || !steps || g.int("group") != 1 || is_pointwise(g, w) {
                return None;
            }
            let (v2, &[outputs, inner, ref kernel @ ..]) = (channels(v), &**w.shape()) else { return None };
            let taps = kernel.iter().product::<usize>();
            // A row of weights for each output and tap.
            let w2 = regrouped(w, outputs, inner, taps);
            let vw = product(&w2, &v2)?;
            let b = match numbers(m, "?b")? {
                Some(_) if !unpadded => return None,
                Some(b) => {
                    let sums = w2.times(&Matrix { rows: inner, columns: 1, numbers: b }).numbers;
                    Some(sums.chunks(taps.max(1)).map(|c| c.iter().sum()).collect())
                }
                None => None,
            };
            let d = sum(b, numbers(m, "?c")?);
            let columns = v2.columns;
            let numbers = (0..outputs * columns * taps).map(|i| {
                let (o, c, t) = (i / taps / columns, i / taps % columns, i % taps);
                vw.numbers[(o * taps + t) * columns + c]
            });
            let shape = [&[outputs, columns], kernel].concat();
            Some(with_row(Bindings::default().tensor("?vw", floats(w.dtype(), &shape, numbers.collect())), d, m))
        },
        examples: &[
            "?g {strides: [1,2], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?f {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], \
             group: 1}; ?x f32[1,2,4,6]; ?v const f32[3,2,1,1]; ?b const f32[3]; ?w const f32[4,3,2,3]; ?c const f32[4]",
            "?g {strides: [1], pads: [1,1], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,2,5]; ?v const f32[2,2,1]; ?b _; ?w const f32[2,2,3]; ?c _",
        ],
        declines: &[
            "?g {strides: [1], pads: [1,1], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,2,5]; ?v const f32[2,2,1]; ?b const f32[2]; ?w const f32[2,2,3]; ?c _",
            "?g {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?f {strides: [2], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,2,9]; ?v const f32[2,2,1]; ?b _; ?w const f32[2,2,3]; ?c _",
            "?g {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?f {strides: [1], pads: [0,0], dilations: [1], group: 1}; ?x \
             f32[1,9,5]; ?v const f32[2,9,1]; ?b _; ?w const f32[3,2,3]; ?c _",
        ],
    },
    Rule {
        name: "move-average-pool-over-conv",
        doc: "The mean of a convolution over all its positions is the convolution of means: `average_pool(conv(x, w, b)) = \
              conv(average_pool(x), w, b)`, where the first pool has one window without padding, and the second one averages for \
              each tap what it reads, padding included.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(average_pool ?p (conv ?a ?x ?w ?b))",
        to: "(conv ?c (average_pool ?q ?x) ?w ?b)",
        bind: mean_of_conv,
        examples: &[
            "?p {kernel: [4,5], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false}; ?a {strides: \
             [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w const f32[3,2,3,3]; ?b const f32[3]",
            "?p {kernel: [4,2], strides: [2,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: true}; ?a {strides: \
             [2,3], pads: [0,1,1,0], dilations: [1,2], group: 2}; ?x f32[1,2,8,8]; ?w const f32[4,1,2,3]; ?b _",
        ],
        declines: &[
            "?p {kernel: [3,5], strides: [1,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: false}; ?a {strides: \
             [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w const f32[3,2,3,3]; ?b const f32[3]",
        ],
    },
    Rule {
        name: "move-average-pool-over-pointwise-conv",
        doc: "`average_pool(conv1x1(x, w, b)) = conv1x1(average_pool(x), w, b)`, where no padding counts or `b` is missing.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(average_pool ?p (conv ?a ?x ?w ?b))",
        to: "(conv ?a (average_pool ?p ?x) ?w ?b)",
        bind: |m| {
            let (p, a) = (m.attrs("?p"), m.attrs("?a"));
            let w = m.shape("?w")?;
            let inside = !p.bool("count_padding") || !p.bool("ceil") && p.ints("pads").iter().all(|&p| p == 0);
            let plain = a.ints("pads").iter().all(|&p| p == 0) && a.ints("strides").iter().all(|&s| s == 1);
            let fits = w[2..].iter().all(|&n| n == 1) && plain && (inside || m.is_absent("?b"));
            fits.then(Bindings::default)
        },
        examples: &[
            "?p {kernel: [2,2], strides: [2,1], pads: [0,1,0,0], dilations: [1,1], ceil: false, count_padding: false}; ?a {strides: \
             [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w const f32[3,2,1,1]; ?b const f32[3]",
        ],
        declines: &[
            "?p {kernel: [2,2], strides: [2,1], pads: [0,1,0,0], dilations: [1,1], ceil: false, count_padding: true}; ?a {strides: \
             [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,5]; ?w const f32[3,2,1,1]; ?b const f32[3]",
            "?p {kernel: [2,2], strides: [2,1], pads: [0,0,0,0], dilations: [1,1], ceil: false, count_padding: true}; ?a {strides: \
             [2,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,8,5]; ?w const f32[3,2,1,1]; ?b const f32[3]",
        ],
    },
];

/// What a gemm multiplies with from the right, alpha included: constants of floats only.
fn weights(m: &Match<'_>, g: &str, w: &str) -> Option<Matrix> {
    let (g, w) = (m.attrs(g), m.constant(w).filter(|w| w.dtype().is_float())?);
    Some(Matrix::of(w, g.bool("trans_b"))?.scaled(g.float("alpha").into()))
}

/// The product, unless it is larger than both or takes too much work.
fn product(a: &Matrix, b: &Matrix) -> Option<Matrix> {
    let elements = a.rows * b.columns;
    let fits = elements <= a.numbers.len() + b.numbers.len() && elements.saturating_mul(a.columns) <= WORK;
    fits.then(|| a.times(b))
}

fn sum(a: Option<Vec<f64>>, b: Option<Vec<f64>>) -> Option<Vec<f64>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| a + b).collect()),
        (a, b) => a.or(b),
    }
}

/// Binds `?d` to the numbers, one for each column or channel, or to nothing.
fn with_row(bound: Bindings, row: Option<Vec<f64>>, m: &Match<'_>) -> Bindings {
    match (row, m.dtype("?x")) {
        (Some(row), Some(dtype)) => bound.tensor("?d", floats(dtype, &[row.len()], row)),
        _ => bound.absent("?d"),
    }
}

/// The numbers of an operand that may be missing; `None` where it is not constant.
fn numbers(m: &Match<'_>, name: &str) -> Option<Option<Vec<f64>>> {
    if m.is_absent(name) { Some(None) } else { Some(Some(m.numbers(name)?)) }
}

/// Whether each output of a convolution reads one position, and all channels of it.
fn is_pointwise(a: &Attrs, w: &Tensor) -> bool {
    w.shape()[2..].iter().all(|&n| n == 1) && a.int("group") == 1 && a.ints("pads").iter().all(|&p| p == 0)
}

/// The weights of a convolution with a kernel of one tap.
fn channels(w: &Tensor) -> Matrix {
    Matrix { rows: w.shape()[0], columns: w.shape()[1], numbers: w.to_f64s() }
}

/// Weights of a convolution with a row for each output and tap, and a column for each channel.
fn regrouped(w: &Tensor, outputs: usize, channels: usize, taps: usize) -> Matrix {
    let numbers = w.to_f64s();
    let element = |i: usize| {
        let (o, t, c) = (i / channels / taps, i / channels % taps, i % channels);
        numbers[(o * channels + c) * taps + t]
    };
    Matrix { rows: outputs * taps, columns: channels, numbers: (0..numbers.len()).map(element).collect() }
}

fn mean_of_conv(m: &Match<'_>) -> Option<Bindings> {
    let (p, a, x) = (m.attrs("?p"), m.attrs("?a"), m.shape("?x")?);
    let (kernel, taps) = (p.extents("kernel"), m.shape("?w")?);
    let (strides, dilations, pads) = (a.extents("strides"), a.extents("dilations"), a.extents("pads"));
    let axes = kernel.len();
    let one_window = m.result()?.shape[2..].iter().all(|&n| n == 1) && p.ints("pads").iter().all(|&p| p == 0);
    let undilated = p.ints("dilations").iter().all(|&d| d == 1);
    let all = (0..axes).all(|d| {
        let span = (taps[2 + d] - 1) * dilations[d] + 1;
        let positions = (x[2 + d] + pads[d] + pads[axes + d] - span) / strides[d] + 1;
        // Padding is smaller than what it pads, as ONNX wants it of pools.
        kernel[d] == positions && pads[d].max(pads[axes + d]) < (positions - 1) * strides[d] + 1
    });
    if !one_window || !undilated || !all {
        return None;
    }
    let q = Attrs::new()
        .with_ints("kernel", kernel.iter().map(|&n| n as i64))
        .with_ints("strides", vec![1; axes])
        .with_ints("pads", a.ints("pads").iter().copied())
        .with_ints("dilations", a.ints("strides").iter().copied())
        .with_bool("ceil", false)
        .with_bool("count_padding", true);
    Some(Bindings::default().attrs("?q", q).attrs("?c", a.clone().with_ints("pads", vec![0; 2 * axes])))
}
