//! `requantize`: sums of products of integers to narrow integers of another scale.

use super::elementwise::{Elementwise, ResultType};
use super::index;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::slice;
use crate::loops::{Cast, Expr, Library, Lower, Scalar, View};
use crate::onnx::{NodeWriter, Value, Written, element_number};
use crate::op::{Facts, Op, Types, WriteFn, once, optional};
use crate::tensor::{Data, Tensor};
use crate::types::{DType, TensorType};

pub struct Requantize(Elementwise);

pub static OP: Requantize = Requantize(Elementwise {
    facts: Facts {
        name: "requantize",
        doc: "`y = min(max(zero + floor((x * 2^shift * multiplier + 2^31) / 2^32), lo), hi)`: `x` times a factor below 1/2 times \
              `2^shift`, rounded once, of two nearest integers the larger one. With `exponent`, from 0 to 31, \
              `(x * 2^shift * multiplier + 2^30) / 2^31` is rounded down, divided by `2^exponent` and rounded again, of two \
              nearest integers to the one that is farther from zero. `x * 2^shift` and the sum wrap in 32 bits. `multiplier` and `exponent` are one for all, or one for \
              each position of an axis.",
        operands: &[once("x"), once("multiplier"), optional("exponent")],
        attrs: &[
            AttrSpec::dtype("to", "element type of the result: an integer of 8 or 16 bits, or i32"),
            AttrSpec::int("shift", "0 to 31: `x` is first multiplied by this power of two"),
            AttrSpec::int("zero", "the integer that stands for zero"),
            AttrSpec::int("lo", "smallest result"),
            AttrSpec::int("hi", "largest result"),
        ],
        imports: &[],
        examples: &[
            "requantize i32[2,40] in -300000..300000, i32[] in 900000..1200000 {to: i8, shift: 0, zero: -3, lo: -128, hi: 127} -> \
             i8[2,40]",
            "requantize i32[1,3,4,4] in -3000..3000, i32[3,1,1] in 20000000..90000000 {to: u8, shift: 1, zero: 7, lo: 7, hi: 200} -> \
             u8[1,3,4,4]",
            "requantize i32[5,9] in -90000..90000, i32[9] in -2147483648..2147483647 {to: i16, shift: 2, zero: 0, lo: -32768, hi: \
             32767} -> i16[5,9]",
            "requantize i32[3,50] in -300000..300000, i32[] in 1073741824..2147483647, i32[3,1] in 0..12 {to: i8, shift: 0, zero: 5, lo: \
             -128, hi: 127} -> i8[3,50]",
            "requantize i32[70] in -300..300, i32[] in 1073741824..2147483647, i32[] in 0..3 {to: i32, shift: 20, zero: 0, lo: -2147483648, \
             hi: 2147483647} -> i32[70]",
        ],
    },
    accepts: |d| d == DType::I32,
    result: ResultType::Attr("to"),
    value,
});

const LOWEST: i64 = i32::MIN as i64;
const HIGHEST: i64 = i32::MAX as i64;

fn value(attrs: &Attrs, _: DType, x: &[Expr]) -> Expr {
    let to = attrs.dtype("to");
    let int = |name: &str| Expr::int(Scalar::I32, attrs.int(name));
    let shifted = if attrs.int("shift") == 0 { x[0].clone() } else { x[0].clone() << int("shift") };
    let scaled = match x.get(2) {
        None => Library::Smmlar.call([shifted, x[1].clone(), int("zero")]),
        Some(exponent) => {
            let product = Library::DoublingHighMul.call([shifted, x[1].clone()]);
            let quotient = Library::RoundingShift.call([product, exponent.clone()]);
            if attrs.int("zero") == 0 { quotient } else { quotient + int("zero") }
        }
    };
    let limited = match (attrs.int("lo"), attrs.int("hi")) {
        (-128, 127) => Library::Ssat8.call([scaled]),
        (0, 255) => Library::Usat8.call([scaled]),
        (-32768, 32767) => Library::Ssat16.call([scaled]),
        (LOWEST, HIGHEST) => scaled,
        _ => scaled.max(int("lo")).min(int("hi")),
    };
    match Scalar::of(to) {
        Some(narrow) if narrow != Scalar::I32 => limited.cast(Cast::Trunc, narrow),
        _ => limited,
    }
}

impl Op for Requantize {
    fn facts(&self) -> &Facts {
        self.0.facts()
    }

