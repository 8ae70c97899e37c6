//! Convolution: each group is a matrix product over patches, a narrow one goes by rows. Both sum over
//! channels, then taps, in ascending order.

use super::gemm::{COLUMNS, Matrix, Packed};
use super::number::{Number, slice};
use crate::ops::window::Window;
use crate::tensor::Tensor;
use crate::types::Shape;

/// Input channels of one group with their padding, and where the windows' taps lie in them.
struct Patches {
    /// Elements of a padded channel.
    area: usize,
    /// Where each row of an input channel begins in the padded one.
    rows: Vec<usize>,
    /// Offset of the first tap of each window.
    starts: Vec<usize>,
    /// Offset of each tap from the first one, channel by channel.
    taps: Vec<usize>,
}

impl Patches {
    fn new(channels: usize, windows: &[Window]) -> Patches {
        let extents: Shape = windows.iter().map(|w| w.before + w.input + w.reach()).collect::<Vec<_>>().into();
        let (area, strides) = (extents.elements(), extents.strides());
        let offsets = |extents: Vec<usize>, step: fn(&Window) -> usize| -> Vec<usize> {
            let dot = |at: Vec<usize>| at.iter().zip(windows).zip(&strides).map(|((i, w), s)| i * step(w) * s).sum();
            Shape::new(extents).coordinates().map(dot).collect()
        };
        let starts = offsets(windows.iter().map(|w| w.output).collect(), |w| w.stride);
        let plane = offsets(windows.iter().map(|w| w.kernel).collect(), |w| w.dilation);
        let taps = (0..channels).flat_map(|c| plane.iter().map(move |t| c * area + t)).collect();
        let before: usize = windows.iter().zip(&strides).map(|(w, s)| w.before * s).sum();
        let mut inputs: Vec<usize> = windows.iter().map(|w| w.input).collect();
        inputs.pop();
        let row = |at: Vec<usize>| before + at.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>();
        let rows = Shape::new(inputs).coordinates().map(row).collect();
        Patches { area, rows, starts, taps }
    }

    /// Copies channels into their places between the padding.
    fn pad<T: Copy>(&self, x: &[T], windows: &[Window], padded: &mut [T]) {
        let width = windows.last().map_or(1, |w| w.input);
        let area: usize = windows.iter().map(|w| w.input).product();
        for (x, padded) in x.chunks_exact(area.max(1)).zip(padded.chunks_exact_mut(self.area)) {
            for (at, row) in self.rows.iter().zip(x.chunks_exact(width)) {
                padded[*at..][..width].copy_from_slice(row);
            }
        }
    }
}

/// Below this many output channels a group, a product over patches does not pay.
const NARROW: usize = 4;

pub fn conv<T: Number>(x: &[Option<&Tensor>], windows: &[Window], group: usize) -> Tensor {
    let [Some(x), Some(w), bias @ ..] = x else { unreachable!("operand count is checked") };
    let bias = bias.first().copied().flatten().map(slice::<T>);
    let (batch, outputs, channels) = (x.shape()[0], w.shape()[0] / group, w.shape()[1]);
    let patches = Patches::new(channels, windows);
    let (pixels, taps) = (patches.starts.len(), patches.taps.len());
    let (x, w) = (slice::<T>(x), slice::<T>(w));

    let mut shape = vec![batch, outputs * group];
    shape.extend(windows.iter().map(|w| w.output));
    let mut y = vec![T::ZERO; Shape::new(shape.clone()).elements()];
    for (i, line) in y.chunks_exact_mut(pixels).enumerate() {
        line.fill(bias.map_or(T::ZERO, |b| b[i % (outputs * group)]));
    }
    let weights = |g: usize| &w[g * outputs * taps..][..outputs * taps];
    let packed: Vec<Packed<T>> = if outputs < NARROW {
        Vec::new()
    } else {
        let matrix = |g| Matrix { data: weights(g), row: taps, column: 1 };
        (0..group).map(|g| Packed::new(outputs, taps, matrix(g))).collect()
    };
    let area: usize = channels * windows.iter().map(|w| w.input).product::<usize>();
    let mut padded = vec![T::ZERO; channels * patches.area];
    // Where there is nothing to read or to write, biases are all.
    let (inputs, results) = (x.chunks_exact(area.max(1)), y.chunks_exact_mut((outputs * pixels).max(1)));
    for (i, (x, y)) in inputs.zip(results).enumerate() {
        patches.pad(x, windows, &mut padded);
        match packed.get(i % group) {
            Some(packed) => by_patches(&patches, packed, &padded, y),
            None => by_rows(&patches, windows, weights(i % group), &padded, y),
        }
    }
    Tensor::of(shape, y)
}

/// Gathers the patches of a few windows at a time into a panel and multiplies by the weights.
fn by_patches<T: Number>(patches: &Patches, weights: &Packed<T>, padded: &[T], y: &mut [T]) {
    let pixels = patches.starts.len();
    let mut panel = vec![T::ZERO; patches.taps.len() * COLUMNS];
    for (block, starts) in patches.starts.chunks(COLUMNS).enumerate() {
        let dense = starts.len() == COLUMNS && starts.windows(2).all(|s| s[1] == s[0] + 1);
        for (line, tap) in panel.as_chunks_mut::<COLUMNS>().0.iter_mut().zip(&patches.taps) {
            if dense {
                line.copy_from_slice(&padded[starts[0] + tap..][..COLUMNS]);
            } else {
                for (v, start) in line.iter_mut().zip(starts) {
                    *v = padded[start + tap];
                }
            }
        }
        weights.times(&panel, starts.len(), &mut y[block * COLUMNS..], pixels);
    }
}

/// Adds tap after tap to a row of outputs.
fn by_rows<T: Number>(patches: &Patches, windows: &[Window], weights: &[T], padded: &[T], y: &mut [T]) {
    let Some(last) = windows.last() else { return };
    let pixels = patches.starts.len();
    for (y, weights) in y.chunks_exact_mut(pixels).zip(weights.chunks_exact(patches.taps.len())) {
        for (row, starts) in y.chunks_exact_mut(last.output).zip(patches.starts.chunks_exact(last.output)) {
            for (&w, tap) in weights.iter().zip(&patches.taps) {
                let x = &padded[starts[0] + tap..];
                if last.stride == 1 {
                    for (y, &x) in row.iter_mut().zip(x) {
                        *y = y.mac(w, x);
                    }
                } else {
                    for (y, &x) in row.iter_mut().zip(x.iter().step_by(last.stride)) {
                        *y = y.mac(w, x);
                    }
                }
            }
        }
    }
}
