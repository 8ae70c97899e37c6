//! What each operator says of channels: which go together, which a sum needs, and which stay because
//! nothing is known of the operator.

use super::classes::Classes;
use crate::range::{Known, Nans, Range, kept_axis, reshaped};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::ops::window;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// A sum of products over the channels of `x` with constant weights.
pub struct Sum {
    pub id: NodeId,
    pub x: NodeId,
    channels: usize,
    /// For output `o` and channel `c` at `o * channels + c`: what takes the place of the products, if
    /// anything does.
    instead: Vec<Option<f64>>,
}

impl Sum {
    /// Keeps the channels that kept outputs need; whether there are new ones.
    pub fn keep_needed(&self, classes: &mut Classes) -> bool {
        let (Some(outputs), Some(channels)) = (classes.mask(self.id), classes.mask(self.x)) else { return false };
        let needed = |c: usize| (0..outputs.len()).any(|o| outputs[o] && self.instead[o * self.channels + c].is_none());
        let new: Vec<usize> = (0..self.channels).filter(|&c| !channels[c] && needed(c)).collect();
        new.iter().for_each(|&c| classes.keep(self.x, c));
        !new.is_empty()
    }

    /// What stands for the channels of `x` that go, for each output; `None` when that is nothing.
    pub fn instead(&self, outputs: usize, channels: &[bool]) -> Option<Vec<f64>> {
        let gone = |o: usize| {
            (0..self.channels).filter(|&c| !channels[c]).filter_map(move |c| self.instead[o * self.channels + c])
        };
        let sums: Vec<f64> = (0..outputs).map(|o| gone(o).sum()).collect();
        sums.iter().any(|&v| v != 0.0).then_some(sums)
    }
}

/// Joins channels of an operator's operands and results, or returns the sum that it is, or keeps all of
/// its channels.
pub fn relate(
    graph: &Graph,
    id: NodeId,
    op: OpId,
    attrs: &Attrs,
    known: &Known,
    fold: bool,
    classes: &mut Classes,
) -> Option<Sum> {
    let operands = graph.operands(id);
    let mut relation = Relation { graph, id, attrs, operands: &operands, known, fold, classes };
    let related = match op {
        OpId::conv if attrs.int("group") == 1 => relation.convolution(),
        OpId::conv_integer if attrs.int("group") == 1 => relation.integer_convolution(),
        OpId::matmul_integer => relation.integer_matmul(),
        OpId::conv_transpose if attrs.int("group") == 1 => relation.transposed_convolution(),
        OpId::gemm => relation.gemm(),
        OpId::matmul => relation.matmul(),
        _ => relation.channelwise(op).map(|()| None),
    };
    related.unwrap_or_else(|| {
        operands.iter().flatten().for_each(|&x| classes.keep_all(x));
        classes.keep_all(id);
        None
    })
}

/// The tensor of a constant.
pub fn constant(graph: &Graph, id: NodeId) -> Option<&Arc<Tensor>> {
    match &graph.node(id).kind {
        Kind::Const(t) => Some(t),
        _ => None,
    }
}

/// The axis of an operand that is broadcast to axis `axis` of the result.
pub fn aligned(x: &TensorType, y: &TensorType, axis: usize) -> Option<usize> {
    (axis + x.shape.rank()).checked_sub(y.shape.rank())
}

/// Products of a sum: `w[first(o, c)..][..taps]` belong to output `o` and channel `c`.
pub(super) struct Products<'a> {
    pub w: Vec<f64>,
    pub taps: usize,
    pub first: &'a dyn Fn(usize, usize) -> usize,
    /// What each output starts from, where it is not 0.0.
    pub start: Option<Vec<f64>>,
    /// Whether positions differ in what is summed: windows read padding.
    pub padded: bool,
    /// What the operand counts from; what padding is.
    pub zero: f64,
    /// What is folded into the bias may be so large.
    pub room: f64,
}

pub(super) struct Relation<'a> {
    graph: &'a Graph,
    pub id: NodeId,
    pub attrs: &'a Attrs,
    operands: &'a [Option<NodeId>],
    known: &'a Known,
    fold: bool,
    classes: &'a mut Classes,
}

