//! Types of values in the loop IR: signless scalars, fixed-lane vectors and masks of them.

use crate::types::DType;
use std::fmt;

/// Scalar types. Integers are signless, as in LLVM: operations say whether they are unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    I1,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Scalar {
    /// The type that holds an element; `None` for f16 and bf16, which C99 lacks.
    pub fn of(dtype: DType) -> Option<Scalar> {
        Some(match dtype {
            DType::Bool | DType::I8 | DType::U8 => Scalar::I8,
            DType::I16 | DType::U16 => Scalar::I16,
            DType::I32 | DType::U32 => Scalar::I32,
            DType::I64 | DType::U64 => Scalar::I64,
            DType::F32 => Scalar::F32,
            DType::F64 => Scalar::F64,
            DType::F16 | DType::BF16 => return None,
        })
    }

    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Scalar::I1 => 1,
            Scalar::I8 => 8,
            Scalar::I16 => 16,
            Scalar::I32 | Scalar::F32 => 32,
            Scalar::I64 | Scalar::F64 => 64,
        }
    }

    /// Size in memory in bytes; I1 has none there and counts as one.
    pub fn bytes(self) -> usize {
        (self.bits() as usize).div_ceil(8)
    }

    pub fn is_float(self) -> bool {
        matches!(self, Scalar::F32 | Scalar::F64)
    }

    pub fn name(self) -> &'static str {
        match self {
            Scalar::I1 => "i1",
            Scalar::I8 => "i8",
            Scalar::I16 => "i16",
            Scalar::I32 => "i32",
            Scalar::I64 => "i64",
            Scalar::F32 => "f32",
            Scalar::F64 => "f64",
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scalar (`lanes == 1`) or a vector; a vector of I1 is a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ty {
    pub scalar: Scalar,
    pub lanes: u16,
}

impl Ty {
    pub const I1: Ty = Ty::one(Scalar::I1);
    pub const I8: Ty = Ty::one(Scalar::I8);
    pub const I16: Ty = Ty::one(Scalar::I16);
    pub const I32: Ty = Ty::one(Scalar::I32);
    pub const I64: Ty = Ty::one(Scalar::I64);
    pub const F32: Ty = Ty::one(Scalar::F32);
    pub const F64: Ty = Ty::one(Scalar::F64);

    pub const fn one(scalar: Scalar) -> Ty {
        Ty { scalar, lanes: 1 }
    }

    pub const fn vector(scalar: Scalar, lanes: u16) -> Ty {
        Ty { scalar, lanes }
    }

    /// The same lanes of another scalar type.
    pub fn with(self, scalar: Scalar) -> Ty {
        Ty { scalar, ..self }
    }

    /// Size in memory in bytes.
    pub fn bytes(self) -> usize {
        self.scalar.bytes() * usize::from(self.lanes)
    }
}

impl From<Scalar> for Ty {
    fn from(s: Scalar) -> Ty {
        Ty::one(s)
    }
}

/// `f32`, `i8x16`.
impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lanes {
            1 => self.scalar.fmt(f),
            n => write!(f, "{}x{n}", self.scalar),
        }
    }
}
