//! All rules, one file a subject.

mod algebra;
mod bounds;
mod channels;
mod clips;
mod constants;
mod elementwise;
mod functions;
mod integer_elements;
mod integer_sums;
mod integers;
mod linear;
mod merging;
mod movement;
#[cfg(test)]
mod mutants;
mod normalization;
mod parallel;
mod pointwise;
mod positions;
mod quantization;
mod scales;
mod sinking;
mod sinking_products;
mod slicing;
mod statistics;
#[cfg(test)]
mod tests;
mod tflite;
mod transposition;

pub use parallel::{BEHIND, PAIRS};

use crate::rule::{Match, Rule};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

/// Every rule, in the order of its subject.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    SUBJECTS.iter().flat_map(|s| s.rules)
}

/// The rules that give all forms of a network: those but [`PAIRS`] and [`BEHIND`].
pub fn saturating() -> impl Iterator<Item = &'static Rule> {
    let apart = |r: &&Rule| [PAIRS, BEHIND].iter().all(|rules| rules.iter().all(|a| a.name != r.name));
    all().filter(apart)
}

/// Rules about one thing.
pub struct Subject {
    pub name: &'static str,
    pub rules: &'static [Rule],
}

pub const SUBJECTS: &[Subject] = &[
    Subject { name: "Arithmetic", rules: algebra::RULES },
    Subject { name: "Ranges of values", rules: bounds::RULES },
    Subject { name: "Limits and signs", rules: clips::RULES },
    Subject { name: "Functions of one element", rules: functions::RULES },
    Subject { name: "Means, norms and softmax", rules: statistics::RULES },
    Subject { name: "Functions of one element past other operators", rules: elementwise::MOVES },
    Subject { name: "Growing functions past maxima", rules: elementwise::GROWS },
    Subject { name: "Reshapes past arithmetic", rules: elementwise::RULES },
    Subject { name: "Slices and concatenations", rules: slicing::RULES },
    Subject { name: "Slices before what computes", rules: sinking::RULES },
    Subject { name: "Slices before products", rules: sinking_products::RULES },
    Subject { name: "Reshapes, transposes and pads", rules: movement::RULES },
    Subject { name: "Factors and summands of channels", rules: normalization::RULES },
    Subject { name: "Factors past other operators", rules: channels::FACTORS },
    Subject { name: "Summands past other operators", rules: channels::SUMMANDS },
    Subject { name: "Factors and summands past pools and pads", rules: channels::PADDED },
    Subject { name: "Matrix products, and what stands before convolutions", rules: linear::RULES },
    Subject { name: "Transposes past functions of one element", rules: transposition::FUNCTIONS },
    Subject { name: "Transposes past functions of two elements", rules: transposition::PAIRS },
    Subject { name: "Transposes past and into other operators", rules: transposition::RULES },
    Subject { name: "Quantized values past other operators", rules: quantization::MOVES },
    Subject { name: "Quantized values", rules: quantization::RULES },
    Subject { name: "Quantized products in integers", rules: integers::RULES },
    Subject { name: "Quantized functions of each element in integers", rules: integer_elements::RULES },
    Subject { name: "Quantized sums as TensorFlow Lite rounds them", rules: tflite::RULES },
    Subject { name: "Quantized functions of one element as tables", rules: integer_elements::TABLES },
    Subject { name: "Quantized means, pools and softmax in integers", rules: integer_sums::RULES },
    Subject { name: "Linear operators one behind the other", rules: merging::RULES },
    Subject { name: "Pointwise convolutions and matrix products", rules: pointwise::RULES },
    Subject { name: "Products side by side in a concatenation", rules: parallel::JOINED },
    Subject { name: "Products of one value", rules: PAIRS },
    Subject { name: "Functions of one element behind slices", rules: BEHIND },
];

/// A tensor of numbers, each rounded once.
fn floats(dtype: DType, shape: &[usize], numbers: Vec<f64>) -> Tensor {
    Tensor::of::<f64>(shape.to_vec(), numbers).cast(dtype)
}

/// Whether a constant is this number, as [`near`] says.
fn is(m: &Match<'_>, name: &str, value: f64) -> bool {
    m.number(name).is_some_and(|v| near(v, value))
}

/// Whether a number is another one, written with six digits or more.
fn near(written: f64, value: f64) -> bool {
    (written - value).abs() <= 1e-6 * value.abs()
}
