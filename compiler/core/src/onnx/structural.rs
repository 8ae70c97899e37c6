//! ONNX operators that need no operator of the graph: their results are constants, or an operand itself.

use super::node::NodeReader;
use super::tensor::{MAX_MADE_BYTES, checked_type};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::op::{Import, onnx};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

pub const STRUCTURAL: &[Import] = &[
    onnx("Constant", 1, constant),
    onnx("ConstantOfShape", 9, constant_of_shape),
    onnx("Dropout", 6, dropout),
    onnx("Identity", 1, identity),
    onnx("Range", 11, range),
    onnx("Shape", 1, shape),
    onnx("Size", 1, size),
];

type Results = Result<Vec<NodeId>, OpError>;

fn bad(message: impl Into<String>) -> OpError {
    OpError::new(Code::BadAttribute, message)
}

/// A tensor of equal elements that the model describes without storing it.
fn filled(ty: &TensorType, element: &Tensor) -> Result<Tensor, OpError> {
    if ty.bytes() > MAX_MADE_BYTES {
        return Err(OpError::new(Code::BadDim, format!("the constant {ty} is larger than 16 MiB")));
    }
    let data = element.data().gather(std::iter::repeat_n(0, ty.elements()));
    Tensor::new(ty.shape.clone(), data).ok_or_else(|| bad("the constant has no elements"))
}

/// The one attribute that is given holds the value.
fn constant(n: &mut NodeReader<'_>) -> Results {
    for name in ["value_string", "value_strings"] {
        if n.has(name) {
            return Err(bad(format!("attribute {name}: strings are not supported")));
        }
    }
    let floats = |v: Vec<f32>| Tensor::of([v.len()], v);
    let ints = |v: Vec<i64>| Tensor::of([v.len()], v);
    let mut values = Vec::new();
    values.extend(n.tensor("value")?);
    values.extend(n.tensor("sparse_value")?);
    values.extend(n.float("value_float")?.map(|v| Tensor::of([], vec![v]).into()));
    values.extend(n.floats("value_floats")?.map(|v| floats(v).into()));
    values.extend(n.int("value_int")?.map(|v| Tensor::of([], vec![v]).into()));
    values.extend(n.ints("value_ints")?.map(|v| ints(v).into()));
    match <[_; 1]>::try_from(values) {
        Ok([value]) => Ok(vec![n.add_const(value)]),
        Err(values) => Err(bad(format!("a constant has exactly one value, this one has {}", values.len()))),
    }
}

fn constant_of_shape(n: &mut NodeReader<'_>) -> Results {
    let dims = n.constant_ints(0)?.ok_or_else(|| OpError::new(Code::Arity, "input 0 (shape) is missing"))?;
    let element = n.tensor("value")?.unwrap_or_else(|| Tensor::of([1], vec![0f32]).into());
    if element.data().len() != 1 {
        return Err(bad(format!("attribute value must have one element, but is {}", element.ty())));
    }
    let ty = checked_type(element.dtype(), &dims)?;
    Ok(vec![n.add_const(filled(&ty, &element)?)])
}

/// At inference nothing is dropped: the operand, and a mask that keeps all.
fn dropout(n: &mut NodeReader<'_>) -> Results {
    let x = n.required(0)?;
    let ty = n.ty(0)?;
    if let Some(training) = n.constant(2)?
        && training.to_f64s().iter().any(|&t| t != 0.0)
    {
        return Err(bad("training mode is not supported").help("export the model for inference"));
    }
    n.float("ratio")?;
    if n.opset() < 7 {
        n.int("is_test")?;
    }
    n.int("seed")?;
    let mut results = vec![x];
    if n.results() > 1 {
        let kept = if n.opset() < 10 { ones(ty.dtype)? } else { Tensor::of([1], vec![true]) };
        let mask = TensorType::new(kept.dtype(), ty.shape);
        results.push(n.add_const(filled(&mask, &kept)?));
    }
    Ok(results)
}

/// A single 1 of a float type.
fn ones(dtype: DType) -> Result<Tensor, OpError> {
    match dtype {
        DType::F32 => Ok(Tensor::of([1], vec![1f32])),
        DType::F64 => Ok(Tensor::of([1], vec![1f64])),
        DType::F16 => Ok(Tensor::of([1], vec![half::f16::ONE])),
        other => Err(OpError::new(Code::TypeMismatch, format!("dropout takes floats, not {other}"))),
    }
}

fn identity(n: &mut NodeReader<'_>) -> Results {
    Ok(vec![n.required(0)?])
}

/// All shapes are static, so the extents are a constant; opset 15 takes a range of axes.
fn shape(n: &mut NodeReader<'_>) -> Results {
    let shape = n.ty(0)?.shape;
    let rank = shape.rank() as i64;
    let axis = |a: i64| (if a < 0 { a.saturating_add(rank) } else { a }).clamp(0, rank) as usize;
    let start = axis(n.int("start")?.unwrap_or(0));
    let end = axis(n.int("end")?.unwrap_or(rank)).max(start);
    let extents: Vec<i64> = shape[start..end].iter().map(|&d| d as i64).collect();
    Ok(vec![n.add_const(Tensor::of([extents.len()], extents))])
}

fn size(n: &mut NodeReader<'_>) -> Results {
    let elements = n.ty(0)?.elements() as i64;
    Ok(vec![n.add_const(Tensor::of([], vec![elements]))])
}

/// From a constant start up to but without a limit, in constant steps.
fn range(n: &mut NodeReader<'_>) -> Results {
    let ty = n.ty(0)?;
    let mut bounds = Vec::new();
    for (i, name) in ["start", "limit", "delta"].into_iter().enumerate() {
        let missing = || OpError::new(Code::Arity, format!("input {i} ({name}) is missing"));
        let t = n.constant(i)?.ok_or_else(missing)?;
        match t.to_f64s()[..] {
            [v] if t.dtype() == ty.dtype => bounds.push(v),
            _ => return Err(bad(format!("{name} must be one element of {}, but is {}", ty.dtype, t.ty()))),
        }
    }
    let (start, limit, delta) = (bounds[0], bounds[1], bounds[2]);
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !count.is_finite() {
        return Err(bad(format!("steps of {delta} do not lead from {start} to {limit}")));
    }
    let range = TensorType::new(ty.dtype, [count as usize]);
    if range.bytes() > MAX_MADE_BYTES {
        return Err(OpError::new(Code::BadDim, format!("the constant {range} is larger than 64 MiB")));
    }
    let values = (0..count as usize).map(|i| start + i as f64 * delta).collect();
    Ok(vec![n.add_const(Tensor::of::<f64>(range.shape.clone(), values).cast(ty.dtype))])
}
