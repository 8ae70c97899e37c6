//! Tensors of a model file: every encoding of ONNX into [`Tensor`], and back into one of them.
//!
//! Element counts are checked before anything is allocated, so a tensor takes no more memory than the
//! bytes that the model brings for it. External data come through the resolver of the caller.

use super::proto::{SparseTensorProto, TensorProto};
use crate::diag::{Code, OpError};
use crate::tensor::{Data, Element, Tensor};
use crate::types::{DType, MAX_TENSOR_BYTES, Shape, TensorType};
use crate::with_data;
use half::{bf16, f16};
use prost::Message;
use std::collections::HashMap;
use std::io;

/// No constant that the model describes without storing its elements may be larger.
pub const MAX_MADE_BYTES: usize = 16 << 20;

/// Element types of ONNX in the order of their numbers, from 1.
const ELEMENT_TYPES: [(&str, Option<DType>); 28] = [
    ("float", Some(DType::F32)),
    ("uint8", Some(DType::U8)),
    ("int8", Some(DType::I8)),
    ("uint16", Some(DType::U16)),
    ("int16", Some(DType::I16)),
    ("int32", Some(DType::I32)),
    ("int64", Some(DType::I64)),
    ("string", None),
    ("bool", Some(DType::Bool)),
    ("float16", Some(DType::F16)),
    ("double", Some(DType::F64)),
    ("uint32", Some(DType::U32)),
    ("uint64", Some(DType::U64)),
    ("complex64", None),
    ("complex128", None),
    ("bfloat16", Some(DType::BF16)),
    ("float8e4m3fn", None),
    ("float8e4m3fnuz", None),
    ("float8e5m2", None),
    ("float8e5m2fnuz", None),
    ("uint4", None),
    ("int4", None),
    ("float4e2m1", None),
    ("float8e8m0", None),
    ("uint2", None),
    ("int2", None),
    ("float6e2m3", None),
    ("float6e3m2", None),
];

fn bad(message: String) -> OpError {
    OpError::new(Code::BadTensor, message)
}

/// The element type with this ONNX number.
pub fn element_type(number: i64) -> Result<DType, OpError> {
    match usize::try_from(number).ok().and_then(|n| ELEMENT_TYPES.get(n.checked_sub(1)?)) {
        Some((_, Some(dtype))) => Ok(*dtype),
        Some((name, None)) => Err(bad(format!("element type {name} is not supported"))),
        None => Err(bad(format!("element type {number} is unknown"))),
    }
}

/// The number that ONNX gives an element type.
pub fn element_number(dtype: DType) -> i32 {
    let position = ELEMENT_TYPES.iter().position(|(_, d)| *d == Some(dtype));
    position.expect("every element type is one of ONNX") as i32 + 1
}

/// A tensor as a model stores it.
pub fn write_tensor(name: &str, t: &Tensor) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: t.shape().iter().map(|&d| d as i64).collect(),
        data_type: element_number(t.dtype()),
        raw_data: t.data().to_le_bytes(),
        ..Default::default()
    }
}

/// The number that ONNX gives an element type, by its name in ONNX.
pub fn element_type_number(name: &str) -> Option<i32> {
    ELEMENT_TYPES.iter().position(|(n, _)| *n == name).map(|i| i as i32 + 1)
}

/// Extents that a tensor of the model gives, within the limits of [`MAX_TENSOR_BYTES`].
pub fn checked_type(dtype: DType, dims: &[i64]) -> Result<TensorType, OpError> {
    let shape = dims.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
    let Some(shape) = shape else {
        return Err(OpError::new(Code::BadDim, format!("a dimension of {dims:?} is negative")));
    };
    let ty = TensorType::new(dtype, shape);
    match ty.shape.checked_len().and_then(|n| n.checked_mul(dtype.bytes())) {
        Some(bytes) if bytes <= MAX_TENSOR_BYTES => Ok(ty),
        _ => Err(OpError::new(Code::BadDim, format!("{ty} is larger than 2 GiB"))),
    }
}

/// Reads a serialized TensorProto, the form of test data beside ONNX models. Nothing of it is external.
pub fn read_tensor(bytes: &[u8]) -> Result<Tensor, OpError> {
    read_tensor_proto(&TensorProto::decode(bytes).map_err(|e| bad(format!("it does not decode: {e}")))?)
}

