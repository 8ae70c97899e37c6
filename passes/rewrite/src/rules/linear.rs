//! Factors and summands in the constants of matrix products and, in front of them, convolutions; matrix
//! products as `gemm`, which has a place for both.

use super::constants::{Along, Matrix};
use super::floats;
use super::normalization::scaled as by_channel;
use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::Shape;

/// Into the weights of a convolution: its name in the rule's and its own, the channel of `x` that each of
/// its weights belongs to, and what else is to be said.
macro_rules! factor_of_input {
    ($name:literal, $op:literal, $inputs:path, $note:literal, [$($example:literal),* $(,)?], [$($decline:literal),* $(,)?]) => {
        Rule {
            name: concat!("fold-factor-of-input-into-", $name),
            doc: concat!(
                "`",
                $op,
                "(x k, w, b) = ",
                $op,
                "(x, k w, b)`, where the constant `k` has one number for each channel of `x` and `w` is constant.",
                $note
            ),
            accuracy: Accuracy::Real { tolerance: 1e-5 },
            from: concat!("(", $op, " ?a (mul ?x ?k) ?w ?b)"),
            to: concat!("(", $op, " ?a ?x ?w2 ?b)"),
            bind: |m| {
                let (x, w) = (m.shape("?x").filter(|x| x.rank() > 2)?, m.constant("?w")?);
                let k = Along::of(m, "?k", x)?.on(1, x[1])?;
                Some(Bindings::default().tensor("?w2", by_channel(w, &$inputs(m, w)?, &k)))
            },
            examples: &[$($example),*],
            declines: &[$($decline),*],
        }
    };
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "make-matmul-gemm",
        doc: "`matmul(x, w) = gemm(x, w)` of two matrices.",
        accuracy: Accuracy::Exact,
        from: "(matmul ?x ?w)",
        to: "(gemm ?g ?x ?w _)",
        bind: |m| {
            let matrices = m.shape("?x")?.rank() == 2 && m.shape("?w")?.rank() == 2;
            matrices.then(|| Bindings::default().attrs("?g", plain()))
        },
        examples: &["?x f32[2,3]; ?w f32[3,4]", "?x i32[2,3]; ?w i32[3,4]"],
        declines: &["?x f32[1,2,3]; ?w f32[3,4]"],
    },
    Rule {
        name: "flatten-matmul-rows",
        doc: "`matmul(x, w)` with one matrix `w` is the product of the matrix of all rows of `x` with it.",
        accuracy: Accuracy::Exact,
        from: "(matmul ?x ?w)",
        to: "(reshape ?t (matmul (reshape ?r ?x) (reshape ?s ?w)))",
        bind: |m| {
            let (x, w) = (m.shape("?x")?, m.shape("?w")?);
            let ([rows @ .., k], [batch @ .., inner, n]) = (&**x, &**w) else { return None };
            let several = x.rank() > 2 || w.rank() > 2;
            if !several || rows.is_empty() || batch.iter().any(|&n| n != 1) {
                return None;
            }
            let matrix = |rows: usize, columns: usize| Attrs::new().with_ints("shape", [rows as i64, columns as i64]);
            let shapes =
                Bindings::default().attrs("?r", matrix(rows.iter().product(), *k)).attrs("?s", matrix(*inner, *n));
            Some(shapes.attrs("?t", Attrs::new().with_shape("shape", &m.result()?.shape)))
        },
        examples: &["?x f32[2,5,3]; ?w const f32[3,4]", "?x f32[1,1,2,3]; ?w f32[1,1,3,4]"],
        declines: &["?x f32[2,3]; ?w f32[3,4]", "?x f32[2,5,3]; ?w f32[2,3,4]", "?x f32[3]; ?w f32[1,3,4]"],
    },
    Rule {
        name: "fold-alpha-into-weights",
        doc: "`alpha x w + beta c = x (alpha w) + beta c`, over constants `w` and `c`.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g ?x ?w ?c)",
        to: "(gemm ?h ?x ?w2 ?c2)",
        bind: |m| {
            let g = m.attrs("?g");
            let (alpha, beta) = (f64::from(g.float("alpha")), f64::from(g.float("beta")));
            let w = m.constant("?w").filter(|w| w.dtype().is_float())?;
            let bound = Bindings::default().attrs("?h", g.clone().with_float("alpha", 1.0).with_float("beta", 1.0));
            let bound = bound.tensor("?w2", scaled(w, alpha));
            let folded = if m.is_absent("?c") {
                bound.absent("?c2")
            } else {
                bound.tensor("?c2", scaled(m.constant("?c")?, beta))
            };
            (alpha != 1.0 || beta != 1.0).then_some(folded)
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w const f32[4,3]; ?c const f32[4]",
            "?g {alpha: 3.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w const f32[3,4]; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w const f32[3,4]; ?c _",
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w f32[3,4]; ?c _",
        ],
    },
    Rule {
        name: "fold-factor-into-gemm",
        doc: "`(x w + c) * k = x (w k) + c k`, where the constant `k` has one number for each column and `w` is constant; or \
              `k` is one number, and goes into alpha and beta.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(mul (gemm ?g ?x ?w ?c) ?k)",
        to: "(gemm ?h ?x ?w2 ?c2)",
        bind: factor_behind,
        examples: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w const f32[3,4]; ?c const f32[4]; ?k const f32[4]",
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w const f32[4,3]; ?c _; ?k const f32[1,4]",
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w f32[4,3]; ?c f32[4]; ?k const [0.25] : f32[]",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[4,3]; ?w const f32[3,4]; ?c _; ?k const f32[4,1]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w f32[3,4]; ?c _; ?k const f32[4]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[1,3]; ?w const f32[3,4]; ?c _; ?k const f32[2,1]",
        ],
    },
    Rule {
        name: "fold-summand-into-gemm",
        doc: "`(x w + c) + s = x w + (c + s)`, over constants `c`, if there is one, and `s`.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(add (gemm ?g ?x ?w ?c) ?s)",
        to: "(gemm ?h ?x ?w ?c2)",
        bind: |m| {
            let (g, s) = (m.attrs("?g"), m.constant("?s").filter(|s| s.dtype().is_float())?);
            let y = Shape::new(extents(m, "?g", "?x", "?w")?.to_vec());
            if s.shape().broadcast(&y).as_ref() != Some(&y) {
                return None;
            }
            let bound = Bindings::default().attrs("?h", g.clone().with_float("beta", 1.0));
            if m.is_absent("?c") {
                return Some(bound.same("?c2", "?s"));
            }
            let c = m.constant("?c")?;
            let shape =
                c.shape().broadcast(s.shape()).filter(|sum| sum.elements() <= c.data().len().max(s.data().len()))?;
            let beta = f64::from(g.float("beta"));
            let terms = broadcast(c, &shape).into_iter().zip(broadcast(s, &shape));
            let sum = terms.map(|(c, s)| beta * c + s).collect();
            Some(bound.tensor("?c2", floats(s.dtype(), &shape, sum)))
        },
        examples: &[
            "?g {alpha: 1.0, beta: 0.5, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w f32[3,4]; ?c const f32[4]; ?s const f32[1,4]",
            "?g {alpha: 0.5, beta: 3.0, trans_a: false, trans_b: true}; ?x f32[2,3]; ?w f32[4,3]; ?c _; ?s const f32[2,1]",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w f32[3,4]; ?c f32[4]; ?s const f32[4]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?w f32[3,4]; ?c const f32[4]; ?s const f32[2,1]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[1,3]; ?w f32[3,4]; ?c _; ?s const f32[2,1]",
        ],
    },
    Rule {
        name: "fold-factor-of-input-into-gemm",
        doc: "`(x k) w + c = x (k w) + c`, where the constant `k` has one number for each index that is summed over and `w` is \
              constant; or `k` is one number, and goes into alpha.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (mul ?x ?k) ?w ?c)",
        to: "(gemm ?h ?x ?w2 ?c)",
        bind: |m| {
            let (g, shape) = (m.attrs("?g"), m.shape("?x")?);
            let inner = usize::from(!g.bool("trans_a"));
            let k = Along::of(m, "?k", shape).filter(|_| shape.rank() == 2)?;
            match (m.constant("?w"), k) {
                (Some(w), k) => {
                    let turned = g.bool("trans_b");
                    let w2 = Matrix::of(w, turned)?.scaled_rows(&k.on(inner, shape[inner])?).tensor(w.dtype(), turned);
                    Some(Bindings::default().attrs("?h", g.clone()).tensor("?w2", w2))
                }
                (None, Along::Nothing(k)) => {
                    Some(Bindings::default().attrs("?h", times(g, "alpha", k)?).same("?w2", "?w"))
                }
                _ => None,
            }
        },
        examples: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const f32[3]; ?w const f32[3,4]; ?c f32[4]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true}; ?x f32[3,2]; ?k const f32[3,1]; ?w const f32[4,3]; ?c _",
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const [3.0] : f32[]; ?w f32[3,4]; ?c f32[4]",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const f32[2,1]; ?w const f32[3,4]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const f32[3]; ?w f32[3,4]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[1,3]; ?k const f32[2,3]; ?w const f32[3,4]; ?c _",
        ],
    },
    Rule {
        name: "fold-factor-of-weights-into-gemm",
        doc: "`x (w k) + c = k x w + c`, where the constant `k` is one number, which goes into alpha.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g ?x (mul ?w ?k) ?c)",
        to: "(gemm ?h ?x ?w ?c)",
        bind: |m| match Along::of(m, "?k", m.shape("?w").filter(|w| w.rank() == 2)?)? {
            Along::Nothing(k) => Some(Bindings::default().attrs("?h", times(m.attrs("?g"), "alpha", k)?)),
            Along::Axis(..) => None,
        },
        examples: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const [3.0] : f32[1]; ?w f32[3,4]; ?c f32[4]",
        ],
        declines: &[
            "?g {alpha: 0.5, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?k const f32[4]; ?w f32[3,4]; ?c f32[4]",
        ],
    },
    Rule {
        name: "fold-summand-of-input-into-gemm",
        doc: "`alpha (x + s) w + beta c = alpha x w + (alpha s w + beta c)`, where the constant `s` has one number for each index \
              that is summed over, and `w` and `c`, if there is one, are constant.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(gemm ?g (add ?x ?s) ?w ?c)",
        to: "(gemm ?h ?x ?w ?c2)",
        bind: |m| {
            let (g, w, shape) = (m.attrs("?g"), m.constant("?w")?, m.shape("?x").filter(|x| x.rank() == 2)?);
            let inner = usize::from(!g.bool("trans_a"));
            let s = Along::of(m, "?s", shape)?.on(inner, shape[inner])?;
            let mut sum = Matrix::row(s).times(&Matrix::of(w, g.bool("trans_b"))?).scaled(g.float("alpha").into());
            let c = bias(m, "?g", "?c", sum.columns)?;
            sum.numbers.iter_mut().zip(c.iter().flatten()).for_each(|(sum, c)| *sum += c);
            let bound = Bindings::default().attrs("?h", g.clone().with_float("beta", 1.0));
            Some(bound.tensor("?c2", sum.vector(w.dtype())))
        },
        examples: &[
            "?g {alpha: 0.5, beta: 2.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?s const f32[3]; ?w const f32[3,4]; ?c const f32[4]",
            "?g {alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true}; ?x f32[3,2]; ?s const f32[]; ?w const f32[4,3]; ?c _",
        ],
        declines: &[
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?s const f32[2,1]; ?w const f32[3,4]; ?c _",
            "?g {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}; ?x f32[2,3]; ?s const f32[3]; ?w const f32[3,4]; ?c f32[4]",
        ],
    },
    factor_of_input!(
        "conv",
        "conv",
        inputs,
        " Padding is zero on both sides.",
        [
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?k const f32[2,1,1]; ?w const \
             f32[3,2,3,3]; ?b f32[3]",
            "?a {strides: [2,1], pads: [0,0,0,0], dilations: [1,1], group: 2}; ?x f32[1,4,4,4]; ?k const f32[1,4,1,1]; ?w const \
             f32[6,2,2,2]; ?b _",
        ],
        [
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?k const f32[4]; ?w const \
             f32[3,2,3,3]; ?b f32[3]",
            "?a {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1}; ?x f32[1,1,4,4]; ?k const f32[2,1,1]; ?w const \
             f32[3,2,3,3]; ?b f32[3]",
        ]
    ),
    factor_of_input!(
        "conv-transpose",
        "conv_transpose",
        inputs_transposed,
        "",
        [
            "?a {strides: [2,2], pads: [1,1,1,1], dilations: [1,1], output_padding: [1,0], group: 1}; ?x f32[1,2,3,3]; ?k const \
             f32[2,1,1]; ?w const f32[2,3,3,3]; ?b f32[3]",
            "?a {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 2}; ?x f32[1,4,3]; ?k const f32[1,4,1]; \
             ?w const f32[4,3,2]; ?b _",
        ],
        [
            "?a {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 1}; ?x f32[1,2,3]; ?k const f32[3]; ?w \
             const f32[2,3,2]; ?b _",
        ]
    ),
    Rule {
        name: "fold-summand-of-input-into-conv",
        doc: "`conv(x + s, w, b) = conv(x, w, b + sum over c, k of s[c] w[.., c, k])`, where the constant `s` has one number for \
              each channel of `x`, `w` and `b` are constant, and there is no padding.",
        accuracy: Accuracy::Real { tolerance: 1e-5 },
        from: "(conv ?a (add ?x ?s) ?w ?b)",
        to: "(conv ?a ?x ?w ?b2)",
        bind: |m| {
            let (x, w) = (m.shape("?x").filter(|x| x.rank() > 2)?, m.constant("?w")?);
            if m.attrs("?a").ints("pads").iter().any(|&p| p != 0) {
                return None;
            }
            let s = Along::of(m, "?s", x)?.on(1, x[1])?;
            let outputs = w.shape()[0];
            let mut b = if m.is_absent("?b") { vec![0.0; outputs] } else { m.numbers("?b")? };
            let taps = w.data().len() / outputs.max(1);
            for (i, (v, c)) in w.to_f64s().into_iter().zip(inputs(m, w)?).enumerate() {
                b[i / taps] += v * s[c];
            }
            Some(Bindings::default().tensor("?b2", floats(w.dtype(), &[outputs], b)))
        },
        examples: &[
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?s const f32[2,1,1]; ?w const \
             f32[3,2,3,3]; ?b const f32[3]",
            "?a {strides: [2,1], pads: [0,0,0,0], dilations: [1,1], group: 2}; ?x f32[1,4,4,4]; ?s const f32[]; ?w const \
             f32[6,2,2,2]; ?b _",
        ],
        declines: &[
            "?a {strides: [1,1], pads: [1,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?s const f32[2,1,1]; ?w const \
             f32[3,2,3,3]; ?b const f32[3]",
            "?a {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1}; ?x f32[1,2,4,4]; ?s const f32[4,1]; ?w const \
             f32[3,2,3,3]; ?b const f32[3]",
        ],
    },
];

