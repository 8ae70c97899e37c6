//! `conv_transpose`: transposed convolution with groups, over any number of spatial axes.

use super::reach::Reach;
use super::{require, window};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{self, Number, slice};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx, optional};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};
use crate::with_number;
use window::Window;

static FACTS: Facts = Facts {
    name: "conv_transpose",
    doc: "`y[n, g*O + o, p] = b[g*O + o] + sum over c, i, k with i*stride - pad + k*dilation = p of x[n, g*C + c, i] * \
          w[g*C + c, o, k]`, where `C` and `O` are the channels of `x` and `y` in each group `g`. Along each axis `y` has \
          `(extent - 1)*stride + (kernel - 1)*dilation + 1 + output_padding` positions without the pads. ONNX ConvTranspose.",
    operands: &[once("x"), once("w"), optional("b")],
    attrs: &[
        window::STRIDES,
        AttrSpec::ints("pads", "positions left out before each spatial axis of the result, then after each"),
        window::DILATIONS,
        AttrSpec::ints("output_padding", "positions more at the end of each spatial axis of the result"),
        AttrSpec::int("group", "channels are split into this many groups, convolved apart"),
    ],
    imports: &[onnx("ConvTranspose", 1, read)],
    examples: &[
        "conv_transpose f32[1,2,3,3], f32[2,3,3,3], f32[3] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], output_padding: \
         [0,0], group: 1} -> f32[1,3,5,5]",
        "conv_transpose f32[1,3,4,5], f32[3,2,2,2] {strides: [2,2], pads: [0,0,0,0], dilations: [1,1], output_padding: [0,0], \
         group: 1} -> f32[1,2,8,10]",
        "conv_transpose f32[1,3,4,3], f32[3,2,4,4], f32[2] {strides: [2,2], pads: [1,1,1,1], dilations: [1,1], output_padding: \
         [0,0], group: 1} -> f32[1,2,8,6]",
        "conv_transpose f32[2,2,3,4], f32[2,2,3,3], f32[2] {strides: [2,2], pads: [1,1,1,1], dilations: [1,1], output_padding: \
         [1,1], group: 1} -> f32[2,2,6,8]",
        "conv_transpose f32[1,2,3,4], f32[2,1,3,5] {strides: [3,2], pads: [0,3,2,1], dilations: [1,1], output_padding: [2,0], \
         group: 1} -> f32[1,1,9,7]",
        "conv_transpose f32[2,4,3,5], f32[4,3,2,3], f32[6] {strides: [1,2], pads: [0,1,0,0], dilations: [2,1], output_padding: \
         [0,1], group: 2} -> f32[2,6,5,11]",
        "conv_transpose f32[1,3,4,4], f32[3,1,3,3], f32[3] {strides: [2,2], pads: [0,0,0,0], dilations: [3,2], output_padding: \
         [0,0], group: 3} -> f32[1,3,13,11]",
        "conv_transpose f32[1,4,3,2], f32[4,3,1,1], f32[3] {strides: [1,3], pads: [0,0,0,0], dilations: [1,1], output_padding: \
         [0,2], group: 1} -> f32[1,3,3,6]",
        "conv_transpose f32[2,3,6], f32[3,2,5], f32[2] {strides: [3], pads: [2,1], dilations: [2], output_padding: [0], group: 1} \
         -> f32[2,2,21]",
        "conv_transpose f32[1,1,1], f32[1,1,3] {strides: [9], pads: [0,0], dilations: [1], output_padding: [2], group: 1} -> \
         f32[1,1,5]",
        "conv_transpose f32[1,2,2,3,2], f32[2,2,2,1,3], f32[2] {strides: [2,1,2], pads: [0,0,1,0,1,1], dilations: [1,1,1], \
         output_padding: [1,0,0], group: 1} -> f32[1,2,5,2,3]",
        "conv_transpose f64[1,2,3,3], f64[2,2,2,3] {strides: [2,1], pads: [1,0,0,1], dilations: [1,1], output_padding: [0,0], \
         group: 1} -> f64[1,2,5,4]",
    ],
};