/// Reads a tensor that lies in no other file.
pub fn read_tensor_proto(proto: &TensorProto) -> Result<Tensor, OpError> {
    TensorReader::new(&|_| Err(io::ErrorKind::Unsupported.into())).read(proto)
}

/// Reads tensors of one model; files of external data are read once.
pub struct TensorReader<'a> {
    external: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    files: HashMap<String, Vec<u8>>,
}

impl<'a> TensorReader<'a> {
    pub fn new(external: &'a dyn Fn(&str) -> io::Result<Vec<u8>>) -> TensorReader<'a> {
        TensorReader { external, files: HashMap::new() }
    }

    pub fn read(&mut self, t: &TensorProto) -> Result<Tensor, OpError> {
        self.data(t).map_err(|e| OpError { message: format!("tensor {:?}: {}", t.name, e.message), ..e })
    }

    fn data(&mut self, t: &TensorProto) -> Result<Tensor, OpError> {
        let ty = checked_type(element_type(t.data_type.into())?, &t.dims)?;
        if t.segment.is_some() {
            return Err(bad("it is stored in segments, which is not supported".to_owned()));
        }
        let data = if t.data_location == 1 {
            from_bytes(&ty, self.external_bytes(t, &ty)?)?
        } else if !t.raw_data.is_empty() {
            if typed_fields(t).iter().any(|(_, n)| *n > 0) {
                return Err(bad("it has raw data and typed data".to_owned()));
            }
            from_bytes(&ty, &t.raw_data)?
        } else {
            from_typed(t, &ty)?
        };
        Tensor::new(ty.shape.clone(), data).ok_or_else(|| bad(format!("its data do not fill {ty}")))
    }

    fn external_bytes(&mut self, t: &TensorProto, ty: &TensorType) -> Result<&[u8], OpError> {
        let missing = |m: String| OpError::new(Code::MissingData, m);
        let entry = |key: &str| t.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
        let number = |key: &str| -> Result<Option<usize>, OpError> {
            let Some(v) = entry(key) else { return Ok(None) };
            v.trim().parse().map(Some).map_err(|_| bad(format!("{key} {v:?} of its external data is no number")))
        };
        let location = entry("location").unwrap_or_default();
        if location.is_empty() {
            return Err(bad("its external data have no location".to_owned()));
        }
        if leaves_folder(location) {
            return Err(missing(format!("its data are in {location:?}, outside of the model's folder")));
        }
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if length.is_some_and(|l| l != ty.bytes()) {
            let length = length.unwrap_or(0);
            return Err(bad(format!("its external data have {length} bytes, but {ty} needs {}", ty.bytes())));
        }
        if !self.files.contains_key(location) {
            let bytes = (self.external)(location)
                .map_err(|e| missing(format!("its data in {location:?} cannot be read: {e}")))?;
            self.files.insert(location.to_owned(), bytes);
        }
        let file = &self.files[location];
        let range = offset.checked_add(ty.bytes()).and_then(|end| file.get(offset..end));
        range.ok_or_else(|| {
            let (need, have) = (ty.bytes(), file.len());
            missing(format!("{location:?} is too short: it needs {need} bytes at {offset}, the file has {have}"))
        })
    }

    /// A sparse tensor, made dense.
    pub fn read_sparse(&mut self, s: &SparseTensorProto) -> Result<Tensor, OpError> {
        let (Some(values), Some(indices)) = (&s.values, &s.indices) else {
            return Err(bad("a sparse tensor lacks values or indices".to_owned()));
        };
        let values = self.read(values)?;
        let bad = |m: &str| bad(format!("sparse tensor {:?}: {m}", s.values.as_ref().map_or("", |v| &v.name)));
        let ty = checked_type(values.dtype(), &s.dims)?;
        if ty.bytes() > MAX_MADE_BYTES {
            return Err(OpError::new(Code::BadDim, format!("sparse tensor {ty} is larger than 16 MiB")));
        }
        let places = self.read(indices)?;
        let coordinates = places.as_slice::<i64>().ok_or_else(|| bad("its indices are not int64"))?;
        let n = values.data().len();
        let rank = if places.shape().rank() == 2 { ty.shape.rank() } else { 1 };
        if coordinates.len() != n.saturating_mul(rank) {
            return Err(bad("it has another number of indices than of values"));
        }
        let extents = if rank == 1 { vec![ty.elements()] } else { ty.shape.to_vec() };
        let strides = Shape::new(extents.clone()).strides();
        let mut at = Vec::with_capacity(n);
        for coordinates in coordinates.chunks(rank.max(1)) {
            let mut element = 0;
            for ((&c, &extent), &stride) in coordinates.iter().zip(&extents).zip(&strides) {
                let c = usize::try_from(c).ok().filter(|&c| c < extent);
                element += c.ok_or_else(|| bad("an index is out of range"))? * stride;
            }
            at.push(element);
        }
        fn scatter<T: Element + Default>(v: &[T], at: &[usize], elements: usize) -> Data {
            let mut dense = vec![T::default(); elements];
            for (&x, &i) in v.iter().zip(at) {
                dense[i] = x;
            }
            T::wrap(dense)
        }
        let data = with_data!(values.data(), v => scatter(v, &at, ty.elements()));
        Tensor::new(ty.shape, data).ok_or_else(|| bad("its shape is malformed"))
    }
}

/// Whether a path is absolute or climbs out of its folder, on any operating system.
fn leaves_folder(location: &str) -> bool {
    let mut parts = location.split(['/', '\\']);
    location.starts_with(['/', '\\']) || location.contains(':') || parts.any(|p| p == "..")
}

fn from_bytes(ty: &TensorType, bytes: &[u8]) -> Result<Data, OpError> {
    if bytes.len() != ty.bytes() {
        return Err(bad(format!("{} bytes of data, but {ty} needs {}", bytes.len(), ty.bytes())));
    }
    Data::from_le_bytes(ty.dtype, bytes).ok_or_else(|| bad(format!("its data do not fill {ty}")))
}

/// Typed fields with the number of their elements.
fn typed_fields(t: &TensorProto) -> [(&'static str, usize); 5] {
    [
        ("float_data", t.float_data.len()),
        ("int32_data", t.int32_data.len()),
        ("int64_data", t.int64_data.len()),
        ("double_data", t.double_data.len()),
        ("uint64_data", t.uint64_data.len()),
    ]
}

/// Elements that do not fill their 32- or 64-bit field, such as int8 in `int32_data`.
fn narrow<W: Copy + std::fmt::Display, T: TryFrom<W>>(v: &[W], dtype: DType) -> Result<Vec<T>, OpError> {
    v.iter().map(|&x| T::try_from(x).map_err(|_| bad(format!("element {x} is out of the range of {dtype}")))).collect()
}

fn from_typed(t: &TensorProto, ty: &TensorType) -> Result<Data, OpError> {
    let field = match ty.dtype {
        DType::F32 => "float_data",
        DType::I64 => "int64_data",
        DType::F64 => "double_data",
        DType::U32 | DType::U64 => "uint64_data",
        _ => "int32_data",
    };
    for (name, n) in typed_fields(t) {
        let want = if name == field { ty.elements() } else { 0 };
        if n != want {
            return Err(bad(format!("{name} holds {n} elements, but {ty} needs {want} there")));
        }
    }
    let d = ty.dtype;
    Ok(match d {
        DType::F32 => Data::F32(t.float_data.clone()),
        DType::I64 => Data::I64(t.int64_data.clone()),
        DType::F64 => Data::F64(t.double_data.clone()),
        DType::U32 => Data::U32(narrow(&t.uint64_data, d)?),
        DType::U64 => Data::U64(t.uint64_data.clone()),
        DType::I32 => Data::I32(t.int32_data.clone()),
        DType::I8 => Data::I8(narrow(&t.int32_data, d)?),
        DType::U8 => Data::U8(narrow(&t.int32_data, d)?),
        DType::I16 => Data::I16(narrow(&t.int32_data, d)?),
        DType::U16 => Data::U16(narrow(&t.int32_data, d)?),
        DType::Bool => Data::Bool(t.int32_data.iter().map(|&x| x != 0).collect()),
        DType::F16 => Data::F16(narrow::<_, u16>(&t.int32_data, d)?.into_iter().map(f16::from_bits).collect()),
        DType::BF16 => Data::BF16(narrow::<_, u16>(&t.int32_data, d)?.into_iter().map(bf16::from_bits).collect()),
    })
}
