//! Declared types of values: element type, and dimensions that are numbers or names.

use super::proto::{DimensionProto, TypeProto};
use super::tensor::{checked_type, element_type};
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

/// Names of dimensions with the values that the user gave them.
pub struct Dims<'a> {
    given: &'a BTreeMap<String, usize>,
    used: BTreeSet<String>,
    /// Names without a value, with the first input that has them.
    missing: BTreeMap<String, String>,
}

impl<'a> Dims<'a> {
    pub fn new(given: &'a BTreeMap<String, usize>) -> Dims<'a> {
        Dims { given, used: BTreeSet::new(), missing: BTreeMap::new() }
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
                    // A dimension without a name can be given by its place.
                    let dim = if d.dim_param.is_empty() { format!("{name}.{axis}") } else { d.dim_param.clone() };
                    self.used.insert(dim.clone());
                    let given = self.given.get(&dim).copied();
                    if given.is_none() {
                        self.missing.entry(dim).or_insert_with(|| format!("dimension {axis} of input {name:?}"));
                    }
                    given.map(|v| i64::try_from(v).unwrap_or(i64::MAX))
                }
            };
            if extent == Some(0) {
                return Err(in_input(OpError::new(Code::BadDim, format!("dimension {axis} is 0"))));
            }
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
        let fits = |d: &DimensionProto, n: usize| match d.dim_value.or(self.given.get(&d.dim_param).map(|&v| v as i64))
        {
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

    /// One error per unknown dimension, and a warning per value that no dimension takes.
    pub fn report(&self, report: &mut Report) {
        for (dim, place) in &self.missing {
            let message = format!("{place} is {dim:?}, whose value is not known");
            let argument = if dim.contains(|c: char| c.is_whitespace()) {
                format!("{:?}", format!("{dim}=1"))
            } else {
                format!("{dim}=1")
            };
            report.push(
                Diagnostic::error(Code::DynamicDim, message).help(format!("give it a value, such as --dim {argument}")),
            );
        }
        for dim in self.given.keys().filter(|d| !self.used.contains(*d)) {
            let message = format!("no input has a dimension {dim:?}");
            report.push(Diagnostic::warning(Code::UnusedDim, message));
        }
    }
}

fn spelled(d: &DimensionProto) -> String {
    match d.dim_value {
        Some(v) => v.to_string(),
        None if d.dim_param.is_empty() => "?".to_owned(),
        None => d.dim_param.clone(),
    }
}
