//! Convolution and matrix product, of floats or of integers: sums of products over the channels of taps.
//!
//! A tile holds some pixels of a row times some vectors of output channels in registers; the sums run
//! over the taps along a row and the input channels, which are one run of memory where channels are
//! last. Weights are packed in the order in which the tile reads them: block of channels, tap along the
//! column, tap along the row and input channel, lane. Taps outside of the input are left out, not
//! multiplied by zero. Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM
//! TOMS 34, 2008), section 4, for the register tile; Georganas et al., "Anatomy of high-performance deep
//! learning convolutions on SIMD architectures" (SC 2018) for the direct convolution.

use super::elements::{Elements, weights};
use super::rows::{self, Piece, Taps};
use super::tile::{Machine, Segment, Tile, segments, tile};
use super::{Builder, Output, Task, Term};
use std::sync::Arc;
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Expr, Index, Local, Lower, View};
use tinyc_core::op::OpId;
use tinyc_core::ops::window::{self, Window};
use tinyc_core::tensor::Tensor;

/// Views have any axes in front, then row, column, channel.
struct Dot {
    x: View,
    y: Output,
    /// Under the result's shape.
    bias: Option<Term>,
    weights: Weights,
    elements: Elements,
    rows: Window,
    columns: Window,
}

enum Weights {
    /// A constant, and where in it the weight of `[output channel, tap along the column, tap along the
    /// row * input channels + input channel]` lies.
    Constant(Arc<Tensor>, Box<dyn Fn(usize, usize, usize) -> usize>),
    /// A computed matrix: the result's axes in front, then input channel, output channel.
    View(View),
}

/// One tap of one element.
pub const POINT: Window = Window { input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, output: 1 };

/// Row and column windows of an image operator; those of one spatial axis get a row of one.
pub fn image(windows: &[Window]) -> (Window, Window) {
    match windows {
        [columns] => (POINT, *columns),
        [rows, columns] => (*rows, *columns),
        _ => unreachable!("families take one or two spatial axes"),
    }
}

/// `(n, c, w)` or `(n, c, h, w)` as `(n, h, w, c)`.
pub fn channels_last(v: &View) -> View {
    let v = if v.rank() == 3 { v.unsqueezed(2) } else { v.clone() };
    v.permuted(&[0, 2, 3, 1])
}

pub fn output_channels_last(y: &Output) -> Output {
    let y = if y.view.rank() == 3 { y.unsqueezed(2) } else { y.clone() };
    y.permuted(&[0, 2, 3, 1])
}

