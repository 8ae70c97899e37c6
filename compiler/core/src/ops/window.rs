//! The geometry of sliding windows, shared by convolution and pooling.
//!
//! Window `o` along an axis has its taps at `o * stride - before + k * dilation`, `k` in
//! `0..kernel`; taps outside of `0..input` are padding.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::loops::{Cast, Expr, Index, Scalar, View};
use crate::onnx::NodeReader;
use crate::types::TensorType;

/// One spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Padding that the attributes ask for.
    pub before: usize,
    pub after: usize,
    pub output: usize,
}

pub const STRIDES: AttrSpec = AttrSpec::ints("strides", "step of the window, one a spatial axis");
pub const PADS: AttrSpec = AttrSpec::ints("pads", "padding before each spatial axis, then after each");
pub const DILATIONS: AttrSpec = AttrSpec::ints("dilations", "distance of the taps, one a spatial axis");

/// Larger numbers have no meaning for tensors below 2 GiB, and stay clear of overflow.
const LIMIT: i64 = i32::MAX as i64;

/// Numbers of the windows over the axes of `x` behind batch and channel, checked one by one.
struct Numbers<'a> {
    kernel: &'a [i64],
    strides: &'a [i64],
    dilations: &'a [i64],
    pads: &'a [i64],
}

impl Numbers<'_> {
    /// The windows, their outputs still unknown.
    fn windows(&self, op: &str, x: &TensorType) -> Result<Vec<Window>, OpError> {
        let spatial = &x.shape[2..];
        let n = spatial.len();
        let list = |name: &str, v: &[i64], count: usize, least: i64| checked(op, x, name, v, count, least);
        let kernel = list("the kernel", self.kernel, n, 1)?;
        let strides = list("strides", self.strides, n, 1)?;
        let dilations = list("dilations", self.dilations, n, 1)?;
        let pads = list("pads", self.pads, 2 * n, 0)?;
        let window = |d: usize| Window {
            input: spatial[d],
            kernel: kernel[d],
            stride: strides[d],
            dilation: dilations[d],
            before: pads[d],
            after: pads[n + d],
            output: 0,
        };
        Ok((0..n).map(window).collect())
    }
}

/// The numbers, if there are `count` and all are in `least..=LIMIT`.
fn checked(op: &str, x: &TensorType, name: &str, v: &[i64], count: usize, least: i64) -> Result<Vec<usize>, OpError> {
    if v.len() != count {
        let message = format!("{op}: {name} has {} values, but {count} are needed for {x}", v.len());
        return Err(OpError::new(Code::BadWindow, message));
    }
    match v.iter().find(|&&v| v < least || v > LIMIT) {
        Some(v) => Err(OpError::new(Code::BadWindow, format!("{op}: {name} has the value {v}, out of range"))),
        None => Ok(v.iter().map(|&v| v as usize).collect()),
    }
}

/// Windows over the axes of `x` behind batch and channel. `ceil`: a last window that is partly
/// outside counts, provided that it starts inside of the input or the padding before it.
pub fn windows(op: &str, x: &TensorType, kernel: &[i64], attrs: &Attrs, ceil: bool) -> Result<Vec<Window>, OpError> {
    let (strides, dilations, pads) = (attrs.ints("strides"), attrs.ints("dilations"), attrs.ints("pads"));
    let mut windows = Numbers { kernel, strides, dilations, pads }.windows(op, x)?;
    for (d, w) in windows.iter_mut().enumerate() {
        let room = w.padded().checked_sub(w.span()).ok_or_else(|| {
            let message = format!(
                "{op}: the window is larger than the padded input along spatial axis {d}: it spans {} \
                 (kernel {}, dilation {}), the input has {} + {} + {}",
                w.span(),
                w.kernel,
                w.dilation,
                w.before,
                w.input,
                w.after
            );
            OpError::new(Code::BadWindow, message)
        })?;
        w.output = room / w.stride + 1;
        if ceil && !room.is_multiple_of(w.stride) && w.output * w.stride < w.input + w.before {
            w.output += 1;
        }
    }
    Ok(windows)
}

/// Windows of a transposed convolution: element `i` of `x` has its taps at `i * stride - before + k *
/// dilation` of the result, whose extent is what they reach without `before` and `after`, and with the
/// attribute `output_padding` more behind it.
pub fn transposed(op: &str, x: &TensorType, kernel: &[i64], attrs: &Attrs) -> Result<Vec<Window>, OpError> {
    let (strides, dilations, pads) = (attrs.ints("strides"), attrs.ints("dilations"), attrs.ints("pads"));
    let mut windows = Numbers { kernel, strides, dilations, pads }.windows(op, x)?;
    let more = checked(op, x, "output_padding", attrs.ints("output_padding"), windows.len(), 0)?;
    for (d, (w, more)) in windows.iter_mut().zip(more).enumerate() {
        let extent = w.spread().saturating_add(more as i64).saturating_sub((w.before + w.after) as i64);
        if !(1..=LIMIT).contains(&extent) {
            let message = format!(
                "{op}: the result would have {extent} positions along spatial axis {d}: {} elements (stride {}, kernel {}, \
                 dilation {}) reach {}, pads take away {} and {}, output_padding adds {more}",
                w.input,
                w.stride,
                w.kernel,
                w.dilation,
                w.spread(),
                w.before,
                w.after
            );
            return Err(OpError::new(Code::BadWindow, message));
        }
        w.output = extent as usize;
    }
    Ok(windows)
}

