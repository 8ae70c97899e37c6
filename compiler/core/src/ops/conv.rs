//! `conv`: convolution with groups, over any number of spatial axes.

use super::centered::Centered;
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

pub const ATTRS: &[AttrSpec] = &[
    window::STRIDES,
    window::PADS,
    window::DILATIONS,
    AttrSpec::int("group", "channels are split into this many groups, convolved apart"),
];

static FACTS: Facts = Facts {
    name: "conv",
    doc: "`y[n,o,q] = b[o] + sum over c, k of x[n, g*C + c, q*stride - pad + k*dilation] * w[o,c,k]`, where `g` is \
          the group of `o`, `C` the channels of a group and padding reads as zero. ONNX Conv.",
    operands: &[once("x"), once("w"), optional("b")],
    attrs: ATTRS,
    imports: &[onnx("Conv", 1, read)],
    examples: &[
        "conv f32[1,2,5,5], f32[3,2,3,3], f32[3] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1} -> f32[1,3,3,3]",
        "conv f32[1,2,5,6], f32[3,2,3,3] {strides: [1,1], pads: [1,1,1,1], dilations: [1,1], group: 1} -> f32[1,3,5,6]",
        "conv f32[1,3,8,7], f32[5,3,3,2], f32[5] {strides: [2,3], pads: [1,0,2,1], dilations: [1,1], group: 1} -> f32[1,5,5,3]",
        "conv f32[2,4,9,8], f32[6,2,2,3], f32[6] {strides: [1,2], pads: [0,2,1,0], dilations: [2,1], group: 2} -> f32[2,6,8,4]",
        "conv f32[1,6,7,7], f32[6,1,3,3], f32[6] {strides: [2,2], pads: [0,0,1,1], dilations: [1,1], group: 6} -> f32[1,6,3,3]",
        "conv f32[1,3,9,9], f32[6,1,3,3] {strides: [1,1], pads: [2,2,2,2], dilations: [2,2], group: 3} -> f32[1,6,9,9]",
        "conv f32[1,20,6,5], f32[17,20,1,1], f32[17] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1} -> f32[1,17,6,5]",
        "conv f32[2,3,11], f32[4,3,5], f32[4] {strides: [2], pads: [2,1], dilations: [1], group: 1} -> f32[2,4,5]",
        "conv f32[1,2,4,5,3], f32[3,2,2,3,2] {strides: [1,2,1], pads: [1,0,0,0,1,0], dilations: [1,1,1], group: 1} -> f32[1,3,4,2,2]",
        "conv f64[1,2,4,4], f64[2,2,3,3] {strides: [1,1], pads: [0,1,0,1], dilations: [1,1], group: 1} -> f64[1,2,2,4]",
    ],
};

pub struct Conv;
pub static OP: Conv = Conv;

impl Op for Conv {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(w), rest @ ..] = x else { unreachable!("operand count is checked") };
        require::dtype("conv", "x", x, crate::types::DType::is_float)?;
        require::same_dtype("conv", ("x", x), ("w", w))?;
        let shape = shape("conv", attrs, x, w)?;
        if let [Some(b)] = rest {
            require::same_dtype("conv", ("x", x), ("b", b))?;
            require::shape("conv", "b", b, &[w.shape[0]], "one bias for each output channel")?;
        }
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let (windows, group) = geometry("conv", attrs, x)?;
        eval::in_f32(x, |x| Ok(vec![with_number!(x, [f32 f64], T => eval::conv::conv::<T>(x, &windows, group))]))
    }

    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        let (windows, group) = geometry("conv", attrs, x).ok()?;
        Some(vec![with_number!(x, [f32 f64], T => naive::<T>(x, &windows, group))])
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), Some(w), rest @ ..] = x else { unreachable!("operand count is checked") };
        let bias = rest.first().and_then(Option::as_ref);
        sums("conv", l, attrs, (&Centered::new(x, None), &Centered::new(w, None)), bias, &y[0])
    }

    fn macs(&self, _attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let [_, Some(w), ..] = x else { unreachable!("operand count is checked") };
        y[0].elements() as u64 * w.shape[1..].iter().product::<usize>() as u64
    }
}

