//! Walking coordinates: what data-movement operators share.

use crate::loops::{Index, View};
use crate::tensor::{Data, Tensor};
use crate::types::Shape;

/// Offsets of all coordinates of a shape in row-major order, under other strides.
pub fn offsets(shape: &[usize], strides: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let n: usize = shape.iter().product();
    let mut at = vec![0; shape.len()];
    let mut offset = 0;
    let (shape, strides) = (shape.to_vec(), strides.to_vec());
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

/// Offsets in a dense tensor of shape `x` of the elements that it has when broadcast to `shape`.
pub fn broadcast(x: &[usize], shape: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let skip = shape.len() - x.len();
    let dense = Shape::new(x).strides();
    let stride = |d: usize| d.checked_sub(skip).map_or(0, |d| if x[d] == 1 { 0 } else { dense[d] });
    let strides: Vec<usize> = (0..shape.len()).map(stride).collect();
    offsets(shape, &strides)
}

/// How often each element of a tensor of shape `x` stands in a row, and how often the whole, when it is broadcast to
/// `shape`; `None` where no such two numbers tell it.
pub fn repeats(x: &[usize], shape: &[usize]) -> Option<(usize, usize)> {
    let skip = shape.len() - x.len();
    let own = |d: usize| d.checked_sub(skip).map_or(1, |d| x[d]);
    let varies: Vec<usize> = (0..shape.len()).filter(|&d| own(d) != 1).collect();
    let (first, end) = (varies.first().copied().unwrap_or(0), varies.last().map_or(0, |d| d + 1));
    let whole = (first..end).all(|d| own(d) == shape[d]);
    whole.then(|| (shape[end..].iter().product(), shape[..first].iter().product()))
}

/// Offsets in a dense tensor at all combinations of positions along its axes, the last axis fastest;
/// `None` where a position is.
pub fn positions(shape: &[usize], along: &[Vec<Option<usize>>]) -> Vec<Option<usize>> {
    shape.iter().zip(along).fold(vec![Some(0)], |offsets, (n, along)| {
        let next = |o: Option<usize>| along.iter().map(move |p| Some(o? * n + (*p)?));
        offsets.into_iter().flat_map(next).collect()
    })
}

/// The elements of `x` at all combinations of positions along its axes, `otherwise` where there is none.
pub fn pick(x: &Tensor, along: &[Vec<Option<usize>>], otherwise: &Tensor) -> Tensor {
    let shape: Vec<usize> = along.iter().map(Vec::len).collect();
    let outside = x.data().len();
    let all = Data::concat([x.data(), otherwise.data()].into_iter());
    let data = all.gather(positions(x.shape(), along).into_iter().map(|p| p.unwrap_or(outside)));
    Tensor::new(shape, data).expect("one element a combination")
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
