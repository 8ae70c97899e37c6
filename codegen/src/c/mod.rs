//! The C printer: a loop program as one C99 source file and its header. Knows no operator.
//!
//! `unit` holds the file under construction, `function`, `expr`, `index` and `lanes` print code,
//! `support` what that code needs, `weights` constants, `share` merges functions, `sites` what holds at all calls, `api` the interface, `stack` the
//! bound on the stack. Relies on what `loops::check` checks.

mod api;
mod body;
mod expr;
mod function;
mod header;
mod index;
mod lanes;
mod names;
mod number;
mod ports;
mod range;
mod selftest;
mod share;
mod sites;
mod stack;
mod support;
mod unit;
mod weights;

use crate::Io;
use crate::targets::Target;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::loops::Program;
use tinyc_core::tensor::Tensor;

pub use header::{Sizes, context_bytes};
pub use names::{identifier, is_identifier};
use unit::Unit;
pub use weights::Weights;

#[derive(Clone, Debug)]
pub struct Options {
    pub target: &'static Target,
    pub io: Io,
    /// Emits `set_hook`, called before and after each step.
    pub hook: bool,
    /// Emits `selftest`.
    pub selftest: Option<Golden>,
    pub weights: Weights,
    /// What the source includes.
    pub header_name: String,
    /// Identifies the model; ASCII.
    pub model_hash: String,
    /// Smallest and largest element that float inputs are assumed to have, by name.
    pub input_ranges: BTreeMap<String, (f64, f64)>,
    /// Of inputs and outputs whose integers stand for real numbers.
    pub scales: PortScales,
    /// Whether functions that are equal but for numbers become one.
    pub share: bool,
}

/// Scale and zero point, by name.
#[derive(Clone, Debug, Default)]
pub struct PortScales {
    pub inputs: BTreeMap<String, (f32, i32)>,
    pub outputs: BTreeMap<String, (f32, i32)>,
}

/// Samples that `selftest` runs.
#[derive(Clone, Debug)]
pub struct Golden {
    pub samples: Vec<Sample>,
    /// Of float outputs, relative to the largest magnitude in the sample's output (at least 1).
    pub tolerance: f64,
}

#[derive(Clone, Debug)]
pub struct Sample {
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    pub header: String,
    pub source: String,
    /// Contents of the file of [`Weights::File`].
    pub weights: Option<Vec<u8>>,
    pub sizes: Sizes,
    /// Names of the functions that each step runs.
    pub functions: Vec<BTreeSet<String>>,
}

/// Prints the program. The same program and options give the same bytes.
pub fn print(program: &Program, options: &Options) -> Emitted {
    let mut unit = Unit::new(options.target, identifier(&program.name, "model"));
    for name in api::NAMES {
        unit.declare(name);
    }
    unit.small = options.share;
    let shared = options.share.then(|| share::share(program, options.target));
    let program = shared.as_ref().unwrap_or(program);
    let (order, same) = sites::reached(program);
    let facts = sites::facts(program, &order, &same, options.target.align);
    let mut functions = Vec::new();
    for &id in &order {
        let f = &program.functions[id.0 as usize];
        let name = unit.declare(&identifier(&f.name, "kernel"));
        functions.push(function::print(&mut unit, &name, f, &facts[&id]));
        let equal: Vec<_> = same.iter().filter(|(_, first)| **first == id).map(|(other, _)| *other).collect();
        unit.functions.extend(equal.into_iter().map(|other| (other, name.clone())));
    }
    let constants = weights::print(&mut unit, program, &options.weights);
    let selftest = options.selftest.as_ref().map(|g| selftest::print(&mut unit, program, options, g));
    let api = api::print(&mut unit, program, options, &constants.names);
    let sizes = Sizes {
        weights: constants.bytes + unit.table_bytes,
        stack: stack::bound(program, stack::support(unit.used())),
        context: context_bytes(options.io, program.inputs.len() + program.outputs.len(), options.hook),
        selftest: selftest.as_ref().map(|s| s.bytes),
    };
    let header = header::print(&unit, program, options, &sizes);
    let mut source = header::preamble(&unit, program, options);
    let mut section = |parts: &[String]| {
        for p in parts {
            source.push('\n');
            source.push_str(p);
        }
    };
    section(unit.support_code());
    section(&unit.table_code);
    section(&constants.code);
    section(&functions);
    section(&[api]);
    section(&selftest.map(|s| s.code).into_iter().collect::<Vec<_>>());
    let names = |f| sites::run_by(program, f).iter().map(|id| unit.functions[id].clone()).collect();
    let functions = program.steps.iter().map(|s| names(s.function)).collect();
    Emitted { header, source, weights: constants.file, sizes, functions }
}
