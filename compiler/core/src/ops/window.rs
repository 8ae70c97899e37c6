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
        let list = |name: &str, v: &[i64], count: usize, least: i64| {
            if v.len() != count {
                let message = format!("{op}: {name} has {} values, but {count} are needed for {x}", v.len());
                return Err(OpError::new(Code::BadWindow, message));
            }
            match v.iter().find(|&&v| v < least || v > LIMIT) {
                Some(v) => Err(OpError::new(Code::BadWindow, format!("{op}: {name} has the value {v}, out of range"))),
                None => Ok(v.iter().map(|&v| v as usize).collect::<Vec<_>>()),
            }
        };
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

/// Reads strides, pads, auto_pad and dilations of an ONNX node; `kernel` has one extent an axis.
pub fn read(op: &str, n: &mut NodeReader<'_>, kernel: &[i64]) -> Result<Attrs, OpError> {
    let x = n.ty(0)?;
    require::rank(op, "x", &x, 3..=usize::MAX)?;
    let axes = x.shape.rank() - 2;
    let strides = n.ints("strides")?.unwrap_or_else(|| vec![1; axes]);
    let dilations = n.ints("dilations")?.unwrap_or_else(|| vec![1; axes]);
    let given = n.ints("pads")?;
    let auto = n.string("auto_pad")?;
    let pads = match auto.as_deref() {
        None | Some("NOTSET" | "") => given.unwrap_or_else(|| vec![0; 2 * axes]),
        Some("VALID") => vec![0; 2 * axes],
        Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => {
            let numbers = Numbers { kernel, strides: &strides, dilations: &dilations, pads: &vec![0; 2 * axes] };
            let windows = numbers.windows(op, &x)?;
            let total = windows.iter().map(|w| {
                let output = w.input.div_ceil(w.stride);
                (output.saturating_sub(1) * w.stride + w.span()).saturating_sub(w.input) as i64
            });
            let small: Vec<i64> = total.clone().map(|t| t / 2).collect();
            let large: Vec<i64> = total.map(|t| t - t / 2).collect();
            if same == "SAME_UPPER" { [small, large].concat() } else { [large, small].concat() }
        }
        Some(other) => {
            let message = format!("{op}: auto_pad is {other:?}, but must be NOTSET, SAME_UPPER, SAME_LOWER or VALID");
            return Err(OpError::new(Code::BadAttribute, message));
        }
    };
    Ok(Attrs::new().with_ints("strides", strides).with_ints("dilations", dilations).with_ints("pads", pads))
}

impl Window {
    /// From the first tap to the last.
    pub fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
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
