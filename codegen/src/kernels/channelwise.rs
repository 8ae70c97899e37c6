//! Integer convolution channel by channel on cores with micro-kernels: bands of rows, groups of channels,
//! and calls of the kernels of `planes`.

use super::block::unit;
use super::dot::{channels_last, constant, image, operand};
use super::elements::zero_point;
use super::folded::Folded;
use super::planes::{GROUP, Planes};
use super::{Builder, Machine, Task};
use tinyc_core::loops::{
    Access, Buf, CallArg, Dim, Expr, FnId, Function, Index, Lower, Packing, Scalar, Stmt, Store, View,
};
use tinyc_core::ops::window::{self, Window};
use tinyc_core::types::DType;

/// Bytes of planes, unless one row of the output needs more.
const SCRATCH: usize = 4096;

/// Bands are as short as they can be at so many hundredths of the fewest instructions.
const SHORTER: usize = 108;

/// Writes the function of a convolution of bytes channel by channel, if all that is behind it is a start value
/// and a rounding, and operands lie as the kernels read them: channels one after the other. Whether it has.
pub fn build(b: &mut Builder<'_>, task: &Task<'_>, machine: Machine) -> Option<String> {
    let (x, w) = (operand(task, 0), operand(task, 1));
    let (zero, weights) = (zero_point(task) as i32, constant(w));
    let kernel: Vec<i64> = w.ty.shape[2..].iter().map(|&k| k as i64).collect();
    let (rows, columns) = image(&window::windows(task.op.name(), &x.ty, &kernel, task.attrs, false).ok()?);
    let folded = Folded::of(task, 1);
    let image = |v: &View| {
        let v = channels_last(v);
        let plain = v.packing == Packing::None && v.map.is_none() && v.pad.is_none();
        let strided = plain && v.axes.iter().all(|a| a.ring.is_none() && a.stride >= 0) && v.axes[3].stride == 1;
        strided.then_some(v)
    };
    let (from, to) = (image(&x.view)?, image(&task.y)?);
    let steps = |v: &View| [1, 2].map(|d: usize| v.axes[d].stride as usize);
    let channels = w.ty.shape[0];
    let planes = Planes {
        rows,
        columns,
        signed: x.ty.dtype == DType::I8,
        zero,
        result: folded.result,
        compact: machine.compact,
        unit: unit(&folded.scale).filter(|_| machine.compact),
        band: 1,
        input: steps(&from),
        output: steps(&to),
    };
    let some = channels >= GROUP && planes.pixels() > 0 && rows.output > 0;
    if !some || folded.links != task.chain.len() {
        return None;
    }
    let planes = banded(planes, channels);
    let x = b.view(task, 0)?.buffer;
    let taps = rows.kernel * columns.kernel;
    let channel = |(c, w): (usize, &[i8])| {
        let sum: i64 = w.iter().map(|&w| i64::from(w)).sum();
        let scale = folded.scale.get(c).copied().unwrap_or(0);
        planes.parameters((folded.bias[c] - i64::from(zero) * sum) as i32, scale, w)
    };
    let all = weights.as_slice::<i8>().unwrap_or(&[]).chunks_exact(taps);
    let mut words: Vec<Vec<i32>> = all.enumerate().map(channel).collect();
    // Of averages, all channels have the same.
    let shared = words.windows(2).all(|w| w[0] == w[1]);
    words.truncate(if shared { 1 } else { channels });
    let (dtype, len) = (planes.parameter_type(), words.len() * planes.parameter_elements());
    let parameters = b.packed("p", dtype, len, &|| planes.packed(&words)).buffer;
    let scratch = b.scratch("t", DType::I32, GROUP * planes.plane_words()).buffer;
    let y = b.output(task, task.chain.len()).view.buffer;
    let kernels = Kernels::of(&planes, &mut |f| b.callee(f));
    b.l.repeat("n", 0usize, from.axes[0].extent, |l, n| {
        let start = |v: &View| n.clone() * v.axes[0].stride + v.offset;
        let layer = Layer {
            planes: &planes,
            channels,
            input: (x, start(&from)),
            scratch,
            parameters,
            shared,
            output: (y, start(&to)),
        };
        layer.lower(l, &kernels);
    });
    let (tile, rest) = if planes.is_short() { (columns.output, 0) } else { planes.looped_tiles() };
    let tile = if rest > 0 { format!("{tile} and {rest}") } else { tile.to_string() };
    Some(format!("depthwise, bands of {} rows in planes, {tile} pixels of a channel", planes.band))
}

/// With the number of rows of a band: all, where the result is as large as the operand and so takes its place;
/// else instructions are weighed against the scratch and the distance at which the result can begin.
fn banded(planes: Planes, channels: usize) -> Planes {
    let choices: Vec<(usize, Planes)> = (1..=planes.rows.output)
        .map(|band| Planes { band, ..planes.clone() })
        .take_while(|p| p.band == 1 || 4 * GROUP * p.plane_words() <= SCRATCH)
        .map(|p| (p.instructions(channels), p))
        .collect();
    let same = |w: &Window| w.input == w.output;
    if let Some((_, whole)) = choices.last()
        && whole.band == planes.rows.output
        && same(&planes.rows)
        && same(&planes.columns)
    {
        return whole.clone();
    }
    let fewest = choices.iter().map(|c| c.0).min().unwrap_or(0);
    let short = choices.into_iter().find(|(n, _)| 100 * n <= SHORTER * fewest);
    short.map_or(planes, |(_, p)| p)
}

