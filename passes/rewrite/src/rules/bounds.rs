//! What the ranges of values make superfluous.

use crate::rule::{Accuracy, Bindings, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "remove-relu-of-positive",
        doc: "`relu(x) = x`, where no element of `x` is negative or -0.0.",
        accuracy: Accuracy::Exact,
        from: "(relu ?x)",
        to: "?x",
        bind: |m| m.ranges("?x")?.all().lo.total_cmp(&0.0).is_ge().then(Bindings::default),
        examples: &["?x f32[2,3] in 0.5..1.0"],
        declines: &["?x f32[2,3]"],
    },
    Rule {
        name: "remove-abs-of-positive",
        doc: "`|x| = x`, where no element of `x` is negative or -0.0.",
        accuracy: Accuracy::Exact,
        from: "(abs ?x)",
        to: "?x",
        bind: |m| m.ranges("?x")?.all().lo.total_cmp(&0.0).is_ge().then(Bindings::default),
        examples: &["?x f32[2,3] in 0.5..1.0"],
        declines: &["?x f32[2,3]"],
    },
    Rule {
        name: "remove-clip-in-range",
        doc: "`clip(x, lo, hi) = x`, where every element of `x` lies strictly between the constants `lo` and `hi`.",
        accuracy: Accuracy::Exact,
        from: "(clip ?x ?lo ?hi)",
        to: "?x",
        bind: |m| {
            let (x, lo, hi) = (m.ranges("?x")?.all(), m.number("?lo")?, m.number("?hi")?);
            (lo < x.lo && x.hi < hi).then(Bindings::default)
        },
        examples: &["?x f32[2,3] in -0.5..1.0; ?lo const [-2.0] : f32[]; ?hi const [2.0] : f32[]"],
        declines: &["?x f32[2,3]; ?lo const [-2.0] : f32[]; ?hi const [2.0] : f32[]"],
    },
];
