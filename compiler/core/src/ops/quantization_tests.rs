//! Rounding, saturation and exactness of `quantize` and `dequantize`.

use crate::attrs::Attrs;
use crate::op::OpId;
use crate::random::Random;
use crate::tensor::{Element, Tensor};
use crate::types::DType;

fn quantize(x: &[f32], scale: f32, zero: Option<Tensor>, to: DType) -> Vec<i64> {
    let (x, scale) = (Tensor::of([x.len()], x.to_vec()), Tensor::of([], vec![scale]));
    let attrs = Attrs::new().with_dtype("to", to);
    let y = OpId::quantize.op().eval(&attrs, &[Some(&x), Some(&scale), zero.as_ref()]).unwrap();
    y[0].to_i64s().unwrap()
}

fn dequantize<T: Element>(x: Vec<T>, scale: f32, zero: T) -> Vec<f32> {
    let (x, scale, zero) = (Tensor::of([x.len()], x), Tensor::of([], vec![scale]), Tensor::of([], vec![zero]));
    let y = OpId::dequantize.op().eval(&Attrs::new(), &[Some(&x), Some(&scale), Some(&zero)]).unwrap();
    y[0].as_slice::<f32>().unwrap().to_vec()
}

#[test]
fn halves_go_to_even_and_all_that_is_beyond_is_saturated() {
    let x = [0.5, 1.5, 2.5, -0.5, -1.5, 2.500_000_2, 126.5, 127.5, -128.5, 1e30, -1e30];
    assert_eq!(quantize(&x, 1.0, None, DType::I8), [0, 2, 2, 0, -2, 3, 126, 127, -128, 127, -128]);
    let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN];
    assert_eq!(quantize(&special, 0.1, None, DType::I8), [127, -128, -128, -128]);
    let zero = |z: u16| Some(Tensor::of([], vec![z]));
    assert_eq!(quantize(&[-70_000.0, -1.0, 0.0, 1e9], 1.0, zero(65_535), DType::U16), [0, 65_534, 65_535, 65_535]);
    assert_eq!(quantize(&special, 1.0, zero(65_535), DType::U16), [65_535, 0, 0, 0]);
}

/// All of 8 bits with many scales: the product, rounded once.
#[test]
fn bytes_are_dequantized_exactly() {
    let mut random = Random::new(3);
    for _ in 0..500 {
        let scale = (random.signed().abs() + 0.5) * 2f32.powi(random.below(40) as i32 - 30);
        let zero = random.bits() as u8;
        let want: Vec<f32> = (0..=255u8).map(|x| f32::from(i16::from(x) - i16::from(zero)) * scale).collect();
        let have = dequantize((0..=255u8).collect(), scale, zero);
        assert!(have.iter().zip(&want).all(|(h, w)| h.to_bits() == w.to_bits()), "{scale} {zero}");
    }
}

#[test]
fn wider_integers_are_dequantized_within_a_unit_in_the_last_place() {
    let mut random = Random::new(4);
    for _ in 0..20_000 {
        let (x, zero) = (random.bits() as i16, random.bits() as i16);
        let scale = (random.signed().abs() + 0.5) * 1e-3;
        let (have, want) =
            (dequantize(vec![x], scale, zero)[0], f64::from(i32::from(x) - i32::from(zero)) * f64::from(scale));
        assert!((f64::from(have) - want).abs() <= want.abs() * f64::from(f32::EPSILON), "{x} {zero} {scale}: {have}");
        let wide = random.bits() as i32;
        let (have, want) = (dequantize(vec![wide], scale, 0)[0], f64::from(wide as f32) * f64::from(scale));
        assert!((f64::from(have) - want).abs() <= want.abs() * f64::from(f32::EPSILON), "{wide} {scale}: {have}");
    }
}
