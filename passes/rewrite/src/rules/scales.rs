//! Scales of quantized values in rules: real factors as multipliers of `requantize`, and the proof that no sum
//! exceeds 32 bits.

use crate::Rounding;
use crate::rule::{Bindings, Match};
use tinyc_core::attrs::Attrs;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, Shape};

/// Multipliers of `requantize`, and exponents where it rounds twice.
pub struct Scaling {
    shift: u32,
    multipliers: Vec<f64>,
    exponents: Option<Vec<f64>>,
}

/// Names in a rule of the attributes, the multipliers and the exponents of a `requantize`.
pub type Names = [&'static str; 3];

impl Scaling {
    /// For factors of sums whose magnitude is at most `bound`; `None` if one of them leaves 32 bits.
    pub fn of(m: &Match<'_>, factors: &[f64], bound: f64) -> Option<Scaling> {
        match m.rounding() {
            Rounding::Once => Scaling::once(factors, bound),
            Rounding::Tflite => Scaling::twice(factors.iter().map(|f| quantized_multiplier(*f)), bound),
        }
    }

    fn once(factors: &[f64], bound: f64) -> Option<Scaling> {
        let largest = factors.iter().fold(0.0, |a: f64, f| a.max(f.abs()));
        let whole = 2f64.powi(32);
        let multiplier = |f: f64, shift: u32| (f / 2f64.powi(shift as i32) * whole).round_ties_even();
        let shift = (0..32).find(|&shift| fits(multiplier(largest, shift)))?;
        let multipliers: Vec<f64> = factors.iter().map(|&f| multiplier(f, shift)).collect();
        fits(bound * 2f64.powi(shift as i32)).then_some(Scaling { shift, multipliers, exponents: None })
    }

    /// From multipliers and exponents as TensorFlow Lite has them. `None` if only some channels are shifted to the left.
    fn twice(factors: impl Iterator<Item = (f64, i32)>, bound: f64) -> Option<Scaling> {
        let (multipliers, exponents): (Vec<f64>, Vec<i32>) = factors.unzip();
        let left = exponents.iter().copied().fold(0, i32::max);
        let alike = left == 0 || exponents.iter().all(|e| *e == left);
        let exponents = exponents.into_iter().map(|e| f64::from((-e).max(0))).collect();
        let there = alike && left < 32 && fits(bound * 2f64.powi(left));
        there.then_some(Scaling { shift: left as u32, multipliers, exponents: Some(exponents) })
    }

    /// For means of `n` numbers from their sum, which is at most `bound`, times a factor. What is to be added to the
    /// sum, and the zero point of the result.
    pub fn mean(m: &Match<'_>, x: &Scale, n: usize) -> Option<Mean> {
        let (sy, zy) = (positive(m, "?sy")?, zero(m, "?zy")?);
        let (count, bound) = (n as f64, n as f64 * x.farthest());
        let scaling = match m.rounding() {
            Rounding::Once => Scaling::once(&[x.scale / (sy * count)], bound)?,
            Rounding::Tflite if x.scale == sy && x.zero == zy => {
                let (lowest, highest) = x.dtype.range();
                let scaling = Scaling::above(n, count * lowest.abs().max(highest))?;
                return Some(Mean { scaling, offset: 0.0, zero: 0.0 });
            }
            Rounding::Tflite => {
                let (multiplier, exponent) = quantized_multiplier(x.scale / sy);
                let power = (count.log2().floor() as i32).min(31 + exponent);
                let divided = ((multiplier as i64) << power) / n as i64;
                Scaling::twice(std::iter::once((divided as f64, exponent - power)), bound)?
            }
        };
        Some(Mean { scaling, offset: count * x.zero, zero: zy })
    }

    /// For sums of at most `bound` over `n`, halves away from zero: by a factor just above `1 / n`, which moves halves
    /// away from zero and nothing else across an integer.
    fn above(n: usize, bound: f64) -> Option<Scaling> {
        let n = n as f64;
        let shift = (0..32).find(|shift| n * 2f64.powi(*shift) > 2.0)?;
        let multiplier = (2f64.powi(32 - shift) / n).floor() + 1.0;
        // Quotients are `1 / 2n` from the next half, and too large by less than `bound * 2^shift / 2^32`.
        let fits = bound * 2f64.powi(shift) * 2.0 * n < 2f64.powi(32);
        fits.then(|| Scaling { shift: shift as u32, multipliers: vec![multiplier], exponents: None })
    }

    /// The multipliers `?m`, in a shape or, where all are one, as a scalar, the exponents `?e`, and the attributes `?r`
    /// towards the integers of `?q` around `?zy`.
    pub fn bind(&self, m: &Match<'_>, shape: Vec<usize>) -> Option<Bindings> {
        Some(self.around(m, zero(m, "?zy")?, shape))
    }

    /// The same around another integer.
    pub fn around(&self, m: &Match<'_>, zero: f64, shape: Vec<usize>) -> Bindings {
        self.named(["?r", "?m", "?e"], m.attrs("?q").dtype("to"), zero, shape)
    }

    fn named(&self, [attrs, multipliers, exponents]: Names, to: DType, zero: f64, shape: Vec<usize>) -> Bindings {
        let (lo, hi) = to.range();
        let r = Attrs::new().with_dtype("to", to).with_int("shift", self.shift.into()).with_int("zero", zero as i64);
        let r = r.with_int("lo", lo as i64).with_int("hi", hi as i64);
        let bound = Bindings::default().attrs(attrs, r).tensor(multipliers, each(&self.multipliers, &shape));
        match &self.exponents {
            None => bound.absent(exponents),
            Some(e) => bound.tensor(exponents, each(e, &shape)),
        }
    }

    /// As `named` in 32 bits around 0, of numbers that are shifted by `bits` more.
    pub fn wide(&self, names: Names, bits: u32) -> Bindings {
        let shift = self.shift + bits;
        let (multipliers, exponents) = (self.multipliers.clone(), self.exponents.clone());
        Scaling { shift, multipliers, exponents }.named(names, DType::I32, 0.0, Vec::new())
    }
}

/// How a sum becomes a mean.
pub struct Mean {
    pub scaling: Scaling,
    /// What is taken from the sum.
    pub offset: f64,
    pub zero: f64,
}

fn fits(v: f64) -> bool {
    v.abs() < 2f64.powi(31)
}

/// Numbers of 32 bits in a shape, or as a scalar where all are one.
fn each(numbers: &[f64], shape: &[usize]) -> Tensor {
    let all_one = numbers.windows(2).all(|p| p[0] == p[1]);
    match numbers.first().filter(|_| all_one) {
        Some(&one) => int(one),
        None => Tensor::of::<f64>(shape.to_vec(), numbers.to_vec()).cast(DType::I32),
    }
}

/// A factor as `multiplier / 2^31 * 2^exponent` with a multiplier of 31 bits and a sign: QuantizeMultiplier of
/// TensorFlow Lite.
fn quantized_multiplier(factor: f64) -> (f64, i32) {
    if factor == 0.0 {
        return (0.0, 0);
    }
    let mut exponent = factor.abs().log2().floor() as i32 + 1;
    // Logarithms are rounded.
    let fraction = |exponent: i32| factor / 2f64.powi(exponent);
    exponent += i32::from(fraction(exponent).abs() >= 1.0) - i32::from(fraction(exponent).abs() < 0.5);
    let multiplier = (fraction(exponent) * 2f64.powi(31)).round();
    match multiplier.abs() == 2f64.powi(31) {
        _ if exponent < -31 => (0.0, 0),
        true => (multiplier / 2.0, exponent + 1),
        false => (multiplier, exponent),
    }
}

pub fn narrow(d: DType) -> bool {
    matches!(d, DType::I8 | DType::U8)
}

/// The one element of a constant, where it is positive.
pub fn positive(m: &Match<'_>, name: &str) -> Option<f64> {
    one(m, name).filter(|v| *v > 0.0)
}

/// The one element of a constant.
pub fn one(m: &Match<'_>, name: &str) -> Option<f64> {
    m.constant(name).filter(|t| t.data().len() == 1).and_then(|_| m.number(name))
}

/// The scale of a value of 8 bits, positive and one for all, and the zero point.
pub fn scale(m: &Match<'_>, x: &str, scale: &str, point: &str) -> Option<Scale> {
    let dtype = m.dtype(x).filter(|d| narrow(*d))?;
    Some(Scale { scale: positive(m, scale)?, zero: zero(m, point)?, dtype })
}

/// The real number `scale * (q - zero)` for each integer `q`.
pub struct Scale {
    pub scale: f64,
    pub zero: f64,
    pub dtype: DType,
}

impl Scale {
    /// The largest distance of an integer from the zero point.
    pub fn farthest(&self) -> f64 {
        let (lowest, highest) = self.dtype.range();
        (lowest - self.zero).abs().max((highest - self.zero).abs())
    }
}

/// A number in every place of 32 bits.
pub fn int(v: f64) -> Tensor {
    Tensor::of::<f64>(Shape::scalar(), vec![v]).cast(DType::I32)
}

/// The attributes of a cast to 32 bits.
pub fn widening() -> Attrs {
    Attrs::new().with_dtype("to", DType::I32)
}

/// Sums of integers times real factors, in steps of the result, with as many bits behind the point as fit.
pub struct Fixed {
    bits: u32,
}

impl Fixed {
    /// For sums whose magnitude is at most `bound` steps, whatever part of the summands has been added; `None` if
    /// not even two bits fit.
    pub fn of(bound: f64) -> Option<Fixed> {
        // Half a unit of each factor, times an integer, twice: the sum is of two at most.
        let fits = |bits: &u32| (bound + 1.0) * 2f64.powi(*bits as i32) + 512.0 < 2f64.powi(31);
        (2..=24).rev().find(fits).map(|bits| Fixed { bits })
    }

    pub fn number(&self, steps: f64) -> f64 {
        (steps * 2f64.powi(self.bits as i32)).round_ties_even()
    }

    /// As [`Scaling::bind`].
    pub fn bind(&self, m: &Match<'_>) -> Option<Bindings> {
        let multiplier = 2f64.powi(32 - self.bits as i32);
        Scaling { shift: 0, multipliers: vec![multiplier], exponents: None }.bind(m, Vec::new())
    }
}

/// The one zero point; 0 where there is none.
pub fn zero(m: &Match<'_>, name: &str) -> Option<f64> {
    if m.is_absent(name) { Some(0.0) } else { m.number(name) }
}

/// A constant of the weights that is one for all, or one for each position of an axis: `n` numbers.
pub fn along(m: &Match<'_>, name: &str, axis: usize, n: usize) -> Option<Vec<f64>> {
    if let Some(v) = m.number(name) {
        return Some(vec![v; n]);
    }
    let (shape, rank) = (m.shape(name)?, m.shape("?w")?.rank());
    let there = axis.checked_sub(rank - shape.rank())?;
    (shape[there] == n && shape.elements() == n).then(|| m.numbers(name))?
}

/// A constant that is one for all columns, or one for each: `n` numbers.
pub fn row(m: &Match<'_>, name: &str, n: usize) -> Option<Vec<f64>> {
    if let Some(v) = m.number(name) {
        return Some(vec![v; n]);
    }
    let shape = m.shape(name)?;
    (shape.last() == Some(&n) && shape.elements() == n).then(|| m.numbers(name))?
}