pub fn conv(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Result<String, OpError> {
    let (x, w) = (operand(&task, 0), operand(&task, 1));
    let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
    let windows = window::windows("conv", &x.ty, &kernel, task.attrs, false)?;
    let (mut rows, mut columns) = image(&windows);
    let (channels, kh, kw) = (w.ty.shape[1], rows.kernel, columns.kernel);
    let element = move |o: usize, i: usize, t: usize| ((o * channels + t % channels) * kh + i) * kw + t / channels;
    let elements = Elements::of(&task);
    let weights = Weights::Constant(weights(&task), Box::new(element));
    let mut x = channels_last(&b.view(&task, 0).expect("conv has an image"));
    let mut y = output_channels_last(&b.output(&task, 0));
    if rows.is_pointwise()
        && columns.is_pointwise()
        && let (Some(flat_x), Some(flat_y)) = (x.merged(1), y.merged(1))
    {
        let pixels = rows.input * columns.input;
        (rows, columns) = (POINT, Window { input: pixels, output: pixels, ..POINT });
        (x, y) = (flat_x.unsqueezed(1), flat_y.unsqueezed(1));
    }
    let bias = elements.bias(b, &task, &y.view.shape());
    let dot = Dot { x, y, bias, weights, elements, rows, columns };
    Ok(dot.build(b, machine))
}

/// `gemm` with factors of one, and `matmul`.
pub fn product(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Result<String, OpError> {
    let gemm = task.op == OpId::gemm;
    let turned = |v: View, attr: &str| match gemm && task.attrs.bool(attr) {
        true => v.permuted(&[1, 0]),
        false => v,
    };
    let (matrix, mut y) = (operand(&task, 1), b.output(&task, 0));
    let mut x = turned(b.view(&task, 0).expect("a product has two operands"), "trans_a");
    let shape = y.view.shape();
    let elements = Elements::of(&task);
    let mut bias = elements.bias(b, &task, &shape);
    let front = &shape[..shape.len() - 2];
    x = x.broadcast(&[front, &x.shape()[x.rank() - 2..]].concat());
    let weights = match &matrix.constant {
        Some(_) if matrix.ty.shape.rank() == 2 => {
            let columns = matrix.ty.shape[1];
            let turn = gemm && task.attrs.bool("trans_b");
            // One matrix for all: what is in front of the rows counts as rows.
            while x.rank() > 2 && bias.is_none() {
                let first = x.rank() - 3;
                let (Some(flat_x), Some(flat_y)) = (x.merged(first), y.merged(first)) else { break };
                (x, y) = (flat_x, flat_y);
            }
            let element = move |o: usize, _: usize, t: usize| if turn { o * columns + t } else { t * columns + o };
            Weights::Constant(weights(&task), Box::new(element))
        }
        _ => {
            let view = turned(b.view(&task, 1).expect("a product has two operands"), "trans_b");
            Weights::View(view.broadcast(&[front, &view.shape()[view.rank() - 2..]].concat()))
        }
    };
    let at = x.rank() - 2;
    let pixels = x.shape()[at];
    bias = bias.and_then(|b| b.changed(&|v| Some(v.unsqueezed(at))));
    let columns = Window { input: pixels, output: pixels, ..POINT };
    let dot = Dot { x: x.unsqueezed(at), y: y.unsqueezed(at), bias, weights, elements, rows: POINT, columns };
    Ok(dot.build(b, machine))
}

pub fn operand<'t>(task: &'t Task<'_>, i: usize) -> &'t super::Operand {
    task.x[i].as_ref().expect("operand count is checked")
}

pub fn constant(operand: &super::Operand) -> Arc<Tensor> {
    operand.constant.clone().expect("families ask for constants")
}

/// Where a tile stands.
struct At<'a> {
    front: &'a [Index],
    row: Index,
    /// Taps along the column.
    taps: (Index, Index),
    segment: Segment,
    block: Index,
    /// The segment's weights; `None` where they are computed and read where they lie.
    packed: Option<&'a View>,
}

impl Dot {
    fn channels(&self) -> usize {
        self.x.axes[self.x.rank() - 1].extent
    }

    fn build(self, b: &mut Builder<'_>, machine: Machine) -> String {
        let machine = self.elements.machine(machine);
        let rank = self.y.view.rank();
        let shape = self.y.view.shape();
        let apart = machine.lanes == 1;
        let outputs = shape[rank - 1];
        let Tile { pixels, vectors } = tile(machine, rows::available(&self.columns, apart), outputs);
        let segments = segments(outputs, machine.lanes, vectors);
        let packed = self.packed(b, &segments);
        let l = &mut b.l;
        l.nest(&shape[..rank - 3], |l, front| {
            l.repeat("oh", 0usize, self.rows.output, |l, row| {
                let taps = rows::clipped(&self.rows, &row);
                let blocks = |l: &mut Lower, body: &dyn Fn(&mut Lower, &At<'_>)| {
                    for (i, &segment) in segments.iter().enumerate() {
                        let packed = packed.as_ref().map(|p| &p[i]);
                        l.repeat("block", 0usize, segment.count, |l, block| {
                            body(l, &At { front, row: row.clone(), taps: taps.clone(), segment, block, packed });
                        });
                    }
                };
                let tiles = |l: &mut Lower, body: &dyn Fn(&mut Lower, &Piece)| {
                    rows::pieces(l, &self.columns, pixels, apart, |l, piece| body(l, &piece));
                };
                if apart {
                    // The result follows close behind what it is computed from, and may overwrite it.
                    tiles(l, &|l, piece| blocks(l, &|l, at| self.tile(l, at, piece)));
                } else {
                    // The weights of a block stay in the cache.
                    blocks(l, &|l, at| tiles(l, &|l, piece| self.tile(l, at, piece)));
                }
            });
        });
        format!("{pixels} x {} channels", vectors * machine.lanes)
    }

    /// Constant weights of each segment: `(block, tap along the column, tap along the row and input
    /// channel, channel in the block)`.
    fn packed(&self, b: &mut Builder<'_>, segments: &[Segment]) -> Option<Vec<View>> {
        let Weights::Constant(tensor, element) = &self.weights else { return None };
        let (kh, run) = (self.rows.kernel, self.columns.kernel * self.channels());
        let elements = |s: &Segment| s.count * kh * run * s.width();
        let pack = || {
            let mut order = Vec::with_capacity(tensor.data().len());
            for s in segments {
                for o in (s.start..s.start + s.count * s.width()).step_by(s.width()) {
                    for i in 0..kh {
                        for t in 0..run {
                            order.extend((o..o + s.width()).map(|o| element(o, i, t)));
                        }
                    }
                }
            }
            tensor.data().gather(order.into_iter())
        };
        let all = b.packed("w", tensor.dtype(), segments.iter().map(elements).sum(), &pack);
        let mut start = 0;
        let of = |s: &Segment| {
            let part = all.sliced(0, start, 1, elements(s));
            start += elements(s);
            part.reshaped(&[s.count, kh, run, s.width()]).expect("a dense array has any shape")
        };
        Some(segments.iter().map(of).collect())
    }

    /// First output channel of vector `v` of the block.
    fn channel(at: &At<'_>, v: usize) -> Index {
        at.block.clone() * at.segment.width() as i64 + (at.segment.start + v * at.segment.lanes) as i64
    }

    fn tile(&self, l: &mut Lower, at: &At<'_>, piece: &Piece) {
        let lanes = at.segment.lanes as u16;
        let out = |j: usize, v: usize| -> Vec<Index> {
            let pixel = [at.row.clone(), piece.first.clone() + j as i64, Self::channel(at, v)];
            [at.front, &pixel].concat()
        };
        let axis = self.y.view.rank() - 1;
        // Constant along a row in all but odd cases, where each pixel reads its own.
        let shared = self.bias.as_ref().is_none_or(|b| b.is_same_along(axis - 1));
        let mut sums: Vec<Vec<Local>> = Vec::new();
        for j in 0..piece.pixels {
            let init = |v: usize| match &self.bias {
                Some(_) if shared && j > 0 => Expr::from(sums[0][v]),
                Some(b) => b.read(&out(j, v), axis, lanes, &[]),
                None => Expr::number(self.elements.scalar(), 0.0).splat(lanes),
            };
            let inits: Vec<Expr> = (0..at.segment.vectors).map(init).collect();
            sums.push(inits.into_iter().map(|e| l.variable("sum", e)).collect());
        }
        l.repeat("kh", at.taps.0.clone(), at.taps.1.clone(), |l, kh| self.taps(l, at, piece, &sums, &kh));
        for (j, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                self.y.write(l, &out(j, v), axis, lanes, Some(sum.into()));
            }
        }
    }

    /// Adds the products of one tap along the column.
    fn taps(&self, l: &mut Lower, at: &At<'_>, piece: &Piece, sums: &[Vec<Local>], kh: &Index) {
        let c = self.channels();
        let w = &self.columns;
        let row = self.rows.at(&at.row, kh) - self.rows.before as i64;
        let column = |j: usize, kw: &Index| w.at(&(piece.first.clone() + j as i64), kw) - w.before as i64;
        let all = vec![true; piece.pixels];
        let run = if w.dilation == 1 { self.x.merged(self.x.rank() - 2) } else { None };
        // Taps of a row and their channels in one run of memory.
        if let Some(run) = &run
            && let (Some(lo), Some(hi)) = match &piece.taps {
                Taps::All => (Some(Index::from(0usize)), Some(Index::from(w.kernel))),
                Taps::Range(lo, hi) => (Some(lo.clone()), Some(hi.clone())),
                Taps::Some(_) => (None, None),
            }
        {
            l.repeat("t", lo * c as i64, hi * c as i64, |l, t| {
                let element = |j: usize| [row.clone(), column(j, &0usize.into()) * c as i64 + t.clone()];
                let x = |j: usize| run.read(&[at.front, &element(j)].concat());
                self.products(l, at, sums, (kh, &t), &all, &x);
            });
            return;
        }
        let channels = |l: &mut Lower, kw: Index, has: &[bool]| {
            l.repeat("c", 0usize, c, |l, i| {
                let t = kw.clone() * c as i64 + i.clone();
                let x = |j: usize| self.x.read(&[at.front, &[row.clone(), column(j, &kw), i.clone()]].concat());
                self.products(l, at, sums, (kh, &t), has, &x);
            });
        };
        match &piece.taps {
            Taps::All => l.repeat("kw", 0usize, w.kernel, |l, kw| channels(l, kw, &all)),
            Taps::Range(lo, hi) => l.repeat("kw", lo.clone(), hi.clone(), |l, kw| channels(l, kw, &all)),
            Taps::Some(taps) => {
                for (kw, has) in taps.iter().enumerate().filter(|(_, has)| has.contains(&true)) {
                    channels(l, kw.into(), has);
                }
            }
        }
    }

    /// `sum += x * w` for the pixels that have the tap.
    fn products(
        &self,
        l: &mut Lower,
        at: &At<'_>,
        sums: &[Vec<Local>],
        (kh, t): (&Index, &Index),
        has: &[bool],
        x: &dyn Fn(usize) -> Expr,
    ) {
        let lanes = at.segment.lanes as u16;
        let weight = |v: usize| match (at.packed, &self.weights) {
            (Some(packed), _) => {
                let lane = Index::from(v * at.segment.lanes);
                packed.read_vector(&[at.block.clone(), kh.clone(), t.clone(), lane], 3, lanes)
            }
            (None, Weights::Constant(..)) => unreachable!("constants are packed"),
            (None, Weights::View(m)) => {
                let element = [at.front, &[t.clone(), Self::channel(at, v)]].concat();
                m.read_vector(&element, m.rank() - 1, lanes)
            }
        };
        let weights: Vec<Expr> =
            (0..at.segment.vectors).map(|v| l.bind("w", self.elements.weight(weight(v)))).collect();
        for (j, sums) in sums.iter().enumerate().filter(|(j, _)| has[*j]) {
            let x = l.bind("x", self.elements.value(x(j)));
            for (&sum, w) in sums.iter().zip(&weights) {
                l.set(sum, Expr::from(sum) + x.clone().splat(lanes) * w.clone());
            }
        }
    }
}
