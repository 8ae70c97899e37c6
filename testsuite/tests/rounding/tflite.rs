//! TensorFlow Lite's integer arithmetic, written from its formulas: gemmlowp's fixed-point functions (Jacob et al.,
//! "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018, section
//! 2.2 and appendix B) and the reference kernels' use of them. Shares no code with the compiler.

/// SaturatingRoundingDoublingHighMul: the high half of twice the product, rounded.
pub fn high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    // Division rounds towards zero, as in C.
    ((product + nudge) / (1 << 31)) as i32
}

/// RoundingDivideByPOT: by a power of two, rounded, halves away from zero.
pub fn divide_by_power(x: i32, exponent: i32) -> i32 {
    let mask = ((1i64 << exponent) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent) + i32::from(x & mask > threshold)
}

/// QuantizeMultiplier: a factor as 31 bits and an exponent.
pub fn quantize_multiplier(factor: f64) -> (i32, i32) {
    if factor == 0.0 {
        return (0, 0);
    }
    let (mut fraction, mut exponent) = (factor, 0);
    while fraction >= 1.0 {
        (fraction, exponent) = (fraction / 2.0, exponent + 1);
    }
    while fraction < 0.5 {
        (fraction, exponent) = (fraction * 2.0, exponent - 1);
    }
    let mut fixed = (fraction * 2f64.powi(31)).round() as i64;
    if fixed == 1 << 31 {
        (fixed, exponent) = (fixed / 2, exponent + 1);
    }
    if exponent < -31 { (0, 0) } else { (fixed as i32, exponent) }
}

/// MultiplyByQuantizedMultiplier.
pub fn multiply(x: i64, (multiplier, exponent): (i32, i32)) -> i64 {
    let x = i32::try_from(x << exponent.max(0)).expect("sums fit 32 bits");
    divide_by_power(high_mul(x, multiplier), (-exponent).max(0)).into()
}

/// A scale, and the integer that stands for zero.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub scale: f32,
    pub zero: i64,
}

impl Scale {
    fn real(&self) -> f64 {
        f64::from(self.scale)
    }
}

/// The limits of an activation, as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    None,
    Relu,
    Relu6,
}

impl Activation {
    /// CalculateActivationRangeQuantized for integers of 8 bits with a sign.
    pub fn limit(self, q: i64, y: Scale) -> i64 {
        let integer = |v: f32| y.zero + (v / y.scale).round() as i64;
        match self {
            Activation::None => q.clamp(-128, 127),
            Activation::Relu => q.clamp(-128, 127).max(integer(0.0)),
            Activation::Relu6 => q.clamp((-128).max(integer(0.0)), 127.min(integer(6.0))),
        }
    }
}

/// A sum of products with its bias, for the scale of its weights: convolution and fully connected.
pub fn product(sum: i64, (x, w, y): (Scale, f32, Scale), activation: Activation) -> i64 {
    let factor = x.real() * f64::from(w) / y.real();
    activation.limit(multiply(sum, quantize_multiplier(factor)) + y.zero, y)
}

/// ADD, and SUB with the sign -1.
pub fn add((p, x): (i64, Scale), (q, v): (i64, Scale), sign: i64, y: Scale, activation: Activation) -> i64 {
    let twice = 2.0 * x.real().max(v.real());
    let summand = |q: i64, s: Scale| multiply((q - s.zero) << 20, quantize_multiplier(s.real() / twice));
    let sum = summand(p, x) + sign * summand(q, v);
    let factor = twice / (f64::from(1 << 20) * y.real());
    activation.limit(multiply(sum, quantize_multiplier(factor)) + y.zero, y)
}

/// MUL.
pub fn mul((p, x): (i64, Scale), (q, v): (i64, Scale), y: Scale) -> i64 {
    let factor = x.real() * v.real() / y.real();
    let product = (p - x.zero) * (q - v.zero);
    (multiply(product, quantize_multiplier(factor)) + y.zero).clamp(-128, 127)
}

/// QUANTIZE from integers to integers.
pub fn requantize(q: i64, x: Scale, y: Scale) -> i64 {
    (multiply(q - x.zero, quantize_multiplier(x.real() / y.real())) + y.zero).clamp(-128, 127)
}

/// AVERAGE_POOL_2D, whose result has the scale of its operand.
pub fn average(window: &[i64]) -> i64 {
    let (sum, n) = (window.iter().sum::<i64>(), window.len() as i64);
    let half = if sum > 0 { n / 2 } else { -(n / 2) };
    ((sum + half) / n).clamp(-128, 127)
}

/// MEAN.
pub fn mean(all: &[i64], x: Scale, y: Scale) -> i64 {
    let n = all.len() as i64;
    let (multiplier, exponent) = quantize_multiplier(x.real() / y.real());
    let shift = (63 - n.leading_zeros() as i32).min(32).min(31 + exponent);
    let multiplier = ((i64::from(multiplier) << shift) / n) as i32;
    let sum = all.iter().map(|q| q - x.zero).sum();
    (multiply(sum, (multiplier, exponent - shift)) + y.zero).clamp(-128, 127)
}