/// The shape of the result.
pub fn shape(op: &str, attrs: &Attrs, x: &TensorType, w: &TensorType) -> Result<Vec<usize>, OpError> {
    require::rank(op, "x", x, 3..=usize::MAX)?;
    require::rank(op, "w", w, x.shape.rank()..=x.shape.rank())?;
    let group = attrs.int("group");
    let (channels, outputs) = (x.shape[1], w.shape[0]);
    let divides = |n: usize| group > 0 && (n as i64).checked_rem(group) == Some(0);
    if !divides(channels) || !divides(outputs) {
        let message = format!(
            "{op}: group {group} does not divide the channels of x and w evenly: {channels} in {x}, {outputs} in {w}"
        );
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    if w.shape[1].saturating_mul(group as usize) != channels {
        let message = format!(
            "{op}: x has {channels} channels in {group} groups, but w is made for {} in each: x {x}, w {w}",
            w.shape[1]
        );
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    Ok([x.shape[0], outputs].into_iter().chain(window::outputs(&windows(op, attrs, x, w)?)).collect())
}

/// Lowers to the sums of products over channels and taps.
pub fn sums(
    op: &str,
    l: &mut Lower,
    attrs: &Attrs,
    (x, w): (&Centered, &Centered),
    bias: Option<&View>,
    y: &View,
) -> Result<(), OpError> {
    let ty = |v: &View| TensorType::new(v.dtype, v.shape());
    let windows = windows(op, attrs, &ty(&x.x), &ty(&w.x))?;
    let group = attrs.int("group") as usize;
    let (batch, outputs) = (y.shape()[0], y.shape()[1] / group);
    let channels = w.x.shape()[1];
    let x = x.padded(&windows);
    let at_channel =
        |n: &Index, c: Index, q: Vec<Index>| -> Vec<Index> { [n.clone(), c].into_iter().chain(q).collect() };
    let outer: Vec<usize> = [batch, group, outputs].into_iter().chain(window::outputs(&windows)).collect();
    let inner: Vec<usize> = [channels].into_iter().chain(window::kernels(&windows)).collect();
    l.nest(&outer, |l, at| {
        let [n, g, o, q @ ..] = at else { unreachable!("as many as there are extents") };
        let o = g.clone() * outputs as i64 + o.clone();
        let zero = Expr::number(y.scalar(), 0.0);
        let init = bias.map_or(zero, |b| b.read(std::slice::from_ref(&o)));
        let sum = l.reduce("sum", init, &inner, |_, at, sum| {
            let [c, k @ ..] = at else { unreachable!("as many as there are extents") };
            let position = windows.iter().zip(q).zip(k).map(|((w, q), k)| w.at(q, k)).collect();
            let x = x.read(&at_channel(n, g.clone() * channels as i64 + c.clone(), position));
            sum + x * w.read(&at_channel(&o, c.clone(), k.to_vec()))
        });
        l.push(y.write(&at_channel(n, o, q.to_vec()), sum));
    });
    Ok(())
}

fn windows(op: &str, attrs: &Attrs, x: &TensorType, w: &TensorType) -> Result<Vec<Window>, OpError> {
    let kernel: Vec<i64> = w.shape[2..].iter().map(|&k| k as i64).collect();
    window::windows(op, x, &kernel, attrs, false)
}

/// Windows, and the number of groups.
pub fn geometry(op: &str, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<(Vec<Window>, usize), OpError> {
    let [Some(x), Some(w), ..] = x else { unreachable!("operand count is checked") };
    Ok((windows(op, attrs, &x.ty(), &w.ty())?, attrs.int("group") as usize))
}

/// Each output by itself, from the formula.
pub fn naive<T: Number>(x: &[Option<&Tensor>], windows: &[Window], group: usize) -> Tensor {
    let [Some(x), Some(w), b @ ..] = x else { unreachable!("operand count is checked") };
    let bias = b.first().copied().flatten().map(slice::<T>);
    let (outputs, channels) = (w.shape()[0], w.shape()[1]);
    let shape = Shape::new([&[x.shape()[0], outputs][..], &window::outputs(windows).collect::<Vec<_>>()].concat());
    let taps = Shape::new([&[channels][..], &window::kernels(windows)].concat());
    let (xs, ws) = (slice::<T>(x), slice::<T>(w));
    let y = shape.coordinates().map(|at| {
        let (n, o, q) = (at[0], at[1], &at[2..]);
        let g = o / (outputs / group);
        taps.coordinates().enumerate().fold(bias.map_or(T::ZERO, |b| b[o]), |sum, (i, tap)| {
            let (c, k) = (tap[0], &tap[1..]);
            let position = windows.iter().zip(q.iter().zip(k)).map(|(w, (&q, &k))| w.input_at(q, k));
            let Some(position) = position.collect::<Option<Vec<_>>>() else {
                return sum.mac(T::ZERO, ws[o * taps.elements() + i]);
            };
            let at = [&[n, g * channels + c][..], &position].concat();
            sum.mac(xs[x.shape().offset(&at)], ws[o * taps.elements() + i])
        })
    });
    Tensor::of(shape.clone(), y.collect())
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let attrs = read_attrs("conv", n)?;
    n.emit_all(OpId::conv, attrs)
}

pub fn read_attrs(op: &str, n: &mut NodeReader<'_>) -> Result<Attrs, OpError> {
    let kernel = window::read_kernel(op, n)?;
    let attrs = window::read(op, n, &kernel)?;
    Ok(attrs.with_int("group", n.int("group")?.unwrap_or(1)))
}