/// The kernel of an ONNX node: the spatial extents of its weights, which `kernel_shape` repeats.
pub fn read_kernel(op: &str, n: &mut NodeReader<'_>) -> Result<Vec<i64>, OpError> {
    let w = n.ty(1)?;
    require::rank(op, "w", &w, 3..=usize::MAX)?;
    let kernel: Vec<i64> = w.shape[2..].iter().map(|&k| k as i64).collect();
    match n.ints("kernel_shape")? {
        Some(given) if given != kernel => {
            let message = format!("{op}: kernel_shape is {given:?}, but w is {w}");
            Err(OpError::new(Code::ShapeMismatch, message))
        }
        _ => Ok(kernel),
    }
}

/// What an ONNX node says of its windows.
struct Given {
    x: TensorType,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    pads: Vec<i64>,
    same: Option<Same>,
}

/// Which side of padding that follows from an extent gets the larger half.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    Upper,
    Lower,
}

impl Same {
    /// Padding before each axis, then after each.
    fn split(self, total: &[i64]) -> Vec<i64> {
        let small: Vec<i64> = total.iter().map(|t| t / 2).collect();
        let large: Vec<i64> = total.iter().map(|t| t - t / 2).collect();
        if self == Same::Upper { [small, large].concat() } else { [large, small].concat() }
    }
}

impl Given {
    /// Reads strides, pads, auto_pad and dilations.
    fn read(op: &str, n: &mut NodeReader<'_>) -> Result<Given, OpError> {
        let x = n.ty(0)?;
        require::rank(op, "x", &x, 3..=usize::MAX)?;
        let axes = x.shape.rank() - 2;
        let strides = n.ints("strides")?.unwrap_or_else(|| vec![1; axes]);
        let dilations = n.ints("dilations")?.unwrap_or_else(|| vec![1; axes]);
        let given = n.ints("pads")?;
        let none = || vec![0; 2 * axes];
        let (pads, same) = match n.string("auto_pad")?.as_deref() {
            None | Some("NOTSET" | "") => (given.unwrap_or_else(none), None),
            Some("VALID") => (none(), None),
            Some("SAME_UPPER") => (none(), Some(Same::Upper)),
            Some("SAME_LOWER") => (none(), Some(Same::Lower)),
            Some(other) => {
                let message =
                    format!("{op}: auto_pad is {other:?}, but must be NOTSET, SAME_UPPER, SAME_LOWER or VALID");
                return Err(OpError::new(Code::BadAttribute, message));
            }
        };
        Ok(Given { x, strides, dilations, pads, same })
    }

    /// The windows without padding.
    fn unpadded(&self, op: &str, kernel: &[i64]) -> Result<Vec<Window>, OpError> {
        let pads = vec![0; 2 * kernel.len()];
        Numbers { kernel, strides: &self.strides, dilations: &self.dilations, pads: &pads }.windows(op, &self.x)
    }

    fn attrs(self) -> Attrs {
        Attrs::new()
            .with_ints("strides", self.strides)
            .with_ints("dilations", self.dilations)
            .with_ints("pads", self.pads)
    }
}

/// Reads strides, pads, auto_pad and dilations of an ONNX node; `kernel` has one extent an axis.
pub fn read(op: &str, n: &mut NodeReader<'_>, kernel: &[i64]) -> Result<Attrs, OpError> {
    let mut given = Given::read(op, n)?;
    if let Some(same) = given.same {
        let total = |w: &Window| {
            let output = w.input.div_ceil(w.stride);
            (output.saturating_sub(1) * w.stride + w.span()).saturating_sub(w.input) as i64
        };
        given.pads = same.split(&given.unpadded(op, kernel)?.iter().map(total).collect::<Vec<_>>());
    }
    Ok(given.attrs())
}

/// The same for a transposed convolution, with output_padding and output_shape. Where the extents of the
/// result are given, pads are what is too much, and output_padding what is missing.
pub fn read_transposed(op: &str, n: &mut NodeReader<'_>, kernel: &[i64]) -> Result<Attrs, OpError> {
    let mut given = Given::read(op, n)?;
    let mut more = n.ints("output_padding")?.unwrap_or_else(|| vec![0; kernel.len()]);
    let shape = n.ints("output_shape")?.filter(|s| !s.is_empty());
    if shape.is_some() || given.same.is_some() {
        let windows = given.unpadded(op, kernel)?;
        checked(op, &given.x, "output_padding", &more, windows.len(), 0)?;
        let wanted = match shape {
            Some(shape) => checked(op, &given.x, "output_shape", &shape, windows.len(), 1)?,
            None => windows.iter().map(|w| w.input.saturating_mul(w.stride)).collect(),
        };
        let mut total = Vec::new();
        for ((w, wanted), more) in windows.iter().zip(wanted).zip(&mut more) {
            let excess = w.spread().saturating_add(*more).saturating_sub_unsigned(wanted as u64);
            *more = more.saturating_sub(excess.min(0));
            total.push(excess.max(0));
        }
        given.pads = given.same.unwrap_or(Same::Lower).split(&total);
    }
    Ok(given.attrs().with_ints("output_padding", more))
}