/// Buffers of a layer, and the elements at which the input and the output begin.
pub struct Layer<'a> {
    pub planes: &'a Planes,
    pub channels: usize,
    pub input: (Buf, Index),
    /// Four planes.
    pub scratch: Buf,
    /// Of all channels, or those that they share.
    pub parameters: Buf,
    pub shared: bool,
    pub output: (Buf, Index),
}

/// Numbers of the kernels as calls name them.
pub struct Kernels {
    spread: FnId,
    /// Where the first call of a row begins, in pixels, and calls in a row.
    sums: Vec<(FnId, usize, usize)>,
}

impl Kernels {
    /// `callee` finds the number of a function.
    pub fn of(planes: &Planes, callee: &mut dyn FnMut(Function) -> FnId) -> Kernels {
        let spread = callee(planes.spread("spread"));
        let sums = planes.kernels("channel").into_iter().map(|(f, first, calls)| (callee(f), first, calls));
        Kernels { spread, sums: sums.collect() }
    }
}

impl Layer<'_> {
    /// All of one image.
    pub fn lower(&self, l: &mut Lower, kernels: &Kernels) {
        let p = self.planes;
        if p.has_fixed_padding() {
            self.fill(l, 0usize.into(), (GROUP * p.plane_words()).into());
        }
        l.repeat("band", 0usize, p.bands(), |l, b| {
            let first = p.first(&b);
            let (from, row) = p.placed(&first);
            self.fill_rows(l, p.lead().into(), row.clone());
            self.fill_rows(l, row.clone() + p.spread_rows() as i64, (p.lead() + p.window()).into());
            let groups = if p.compact { 0 } else { self.channels / GROUP };
            let rest = self.channels.div_ceil(GROUP);
            l.repeat("group", 0usize, groups, |l, g| {
                self.group(l, kernels, (&first, &from, &row), g * GROUP as i64, 0usize.into());
            });
            // Of the last four channels those that no group has computed.
            l.repeat("group", groups, rest, |l, g| {
                let begin = g * GROUP as i64;
                let channel = begin.clone().min((self.channels - GROUP).into());
                self.group(l, kernels, (&first, &from, &row), channel.clone(), begin - channel);
            });
        });
    }

    /// Padding from word `from` to word `to`.
    fn fill(&self, l: &mut Lower, from: Index, to: Index) {
        l.repeat("pad", from, to, |l, i| {
            let access = Access {
                buffer: self.scratch,
                offset: 0,
                dims: vec![Dim { index: i, stride: 1, ring: None, bound: None }],
            };
            let value = Expr::int(Scalar::I32, self.planes.padding().into());
            l.push(Stmt::Store(Store { access, value, mask: None }));
        });
    }

    /// Padding in rows of all planes.
    fn fill_rows(&self, l: &mut Lower, from: Index, to: Index) {
        let p = self.planes;
        if from == to {
            return;
        }
        l.repeat("plane", 0usize, GROUP, |l, k| {
            let row = |i: Index| i * p.row_words() as i64 + k.clone() * p.plane_words() as i64;
            self.fill(l, row(from), row(to));
        });
    }

    /// Channels `channel + skip..channel + 4` of the band that begins at row `first`; rows of the input from
    /// `from` on are spread to row `row` of the planes.
    fn group(
        &self,
        l: &mut Lower,
        kernels: &Kernels,
        (first, from, row): (&Index, &Index, &Index),
        channel: Index,
        skip: Index,
    ) {
        let p = self.planes;
        let (x, start) = &self.input;
        let spread = |l: &mut Lower, r: Index| {
            let args = vec![
                CallArg::Buffer(*x, start.clone() + (from.clone() + r.clone()) * p.input[0] as i64 + channel.clone()),
                CallArg::Buffer(self.scratch, (row.clone() + r) * p.row_words() as i64),
            ];
            l.push(Stmt::Call(kernels.spread, args));
        };
        match p.spreads_all() {
            true => spread(l, 0usize.into()),
            false => l.repeat("row", 0usize, p.spread_rows(), spread),
        }
        l.repeat("channel", skip, GROUP, |l, c| {
            let rows = if p.is_short() { 1 } else { p.band };
            l.repeat("row", 0usize, rows, |l, r| {
                for (f, pixel, calls) in &kernels.sums {
                    // Calls begin at low halves of words.
                    let (tile, step) = (p.looped_tiles().0, p.columns.stride);
                    l.repeat("tile", 0usize, *calls, |l, k| {
                        let word = k.clone() * (tile * step / 2) as i64 + (pixel * step / 2) as i64;
                        let pixel = k * tile as i64 + *pixel as i64;
                        self.sums(l, *f, (first, &r), (pixel, word), (&channel, &c));
                    });
                }
            });
        });
    }

    /// Sums of a channel from a pixel of a row on, which is at `word` of the row of its plane.
    fn sums(
        &self,
        l: &mut Lower,
        f: FnId,
        (first, r): (&Index, &Index),
        (pixel, word): (Index, Index),
        (channel, c): (&Index, &Index),
    ) {
        let p = self.planes;
        let (y, start) = &self.output;
        let plane = c.clone() * p.plane_words() as i64;
        let row = (r.clone() * p.rows.stride as i64 + p.lead() as i64) * p.row_words() as i64;
        let channel = channel.clone() + c.clone();
        let own = channel.clone() * p.parameter_elements() as i64;
        let to = (first.clone() + r.clone()) * p.output[0] as i64 + pixel * p.output[1] as i64;
        let args = vec![
            CallArg::Buffer(self.scratch, plane + row + word),
            CallArg::Buffer(self.parameters, if self.shared { 0usize.into() } else { own }),
            CallArg::Buffer(*y, start.clone() + to + channel),
        ];
        l.push(Stmt::Call(f, args));
    }
}