/// Of numbers in a table of taps: only strides of thousands need one as long.
const LONGEST: usize = 1 << 16;

pub struct ConvTranspose;
pub static OP: ConvTranspose = ConvTranspose;

impl Op for ConvTranspose {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(w), rest @ ..] = x else { unreachable!("operand count is checked") };
        require::dtype("conv_transpose", "x", x, crate::types::DType::is_float)?;
        require::same_dtype("conv_transpose", ("x", x), ("w", w))?;
        require::rank("conv_transpose", "x", x, 3..=usize::MAX)?;
        require::rank("conv_transpose", "w", w, x.shape.rank()..=x.shape.rank())?;
        let (group, channels) = (attrs.int("group"), x.shape[1]);
        if group < 1 || !(channels as u64).is_multiple_of(group as u64) {
            let message =
                format!("conv_transpose: group {group} does not divide the channels of x evenly: {channels} in {x}");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        if w.shape[0] != channels {
            let message =
                format!("conv_transpose: x has {channels} channels, but w is made for {}: x {x}, w {w}", w.shape[0]);
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        let outputs = w.shape[1].saturating_mul(group as usize);
        if let [Some(b)] = rest {
            require::same_dtype("conv_transpose", ("x", x), ("b", b))?;
            require::shape("conv_transpose", "b", b, &[outputs], "one bias for each output channel")?;
        }
        let shape: Vec<usize> =
            [x.shape[0], outputs].into_iter().chain(window::outputs(&windows(attrs, x, w)?)).collect();
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let (windows, group) = geometry(attrs, x)?;
        eval::in_f32(x, |x| {
            Ok(vec![with_number!(x, [f32 f64], T => eval::conv_transpose::conv_transpose::<T>(x, &windows, group))])
        })
    }

    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        let (windows, group) = geometry(attrs, x).ok()?;
        Some(vec![with_number!(x, [f32 f64], T => naive::<T>(x, &windows, group))])
    }

    /// Each element of the result gathers the elements that reach it; those outside read as zero.
    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), Some(w), rest @ ..] = x else { unreachable!("operand count is checked") };
        let b = rest.first().cloned().flatten();
        let y = &y[0];
        let windows = windows(attrs, &TensorType::new(x.dtype, x.shape()), &TensorType::new(w.dtype, w.shape()))?;
        let reach: Vec<Reach> = windows.iter().map(Reach::of).collect();
        if let Some(r) = reach.iter().find(|r| r.entries() > LONGEST) {
            let message = format!("conv_transpose: {} positions differ in the taps that reach them", r.phases);
            return Err(OpError::new(Code::NoKernel, message));
        }
        let group = attrs.int("group") as usize;
        let (channels, outputs) = (w.shape()[0] / group, w.shape()[1]);
        let zero = Expr::number(x.scalar(), 0.0);
        let (before, after): (Vec<usize>, Vec<usize>) =
            [(0, 0), (0, 0)].into_iter().chain(reach.iter().map(Reach::outside)).unzip();
        let padded = before.iter().chain(&after).any(|&p| p > 0);
        let x = if padded { x.padded(&before, &after, zero.clone()) } else { x.clone() };
        let outer: Vec<usize> = [y.shape()[0], group, outputs].into_iter().chain(window::outputs(&windows)).collect();
        let inner: Vec<usize> = [channels].into_iter().chain(reach.iter().map(|r| r.slots)).collect();
        let at_channel =
            |n: &Index, c: Index, p: Vec<Index>| -> Vec<Index> { [n.clone(), c].into_iter().chain(p).collect() };
        l.nest(&outer, |l, at| {
            let [n, g, o, p @ ..] = at else { unreachable!("as many as there are extents") };
            let channel = g.clone() * outputs as i64 + o.clone();
            let init = b.as_ref().map_or(zero, |b| b.read(std::slice::from_ref(&channel)));
            let sum = l.reduce("sum", init, &inner, |_, at, sum| {
                let [c, slots @ ..] = at else { unreachable!("as many as there are extents") };
                let c = g.clone() * channels as i64 + c.clone();
                let taps = reach.iter().zip(p).zip(slots);
                let elements =
                    taps.clone().zip(&before[2..]).map(|(((r, p), s), &b)| r.element(p, s) + b as i64).collect();
                let x = x.read(&at_channel(n, c.clone(), elements));
                sum + x * w.read(&at_channel(&c, o.clone(), taps.map(|((r, p), s)| r.tap(p, s)).collect()))
            });
            l.push(y.write(&at_channel(n, channel, p.to_vec()), sum));
        });
        Ok(())
    }

    fn macs(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let [Some(x), Some(w), ..] = x else { unreachable!("operand count is checked") };
        let slots = |windows: Vec<Window>| windows.iter().map(|w| Reach::of(w).slots as u64).product::<u64>();
        let channels = (w.shape[0] / attrs.int("group").max(1) as usize) as u64;
        y[0].elements() as u64 * channels * windows(attrs, x, w).map_or(0, slots)
    }
}

