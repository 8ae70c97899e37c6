//! Library functions: straight-line functions that kernels call, each with a portable meaning.
//!
//! Two kinds share the mechanism: mathematics (`math`, `fixed`), which the evaluator, the interpreter and
//! every printer execute from this one definition, and target instructions (`arm`), which a target's
//! file may spell as an intrinsic or one line of assembly. Where it does not, the definition is
//! emitted as a function.

mod arm;
mod fixed;
mod math;

use super::ir::{Expr, Local};
use super::ty::Ty;
use std::sync::LazyLock;

/// Meaning of a library function: parameters, then named values in order, then the result.
#[derive(Debug)]
pub struct Definition {
    /// Locals `0..n`.
    pub params: Vec<Ty>,
    /// Locals from `n` on, in order.
    pub lets: Vec<(&'static str, Expr)>,
    pub result: Expr,
}

/// Writes a definition.
pub struct Define {
    params: Vec<Ty>,
    lets: Vec<(&'static str, Expr)>,
}

impl Define {
    pub fn new(params: &[Ty]) -> Define {
        Define { params: params.to_vec(), lets: Vec::new() }
    }

    pub fn param(&self, i: usize) -> Expr {
        Expr::Local(Local { id: i as u32, ty: self.params[i] })
    }

    pub fn bind(&mut self, name: &'static str, value: Expr) -> Expr {
        let local = Local { id: (self.params.len() + self.lets.len()) as u32, ty: value.ty() };
        self.lets.push((name, value));
        Expr::Local(local)
    }

    pub fn finish(self, result: Expr) -> Definition {
        Definition { params: self.params, lets: self.lets, result }
    }
}

macro_rules! library {
    ($($(#[doc = $doc:literal])* $variant:ident = $module:ident::$name:ident;)*) => {
        /// A library function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Library { $($(#[doc = $doc])* $variant),* }

        impl Library {
            pub const ALL: &'static [Library] = &[$(Library::$variant),*];

            /// Name in the text form and, behind the model's name, in C.
            pub fn name(self) -> &'static str {
                match self { $(Library::$variant => stringify!($name)),* }
            }

            pub fn definition(self) -> &'static Definition {
                match self {
                    $(Library::$variant => {
                        static DEFINITION: LazyLock<Definition> = LazyLock::new($module::$name);
                        &DEFINITION
                    })*
                }
            }
        }
    };
}

library! {
    /// e^x; error below 1 ULP, subnormal results included.
    ExpF32 = math::exp_f32;
    /// Natural logarithm; error below 0.8 ULP. NaN below zero, -inf at zero.
    LogF32 = math::log_f32;
    /// Square root, correctly rounded (at most 0.5 ULP). NaN below zero.
    SqrtF32 = math::sqrt_f32;
    /// Hyperbolic tangent; error below 1.25 ULP.
    TanhF32 = math::tanh_f32;
    /// Error function; error below 1.25 ULP.
    ErfF32 = math::erf_f32;
    /// x^y with the special cases of C99 pow; error at most 0.51 ULP. Computes in f64.
    PowF32 = math::pow_f32;
    /// Towards zero; exact, like all roundings to integers here.
    TruncF32 = math::trunc_f32;
    /// Towards minus infinity.
    FloorF32 = math::floor_f32;
    /// Towards infinity.
    CeilF32 = math::ceil_f32;
    /// To the nearest integer, ties to even.
    RoundEvenF32 = math::round_even_f32;
    /// (x * y + 2^30) >> 31, wrapping.
    DoublingHighMul = fixed::doubling_high_mul;
    /// x / 2^e for e in 0..=31, to the nearest integer, ties away from zero.
    RoundingShift = fixed::rounding_shift;
    /// a + (i16)x * (i16)y + (x >> 16) * (y >> 16), wrapping. Arm SMLAD.
    Smlad = arm::smlad;
    /// a + (i16)x * (i16)y, wrapping. Arm SMLABB.
    Smlabb = arm::smlabb;
    /// a + (x >> 16) * (y >> 16), wrapping. Arm SMLATT.
    Smlatt = arm::smlatt;
    /// a + (i16)x * (y >> 16), wrapping. Arm SMLABT.
    Smlabt = arm::smlabt;
    /// Bytes 0 and 2 of x, sign-extended to halves. Arm SXTB16.
    Sxtb16 = arm::sxtb16;
    /// Bytes 1 and 3 of x, sign-extended to halves. Arm SXTB16 with ROR #8.
    Sxtb16Ror8 = arm::sxtb16_ror8;
    /// Bytes 0 and 2 of x as halves. Arm UXTB16.
    Uxtb16 = arm::uxtb16;
    /// Bytes 1 and 3 of x as halves. Arm UXTB16 with ROR #8.
    Uxtb16Ror8 = arm::uxtb16_ror8;
    /// a + (x * y + 2^31 >> 32), wrapping. Arm SMMLAR.
    Smmlar = arm::smmlar;
    /// x clamped to -128..=127. Arm SSAT #8.
    Ssat8 = arm::ssat8;
    /// x clamped to -32768..=32767. Arm SSAT #16.
    Ssat16 = arm::ssat16;
    /// x clamped to 0..=255. Arm USAT #8.
    Usat8 = arm::usat8;
    /// Low half of x, low half of y above it. Arm PKHBT with LSL #16.
    Pkhbt = arm::pkhbt;
    /// High half of y, high half of x above it. Arm PKHTB with ASR #16.
    Pkhtb = arm::pkhtb;
    /// Mask of the first n (unsigned) of 16 lanes. Arm VCTP.8.
    Vctp8 = arm::vctp8;
    /// a + sum of x * y over 16 lanes of i8, wrapping. Arm VMLADAVA.S8.
    VmladavaI8x16 = arm::vmladava_i8x16;
}

impl Library {
    pub fn result(self, _args: &[Expr]) -> Ty {
        self.definition().result.ty()
    }

    pub fn call(self, args: impl Into<Vec<Expr>>) -> Expr {
        Expr::Call(self, args.into())
    }
}

#[cfg(test)]
mod tests;
