//! Transposed convolution: each tap adds rows of elements to rows of the result. Results sum over
//! channels, then taps, in ascending order.

use super::number::{Number, slice};
use crate::ops::reach::{Reach, Span};
use crate::ops::window::{self, Window};
use crate::tensor::Tensor;
use crate::types::Shape;

pub fn conv_transpose<T: Number>(x: &[Option<&Tensor>], windows: &[Window], group: usize) -> Tensor {
    let [Some(x), Some(w), bias @ ..] = x else { unreachable!("operand count is checked") };
    let Some((last, axes)) = windows.split_last() else { unreachable!("rank is checked") };
    let bias = bias.first().copied().flatten().map(slice::<T>);
    let (batch, channels, outputs) = (x.shape()[0], w.shape()[0] / group, w.shape()[1]);
    let shape: Vec<usize> = [batch, outputs * group].into_iter().chain(window::outputs(windows)).collect();
    let (x, w) = (slice::<T>(x), slice::<T>(w));

    // In a row of sums the positions of one phase are neighbours, as the elements are that they sum.
    let phases = Reach::of(last).phases;
    let rounds = last.output.div_ceil(phases);
    let columns: Vec<Span> = (0..last.kernel).map(|k| Span::of(last, k)).collect();
    let rows: Vec<Vec<Span>> = Shape::new(window::kernels(axes))
        .coordinates()
        .map(|at| at.iter().zip(axes).map(|(&k, w)| Span::of(w, k)).collect())
        .collect();
    let (taps, area): (usize, usize) = (rows.len() * last.kernel, windows.iter().map(|w| w.input).product());
    let lines: usize = axes.iter().map(|w| w.output).product();
    let mut sums = vec![T::ZERO; lines * rounds * phases];
    let mut y = Vec::with_capacity(Shape::new(shape.clone()).elements());
    for (n, o) in (0..batch).flat_map(|n| (0..outputs * group).map(move |o| (n, o))) {
        sums.fill(bias.map_or(T::ZERO, |b| b[o]));
        for c in (o / outputs * channels..).take(channels) {
            let image = &x[(n * channels * group + c) * area..][..area];
            let weights = w[(c * outputs + o % outputs) * taps..][..taps].chunks_exact(last.kernel);
            for (weights, spans) in weights.zip(&rows) {
                each_row(axes, spans, 0, 0, &mut |from, to| {
                    let (from, to) = (&image[from * last.input..], &mut sums[to * rounds * phases..]);
                    for (&w, s) in weights.iter().zip(&columns) {
                        let to = &mut to[s.position % phases * rounds + s.position / phases..];
                        for (y, &x) in to.iter_mut().zip(&from[s.element..][..s.count]) {
                            *y = y.mac(x, w);
                        }
                    }
                });
            }
        }
        for sums in sums.chunks_exact(rounds * phases) {
            y.extend((0..last.output).map(|p| sums[p % phases * rounds + p / phases]));
        }
    }
    Tensor::of(shape, y)
}

/// Calls `f` with the number of each row of elements that a tap carries to a row of the result, and the
/// number of that one.
fn each_row(axes: &[Window], spans: &[Span], from: usize, to: usize, f: &mut impl FnMut(usize, usize)) {
    let ([w, axes @ ..], [span, spans @ ..]) = (axes, spans) else { return f(from, to) };
    for n in 0..span.count {
        let (element, position) = (span.element + n, span.position + n * w.stride);
        each_row(axes, spans, from * w.input + element, to * w.output + position, f);
    }
}
