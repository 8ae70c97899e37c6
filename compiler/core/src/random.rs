//! Arbitrary but reproducible tensors, for tests and for constants whose contents do not matter.

use crate::tensor::{Data, Tensor};
use crate::types::{DType, TensorType};
use half::{bf16, f16};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..n`; `n` is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// In -1..1, a multiple of 2^-23.
    pub fn signed(&mut self) -> f32 {
        ((self.bits() >> 40) as i32 - (1 << 23)) as f32 / (1 << 23) as f32
    }
}

impl Tensor {
    /// Floats in -1..1, integers over the whole range of 8 bits.
    pub fn random(ty: &TensorType, seed: u64) -> Tensor {
        let mut r = Random::new(seed);
        let n = 0..ty.elements();
        macro_rules! fill {
            ($variant:ident, $e:expr) => {
                Data::$variant(n.map(|_| $e).collect())
            };
        }
        let data = match ty.dtype {
            DType::Bool => fill!(Bool, r.bits() >> 63 == 1),
            DType::I8 => fill!(I8, r.bits() as i8),
            DType::U8 => fill!(U8, r.bits() as u8),
            DType::I16 => fill!(I16, (r.bits() as i8).into()),
            DType::U16 => fill!(U16, (r.bits() as u8).into()),
            DType::I32 => fill!(I32, (r.bits() as i8).into()),
            DType::U32 => fill!(U32, (r.bits() as u8).into()),
            DType::I64 => fill!(I64, (r.bits() as i8).into()),
            DType::U64 => fill!(U64, (r.bits() as u8).into()),
            DType::F16 => fill!(F16, f16::from_f32(r.signed())),
            DType::BF16 => fill!(BF16, bf16::from_f32(r.signed())),
            DType::F32 => fill!(F32, r.signed()),
            DType::F64 => fill!(F64, r.signed().into()),
        };
        Tensor::new(ty.shape.clone(), data).expect("one element for each")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_depend_on_the_seed_only() {
        for dtype in DType::ALL {
            let ty = TensorType::new(dtype, [64]);
            assert_eq!(Tensor::random(&ty, 1), Tensor::random(&ty, 1));
            assert_ne!(Tensor::random(&ty, 1), Tensor::random(&ty, 2));
        }
        let mut r = Random::new(0);
        assert!((0..1000).all(|_| (-1.0..1.0).contains(&r.signed())));
    }
}