/// Attributes of a product and nothing else.
pub fn plain() -> Attrs {
    Attrs::new()
        .with_float("alpha", 1.0)
        .with_float("beta", 1.0)
        .with_bool("trans_a", false)
        .with_bool("trans_b", false)
}

/// Rows and columns of a gemm's result.
pub fn extents(m: &Match<'_>, g: &str, x: &str, w: &str) -> Option<[usize; 2]> {
    let (x, w, g) = (m.shape(x)?, m.shape(w)?, m.attrs(g));
    Some([x[usize::from(g.bool("trans_a"))], w[usize::from(!g.bool("trans_b"))]])
}

/// What a gemm adds to each row: nothing, or beta times the constant `c`, one number for each column.
/// `None` where `c` is not constant or differs from row to row.
pub fn bias(m: &Match<'_>, g: &str, c: &str, columns: usize) -> Option<Option<Vec<f64>>> {
    if m.is_absent(c) {
        return Some(None);
    }
    let row = Along::of(m, c, &[1, columns])?.on(1, columns)?;
    let beta = f64::from(m.attrs(g).float("beta"));
    Some(Some(row.iter().map(|c| beta * c).collect()))
}

fn factor_behind(m: &Match<'_>) -> Option<Bindings> {
    let g = m.attrs("?g");
    let y = extents(m, "?g", "?x", "?w")?;
    let k = Along::of(m, "?k", &y)?;
    let Some(w) = m.constant("?w") else {
        let Along::Nothing(k) = k else { return None };
        let scaled = Bindings::default().attrs("?h", times(&times(g, "alpha", k)?, "beta", k)?).same("?w2", "?w");
        return Some(if m.is_absent("?c") { scaled.absent("?c2") } else { scaled.same("?c2", "?c") });
    };
    let (columns, turned) = (k.on(1, y[1])?, g.bool("trans_b"));
    let w2 = Matrix::of(w, turned)?.scaled_columns(&columns).tensor(w.dtype(), turned);
    let bound = Bindings::default().attrs("?h", g.clone()).tensor("?w2", w2);
    if m.is_absent("?c") {
        return Some(bound.absent("?c2"));
    }
    let c = m.constant("?c")?;
    if let Along::Nothing(k) = k {
        return Some(bound.tensor("?c2", scaled(c, k)));
    }
    let row = Along::of(m, "?c", &[1, y[1]])?.on(1, y[1])?;
    let row = row.iter().zip(&columns).map(|(c, k)| c * k).collect();
    Some(bound.tensor("?c2", floats(w.dtype(), &[y[1]], row)))
}

