//! Two int8 pointwise convolutions as a schedule would write them: for the DSP instructions of
//! Cortex-M4 and for the vectors of Cortex-M55. They prove that the loop IR carries such kernels.

use crate::programs::{Case, at, load, single, store, tensor_type};
use std::sync::Arc;
use tinyc_core::loops::{Cast, Expr, Index, Library, Load, Local, Lower, Mode, Place, Scalar, Ty};
use tinyc_core::tensor::Tensor;

/// Pseudo-random bytes.
fn bytes(seed: u32, n: usize) -> Tensor {
    let mut x = seed;
    let next = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as i8
    };
    Tensor::of(vec![n], (0..n).map(next).collect::<Vec<i8>>())
}

/// Bias and multiplier of each channel; the multipliers bring most sums into the range of a byte.
fn requantization(channels: usize) -> [Tensor; 2] {
    let bias = (0..channels as i32).map(|c| c * 1_999 - 7_000).collect::<Vec<i32>>();
    let scale = (0..channels as i32).map(|c| 20_000_000 + c * 1_234_567).collect::<Vec<i32>>();
    [Tensor::of(vec![channels], bias), Tensor::of(vec![channels], scale)]
}

/// Makes constants of all inputs but the first.
fn with_constants(mut case: Case) -> Case {
    for (port, tensor) in case.program.inputs.drain(1..).zip(case.inputs.drain(1..)) {
        case.program.buffers[port.buffer.0 as usize].place = Place::Const(Arc::new(tensor));
    }
    case
}

/// The zero point that the requantized value is added to.
const ZERO_POINT: i64 = -3;

fn requantize(acc: Expr, scale: Expr) -> Expr {
    let scaled = Library::Smmlar.call([acc, scale, Expr::int(Scalar::I32, ZERO_POINT)]);
    Library::Ssat8.call([scaled]).cast(Cast::Trunc, Ty::I8)
}

/// Four channels times two pixels in registers, four input channels an iteration. Weights lie in the
/// order in which they are read: group of four channels, four inputs, channel, input.
pub fn dsp(pixels: usize, inputs: usize, channels: usize) -> Case {
    assert!(pixels.is_multiple_of(2) && inputs.is_multiple_of(4) && channels.is_multiple_of(4));
    let mut l = Lower::new("pointwise_4x2");
    let x = l.buffer("x", Scalar::I8, pixels * inputs, Mode::Read);
    let w = l.buffer("w", Scalar::I8, inputs * channels, Mode::Read);
    let bias = l.buffer("bias", Scalar::I32, channels, Mode::Read);
    let scale = l.buffer("scale", Scalar::I32, channels, Mode::Read);
    let y = l.buffer("y", Scalar::I8, pixels * channels, Mode::Write);
    let (n, m) = (inputs as i64, channels as i64);
    let halves = |l: &mut Lower, name: &str, word: Expr| {
        let word = l.bind(name, word);
        let even = l.bind(&format!("{name}_even"), Library::Sxtb16.call([word.clone()]));
        let odd = l.bind(&format!("{name}_odd"), Library::Sxtb16Ror8.call([word]));
        [even, odd]
    };
    l.repeat_by("p", 0usize, pixels, 2, |l, p| {
        l.repeat("g", 0usize, channels / 4, |l, g| {
            let mut acc: Vec<[Local; 2]> = Vec::new();
            for c in 0..4 {
                let b = l.bind(&format!("b{c}"), load(bias, g.clone() * 4 + c, Scalar::I32));
                acc.push([0, 1].map(|q| l.variable(&format!("acc{c}{q}"), b.clone())));
            }
            l.repeat("k", 0usize, inputs / 4, |l, k| {
                let pixel = |l: &mut Lower, q: i64| {
                    halves(l, &format!("x{q}"), load(x, (p.clone() + q) * n + k.clone() * 4, Ty::I32))
                };
                let v = [pixel(l, 0), pixel(l, 1)];
                for c in 0..4 {
                    let word = load(w, g.clone() * (4 * n) + k.clone() * 16 + 4 * c, Ty::I32);
                    let u = halves(l, &format!("w{c}"), word);
                    for (q, v) in v.iter().enumerate() {
                        let a = acc[c as usize][q];
                        for (u, v) in u.iter().zip(v) {
                            l.set(a, Library::Smlad.call([u.clone(), v.clone(), a.into()]));
                        }
                    }
                }
            });
            for c in 0..4 {
                let s = l.bind(&format!("s{c}"), load(scale, g.clone() * 4 + c, Scalar::I32));
                for q in 0..2 {
                    let value = requantize(acc[c as usize][q as usize].into(), s.clone());
                    l.push(store(y, (p.clone() + q) * m + g.clone() * 4 + c, value));
                }
            }
        });
    });
    let [b, s] = requantization(channels);
    let given = vec![bytes(1, pixels * inputs), bytes(2, inputs * channels), b, s];
    with_constants(single(l.finish(), given, &[tensor_type(Scalar::I8, pixels * channels)]))
}

/// Sixteen input channels an iteration; the last ones under a mask.
pub fn mve(pixels: usize, inputs: usize, channels: usize) -> Case {
    let mut l = Lower::new("pointwise_mve");
    let x = l.buffer("x", Scalar::I8, pixels * inputs, Mode::Read);
    let w = l.buffer("w", Scalar::I8, inputs * channels, Mode::Read);
    let bias = l.buffer("bias", Scalar::I32, channels, Mode::Read);
    let scale = l.buffer("scale", Scalar::I32, channels, Mode::Read);
    let y = l.buffer("y", Scalar::I8, pixels * channels, Mode::Write);
    let n = inputs as i64;
    l.repeat("p", 0usize, pixels, |l, p| {
        l.repeat("c", 0usize, channels, |l, c| {
            let acc = l.variable("acc", load(bias, c.clone(), Scalar::I32));
            l.repeat_by("k", 0usize, inputs, 16, |l, k| {
                let left = Expr::Index(Index::constant(n) - k.clone(), Scalar::I32);
                let mask = l.bind("mask", Library::Vctp8.call([left]));
                let lanes = |buffer, i| {
                    let ty = Ty::vector(Scalar::I8, 16);
                    Expr::Load(Box::new(Load { access: at(buffer, i), ty, otherwise: None, mask: Some(mask.clone()) }))
                };
                let u = l.bind("u", lanes(x, p.clone() * n + k.clone()));
                let v = l.bind("v", lanes(w, c.clone() * n + k));
                l.set(acc, Library::VmladavaI8x16.call([acc.into(), u, v]));
            });
            let value = requantize(acc.into(), load(scale, c.clone(), Scalar::I32));
            l.push(store(y, p * channels as i64 + c, value));
        });
    });
    let [b, s] = requantization(channels);
    let given = vec![bytes(3, pixels * inputs), bytes(4, inputs * channels), b, s];
    with_constants(single(l.finish(), given, &[tensor_type(Scalar::I8, pixels * channels)]))
}
