//! Convolution channel by channel, of floats or of integers: each output channel reads one input channel.
//!
//! A tile is some pixels of a row times one vector of channels. Its weights along a row and each
//! column of the input that several windows share are read once.

use super::dot::{channels_last, image, operand, output_channels_last};
use super::elements::{Elements, weights};
use super::rows::{self, Piece, Taps};
use super::tile::{Machine, Segment, segments};
use super::{Builder, Output, Task, Term};
use std::collections::BTreeMap;
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Expr, Index, Local, Lower, View};
use tinyc_core::ops::window::{self, Window};

/// Rows of more taps than this are loops.
const UNROLLED: usize = 8;
const MAX_PIXELS: usize = 8;

/// Registers of small cores that hold integers, beside addresses.
const INTEGERS: usize = 12;

struct Depthwise {
    x: View,
    y: Output,
    bias: Option<Term>,
    elements: Elements,
    rows: Window,
    columns: Window,
}

pub fn build(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Result<String, OpError> {
    let (x, w) = (operand(&task, 0), operand(&task, 1));
    let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
    let (rows, columns) = image(&window::windows(task.op.name(), &x.ty, &kernel, task.attrs, false)?);
    let (kh, kw, channels) = (rows.kernel, columns.kernel, w.ty.shape[0]);
    let (tensor, elements) = (weights(&task), Elements::of(&task));
    let machine = match elements {
        Elements::Floats => machine,
        Elements::Bytes { .. } => Machine { lanes: 1, registers: INTEGERS.min(machine.registers), ..machine },
    };
    let apart = machine.lanes == 1;
    let room = machine.registers.saturating_sub(kw.min(UNROLLED) + 2) / 2;
    let pixels = room.min(MAX_PIXELS).min(rows::available(&columns, apart)).max(1);
    let segments = segments(channels, machine.lanes, 1);

    let x = channels_last(&b.view(&task, 0).expect("conv has an image"));
    let y = output_channels_last(&b.output(&task, 0));
    let bias = elements.bias(b, &task, &y.view.shape());
    let pack = || {
        let mut order = Vec::with_capacity(tensor.data().len());
        for s in &segments {
            for c in (s.start..s.start + s.count * s.lanes).step_by(s.lanes) {
                for tap in 0..kh * kw {
                    order.extend((c..c + s.lanes).map(|c| c * kh * kw + tap));
                }
            }
        }
        tensor.data().gather(order.into_iter())
    };
    let all = b.packed("w", tensor.dtype(), channels * kh * kw, &pack);
    let weights = |s: &Segment| {
        let n = s.count * kh * kw * s.lanes;
        let part = all.sliced(0, s.start * kh * kw, 1, n);
        part.reshaped(&[s.count, kh, kw, s.lanes]).expect("a dense array has any shape")
    };
    let d = Depthwise { x, y, bias, elements, rows, columns };
    let batch = d.y.view.shape()[0];
    b.l.repeat("n", 0usize, batch, |l, n| {
        l.repeat("oh", 0usize, d.rows.output, |l, row| {
            rows::pieces(l, &d.columns, pixels, apart, |l, piece| {
                for s in &segments {
                    let weights = weights(s);
                    l.repeat("block", 0usize, s.count, |l, block| {
                        let channel = block.clone() * s.lanes as i64 + s.start as i64;
                        let at = At { n: n.clone(), row: row.clone(), block, channel, lanes: s.lanes as u16 };
                        d.tile(l, &at, &piece, &weights);
                    });
                }
            });
        });
    });
    Ok(format!("{pixels} x {} channels, depthwise", machine.lanes))
}

/// Where a tile stands.
struct At {
    n: Index,
    row: Index,
    block: Index,
    /// First channel.
    channel: Index,
    lanes: u16,
}

impl Depthwise {
    fn tile(&self, l: &mut Lower, at: &At, piece: &Piece, weights: &View) {
        let out = |j: usize| [at.n.clone(), at.row.clone(), piece.first.clone() + j as i64, at.channel.clone()];
        let mut sums: Vec<Local> = Vec::new();
        for j in 0..piece.pixels {
            let init = match &self.bias {
                Some(_) if j > 0 => sums[0].into(),
                Some(b) => b.read(&out(j), 3, at.lanes, &[]),
                None => Expr::number(self.elements.scalar(), 0.0).splat(at.lanes),
            };
            sums.push(l.variable("sum", init));
        }
        let (lo, hi) = rows::clipped(&self.rows, &at.row);
        l.repeat("kh", lo, hi, |l, kh| self.row(l, at, piece, weights, &sums, &kh));
        for (j, &sum) in sums.iter().enumerate() {
            self.y.write(l, &out(j), 3, at.lanes, Some(sum.into()));
        }
    }

    /// Adds the products of one row of taps.
    fn row(&self, l: &mut Lower, at: &At, piece: &Piece, weights: &View, sums: &[Local], kh: &Index) {
        let w = &self.columns;
        let row = self.rows.at(&at.row, kh) - self.rows.before as i64;
        let first = w.at(&piece.first, &0usize.into()) - w.before as i64;
        let x = |column: Index| {
            let element = [at.n.clone(), row.clone(), column, at.channel.clone()];
            self.elements.value(self.x.read_vector(&element, 3, at.lanes))
        };
        let weight = |kw: Index| {
            let tap = [at.block.clone(), kh.clone(), kw, 0usize.into()];
            self.elements.weight(weights.read_vector(&tap, 3, at.lanes))
        };
        let looped = |l: &mut Lower, lo: Index, hi: Index| {
            l.repeat("kw", lo, hi, |l, kw| {
                let weight = l.bind("w", weight(kw.clone()));
                for (j, &sum) in sums.iter().enumerate() {
                    let column = first.clone() + kw.clone() * w.dilation as i64 + (j * w.stride) as i64;
                    let x = l.bind("x", x(column));
                    l.set(sum, Expr::from(sum) + x * weight.clone());
                }
            });
        };
        let all;
        let taps = match &piece.taps {
            Taps::Range(lo, hi) => return looped(l, lo.clone(), hi.clone()),
            Taps::All if w.kernel > UNROLLED => return looped(l, 0usize.into(), w.kernel.into()),
            Taps::All => {
                all = vec![vec![true; piece.pixels]; w.kernel];
                &all
            }
            Taps::Some(taps) => taps,
        };
        let mut columns: BTreeMap<usize, Expr> = BTreeMap::new();
        for (kw, has) in taps.iter().enumerate().filter(|(_, has)| has.contains(&true)) {
            let weight = l.bind("w", weight(kw.into()));
            for (j, &sum) in sums.iter().enumerate().filter(|(j, _)| has[*j]) {
                let offset = j * w.stride + kw * w.dilation;
                let x = columns.entry(offset).or_insert_with(|| l.bind("x", x(first.clone() + offset as i64))).clone();
                l.set(sum, Expr::from(sum) + x * weight.clone());
            }
        }
    }
}
