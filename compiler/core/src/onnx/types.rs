//! Declared types of values: element type, and dimensions that are numbers or names.

use super::proto::{DimensionProto, TensorShapeProto, TensorTypeProto, TypeProto};
use super::tensor::{checked_type, element_number, element_type};
use crate::diag::{Code, Diagnostic, OpError, Report};
use crate::types::TensorType;
use std::collections::{BTreeMap, BTreeSet};

/// The tensor type behind a type, with its dimensions; no dimensions when even their number is unknown.
fn tensor_of(ty: Option<&TypeProto>) -> Result<(i32, Option<&[DimensionProto]>), OpError> {
    let bad = |m: &str| Err(OpError::new(Code::BadTensor, m));
    match ty {
        Some(TypeProto { tensor_type: Some(t), .. }) => Ok((t.elem_type, t.shape.as_ref().map(|s| s.dim.as_slice()))),
        Some(TypeProto { sequence_type: Some(_), .. }) => bad("sequences are not supported, only tensors"),
        Some(TypeProto { map_type: Some(_), .. }) => bad("maps are not supported, only tensors"),
        Some(TypeProto { sparse_tensor_type: Some(_), .. }) => bad("sparse tensors are supported as constants only"),
        Some(TypeProto { optional_type: Some(_), .. }) => bad("optionals are not supported, only tensors"),
        _ => bad("it has no type"),
    }
}

/// The declaration of a type.
pub fn declared(ty: &TensorType) -> TypeProto {
    let dim = |&d: &usize| DimensionProto { dim_value: Some(d as i64), dim_param: String::new() };
    let shape = TensorShapeProto { dim: ty.shape.iter().map(dim).collect() };
    let tensor = TensorTypeProto { elem_type: element_number(ty.dtype), shape: Some(shape) };
    TypeProto { tensor_type: Some(tensor), ..Default::default() }
}

/// Names of dimensions with the values that the user gave them, and those of batches, which are taken as
/// 1 where the user gave none.
pub struct Dims<'a> {
    given: &'a BTreeMap<String, usize>,
    /// With the input that first has each of them.
    assumed: BTreeMap<String, String>,
    used: BTreeSet<String>,
    /// Names without a value, with the first input that has them.
    missing: BTreeMap<String, String>,
}

impl<'a> Dims<'a> {
    pub fn new(given: &'a BTreeMap<String, usize>) -> Dims<'a> {
        Dims { given, assumed: BTreeMap::new(), used: BTreeSet::new(), missing: BTreeMap::new() }
    }

    /// Takes the first dimension of an input as its batch, unless it is the only one. All inputs are
    /// told before the first of them is asked for its type.
    pub fn batch(&mut self, name: &str, ty: Option<&TypeProto>) {
        let Ok((_, Some([DimensionProto { dim_value: None, dim_param }, _, ..]))) = tensor_of(ty) else { return };
        let dim = spelled_or_placed(dim_param, name, 0);
        if !self.given.contains_key(&dim) {
            self.assumed.entry(dim).or_insert_with(|| name.to_owned());
        }
    }

    fn value(&self, dim: &str) -> Option<usize> {
        self.given.get(dim).copied().or_else(|| self.assumed.contains_key(dim).then_some(1))
    }

    /// Type of a graph input. `None` when a dimension is unknown, which `report` tells later.
    pub fn input(&mut self, name: &str, ty: Option<&TypeProto>) -> Result<Option<TensorType>, OpError> {
        let in_input = |e: OpError| OpError { message: format!("input {name:?}: {}", e.message), ..e };
        let (elem, dims) = tensor_of(ty).map_err(in_input)?;
        let dtype = element_type(elem.into()).map_err(in_input)?;
        let Some(dims) = dims else {
            return Err(OpError::new(
                Code::DynamicDim,
                format!("input {name:?}: the number of its dimensions is unknown"),
            )
            .help("export the model with a fixed input shape"));
        };
        let mut extents = Vec::with_capacity(dims.len());
        for (axis, d) in dims.iter().enumerate() {
            let extent = match d.dim_value {
                Some(v) => Some(v),
                None => {
                    let dim = spelled_or_placed(&d.dim_param, name, axis);
                    self.used.insert(dim.clone());
                    let value = self.value(&dim);
                    if value.is_none() {
                        self.missing.entry(dim).or_insert_with(|| format!("dimension {axis} of input {name:?}"));
                    }
                    value.map(|v| i64::try_from(v).unwrap_or(i64::MAX))
                }
            };
            extents.extend(extent);
        }
        if extents.len() < dims.len() {
            return Ok(None);
        }
        checked_type(dtype, &extents).map(Some).map_err(in_input)
    }

    /// What contradicts `ty` in the declared type of a graph output; undeclared parts contradict nothing.
    pub fn contradiction(&self, declared: Option<&TypeProto>, ty: &TensorType) -> Option<String> {
        let Ok((elem, dims)) = tensor_of(declared) else { return None };
        let dtype_fits = elem == 0 || element_type(elem.into()).is_ok_and(|d| d == ty.dtype);
        let fits = |d: &DimensionProto, n: usize| match d.dim_value.or(self.value(&d.dim_param).map(|v| v as i64)) {
            Some(v) => usize::try_from(v).is_ok_and(|v| v == n),
            None => true,
        };
        let shape_fits = dims.is_none_or(|dims| {
            dims.len() == ty.shape.rank() && dims.iter().zip(ty.shape.iter()).all(|(d, &n)| fits(d, n))
        });
        (!dtype_fits || !shape_fits).then(|| {
            let dtype = element_type(elem.into()).map_or_else(|_| format!("element type {elem} "), |d| d.to_string());
            let dims = dims.map_or_else(String::new, |dims| {
                format!("[{}]", dims.iter().map(spelled).collect::<Vec<_>>().join(","))
            });
            format!("{dtype}{dims}")
        })
    }

    /// One error per unknown dimension, a warning per batch that is taken as 1, and one per value that
    /// no dimension takes.
    pub fn report(&self, report: &mut Report) {
        for (dim, place) in &self.missing {
            let message = format!("{place} is {dim:?}, whose value is not known");
            let help = format!("give it a value, such as --dim {}", argument(dim, 1));
            report.push(Diagnostic::error(Code::DynamicDim, message).help(help));
        }
        for (dim, input) in &self.assumed {
            let message = format!("dimension 0 of input {input:?} is {dim:?}, whose value is not known; taken as 1");
            let help = format!("give it another value, such as --dim {}", argument(dim, 8));
            report.push(Diagnostic::warning(Code::AssumedDim, message).help(help));
        }
        for dim in self.given.keys().filter(|d| !self.used.contains(*d)) {
            let message = format!("no input has a dimension {dim:?}");
            report.push(Diagnostic::warning(Code::UnusedDim, message));
        }
    }
}

/// What the user calls a dimension: by its name, or else by its place.
fn spelled_or_placed(dim_param: &str, input: &str, axis: usize) -> String {
    if dim_param.is_empty() { format!("{input}.{axis}") } else { dim_param.to_owned() }
}

/// `DIM=VALUE` as a word of a command line.
fn argument(dim: &str, value: usize) -> String {
    let argument = format!("{dim}={value}");
    if dim.contains(|c: char| c.is_whitespace()) { format!("{argument:?}") } else { argument }
}

fn spelled(d: &DimensionProto) -> String {
    match d.dim_value {
        Some(v) => v.to_string(),
        None if d.dim_param.is_empty() => "?".to_owned(),
        None => d.dim_param.clone(),
    }
}