fn windows(attrs: &Attrs, x: &TensorType, w: &TensorType) -> Result<Vec<Window>, OpError> {
    let kernel: Vec<i64> = w.shape[2..].iter().map(|&k| k as i64).collect();
    window::transposed("conv_transpose", x, &kernel, attrs)
}

fn geometry(attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<(Vec<Window>, usize), OpError> {
    let [Some(x), Some(w), ..] = x else { unreachable!("operand count is checked") };
    Ok((windows(attrs, &x.ty(), &w.ty())?, attrs.int("group") as usize))
}

/// Each output by itself, from the formula.
fn naive<T: Number>(x: &[Option<&Tensor>], windows: &[Window], group: usize) -> Tensor {
    let [Some(x), Some(w), b @ ..] = x else { unreachable!("operand count is checked") };
    let bias = b.first().copied().flatten().map(slice::<T>);
    let (channels, outputs) = (w.shape()[0] / group, w.shape()[1]);
    let shape =
        Shape::new([&[x.shape()[0], outputs * group][..], &window::outputs(windows).collect::<Vec<_>>()].concat());
    let taps = Shape::new([&[channels][..], &window::kernels(windows)].concat());
    let (xs, ws) = (slice::<T>(x), slice::<T>(w));
    let element = |w: &Window, p: usize, k: usize| {
        let strides = (p + w.before).checked_sub(k * w.dilation)?;
        (strides.is_multiple_of(w.stride) && strides / w.stride < w.input).then_some(strides / w.stride)
    };
    let y = shape.coordinates().map(|at| {
        let (n, o, p) = (at[0], at[1], &at[2..]);
        taps.coordinates().fold(bias.map_or(T::ZERO, |b| b[o]), |sum, tap| {
            let (c, k) = (o / outputs * channels + tap[0], &tap[1..]);
            let elements = windows.iter().zip(p.iter().zip(k)).map(|(w, (&p, &k))| element(w, p, k));
            let Some(elements) = elements.collect::<Option<Vec<_>>>() else { return sum };
            let x = xs[x.shape().offset(&[&[n, c][..], &elements].concat())];
            sum.mac(x, ws[w.shape().offset(&[&[c, o % outputs][..], k].concat())])
        })
    });
    Tensor::of(shape.clone(), y.collect())
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let kernel = window::read_kernel("conv_transpose", n)?;
    let attrs = window::read_transposed("conv_transpose", n, &kernel)?;
    let group = n.int("group")?.unwrap_or(1);
    n.emit_all(OpId::conv_transpose, attrs.with_int("group", group))
}
