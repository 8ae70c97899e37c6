//! The interpreter's promises: meaning of statements and expressions, and errors for all misuse.

use super::super::{Expr, Lower, Mode, Scalar, View};
use super::*;
use crate::types::DType;

fn f32s(v: &[f32]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn to_f32s(b: &[u8]) -> Vec<f32> {
    b.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
}

fn conv_like(n: usize, k: usize) -> Function {
    let mut l = Lower::new("conv");
    let x = View::dense(l.buffer("x", Scalar::F32, n, Mode::Read), DType::F32, &[n]).unwrap();
    let w = View::dense(l.buffer("w", Scalar::F32, k, Mode::Read), DType::F32, &[k]).unwrap();
    let y = View::dense(l.buffer("y", Scalar::F32, n, Mode::Write), DType::F32, &[n]).unwrap();
    let x = x.padded(&[k / 2], &[k - 1 - k / 2], Expr::f32(0.0));
    l.repeat("i", 0usize, n, |l, i| {
        let sum =
            l.reduce("sum", Expr::f32(0.0), &[k], |_, at, acc| acc + x.read(&[i.clone() + at[0].clone()]) * w.read(at));
        let store = y.write(&[i], sum);
        l.push(store);
    });
    l.finish()
}

#[test]
fn a_million_macs_are_quick() {
    let (n, k) = (10_000, 100);
    let f = conv_like(n, k);
    let mut buffers = [f32s(&vec![1.0; n]), f32s(&vec![2.0; k]), vec![0; 4 * n]];
    let start = std::time::Instant::now();
    call(&[f], FnId(0), &mut buffers, &[]).unwrap();
    println!("1 MMAC in {:?}", start.elapsed());
    let y = to_f32s(&buffers[2]);
    assert_eq!((y[0], y[n / 2], y[n - 1]), (100.0, 200.0, 102.0));
}
