//! Dense tensors in row-major order: constants, samples and evaluation results.
//!
//! Relies on `types` only.

use crate::types::{DType, Shape, TensorType};
use half::{bf16, f16};

/// Elements of a tensor, one variant an element type.
#[derive(Clone, Debug)]
pub enum Data {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Calls `$body` with `$v` bound to the element vector, whatever its type.
#[macro_export]
macro_rules! with_data {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            $crate::tensor::Data::Bool($v) => $body,
            $crate::tensor::Data::I8($v) => $body,
            $crate::tensor::Data::U8($v) => $body,
            $crate::tensor::Data::I16($v) => $body,
            $crate::tensor::Data::U16($v) => $body,
            $crate::tensor::Data::I32($v) => $body,
            $crate::tensor::Data::U32($v) => $body,
            $crate::tensor::Data::I64($v) => $body,
            $crate::tensor::Data::U64($v) => $body,
            $crate::tensor::Data::F16($v) => $body,
            $crate::tensor::Data::BF16($v) => $body,
            $crate::tensor::Data::F32($v) => $body,
            $crate::tensor::Data::F64($v) => $body,
        }
    };
}

/// A Rust type that is an element type.
pub trait Element: Copy + 'static {
    const DTYPE: DType;
    fn slice(data: &Data) -> Option<&[Self]>;
    fn wrap(v: Vec<Self>) -> Data;
}

macro_rules! elements {
    ($($t:ty, $v:ident;)*) => {
        $(impl Element for $t {
            const DTYPE: DType = DType::$v;
            fn slice(data: &Data) -> Option<&[$t]> {
                if let Data::$v(v) = data { Some(v) } else { None }
            }
            fn wrap(v: Vec<$t>) -> Data {
                Data::$v(v)
            }
        })*

        impl Data {
            pub fn dtype(&self) -> DType {
                match self { $(Data::$v(_) => DType::$v,)* }
            }
        }
    };
}

elements! {
    bool, Bool; i8, I8; u8, U8; i16, I16; u16, U16; i32, I32; u32, U32;
    i64, I64; u64, U64; f16, F16; bf16, BF16; f32, F32; f64, F64;
}

impl Data {
    pub fn len(&self) -> usize {
        with_data!(self, v => v.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `n` zeros.
    pub fn zeros(dtype: DType, n: usize) -> Data {
        match dtype {
            DType::Bool => Data::Bool(vec![false; n]),
            DType::I8 => Data::I8(vec![0; n]),
            DType::U8 => Data::U8(vec![0; n]),
            DType::I16 => Data::I16(vec![0; n]),
            DType::U16 => Data::U16(vec![0; n]),
            DType::I32 => Data::I32(vec![0; n]),
            DType::U32 => Data::U32(vec![0; n]),
            DType::I64 => Data::I64(vec![0; n]),
            DType::U64 => Data::U64(vec![0; n]),
            DType::F16 => Data::F16(vec![f16::ZERO; n]),
            DType::BF16 => Data::BF16(vec![bf16::ZERO; n]),
            DType::F32 => Data::F32(vec![0.0; n]),
            DType::F64 => Data::F64(vec![0.0; n]),
        }
    }

    /// Elements from little-endian bytes; `None` when the length is no multiple of the element size.
    pub fn from_le_bytes(dtype: DType, bytes: &[u8]) -> Option<Data> {
        fn read<T, const N: usize>(b: &[u8], f: fn([u8; N]) -> T) -> Option<Vec<T>> {
            let (chunks, rest) = b.as_chunks::<N>();
            rest.is_empty().then(|| chunks.iter().map(|c| f(*c)).collect())
        }
        Some(match dtype {
            DType::Bool => Data::Bool(bytes.iter().map(|&b| b != 0).collect()),
            DType::I8 => Data::I8(read(bytes, i8::from_le_bytes)?),
            DType::U8 => Data::U8(bytes.to_vec()),
            DType::I16 => Data::I16(read(bytes, i16::from_le_bytes)?),
            DType::U16 => Data::U16(read(bytes, u16::from_le_bytes)?),
            DType::I32 => Data::I32(read(bytes, i32::from_le_bytes)?),
            DType::U32 => Data::U32(read(bytes, u32::from_le_bytes)?),
            DType::I64 => Data::I64(read(bytes, i64::from_le_bytes)?),
            DType::U64 => Data::U64(read(bytes, u64::from_le_bytes)?),
            DType::F16 => Data::F16(read(bytes, f16::from_le_bytes)?),
            DType::BF16 => Data::BF16(read(bytes, bf16::from_le_bytes)?),
            DType::F32 => Data::F32(read(bytes, f32::from_le_bytes)?),
            DType::F64 => Data::F64(read(bytes, f64::from_le_bytes)?),
        })
    }

    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Data::Bool(v) => v.iter().map(|&b| u8::from(b)).collect(),
            Data::I8(v) => v.iter().map(|&b| b as u8).collect(),
            Data::U8(v) => v.clone(),
            Data::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::BF16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// The elements of all parts, one after the other.
    ///
    /// # Panics
    /// When there are none, or they differ in type.
    pub fn concat<'a>(mut parts: impl Iterator<Item = &'a Data>) -> Data {
        let mut all = parts.next().expect("there is a part").clone();
        fn append<T: Element>(all: &mut Vec<T>, part: &Data) {
            all.extend_from_slice(T::slice(part).expect("parts are of one type"));
        }
        for part in parts {
            with_data!(&mut all, v => append(v, part));
        }
        all
    }

    /// Each element `each` times in a row, and all of that `times` over.
    pub fn repeated(&self, each: usize, times: usize) -> Data {
        fn repeat<T: Element>(v: &[T], each: usize, times: usize) -> Data {
            let mut all = Vec::with_capacity(v.len() * each * times);
            for _ in 0..times {
                v.iter().for_each(|&x| all.resize(all.len() + each, x));
            }
            T::wrap(all)
        }
        with_data!(self, v => repeat(v, each, times))
    }

    /// The elements at `index`, in that order.
    pub fn gather(&self, index: impl Iterator<Item = usize>) -> Data {
        fn pick<T: Element>(v: &[T], index: impl Iterator<Item = usize>) -> Data {
            T::wrap(index.map(|i| v[i]).collect())
        }
        with_data!(self, v => pick(v, index))
    }
}

/// A dense tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    data: Data,
}