impl Relation<'_> {
    pub fn operand(&self, i: usize) -> Option<NodeId> {
        self.operands.get(i).copied().flatten()
    }

    pub fn ty(&self, id: NodeId) -> &TensorType {
        self.graph.node(id).tensor()
    }

    pub fn constant(&self, i: usize) -> Option<&Tensor> {
        constant(self.graph, self.operand(i)?).map(|t| &**t)
    }

    fn convolution(&mut self) -> Option<Option<Sum>> {
        let x = self.ty(self.operand(0)?);
        let w = self.constant(1)?;
        let start = match self.operand(2) {
            Some(_) => Some(self.constant(2)?.to_f64s()),
            None => None,
        };
        let (channels, kernel): (usize, Vec<i64>) = (w.shape()[1], w.shape()[2..].iter().map(|&k| k as i64).collect());
        let windows = window::windows("conv", x, &kernel, self.attrs, false).ok()?;
        let padded = windows.iter().any(|w| w.before > 0 || w.reach() > 0);
        let taps = w.shape()[2..].iter().product();
        let first = |o: usize, c: usize| (o * channels + c) * taps;
        let room = self.room(1.0, 1.0);
        self.sum((1, 1), &Products { w: w.to_f64s(), taps, first: &first, start, padded, zero: 0.0, room })
    }

    /// Positions differ in the taps that reach them, so a constant channel is none behind it.
    fn transposed_convolution(&mut self) -> Option<Option<Sum>> {
        let w = self.constant(1)?;
        let start = match self.operand(2) {
            Some(_) => Some(self.constant(2)?.to_f64s()),
            None => None,
        };
        let (outputs, taps) = (w.shape()[1], w.shape()[2..].iter().product());
        let first = |o: usize, c: usize| (c * outputs + o) * taps;
        let room = self.room(1.0, 1.0);
        self.sum((1, 1), &Products { w: w.to_f64s(), taps, first: &first, start, padded: true, zero: 0.0, room })
    }

    /// Sums of gemm and matmul start from 0.0.
    fn gemm(&mut self) -> Option<Option<Sum>> {
        let axis = usize::from(!self.attrs.bool("trans_a"));
        let w = self.constant(1)?;
        let columns = w.shape()[1];
        let turned = self.attrs.bool("trans_b");
        let first = |o: usize, c: usize| if turned { o * columns + c } else { c * columns + o };
        if self.operand(2).is_some() && self.constant(2).is_none() {
            return None;
        }
        let room = self.room(self.attrs.float("alpha").into(), self.attrs.float("beta").into());
        self.sum(
            (axis, 1),
            &Products { w: w.to_f64s(), taps: 1, first: &first, start: None, padded: false, zero: 0.0, room },
        )
    }

    fn matmul(&mut self) -> Option<Option<Sum>> {
        let last = |id: NodeId| self.ty(id).shape.rank().checked_sub(1);
        let axes = (last(self.operand(0)?)?, last(self.id)?);
        let w = self.constant(1).filter(|w| w.shape().rank() == 2)?;
        let columns = w.shape()[1];
        let first = |o: usize, c: usize| c * columns + o;
        let room = self.room(1.0, 1.0);
        self.sum(
            axes,
            &Products { w: w.to_f64s(), taps: 1, first: &first, start: None, padded: false, zero: 0.0, room },
        )
    }

    /// The largest number of which `alpha` times can be added to `beta` times the bias.
    fn room(&self, alpha: f64, beta: f64) -> f64 {
        let bias = self.constant(2).map_or(0.0, |c| c.to_f64s().iter().fold(0.0, |m: f64, v| m.max(v.abs())));
        (self.ty(self.id).dtype.range().1 - beta.abs() * bias) / alpha.abs()
    }

    /// Products of the indices of axis `of_x`, summed for each index of axis `of_y`.
    pub fn sum(&mut self, (of_x, of_y): (usize, usize), p: &Products<'_>) -> Option<Option<Sum>> {
        let x = self.operand(0)?;
        if self.classes.axis(self.id)? != of_y {
            return None;
        }
        if self.classes.axis(x) != Some(of_x) {
            // The channels of x are indices of another axis.
            self.classes.keep_all(x);
            return Some(Some(Sum { id: self.id, x, channels: 0, instead: Vec::new() }));
        }
        let (ranges, results) = (&self.known.results[&x][0], &self.known.results[&self.id][0]);
        let channels = self.ty(x).shape[ranges.axis()];
        let outputs = self.ty(self.id).shape[results.axis()];
        let float = self.ty(x).dtype.is_float();
        let numbers = self.known.nans == Nans::Excluded;
        let instead = |o: usize, c: usize| {
            let (r, w): (Range, &[f64]) = (ranges.at(c), &p.w[(p.first)(o, c)..][..p.taps]);
            let from_negative_zero = p.start.as_ref().is_some_and(|s| s[o] == 0.0 && s[o].is_sign_negative());
            let no_weights = w.iter().all(|&w| w == 0.0) && (r.is_finite() || numbers);
            let is_zero = if float { r.is_zero() } else { r.constant() == Some(p.zero) };
            let zero = no_weights || is_zero && w.iter().all(|w| w.is_finite());
            if zero && (self.fold || !from_negative_zero) {
                return Some(0.0);
            }
            // Sums of integers are the same in any order.
            let constant = r.constant().filter(|_| (self.fold || !float) && !p.padded);
            constant.map(|v| w.iter().map(|w| w * (v - p.zero)).sum())
        };
        let row = |o: usize| {
            let mut row: Vec<Option<f64>> = (0..channels).map(|c| instead(o, c)).collect();
            let fits = row.iter().flatten().map(|v| v.abs()).sum::<f64>() < p.room;
            row.iter_mut().filter(|v| !fits && **v != Some(0.0)).for_each(|v| *v = None);
            row
        };
        Some(Some(Sum { id: self.id, x, channels, instead: (0..outputs).flat_map(row).collect() }))
    }

    /// Operators whose channels are functions of channels.
    fn channelwise(&mut self, op: OpId) -> Option<()> {
        match op {
            OpId::conv | OpId::conv_integer | OpId::conv_transpose => return self.groups(),
            OpId::concat => return self.concat(),
            OpId::reshape => return self.reshape(),
            OpId::slice => return self.slice(),
            _ => {}
        }
        let dtypes: Option<Vec<DType>> = self.operands.iter().map(|x| x.map(|x| widened(self.ty(x).dtype))).collect();
        if op.op().value(self.attrs, &dtypes?).is_some() {
            return self.elementwise();
        }
        let x = self.operand(0)?;
        let axis = self.classes.axis(x)?;
        let (x_ty, y_ty) = (self.ty(x), self.ty(self.id));
        let same = |y_axis: usize| (y_ty.shape.get(y_axis)? == x_ty.shape.get(axis)?).then_some(y_axis);
        let y_axis = match op {
            OpId::max_pool | OpId::average_pool => same(axis).filter(|&a| a < 2)?,
            OpId::batch_norm if (1..5).all(|i| self.constant(i).is_some()) => same(axis).filter(|&a| a == 1)?,
            OpId::softmax | OpId::log_softmax => {
                same(axis).filter(|&a| x_ty.shape.axis(self.attrs.int("axis")) != Some(a))?
            }
            OpId::transpose => self.attrs.extents("perm").iter().position(|&d| d == axis)?,
            OpId::pad => {
                let adds = |name: &str| self.attrs.ints(name).get(axis).is_none_or(|&n| n != 0);
                if adds("before") || adds("after") || self.operand(1).is_some() && self.constant(1).is_none() {
                    return None;
                }
                axis
            }
            OpId::tile => same(axis)?,
            OpId::resize => {
                let scale = self.attrs.floats("scales").get(axis).copied()?;
                let whole = self.attrs.word("coordinates") != "tf_crop_and_resize";
                same(axis).filter(|_| scale == 1.0 && whole)?
            }
            OpId::reduce_l1
            | OpId::reduce_l2
            | OpId::reduce_log_sum
            | OpId::reduce_max
            | OpId::reduce_mean
            | OpId::reduce_min
            | OpId::reduce_prod
            | OpId::reduce_sum
            | OpId::reduce_sum_square => same(kept_axis(self.attrs, x_ty, axis)?)?,
            _ => return None,
        };
        if self.classes.axis(self.id)? != y_axis {
            return None;
        }
        self.join(x, self.id, 0, 0, x_ty.shape[axis]);
        Some(())
    }

    /// Joins `n` channels of two values.
    fn join(&mut self, x: NodeId, y: NodeId, from_x: usize, from_y: usize, n: usize) {
        (0..n).for_each(|c| self.classes.join((x, from_x + c), (y, from_y + c)));
    }

    fn elementwise(&mut self) -> Option<()> {
        let y = self.id;
        let axis = self.classes.axis(y)?;
        let n = *self.ty(y).shape.get(axis)?;
        for x in self.operands.iter().flatten().copied().filter(|&x| constant(self.graph, x).is_none()) {
            let along = aligned(self.ty(x), self.ty(y), axis);
            let extent = along.map_or(1, |a| self.ty(x).shape[a]);
            if extent == n {
                if self.classes.axis(x) != along {
                    return None;
                }
                self.join(x, y, 0, 0, n);
            } else {
                // Read by every channel.
                self.classes.keep_all(x);
            }
        }
        Some(())
    }

    /// The groups of a convolution, transposed or not.
    fn groups(&mut self) -> Option<()> {
        let (x, groups) = (self.operand(0)?, self.attrs.int("group") as usize);
        if self.classes.axis(x)? != 1 || self.classes.axis(self.id)? != 1 {
            return None;
        }
        if self.constant(1).is_none() || (2..4).any(|i| self.operand(i).is_some() && self.constant(i).is_none()) {
            return None;
        }
        let (channels, outputs) = (self.ty(x).shape[1] / groups, self.ty(self.id).shape[1] / groups);
        for g in 0..groups {
            for c in 0..channels {
                self.classes.join((x, g * channels), (x, g * channels + c));
            }
            for o in 0..outputs {
                self.classes.join((x, g * channels), (self.id, g * outputs + o));
            }
        }
        Some(())
    }

    fn concat(&mut self) -> Option<()> {
        let y = self.id;
        let axis = self.classes.axis(y)?;
        let along = self.ty(y).shape.axis(self.attrs.int("axis"))?;
        let mut first = 0;
        for x in self.operands.iter().flatten().copied() {
            let n = *self.ty(x).shape.get(axis)?;
            if constant(self.graph, x).is_none() {
                if self.classes.axis(x) != Some(axis) {
                    return None;
                }
                self.join(x, y, 0, first, n);
            }
            first += if along == axis { n } else { 0 };
        }
        Some(())
    }

    fn reshape(&mut self) -> Option<()> {
        let (x, y) = (self.operand(0)?, self.id);
        let (x_axis, y_axis) = (self.classes.axis(x)?, self.classes.axis(y)?);
        let (axis, indices, channels) = reshaped(&self.ty(x).shape, x_axis, &self.ty(y).shape)?;
        if axis != y_axis {
            return None;
        }
        for c in 0..self.ty(x).shape[x_axis] {
            (0..indices).for_each(|i| self.classes.join((x, c), (y, c / channels * indices + i)));
        }
        Some(())
    }

    fn slice(&mut self) -> Option<()> {
        let (x, y) = (self.operand(0)?, self.id);
        let axis = self.classes.axis(x)?;
        let start = *self.attrs.ints("starts").get(axis)?;
        if self.classes.axis(y)? != axis || self.attrs.ints("steps")[axis] != 1 {
            return None;
        }
        self.join(x, y, start as usize, 0, self.ty(y).shape[axis]);
        Some(())
    }
}

/// The type that narrow floats are computed in.
fn widened(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}
