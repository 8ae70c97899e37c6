//! Sums of products of integers: convolutions and matrix products that count from zero points.

use super::relate::{Products, Relation, Sum};
use tinyc_core::graph::NodeId;
use tinyc_core::ops::window;
use tinyc_core::tensor::Tensor;

/// Sums of integers have 32 bits.
const INTEGERS: f64 = 2_147_483_648.0;

impl Relation<'_> {
    pub fn integer_convolution(&mut self) -> Option<Option<Sum>> {
        let x = self.ty(self.operand(0)?);
        let w = self.constant(1)?;
        let (channels, kernel): (usize, Vec<i64>) = (w.shape()[1], w.shape()[2..].iter().map(|&k| k as i64).collect());
        let windows = window::windows("conv_integer", x, &kernel, self.attrs, false).ok()?;
        let padded = windows.iter().any(|w| w.before > 0 || w.reach() > 0);
        let taps = w.shape()[2..].iter().product();
        let first = |o: usize, c: usize| (o * channels + c) * taps;
        let (w, zero) = (self.centered_weights(w)?, self.x_zero()?);
        self.sum((1, 1), &Products { w, taps, first: &first, start: None, padded, zero, room: INTEGERS })
    }

    pub fn integer_matmul(&mut self) -> Option<Option<Sum>> {
        let w = self.constant(1).filter(|w| w.shape().rank() == 2)?;
        let last = |id: NodeId| self.ty(id).shape.rank().checked_sub(1);
        let axes = (last(self.operand(0)?)?, last(self.id)?);
        let columns = w.shape()[1];
        let first = |o: usize, c: usize| c * columns + o;
        let (w, zero) = (self.centered_weights(w)?, self.x_zero()?);
        self.sum(axes, &Products { w, taps: 1, first: &first, start: None, padded: false, zero, room: INTEGERS })
    }

    /// The one zero point of the first operand of a sum of integers.
    fn x_zero(&self) -> Option<f64> {
        match self.operand(2) {
            None => Some(0.0),
            Some(_) => self.constant(2).filter(|z| z.data().len() == 1).map(|z| z.to_f64s()[0]),
        }
    }

    /// Weights of integers, where their zero points are 0.
    fn centered_weights(&self, w: &Tensor) -> Option<Vec<f64>> {
        let zeros = self.operand(3).is_none() || self.constant(3)?.to_f64s().iter().all(|&z| z == 0.0);
        zeros.then(|| w.to_f64s())
    }
}