impl Tensor {
    /// `None` when the number of elements is not that of the shape.
    pub fn new(shape: impl Into<Shape>, data: Data) -> Option<Tensor> {
        let shape = shape.into();
        (shape.checked_len() == Some(data.len())).then_some(Tensor { shape, data })
    }

    /// A tensor whose element count is right by construction.
    ///
    /// # Panics
    /// When it is not.
    pub fn of<T: Element>(shape: impl Into<Shape>, data: Vec<T>) -> Tensor {
        Tensor::new(shape, T::wrap(data)).expect("element count matches the shape")
    }

    pub fn zeros(ty: &TensorType) -> Tensor {
        Tensor { shape: ty.shape.clone(), data: Data::zeros(ty.dtype, ty.elements()) }
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    pub fn ty(&self) -> TensorType {
        TensorType { dtype: self.dtype(), shape: self.shape.clone() }
    }

    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The elements, when they are of type `T`.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        T::slice(&self.data)
    }

    /// The same elements under another shape of the same size.
    pub fn reshaped(self, shape: impl Into<Shape>) -> Option<Tensor> {
        Tensor::new(shape, self.data)
    }

    /// The same numbers in another type: rounded to nearest, truncated and saturated for integers;
    /// bool is whether a number is not zero.
    pub fn cast(&self, dtype: DType) -> Tensor {
        fn integers<T: Element>(t: &Tensor, of: fn(i128) -> T, of_float: fn(f64) -> T) -> Data {
            match &t.data {
                Data::U64(v) => T::wrap(v.iter().map(|&x| of(i128::from(x))).collect()),
                _ => match t.to_i64s() {
                    Some(v) => T::wrap(v.into_iter().map(|x| of(i128::from(x))).collect()),
                    None => T::wrap(t.to_f64s().into_iter().map(of_float).collect()),
                },
            }
        }
        fn floats<T: Element>(t: &Tensor, of: fn(f64) -> T) -> Data {
            T::wrap(t.to_f64s().into_iter().map(of).collect())
        }
        let data = match dtype {
            _ if dtype == self.dtype() => self.data.clone(),
            DType::Bool => floats(self, |x| x != 0.0),
            DType::I8 => integers(self, |x| x as i8, |x| x as i8),
            DType::U8 => integers(self, |x| x as u8, |x| x as u8),
            DType::I16 => integers(self, |x| x as i16, |x| x as i16),
            DType::U16 => integers(self, |x| x as u16, |x| x as u16),
            DType::I32 => integers(self, |x| x as i32, |x| x as i32),
            DType::U32 => integers(self, |x| x as u32, |x| x as u32),
            DType::I64 => integers(self, |x| x as i64, |x| x as i64),
            DType::U64 => integers(self, |x| x as u64, |x| x as u64),
            DType::F16 => floats(self, f16::from_f64),
            DType::BF16 => floats(self, bf16::from_f64),
            DType::F32 => floats(self, |x| x as f32),
            DType::F64 => floats(self, |x| x),
        };
        Tensor { shape: self.shape.clone(), data }
    }

    /// Integer elements (any integer type, or bool) as i64; `None` for floats and for u64 out of range.
    pub fn to_i64s(&self) -> Option<Vec<i64>> {
        match &self.data {
            Data::Bool(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::I8(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::U8(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::I16(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::U16(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::I32(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::U32(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Data::I64(v) => Some(v.clone()),
            Data::U64(v) => v.iter().map(|&x| i64::try_from(x).ok()).collect(),
            _ => None,
        }
    }

    /// All elements as f64 (exact but for 64-bit integers beyond 2^53).
    pub fn to_f64s(&self) -> Vec<f64> {
        match &self.data {
            Data::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            Data::I8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::I16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::U16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::I64(v) => v.iter().map(|&x| x as f64).collect(),
            Data::U64(v) => v.iter().map(|&x| x as f64).collect(),
            Data::F16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::BF16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::F64(v) => v.clone(),
        }
    }
}

/// Equal type and equal bits (so NaN equals itself and 0.0 differs from -0.0).
impl PartialEq for Tensor {
    fn eq(&self, other: &Tensor) -> bool {
        self.ty() == other.ty() && self.data.to_le_bytes() == other.data.to_le_bytes()
    }
}

impl Eq for Tensor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        for d in DType::ALL {
            let bytes: Vec<u8> = (0..16).map(|i| u8::from(d != DType::Bool) * i).collect();
            let data = Data::from_le_bytes(d, &bytes).unwrap();
            assert_eq!(data.to_le_bytes(), bytes);
            assert_eq!(data.len(), 16 / d.bytes());
        }
        assert!(Data::from_le_bytes(DType::F32, &[0; 5]).is_none());
    }
}