    fn write(&self) -> Option<WriteFn> {
        Some(write)
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let y = self.0.infer(attrs, x)?;
        let x: Vec<&TensorType> = x.iter().flatten().copied().collect();
        for (operand, of) in self.operands().iter().zip(&x).skip(1) {
            let one_axis = of.shape.iter().filter(|&&n| n != 1).count() <= 1;
            if !one_axis || y[0].shape != x[0].shape {
                let message = format!(
                    "requantize: {} is {of}, neither one for all of {} nor one for each position of an axis",
                    operand.name, x[0]
                );
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
        let wrong = |message: String| Err(OpError::new(Code::BadAttribute, format!("requantize: {message}")));
        let to = attrs.dtype("to");
        if !matches!(to, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32) {
            return wrong(format!("to is {to}, but must be an integer of 8 or 16 bits, or i32"));
        }
        let (lowest, highest) = to.range();
        let (shift, zero, lo, hi) = (attrs.int("shift"), attrs.int("zero"), attrs.int("lo"), attrs.int("hi"));
        let holds = |v: i64| (lowest..=highest).contains(&(v as f64));
        if !(0..32).contains(&shift) {
            return wrong(format!("shift is {shift}, not in 0..=31"));
        }
        if !holds(zero) || !holds(lo) || !holds(hi) || lo > hi {
            return wrong(format!(
                "zero {zero}, lo {lo}, hi {hi}: they must be in {lowest}..={highest}, lo not above hi"
            ));
        }
        Ok(y)
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x), Some(multiplier)] = x else { return self.0.eval(attrs, x) };
        let (each, _) = index::repeats(multiplier.shape(), x.shape()).expect("it lies along one axis");
        let multipliers = slice::<i32>(multiplier).iter().map(|&m| i64::from(m)).cycle();
        let [shift, zero, lo, hi] = ["shift", "zero", "lo", "hi"].map(|name| attrs.int(name) as i32);
        let mut y = Vec::with_capacity(x.data().len());
        for (line, m) in slice::<i32>(x).chunks(each.max(1)).zip(multipliers) {
            let scaled = |&x: &i32| ((i64::from(x << shift) * m + (1 << 31)) >> 32) as i32;
            y.extend(line.iter().map(|x| scaled(x).wrapping_add(zero).max(lo).min(hi)));
        }
        let data = match attrs.dtype("to") {
            DType::I8 => Data::I8(y.iter().map(|&y| y as i8).collect()),
            DType::U8 => Data::U8(y.iter().map(|&y| y as u8).collect()),
            DType::I16 => Data::I16(y.iter().map(|&y| y as i16).collect()),
            DType::U16 => Data::U16(y.iter().map(|&y| y as u16).collect()),
            DType::I32 => Data::I32(y),
            to => unreachable!("infer lets no {to} through"),
        };
        Ok(vec![Tensor::new(x.shape().clone(), data).expect("one element for each")])
    }

    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        self.0.eval(attrs, x).ok()
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        self.0.lower(l, attrs, x, y)
    }

    fn value(&self, attrs: &Attrs, x: &[DType]) -> Option<Expr> {
        self.0.value(attrs, x)
    }
}

/// The quotient of integers rounded down, by taking the remainder away first.
fn divided(w: &mut NodeWriter<'_>, x: Option<Written>, by: Option<Written>) -> Option<Written> {
    let rest = Some(w.emit("Mod", &[x.clone(), by.clone()], []));
    let multiple = Some(w.emit("Sub", &[x, rest], []));
    Some(w.emit("Div", &[multiple, by], []))
}

/// In 64 bits, where nothing wraps that does not in `x * 2^shift`.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let attrs = w.attrs().clone();
    let to = |w: &mut NodeWriter<'_>, x: Option<Written>, dtype: DType| {
        Some(w.emit("Cast", &[x], [("to", Value::Int(element_number(dtype).into()))]))
    };
    let number = |w: &mut NodeWriter<'_>, v: i64| Some(w.constant(&Tensor::of([], vec![v])));
    let (x, multiplier, exponent) = (w.operand(0), w.operand(1), w.operand(2));
    let (x, multiplier) = (to(w, x, DType::I64), to(w, multiplier, DType::I64));
    let power = number(w, 1 << attrs.int("shift"));
    let bits = if exponent.is_some() { 31 } else { 32 };
    let (half, whole) = (number(w, 1 << (bits - 1)), number(w, 1 << bits));
    let x = Some(w.emit("Mul", &[x, power], []));
    let product = Some(w.emit("Mul", &[x, multiplier], []));
    let sum = Some(w.emit("Add", &[product, half], []));
    let mut scaled = divided(w, sum, whole);
    if exponent.is_some() {
        let exponent = to(w, exponent, DType::I64);
        let powers = Some(w.constant(&Tensor::of([32], (0..32).map(|e| 1i64 << e).collect())));
        let (zero, two) = (number(w, 0), number(w, 2));
        let power = Some(w.emit("Gather", &[powers, exponent], []));
        let half = Some(w.emit("Div", &[power.clone(), two], []));
        // One half, and less by one for negative numbers, unless there is nothing to cut off.
        let negative = Some(w.emit("Less", &[scaled.clone(), zero], []));
        let negative = to(w, negative, DType::I64);
        let less = Some(w.emit("Min", &[negative, half.clone()], []));
        let more = Some(w.emit("Sub", &[half, less], []));
        let sum = Some(w.emit("Add", &[scaled, more], []));
        scaled = divided(w, sum, power);
    }
    let (zero, lo, hi) = (number(w, attrs.int("zero")), number(w, attrs.int("lo")), number(w, attrs.int("hi")));
    let moved = Some(w.emit("Add", &[scaled, zero], []));
    let limited = Some(w.emit("Clip", &[moved, lo, hi], []));
    Ok(to(w, limited, attrs.dtype("to")).into_iter().collect())
}
