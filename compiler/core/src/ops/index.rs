//! Walking coordinates: what data-movement operators share.

use crate::loops::{Index, View};

/// Offsets of all coordinates of a shape in row-major order, under other strides.
pub fn offsets(shape: &[usize], strides: &[usize]) -> impl Iterator<Item = usize> {
    let n: usize = shape.iter().product();
    let mut at = vec![0; shape.len()];
    let mut offset = 0;
    (0..n).map(move |_| {
        let here = offset;
        for d in (0..at.len()).rev() {
            at[d] += 1;
            offset += strides[d];
            if at[d] < shape[d] {
                break;
            }
            offset -= strides[d] * shape[d];
            at[d] = 0;
        }
        here
    })
}

/// Coordinates in `x` of the element whose row-major position is that of `at` in `y`.
pub fn same_element(y: &View, x: &View, at: &[Index]) -> Vec<Index> {
    let position = y.shape().iter().zip(at).fold(Index::constant(0), |p, (&n, i)| p * n as i64 + i.clone());
    let shape = x.shape();
    let mut rest = position;
    let mut coordinates = vec![Index::constant(0); shape.len()];
    for d in (0..shape.len()).rev() {
        let n = shape[d].max(1) as i64;
        coordinates[d] = if d == 0 { rest.clone() } else { rest.clone().modulo(n) };
        rest = rest.floor_div(n);
    }
    coordinates
}
