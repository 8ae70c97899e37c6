//! `dequantize`: the real numbers that integers stand for.

use super::quantization::{self, OPERANDS, Quantization, read_axis, read_dtype, widened};
use crate::attrs::Attrs;
use crate::diag::OpError;
use crate::graph::NodeId;
use crate::loops::{Cast, Expr, Scalar};
use crate::onnx::NodeReader;
use crate::op::{Facts, OpId, onnx};
use crate::types::DType;

pub static OP: Quantization = Quantization {
    facts: Facts {
        name: "dequantize",
        doc: "`y = (x - zero) * scale`; `scale` and `zero` are one for all, or one for each position of an axis. Rounded \
              once for integers of 8 bits, for others within a unit in the last place. ONNX DequantizeLinear.",
        operands: OPERANDS,
        attrs: &[],
        imports: &[onnx("DequantizeLinear", 10, read).written(quantization::write)],
        examples: &[
            "dequantize i8[2,3,4] in -128..127, f32[] in 0.01..0.02, i8[] in -9..9 -> f32[2,3,4]",
            "dequantize u8[2,33] in 0..255, f32[] in 0.02..0.03 -> f32[2,33]",
            "dequantize u8[2,3,5] in 0..255, f32[3,1] in 0.005..0.05, u8[3,1] in 100..140 -> f32[2,3,5]",
            "dequantize i16[4,3] in -32768..32767, f32[3] in 0.005..0.05, i16[3] in -50..50 -> f32[4,3]",
            "dequantize u16[40] in 0..65535, f32[] in 0.00002..0.00004, u16[] in 0..65535 -> f32[40]",
            "dequantize i32[3,40] in -2000000000..2000000000, f32[3,1] in 0.00001..0.1 -> f32[3,40]",
            "dequantize i8[9], f16[] in 0.01..0.02, i8[] -> f16[9]",
        ],
    },
    quantizes: false,
    integers: |d| matches!(d, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32),
    value,
};

/// The upper 12 of the 24 bits of a float, and the rest, both exact.
fn halves(x: Expr) -> (Expr, Expr) {
    let bits = x.clone().cast(Cast::Bits, Scalar::I32) & Expr::int(Scalar::I32, -(1 << 12));
    let upper = bits.cast(Cast::Bits, Scalar::F32);
    (upper.clone(), x - upper)
}

/// A sum of products that floats hold exactly (a difference of 8 bits has 8, of halves 12 by 12 bits). So it
/// is the same whether a compiler contracts product and sum or not, and, being a sum, it is not contracted
/// with one that follows. One product would be.
fn value(from: DType, x: Expr, scale: Expr, zero: Expr) -> Expr {
    let integer = (widened(from, x) - zero).cast(Cast::SiToFp, Scalar::F32);
    let (upper, lower) = halves(scale);
    if from.bytes() == 1 {
        return integer.clone() * lower + integer * upper;
    }
    let (high, low) = halves(integer);
    let middle = high.clone() * lower.clone() + low.clone() * upper.clone();
    low * lower + middle + high * upper
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let op = OpId::dequantize;
    let scale = n.ty(1)?.dtype;
    let to = read_dtype(n, "output_dtype")?.unwrap_or(scale);
    let axis = read_axis(n, op)?;
    let operands = [n.operand(0), quantization::aligned(n, op, 0, 1, axis)?, quantization::aligned(n, op, 0, 2, axis)?];
    let y = n.emit(op, Attrs::new(), &operands)?;
    if to == scale {
        return Ok(vec![y]);
    }
    Ok(vec![n.emit(OpId::cast, Attrs::new().with_dtype("to", to), &[Some(y)])?])
}
