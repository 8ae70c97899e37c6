//! Constants as C text: exact, without `<math.h>`.
//!
//! Floats are printed in decimal, in the shortest form that reads back to the same bits under
//! correct rounding (which gcc and clang do).

use super::unit::{Support, Unit};
use tinyc_core::loops::{Const, Scalar};

/// A literal of the type's signed form. Negative ones need parentheses under other operators.
pub fn literal(unit: &mut Unit<'_>, c: Const) -> String {
    if let Some(v) = c.as_float() {
        return float(unit, c.scalar, v);
    }
    let v = c.as_int().unwrap_or_default();
    match c.scalar {
        Scalar::I1 => (v & 1).to_string(),
        Scalar::I64 if v == i64::MIN => "(-9223372036854775807LL - 1)".to_owned(),
        Scalar::I64 => format!("{v}LL"),
        Scalar::I32 if v == i64::from(i32::MIN) => "(-2147483647 - 1)".to_owned(),
        _ => v.to_string(),
    }
}

/// A byte count or the like for a macro.
pub fn count(n: u64) -> String {
    if n <= u64::from(u32::MAX) { format!("{n}u") } else { format!("{n}ull") }
}

fn float(unit: &mut Unit<'_>, scalar: Scalar, v: f64) -> String {
    if v.is_finite() {
        return match scalar {
            Scalar::F32 => format!("{:?}f", v as f32),
            _ => format!("{v:?}"),
        };
    }
    let name = unit.support(if v.is_nan() { Support::Nan } else { Support::Infinity });
    let sign = if v == f64::NEG_INFINITY { "-" } else { "" };
    if scalar == Scalar::F64 { format!("{sign}(double){name}") } else { format!("{sign}{name}") }
}

/// The values between the braces of an array, in lines.
pub fn elements(unit: &mut Unit<'_>, scalar: Scalar, bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 5);
    let mut column = 0;
    for element in bytes.chunks(scalar.bytes()) {
        let bits = element.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b));
        let text = literal(unit, Const { scalar, bits });
        if column == 0 || column + text.len() + 2 > 100 {
            out.push_str("\n    ");
            column = 4;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(&text);
        out.push(',');
        column += text.len() + 1;
    }
    out.push('\n');
    out
}
