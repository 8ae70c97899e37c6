//! Quantized values: pairs that cancel, and what moves past the change between real numbers and the
//! integers that stand for them. `dequantize(quantize(x))` is not `x`: it has been rounded.

use crate::rule::{Accuracy, Bindings, Match, Rule};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::Shape;

/// For an operator that chooses or joins elements: how it stands before its operands, and its leaves.
/// Scales and zero points are scalars, so that they fit values of any rank.
macro_rules! moves {
    ($($op:literal $name:literal $head:literal $leaves:literal),*) => {
        &[$(
            Rule {
                name: concat!("move-", $name, "-over-dequantize"),
                doc: concat!("`", $op, "(dequantize(x)) = dequantize(", $op, "(x))`, with one scale for all."),
                accuracy: Accuracy::Exact,
                from: concat!("(", $head, " (dequantize ?x ?s ?z))"),
                to: concat!("(dequantize (", $head, " ?x) ?s ?z)"),
                bind: one_scale,
                examples: &[
                    concat!("?x i8[2,6]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]; ", $leaves),
                    concat!("?x u8[2,6]; ?s const [0.5] : f32[]; ?z _; ", $leaves),
                ],
                declines: &[concat!("?x i8[2,6]; ?s f32[6]; ?z _; ", $leaves)],
            },
            Rule {
                name: concat!("move-dequantize-over-", $name),
                doc: concat!("`dequantize(", $op, "(x)) = ", $op, "(dequantize(x))`, with one scale for all."),
                accuracy: Accuracy::Exact,
                from: concat!("(dequantize (", $head, " ?x) ?s ?z)"),
                to: concat!("(", $head, " (dequantize ?x ?s ?z))"),
                bind: one_scale,
                examples: &[concat!("?x i8[2,6]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]; ", $leaves)],
                declines: &[concat!("?x i8[2,6]; ?s f32[1,1]; ?z _; ", $leaves)],
            },
            Rule {
                name: concat!("move-", $name, "-over-quantize"),
                doc: concat!("`", $op, "(quantize(x)) = quantize(", $op, "(x))`, with one scale for all."),
                accuracy: Accuracy::Exact,
                from: concat!("(", $head, " (quantize ?q ?x ?s ?z))"),
                to: concat!("(quantize ?q (", $head, " ?x) ?s ?z)"),
                bind: one_scale,
                examples: &[concat!("?q {to: i8}; ?x f32[2,6]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]; ", $leaves)],
                declines: &[concat!("?q {to: u8}; ?x f32[2,6]; ?s f32[1,1]; ?z _; ", $leaves)],
            },
            Rule {
                name: concat!("move-quantize-over-", $name),
                doc: concat!("`quantize(", $op, "(x)) = ", $op, "(quantize(x))`, with one scale for all."),
                accuracy: Accuracy::Exact,
                from: concat!("(quantize ?q (", $head, " ?x) ?s ?z)"),
                to: concat!("(", $head, " (quantize ?q ?x ?s ?z))"),
                bind: one_scale,
                examples: &[concat!("?q {to: i8}; ?x f32[2,6]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]; ", $leaves)],
                declines: &[concat!("?q {to: u8}; ?x f32[2,6]; ?s f32[1,1]; ?z _; ", $leaves)],
            },
        )*]
    };
}

