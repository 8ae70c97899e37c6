//! Constants as C text: exact, without `<math.h>`.
//!
//! Floats are printed in decimal, in the shortest form that reads back to the same bits under
//! correct rounding (which gcc and clang do).

use super::unit::{Support, Unit};
use std::fmt::Write;
use tinyc_core::loops::{Const, Scalar};

/// A literal of the type's signed form. Negative ones need parentheses under other operators.
pub fn literal(unit: &mut Unit<'_>, c: Const) -> String {
    let mut out = String::new();
    write_literal(unit, c, &mut out);
    out
}

fn write_literal(unit: &mut Unit<'_>, c: Const, out: &mut String) {
    if let Some(v) = c.as_float() {
        return write_float(unit, c.scalar, v, out);
    }
    let v = c.as_int().unwrap_or_default();
    let _ = match c.scalar {
        Scalar::I1 => write!(out, "{}", v & 1),
        Scalar::I64 if v == i64::MIN => write!(out, "(-9223372036854775807LL - 1)"),
        Scalar::I64 => write!(out, "{v}LL"),
        Scalar::I32 if v == i64::from(i32::MIN) => write!(out, "(-2147483647 - 1)"),
        _ => write!(out, "{v}"),
    };
}

/// A byte count or the like for a macro.
pub fn count(n: u64) -> String {
    if n <= u64::from(u32::MAX) { format!("{n}u") } else { format!("{n}ull") }
}

fn write_float(unit: &mut Unit<'_>, scalar: Scalar, v: f64, out: &mut String) {
    let _ = if v.is_finite() {
        match scalar {
            Scalar::F32 => write!(out, "{:?}f", v as f32),
            _ => write!(out, "{v:?}"),
        }
    } else {
        let name = unit.support(if v.is_nan() { Support::Nan } else { Support::Infinity });
        let sign = if v == f64::NEG_INFINITY { "-" } else { "" };
        let cast = if scalar == Scalar::F64 { "(double)" } else { "" };
        write!(out, "{sign}{cast}{name}")
    };
}

/// Most characters in a line of numbers.
const LINE: usize = 100;
const INDENT: &str = "\n    ";

/// The values between the braces of an array, in lines.
pub fn elements(unit: &mut Unit<'_>, scalar: Scalar, bytes: &[u8]) -> String {
    // Up to 16 characters for a float, and the rest grows.
    let mut out = String::with_capacity(bytes.len() / scalar.bytes() * (3 * scalar.bytes() + 3));
    let mut line = 0;
    for (i, element) in bytes.chunks(scalar.bytes()).enumerate() {
        let bits = element.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b));
        let before = out.len();
        out.push(' ');
        write_literal(unit, Const { scalar, bits }, &mut out);
        out.push(',');
        if i == 0 || out.len() - line > LINE {
            out.replace_range(before..=before, INDENT);
            line = before + 1;
        }
    }
    out.push('\n');
    out
}
