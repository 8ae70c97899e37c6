//! Convolution and matrix products of integers by micro-kernels (`block`).
//!
//! The taps of some pixels are gathered to runs of bytes (`gather`), unless they lie so already, widened
//! to pairs of 16 bits, and multiplied with the weights of some channels at a time. Zero points of inputs
//! are folded into what sums start from, those of weights into the weights, which may have 9 bits then;
//! padding counts as the zero point, and depths are filled up to a multiple of four by weights of zero. A
//! bias and a requantization behind are part of the micro-kernel; what else runs behind reads the results
//! of some pixels from scratch.

use super::block::{Block, Inputs, Weights, centered, unit};
use super::dot::{POINT, channels_last, image, operand, output_channels_last};
use super::elements::{weights, zero_point};
use super::folded::Folded;
use super::gather::Gather;
use super::tile::Machine;
use super::{Builder, Output, Task};
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Buf, CallArg, FnId, Index, Lower, Stmt, View};
use tinyc_core::op::OpId;
use tinyc_core::ops::window::{self, Window};
use tinyc_core::tensor::Data;
use tinyc_core::types::DType;

/// Instructions for a multiplication as measured: with wide weights and with bytes.
const WIDE: f64 = 0.82;
const NARROW: f64 = 0.89;

/// Fewer pixels in a row are multiplied one by one.
const FEW: usize = 3;

/// Whether micro-kernels do the task: bytes times constant bytes.
pub fn takes(task: &Task<'_>, machine: Machine) -> bool {
    let weights = task.x.get(1).and_then(Option::as_ref);
    let bytes = weights.is_some_and(|w| matches!(w.ty.dtype, DType::I8 | DType::U8) && w.constant.is_some());
    machine.micro && bytes
}

/// Weights less their zero points as rows of channels, tight but for zeros at the end.
struct Rows {
    depth: usize,
    rows: Vec<i16>,
}

struct Dense {
    x: View,
    y: Output,
    rows: Window,
    columns: Window,
    signed: bool,
    folded: Folded,
}

/// How pixels and channels are cut into blocks.
struct Tiling {
    block: Block,
    /// Rows of the elements of the block.
    rows: Vec<i16>,
    /// First channels of the blocks; the last one may begin in the one before it.
    starts: Vec<usize>,
}