pub const MOVES: &[Rule] = moves![
    "reshape" "reshape" "reshape ?m" "?m {shape: [3,4]}",
    "transpose" "transpose" "transpose ?m" "?m {perm: [1,0]}",
    "slice" "slice" "slice ?m" "?m {starts: [1,4], steps: [1,-2], extents: [1,2]}"
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "remove-quantize-of-dequantize",
        doc: "`quantize(dequantize(x)) = x`, where scales and zero points are the same and the element types agree. The \
              quotient is at most 2^17 and off by less than 1/2.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (dequantize ?x ?s ?z) ?s ?z)",
        to: "?x",
        bind: |m| (m.ty("?x")? == m.result()? && m.dtype("?x")?.bytes() <= 2).then_some(()).and_then(|()| positive(m)),
        examples: &[
            "?q {to: i8}; ?x i8[4]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]",
            "?q {to: u8}; ?x u8[2,3]; ?s const [0.3,0.01,2.5] : f32[3]; ?z const [255,0,128] : u8[3]",
            "?q {to: u8}; ?x u8[4]; ?s const [0.5] : f32[]; ?z _",
        ],
        declines: &[
            "?q {to: u8}; ?x i8[4]; ?s const [0.5] : f32[]; ?z _",
            "?q {to: i8}; ?x i8[4]; ?s f32[]; ?z _",
            "?q {to: i8}; ?x i8[4]; ?s const [0.0] : f32[]; ?z _",
        ],
    },
    Rule {
        name: "move-relu-over-dequantize",
        doc: "`relu(dequantize(x)) = dequantize(max(x, zero))`, where the scale is positive.",
        accuracy: Accuracy::Exact,
        from: "(relu (dequantize ?x ?s ?z))",
        to: "(dequantize (max ?x ?z) ?s ?z)",
        bind: |m| m.constant("?z").and_then(|_| positive(m)),
        examples: &[
            "?x i8[4]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]",
            "?x u8[2,3]; ?s const [0.3,0.01,2.5] : f32[3]; ?z const [255,0,128] : u8[3]",
        ],
        declines: &[
            "?x i8[4]; ?s const [-0.1] : f32[]; ?z const [-7] : i8[]",
            "?x i8[4]; ?s const [0.1] : f32[]; ?z i8[]",
        ],
    },
    Rule {
        name: "move-relu-over-bare-dequantize",
        doc: "`relu(dequantize(x)) = dequantize(max(x, 0))`, where the scale is positive and there is no zero point.",
        accuracy: Accuracy::Exact,
        from: "(relu (dequantize ?x ?s _))",
        to: "(dequantize (max ?x ?o) ?s _)",
        bind: |m| {
            let zero = Tensor::of::<f64>(Shape::scalar(), vec![0.0]).cast(m.dtype("?x")?);
            positive(m).map(|b| b.tensor("?o", zero))
        },
        examples: &["?x i8[4]; ?s const [0.0123] : f32[]"],
        declines: &["?x i8[4]; ?s f32[]"],
    },
    Rule {
        name: "move-relu-over-quantize",
        doc: "`quantize(relu(x)) = max(quantize(x), zero)`, but for NaNs, where the scale is positive.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(quantize ?q (relu ?x) ?s ?z)",
        to: "(max (quantize ?q ?x ?s ?z) ?z)",
        bind: |m| m.constant("?z").and_then(|_| positive(m)),
        examples: &["?q {to: i8}; ?x f32[40]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]"],
        declines: &["?q {to: i8}; ?x f32[4]; ?s const [0.0123] : f32[]; ?z _"],
    },
    Rule {
        name: "remove-relu-before-quantize",
        doc: "`quantize(relu(x)) = quantize(x)`, where the zero point is the smallest integer and the scale is positive.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (relu ?x) ?s ?z)",
        to: "(quantize ?q ?x ?s ?z)",
        bind: |m| {
            let lowest = m.attrs("?q").dtype("to").range().0;
            let smallest = match m.numbers("?z") {
                Some(z) => z.iter().all(|&z| z == lowest),
                None => m.is_absent("?z") && lowest == 0.0,
            };
            positive(m).filter(|_| smallest)
        },
        examples: &[
            "?q {to: i8}; ?x f32[40]; ?s const [0.0123] : f32[]; ?z const [-128] : i8[]",
            "?q {to: u8}; ?x f32[40]; ?s const [0.0123] : f32[]; ?z _",
        ],
        declines: &["?q {to: i8}; ?x f32[4]; ?s const [0.0123] : f32[]; ?z const [-127] : i8[]"],
    },
    Rule {
        name: "remove-clip-before-quantize",
        doc: "`quantize(clip(x, lo, hi)) = quantize(x)`, where `lo` becomes the smallest and `hi` the largest integer, and the \
              scale is positive.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (clip ?x ?lo ?hi) ?s ?z)",
        to: "(quantize ?q ?x ?s ?z)",
        bind: |m| {
            let (lowest, highest) = m.attrs("?q").dtype("to").range();
            let (lo, hi, scale) = (m.number("?lo")?, m.number("?hi")?, m.number("?s")?);
            let zero = if m.is_absent("?z") { 0.0 } else { m.number("?z")? };
            // An f32 divided in f64 and rounded to f32 is its quotient in f32.
            let integer = |v: f64| f64::from((v / scale) as f32).round_ties_even() + zero;
            let saturates =
                lo <= hi && integer(lo) <= lowest && integer(hi) >= highest && m.ty("?x")?.shape == m.result()?.shape;
            positive(m).filter(|_| saturates)
        },
        examples: &[
            "?q {to: i8}; ?x f32[40] in -1..8; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.023529412] : f32[]; ?z \
             const [-128] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?x f32[40]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.024] : f32[]; ?z const [-128] : \
             i8[]",
            "?q {to: i8}; ?x f32[40]; ?lo const [0.0] : f32[]; ?hi const [6.0] : f32[]; ?s const [0.02] : f32[]; ?z const [-127] : \
             i8[]",
        ],
    },
    Rule {
        name: "move-max-pool-over-dequantize",
        doc: "`max_pool(dequantize(x)) = dequantize(max_pool(x))`, with one positive scale for all, where no window is all \
              padding.",
        accuracy: Accuracy::Exact,
        from: "(max_pool ?p (dequantize ?x ?s ?z))",
        to: "(dequantize (max_pool ?p ?x) ?s ?z)",
        bind: pooled,
        examples: &[
            "?p {kernel: [2,3], strides: [1,2], pads: [1,0,0,1], dilations: [1,1], ceil: false}; ?x i8[1,2,3,4]; ?s const [0.0123] : \
             f32[]; ?z const [-7] : i8[]",
        ],
        declines: &[
            "?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false}; ?x i8[1,2,4]; ?s const [-0.5] : f32[]; ?z _",
            "?p {kernel: [2], strides: [1], pads: [2,0], dilations: [1], ceil: false}; ?x i8[1,2,4]; ?s const [0.5] : f32[]; ?z _",
        ],
    },
    Rule {
        name: "move-max-pool-over-quantize",
        doc: "`quantize(max_pool(x)) = max_pool(quantize(x))`, but for NaNs, with one positive scale for all, where no window \
              is all padding.",
        accuracy: Accuracy::Real { tolerance: 0.0 },
        from: "(quantize ?q (max_pool ?p ?x) ?s ?z)",
        to: "(max_pool ?p (quantize ?q ?x ?s ?z))",
        bind: pooled,
        examples: &[
            "?q {to: i8}; ?p {kernel: [2,3], strides: [1,2], pads: [1,0,0,1], dilations: [1,1], ceil: false}; ?x f32[1,2,3,4]; ?s \
             const [0.0123] : f32[]; ?z const [-7] : i8[]",
        ],
        declines: &[
            "?q {to: i8}; ?p {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: true}; ?x f32[1,2,4]; ?s const [0.5] : \
             f32[]; ?z const [1] : i8[]",
        ],
    },
    Rule {
        name: "move-concat-over-dequantize",
        doc: "`concat(dequantize(x), ..) = dequantize(concat(x, ..))`, with one scale for all.",
        accuracy: Accuracy::Exact,
        from: "(concat ?c (dequantize ?x* ?s ?z)...)",
        to: "(dequantize (concat ?c ?x*...) ?s ?z)",
        bind: |m| {
            let types: Option<Vec<_>> = m.each("?x").iter().map(|x| m.dtype(x)).collect();
            one_scale(m).filter(|_| types.is_some_and(|t| t.windows(2).all(|w| w[0] == w[1])))
        },
        examples: &["?c {axis: 1}; ?x0 i8[2,3]; ?x1 i8[2,2]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]"],
        declines: &["?c {axis: 1}; ?x0 i8[2,3]; ?x1 u8[2,2]; ?s const [0.0123] : f32[]; ?z _"],
    },
    Rule {
        name: "move-quantize-over-concat",
        doc: "`quantize(concat(x, ..)) = concat(quantize(x), ..)`, with one scale for all.",
        accuracy: Accuracy::Exact,
        from: "(quantize ?q (concat ?c ?x*...) ?s ?z)",
        to: "(concat ?c (quantize ?q ?x* ?s ?z)...)",
        bind: one_scale,
        examples: &[
            "?q {to: i8}; ?c {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,2]; ?s const [0.0123] : f32[]; ?z const [-7] : i8[]",
        ],
        declines: &["?q {to: u8}; ?c {axis: 1}; ?x0 f32[2,3]; ?x1 f32[2,2]; ?s f32[5]; ?z _"],
    },
];

/// Where scale and zero point are scalars.
fn one_scale(m: &Match<'_>) -> Option<Bindings> {
    let scalar = |name: &str| m.shape(name).is_some_and(|s| s.rank() == 0);
    (scalar("?s") && (m.is_absent("?z") || scalar("?z"))).then(Bindings::default)
}

/// Where scales are positive constants, whose products with integers neither vanish nor overflow.
fn positive(m: &Match<'_>) -> Option<Bindings> {
    m.numbers("?s")?.iter().all(|s| (1e-20..1e20).contains(s)).then(Bindings::default)
}

/// Where scale and zero point are scalars, the scale positive, and each window of `?p` holds an element.
fn pooled(m: &Match<'_>) -> Option<Bindings> {
    let p = m.attrs("?p");
    let (pads, kernel) = (p.ints("pads"), p.ints("kernel").iter().cycle());
    let holds = pads.iter().zip(kernel).all(|(pad, kernel)| pad < kernel) && !p.bool("ceil");
    let plain = holds && p.ints("dilations").iter().all(|&d| d == 1);
    one_scale(m).and_then(|_| positive(m)).filter(|_| plain)
}
