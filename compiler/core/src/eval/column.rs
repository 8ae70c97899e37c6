//! Between tensors and the columns that expressions are evaluated on. A column's element is what
//! holds the tensor's element in loops: unsigned integers keep their bits, bool is 0 or 1.

use crate::loops::Expr;
use crate::loops::columns::{self, Column};
use crate::ops::index;
use crate::tensor::{Data, Tensor};
use crate::types::{DType, TensorType};

/// The elements of a tensor, none of them narrow floats.
pub fn of(data: &Data) -> Column {
    match data {
        Data::Bool(v) => Column::I8(v.iter().map(|&x| i8::from(x)).collect()),
        Data::I8(v) => Column::I8(v.clone()),
        Data::U8(v) => Column::I8(v.iter().map(|&x| x as i8).collect()),
        Data::I16(v) => Column::I16(v.clone()),
        Data::U16(v) => Column::I16(v.iter().map(|&x| x as i16).collect()),
        Data::I32(v) => Column::I32(v.clone()),
        Data::U32(v) => Column::I32(v.iter().map(|&x| x as i32).collect()),
        Data::I64(v) => Column::I64(v.clone()),
        Data::U64(v) => Column::I64(v.iter().map(|&x| x as i64).collect()),
        Data::F32(v) => Column::F32(v.clone()),
        Data::F64(v) => Column::F64(v.clone()),
        Data::F16(_) | Data::BF16(_) => unreachable!("narrow floats are widened before"),
    }
}

/// `n` times the value of an expression without operands.
pub fn constant(value: &Expr, n: usize) -> Column {
    columns::eval(value, &[Column::I1(vec![false; n])])
}

/// The elements that a tensor has when broadcast to a shape.
pub fn broadcast(x: &Tensor, shape: &[usize]) -> Column {
    if **x.shape() == *shape {
        return of(x.data());
    }
    match index::repeats(x.shape(), shape) {
        Some((each, times)) => of(&x.data().repeated(each, times)),
        None => of(&x.data().gather(index::broadcast(x.shape(), shape))),
    }
}

/// The tensor of a type whose elements a column holds.
pub fn tensor(column: Column, ty: &TensorType) -> Tensor {
    let data = match (column, ty.dtype) {
        (Column::I1(v), DType::Bool) => Data::Bool(v),
        (Column::I8(v), DType::Bool) => Data::Bool(v.into_iter().map(|x| x != 0).collect()),
        (Column::I8(v), DType::I8) => Data::I8(v),
        (Column::I8(v), DType::U8) => Data::U8(v.into_iter().map(|x| x as u8).collect()),
        (Column::I16(v), DType::I16) => Data::I16(v),
        (Column::I16(v), DType::U16) => Data::U16(v.into_iter().map(|x| x as u16).collect()),
        (Column::I32(v), DType::I32) => Data::I32(v),
        (Column::I32(v), DType::U32) => Data::U32(v.into_iter().map(|x| x as u32).collect()),
        (Column::I64(v), DType::I64) => Data::I64(v),
        (Column::I64(v), DType::U64) => Data::U64(v.into_iter().map(|x| x as u64).collect()),
        (Column::F32(v), DType::F32) => Data::F32(v),
        (Column::F64(v), DType::F64) => Data::F64(v),
        (_, other) => unreachable!("the expression computes the elements of {other}"),
    };
    Tensor::new(ty.shape.clone(), data).expect("one element a coordinate")
}