pub fn build(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Result<String, OpError> {
    let conv = task.op == OpId::conv_integer;
    let axis = if conv { 1 } else { task.y.rank() - 1 };
    let folded = Folded::of(&task, axis);
    let x = b.view(&task, 0).expect("a product has two operands");
    let y = b.output(&task, folded.links);
    let w = operand(&task, 1);
    let signed = operand(&task, 0).ty.dtype == DType::I8;
    let (dense, element): (_, Box<dyn Fn(usize, usize) -> usize>) = if conv {
        let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
        let ty = &operand(&task, 0).ty;
        let (mut rows, mut columns) = image(&window::windows("conv_integer", ty, &kernel, task.attrs, false)?);
        let (channels, taps) = (w.ty.shape[1], rows.kernel * columns.kernel);
        let element = move |o: usize, k: usize| (o * channels + k % channels) * taps + k / channels;
        let (mut x, mut y) = (channels_last(&x), output_channels_last(&y));
        if rows.is_pointwise()
            && columns.is_pointwise()
            && let (Some(flat_x), Some(flat_y)) = (x.merged(1), y.merged(1))
        {
            let pixels = rows.input * columns.input;
            (rows, columns) = (POINT, Window { input: pixels, output: pixels, ..POINT });
            (x, y) = (flat_x.unsqueezed(1), flat_y.unsqueezed(1));
        }
        (Dense { x, y, rows, columns, signed, folded }, Box::new(element))
    } else {
        let outputs = w.ty.shape[1];
        let (mut x, mut y) = (x, y);
        while x.rank() > 2 {
            let first = x.rank() - 3;
            let (Some(flat_x), Some(flat_y)) = (x.merged(first), y.merged(first)) else { break };
            (x, y) = (flat_x, flat_y);
        }
        let at = x.rank() - 2;
        let pixels = x.shape()[at];
        let columns = Window { input: pixels, output: pixels, ..POINT };
        let dense = Dense { x: x.unsqueezed(at), y: y.unsqueezed(at), rows: POINT, columns, signed, folded };
        (dense, Box::new(move |o: usize, k: usize| k * outputs + o))
    };
    let values = weights(&task).to_i64s().expect("families take bytes");
    let tight = dense.rows.kernel * dense.columns.kernel * dense.channels();
    let depth = tight.next_multiple_of(4);
    let row = |o: usize| (0..depth).map(move |k| (o, k));
    let at = |(o, k): (usize, usize)| if k < tight { values[element(o, k)] as i16 } else { 0 };
    let rows = (0..dense.outputs()).flat_map(row).map(at).collect();
    Ok(dense.build(b, Rows { depth, rows }, zero_point(&task), machine))
}

impl Dense {
    fn channels(&self) -> usize {
        self.x.axes[self.x.rank() - 1].extent
    }

    fn outputs(&self) -> usize {
        self.y.view.axes[self.y.view.rank() - 1].extent
    }

    /// Whether the elements of each pixel lie one behind the other, as many as are multiplied.
    fn is_direct(&self, depth: usize) -> bool {
        let [.., c] = &self.x.axes[..] else { return false };
        self.rows.is_pointwise() && self.columns.is_pointwise() && c.extent == depth && c.stride == 1
    }

    /// Whether micro-kernels write the result itself.
    fn is_last(&self) -> bool {
        let [.., column, channel] = &self.y.view.axes[..] else { return false };
        let dense = (channel.extent == 1 || channel.stride == 1) && column.stride >= channel.extent as i64;
        self.y.chain.is_empty() && (dense || column.extent == 1 && channel.stride == 1)
    }

    /// What sums start from, with the zero point of the inputs.
    fn bias(&self, rows: &Rows, zero: i64) -> Vec<i32> {
        let zero = if self.signed { zero } else { zero - 128 };
        let sum = |o: usize| rows.rows[o * rows.depth..][..rows.depth].iter().map(|&w| i64::from(w)).sum::<i64>();
        (0..self.outputs()).map(|o| (self.folded.bias[o] - zero * sum(o)) as i32).collect()
    }

    /// Blocks of so many channels times pixels, with the weights in the form that costs least.
    fn tiling(&self, rows: Rows, bias: &[i32], machine: Machine) -> Tiling {
        let outputs = self.outputs();
        let single = self.columns.output <= FEW;
        let all_pixels: usize = self.y.view.shape()[..self.y.view.rank() - 1].iter().product();
        let macs = (all_pixels * outputs * rows.depth) as f64;
        let bytes = (outputs * rows.depth) as f64;
        // The bytes beyond those of narrow weights.
        let is_wide = bytes * machine.byte < (NARROW - WIDE) * macs;
        let (inputs, result) = match single {
            true => (Inputs::Bytes(self.signed), self.folded.result),
            false => (Inputs::Wide, self.folded.result),
        };
        let block = |channels: usize, pixels: usize, weights: Weights| {
            let pixels = if single { 1 } else { pixels };
            Block {
                channels,
                pixels,
                depth: rows.depth,
                totals: false,
                weights,
                inputs,
                stride: outputs,
                result,
                compact: machine.compact,
                unit: unit(&self.folded.scale).filter(|_| machine.compact),
            }
        };
        let starts = |channels: usize| {
            let whole = (0..outputs / channels).map(move |i| i * channels);
            let rest = (!outputs.is_multiple_of(channels)).then(|| outputs - channels);
            whole.chain(rest).collect::<Vec<usize>>()
        };
        let even = if single { outputs.min(8) } else { outputs.min(2) } & !1;
        let are_bytes = rows.rows.iter().all(|w| i8::try_from(*w).is_ok());
        let totals = !are_bytes && !single;
        let narrow = match totals {
            true => centered(&rows.rows, rows.depth),
            false => are_bytes.then(|| rows.rows.clone()),
        };
        let Some(narrow) = narrow.filter(|_| even > 0 && (single || !is_wide)) else {
            let channels = outputs.min(4);
            return Tiling { block: block(channels, 2, Weights::Wide), rows: rows.rows, starts: starts(channels) };
        };
        let starts = starts(even);
        let joined = Block { totals, ..block(even, 4, Weights::Joined) };
        let of = |s: usize| (joined.rows(&narrow, s), &bias[s..s + even]);
        let fits = |&s: &usize| joined.pack(of(s).0).is_some() && joined.holds(of(s).0, of(s).1, 128);
        let weights = if starts.iter().all(fits) { Weights::Joined } else { Weights::Bytes };
        Tiling { block: Block { weights, ..joined }, rows: narrow, starts }
    }

    fn build(self, b: &mut Builder<'_>, rows: Rows, zero: i64, machine: Machine) -> String {
        let bias = self.bias(&rows, zero);
        let depth = rows.depth;
        let mut tiling = self.tiling(rows, &bias, machine);
        let (last, direct) = (self.is_last(), self.is_direct(depth));
        let rank = self.y.view.rank();
        if last {
            let pixel = &self.y.view.axes[rank - 2];
            tiling.block.stride = if pixel.extent == 1 { self.outputs() } else { pixel.stride as usize };
        }
        let block = &tiling.block;
        let channels = block.channels;
        let words = |per: usize| per * tiling.starts.len();
        let pack = || {
            let of = |&s: &usize| block.pack(block.rows(&tiling.rows, s));
            Data::I32(tiling.starts.iter().filter_map(of).flatten().collect())
        };
        let w = b.packed("w", DType::I32, words(block.weight_words()), &pack).buffer;
        let parameters = || {
            let scale = |s: usize| self.folded.scale.get(s..s + channels).unwrap_or(&[]);
            let of = |&s: &usize| block.parameters(&bias[s..s + channels], scale(s));
            Data::I32(tiling.starts.iter().flat_map(of).collect())
        };
        let p = b.packed("p", DType::I32, words(block.parameter_words()), &parameters).buffer;
        let gathered = (!direct).then(|| b.scratch("g", DType::I8, block.pixels * depth).buffer);
        let wide = block.inputs == Inputs::Wide;
        let widened = wide.then(|| b.scratch("t", DType::I32, block.input_words()).buffer);
        let results = (!last).then(|| b.scratch("r", self.folded.dtype, block.pixels * self.outputs()));
        let gather =
            Gather { x: &self.x, rows: &self.rows, columns: &self.columns, depth, zero, compact: machine.compact };
        if let Some(g) = gathered {
            b.l.repeat("q", 0usize, block.pixels, |l, q| gather.tail(l, g, &q));
        }
        let group = |b: &mut Builder<'_>, pixels: usize| {
            let block = Block { pixels, ..block.clone() };
            let stride = if direct { self.x.axes[self.x.rank() - 2].stride as usize } else { depth };
            let widen = wide.then(|| b.callee(block.widen("widen", stride, self.signed)));
            let kernel = b.callee(block.function("block"));
            Group { widen, kernel, pixels }
        };
        let all = group(b, block.pixels);
        let rest = (!self.columns.output.is_multiple_of(block.pixels)).then(|| group(b, 1));
        let cut = self.columns.output / block.pixels * block.pixels;
        let shape = self.y.view.shape();
        let buffers = Buffers { w, p, gathered, widened, results };
        b.l.nest(&shape[..rank - 3], |l, front| {
            l.repeat("oh", 0usize, self.rows.output, |l, row| {
                let run = |l: &mut Lower, group: &Group, column: Index| {
                    let at = [front, &[row.clone(), column]].concat();
                    self.group(l, group, &gather, &tiling, &buffers, &at);
                };
                l.repeat_by("ow", 0usize, cut, block.pixels as i64, |l, ow| run(l, &all, ow));
                if let Some(rest) = &rest {
                    l.repeat("ow", cut, self.columns.output, |l, ow| run(l, rest, ow));
                }
            });
        });
        let pixels = if direct { "" } else { ", gathered" };
        let weights = match block.weights {
            Weights::Wide => "weights of 16 bits",
            Weights::Bytes => "weights of 8 bits",
            Weights::Joined => "weights of 8 bits in pairs",
        };
        format!("{channels} channels x {} pixels{pixels}, {weights}", block.pixels)
    }

    /// The pixels at a row and from a column on.
    fn group(&self, l: &mut Lower, group: &Group, gather: &Gather<'_>, t: &Tiling, b: &Buffers, at: &[Index]) {
        let zero = || Index::constant(0);
        let (front, [row, column]) = at.split_at(at.len() - 2) else { unreachable!("rows and columns") };
        let mut pixels = match b.gathered {
            Some(g) => {
                l.repeat("q", 0usize, group.pixels, |l, q| {
                    gather.pixel(l, front, row, &(column.clone() + q.clone()), g, q);
                });
                CallArg::Buffer(g, zero())
            }
            None => element(&self.x, &[at, &[zero()]].concat()),
        };
        if let (Some(widen), Some(words)) = (group.widen, b.widened) {
            l.push(Stmt::Call(widen, vec![pixels, CallArg::Buffer(words, zero())]));
            pixels = CallArg::Buffer(words, zero());
        }
        let channels = t.block.channels;
        let call = |l: &mut Lower, number: Index, first: Index| {
            let y = match &b.results {
                Some(r) => CallArg::Buffer(r.buffer, first),
                None => element(&self.y.view, &[at, &[first]].concat()),
            };
            let w = CallArg::Buffer(b.w, number.clone() * t.block.weight_words() as i64);
            let p = CallArg::Buffer(b.p, number * t.block.parameter_words() as i64);
            l.push(Stmt::Call(group.kernel, vec![pixels.clone(), w, p, y]));
        };
        let whole = if t.block.compact { 0 } else { self.outputs() / channels };
        l.repeat("block", 0usize, whole, |l, g| call(l, g.clone(), g * channels as i64));
        l.repeat("block", whole, t.starts.len(), |l, g| {
            let last = (self.outputs() - channels).into();
            call(l, g.clone(), (g * channels as i64).min(last));
        });
        if let Some(r) = &b.results {
            let outputs = self.outputs();
            l.repeat("q", 0usize, group.pixels, |l, q| {
                l.repeat("c", 0usize, outputs, |l, c| {
                    let value = l.bind("result", r.read(&[q.clone() * outputs as i64 + c.clone()]));
                    let at = [front, &[row.clone(), column.clone() + q, c]].concat();
                    self.y.write(l, &at, at.len() - 1, 1, Some(value));
                });
            });
        }
    }
}

/// Pixels at once, and the functions for them.
struct Group {
    widen: Option<FnId>,
    kernel: FnId,
    pixels: usize,
}

struct Buffers {
    w: Buf,
    p: Buf,
    gathered: Option<Buf>,
    widened: Option<Buf>,
    /// What runs behind reads results from here.
    results: Option<View>,
}

/// A buffer from an element of a view on.
fn element(view: &View, at: &[Index]) -> CallArg {
    let strides = view.axes.iter().zip(at);
    let index = strides.fold(Index::constant(view.offset), |sum, (a, i)| sum + i.clone() * a.stride);
    CallArg::Buffer(view.buffer, index)
}
