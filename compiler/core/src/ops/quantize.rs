//! `quantize`: real numbers to integers that stand for them.

use super::quantization::{self, OPERANDS, Quantization, read_axis, read_dtype};
use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Cast, Expr, Scalar};
use crate::onnx::NodeReader;
use crate::op::{Facts, OpId, onnx};
use crate::types::DType;

pub static OP: Quantization = Quantization {
    facts: Facts {
        name: "quantize",
        doc: "`y = saturate(round(x / scale) + zero)`, of two nearest integers the even one; `scale` and `zero` are one for \
              all, or one for each position of an axis. NaN gives the smallest integer. ONNX QuantizeLinear.",
        operands: OPERANDS,
        attrs: &[AttrSpec::dtype("to", "element type of the result")],
        imports: &[onnx("QuantizeLinear", 10, read).written(quantization::write)],
        examples: &[
            "quantize f32[2,3,4], f32[] in 0.01..0.02, i8[] in -9..9 {to: i8} -> i8[2,3,4]",
            "quantize f32[2,33] in -9.0..9.0, f32[] in 0.02..0.03 {to: u8} -> u8[2,33]",
            "quantize f32[2,3,5], f32[3,1] in 0.005..0.05, u8[3,1] in 100..140 {to: u8} -> u8[2,3,5]",
            "quantize f32[4,3] in -900.0..900.0, f32[3] in 0.005..0.05, i16[3] in -50..50 {to: i16} -> i16[4,3]",
            "quantize f32[40] in -0.5..2.0, f32[] in 0.00002..0.00004, u16[] in 0..9 {to: u16} -> u16[40]",
            "quantize f16[9], f16[] in 0.01..0.02, i8[] {to: i8} -> i8[9]",
        ],
    },
    quantizes: true,
    integers: |d| matches!(d, DType::I8 | DType::U8 | DType::I16 | DType::U16),
    value,
};

/// Beyond these all integers of 16 bits are saturated, whatever the zero point.
const LIMIT: f32 = 131_072.0;

/// Added to a number of magnitude below 2^22 this rounds to the even integer, which is then in the low bits:
/// a sum has one rounding that no contraction removes, and takes no conversion.
const ROUNDER: f32 = 12_582_912.0;

fn value(to: DType, x: Expr, scale: Expr, zero: Expr) -> Expr {
    let i = |v: i64| Expr::int(Scalar::I32, v);
    // The limit comes first: it stays where the other is NaN.
    let quotient = Expr::f32(-LIMIT).max(x / scale).min(Expr::f32(LIMIT));
    let sum = (quotient + Expr::f32(ROUNDER)).cast(Cast::Bits, Scalar::I32);
    let (lowest, highest) = to.range();
    let integer = sum - i(i64::from(ROUNDER.to_bits())) + zero;
    let saturated = integer.max(i(lowest as i64)).min(i(highest as i64));
    saturated.cast(Cast::Trunc, Scalar::of(to).unwrap_or(Scalar::I8))
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let op = OpId::quantize;
    let (x, scale) = (n.ty(0)?, n.ty(1)?);
    let given = match n.operand(2) {
        Some(_) => Some(n.ty(2)?.dtype),
        None => None,
    };
    let stated = read_dtype(n, "output_dtype")?;
    let to = given.or(stated).unwrap_or(DType::U8);
    if stated.is_some_and(|s| s != to) {
        let message = format!("quantize: output_dtype and the zero point's element type, {to}, differ");
        return Err(OpError::new(Code::TypeMismatch, message));
    }
    // Only for floats of 8 bits; and the type to divide in, which is never narrower here.
    n.int("saturate")?;
    n.int("precision")?;
    let axis = read_axis(n, op)?;
    let (mut real, mut scales) = (n.operand(0), quantization::aligned(n, op, 0, 1, axis)?);
    let zeros = quantization::aligned(n, op, 0, 2, axis)?;
    require::dtype("quantize", "x", &x, |d| require::f32_or_narrower(d) || d == DType::I32)?;
    if x.dtype != scale.dtype {
        // One of them is an i32, or narrower than the other.
        for (id, dtype) in [(&mut real, x.dtype), (&mut scales, scale.dtype)] {
            if dtype != DType::F32 {
                *id = Some(n.emit(OpId::cast, Attrs::new().with_dtype("to", DType::F32), &[*id])?);
            }
        }
    }
    Ok(vec![n.emit(op, Attrs::new().with_dtype("to", to), &[real, scales, zeros])?])
}
