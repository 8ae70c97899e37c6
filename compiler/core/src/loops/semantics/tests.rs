//! Scalar meaning at its edges.

use super::*;

fn b2<T: Value>(op: Binary, a: T, b: T) -> T {
    T::of_bits(binary(op, T::SCALAR, OnBits).unwrap()(a.bits(), b.bits()))
}

fn c1<T: Value, R: Value>(op: Cast, a: T) -> R {
    R::of_bits(cast(op, T::SCALAR, R::SCALAR, OnBits).unwrap()(a.bits()))
}

#[test]
fn integers_wrap_and_divide_safely() {
    assert_eq!(b2(Binary::Add, i8::MAX, 1), i8::MIN);
    assert_eq!(b2(Binary::Mul, i32::MIN, -1), i32::MIN);
    assert_eq!(b2(Binary::Div, i32::MIN, -1), i32::MIN);
    assert_eq!(b2(Binary::Div, -7, 2), -3);
    assert_eq!(b2(Binary::Rem, -7, 2), -1);
    for op in [Binary::Div, Binary::UDiv, Binary::Rem, Binary::URem] {
        assert_eq!(b2(op, 5i16, 0), 0);
    }
    assert_eq!(b2(Binary::UDiv, -1i8, 2), 127);
    assert_eq!(b2(Binary::Rem, i64::MIN, -1), 0);
}

#[test]
fn shifts_take_the_amount_modulo_the_width() {
    assert_eq!(b2(Binary::Shl, 1i32, 33), 2);
    assert_eq!(b2(Binary::Shr, -8i8, 9), -4);
    assert_eq!(b2(Binary::UShr, -1i16, 12), 15);
    assert_eq!(b2(Binary::Shl, 1i64, -1), i64::MIN);
}

#[test]
fn float_min_and_max_keep_a_nan_in_the_first_operand() {
    for op in [Binary::Min, Binary::Max] {
        assert!(b2(op, f32::NAN, 1.0).is_nan());
        assert_eq!(b2(op, 1.0, f32::NAN), 1.0);
    }
    assert!(b2(Binary::Min, 0.0f32, -0.0).is_sign_positive());
    assert!(binary(Binary::And, Scalar::F32, OnBits).is_none());
    assert!(binary(Binary::Rem, Scalar::F64, OnBits).is_none());
    assert!(binary(Binary::Add, Scalar::I1, OnBits).is_none());
}

#[test]
fn casts_saturate_extend_and_keep_bits() {
    assert_eq!(c1::<f32, i8>(Cast::FpToSi, 300.0), 127);
    assert_eq!(c1::<f32, i32>(Cast::FpToSi, f32::NAN), 0);
    assert_eq!(c1::<f32, i8>(Cast::FpToUi, 300.0) as u8, 255);
    assert_eq!(c1::<f64, i64>(Cast::FpToSi, -1e300), i64::MIN);
    assert_eq!(c1::<bool, i8>(Cast::SExt, true), -1);
    assert_eq!(c1::<bool, i64>(Cast::ZExt, true), 1);
    assert_eq!(c1::<i8, i32>(Cast::ZExt, -1), 255);
    assert_eq!(c1::<i8, i32>(Cast::SExt, -1), -1);
    assert_eq!(c1::<i32, i8>(Cast::Trunc, 0x1ff), -1);
    assert_eq!(c1::<i8, f32>(Cast::UiToFp, -1), 255.0);
    assert_eq!(c1::<i8, f32>(Cast::SiToFp, -1), -1.0);
    assert_eq!(c1::<f32, i32>(Cast::Bits, 1.0), 0x3f80_0000);
    assert!(cast(Cast::Trunc, Scalar::I8, Scalar::I32, OnBits).is_none());
    assert!(cast(Cast::Bits, Scalar::F32, Scalar::I64, OnBits).is_none());
}

#[test]
fn comparisons_with_nan_are_false_but_for_ne() {
    let cmp = |op, a: f32, b: f32| compare(op, Scalar::F32, OnBits).unwrap()(a.bits(), b.bits()) != 0;
    for op in [Compare::Eq, Compare::Lt, Compare::Le] {
        assert!(!cmp(op, f32::NAN, 1.0) && !cmp(op, 1.0, f32::NAN));
    }
    assert!(cmp(Compare::Ne, f32::NAN, f32::NAN));
    let unsigned = compare(Compare::ULt, Scalar::I8, OnBits).unwrap();
    assert_eq!(unsigned(1, (-1i8).bits()), 1);
}