/// The attributes with one of them times a number, unless that is not finite.
fn times(attrs: &Attrs, name: &'static str, factor: f64) -> Option<Attrs> {
    let product = (f64::from(attrs.float(name)) * factor) as f32;
    product.is_finite().then(|| attrs.clone().with_float(name, product))
}

fn scaled(t: &Tensor, factor: f64) -> Tensor {
    floats(t.dtype(), t.shape(), t.to_f64s().into_iter().map(|v| v * factor).collect())
}

/// The elements of a tensor broadcast to a shape.
fn broadcast(t: &Tensor, shape: &Shape) -> Vec<f64> {
    let (numbers, strides, missing) = (t.to_f64s(), t.shape().strides(), shape.rank() - t.shape().rank());
    let offset = |at: Vec<usize>| -> usize {
        let along = |d: usize| if t.shape()[d] == 1 { 0 } else { at[missing + d] * strides[d] };
        (0..t.shape().rank()).map(along).sum()
    };
    shape.coordinates().map(|at| numbers[offset(at)]).collect()
}

/// By element of a convolution's weights the channel of the input that it belongs to.
fn inputs(m: &Match<'_>, w: &Tensor) -> Option<Vec<usize>> {
    let group = usize::try_from(m.attrs("?a").int("group")).ok()?;
    let [outputs, channels, kernel @ ..] = &**w.shape() else { return None };
    let (taps, outputs) = (kernel.iter().product::<usize>().max(1), outputs / group);
    let of = |i: usize| i / taps / channels / outputs * channels + i / taps % channels;
    Some((0..w.data().len()).map(of).collect())
}

/// The same of a transposed convolution.
fn inputs_transposed(_: &Match<'_>, w: &Tensor) -> Option<Vec<usize>> {
    let row = w.shape()[1..].iter().product::<usize>().max(1);
    Some((0..w.data().len()).map(|i| i / row).collect())
}