impl Window {
    /// From the first tap to the last.
    pub fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// How many positions of the result of a transposed convolution the taps of all elements reach.
    fn spread(&self) -> i64 {
        let first_to_last = (self.input as i64 - 1).saturating_mul(self.stride as i64);
        first_to_last.saturating_add(self.span() as i64)
    }

    /// Each window is one element.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.before == 0 && self.output == self.input
    }

    fn padded(&self) -> usize {
        self.before + self.input + self.after
    }

    /// How many positions behind the input the windows reach.
    pub fn reach(&self) -> usize {
        ((self.output.max(1) - 1) * self.stride + self.span()).saturating_sub(self.before + self.input)
    }

    /// Position of a tap in the padded input.
    pub fn at(&self, o: &Index, k: &Index) -> Index {
        o.clone() * self.stride as i64 + k.clone() * self.dilation as i64
    }

    /// Position of a tap in the input; `None` in the padding.
    pub fn input_at(&self, o: usize, k: usize) -> Option<usize> {
        (o * self.stride + k * self.dilation).checked_sub(self.before).filter(|&i| i < self.input)
    }

    /// How many taps of window `o` lie within `length` positions from `start` on, both counted
    /// in the padded input.
    fn taps_within(&self, o: Index, start: usize, length: usize) -> Index {
        let dilation = self.dilation as i64;
        let first = Index::from(start) - o * self.stride as i64;
        let up = |i: Index| (i + (dilation - 1)).floor_div(dilation);
        let lo = up(first.clone()).max(0usize.into());
        let hi = up(first + length as i64).min(self.kernel.into());
        hi - lo
    }

    /// How many taps of window `o` count in an average: those inside of the input, or those inside
    /// of the padded input. A constant where all windows have all taps; at least 1.
    pub fn taps(&self, o: &Index, padding_counts: bool) -> Index {
        let (start, length) = if padding_counts { (0, self.padded()) } else { (self.before, self.input) };
        let count = |o: usize| self.taps_within(o.into(), start, length).as_constant().unwrap_or(0);
        let fewest = (0..self.output).map(count).min().unwrap_or(1);
        if fewest == self.kernel as i64 {
            return self.kernel.into();
        }
        let taps = self.taps_within(o.clone(), start, length);
        if fewest < 1 { taps.max(1usize.into()) } else { taps }
    }

    /// The same for one window.
    pub fn count(&self, o: usize, padding_counts: bool) -> usize {
        self.taps(&o.into(), padding_counts).as_constant().map_or(1, |c| c as usize)
    }
}

/// Number of taps that count in the average at `q` (attribute `count_padding`), as an element.
pub fn count(attrs: &Attrs, windows: &[Window], q: &[Index], scalar: Scalar) -> Expr {
    let padding_counts = attrs.bool("count_padding");
    let taps = windows.iter().zip(q).map(|(w, q)| w.taps(q, padding_counts));
    let (fixed, varying): (Vec<Index>, Vec<Index>) = taps.partition(|t| t.as_constant().is_some());
    let fixed: i64 = fixed.iter().filter_map(Index::as_constant).product();
    match varying.into_iter().map(|t| Expr::Index(t, Scalar::I32)).reduce(|a, b| a * b) {
        None => Expr::number(scalar, fixed as f64),
        Some(v) if fixed == 1 => v.cast(Cast::SiToFp, scalar),
        Some(v) => (v * Expr::int(Scalar::I32, fixed)).cast(Cast::SiToFp, scalar),
    }
}

/// The operand with the padding that the windows reach, reading as `value`.
pub fn padded(x: &View, windows: &[Window], value: Expr) -> View {
    let all = |f: fn(&Window) -> usize| -> Vec<usize> { [0, 0].into_iter().chain(windows.iter().map(f)).collect() };
    let (before, after) = (all(|w| w.before), all(Window::reach));
    if before.iter().chain(&after).all(|&p| p == 0) { x.clone() } else { x.padded(&before, &after, value) }
}

/// Extents of the result behind batch and channel.
pub fn outputs(windows: &[Window]) -> impl Iterator<Item = usize> {
    windows.iter().map(|w| w.output)
}

/// Extents of the kernel.
pub fn kernels(windows: &[Window]) -> Vec<usize> {
    windows.iter().map(|w| w.kernel).collect()
}
