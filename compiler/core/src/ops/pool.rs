//! Pooling: a fold over the taps of a window, defined by its first value and one step.

use super::require;
use super::window::{self, Window};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{column, in_f32};
use crate::graph::NodeId;
use crate::loops::columns::{self, Column};
use crate::loops::{Cast, Expr, Index, Local, Lower, Scalar, View};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, Op, OpId, Types};
use crate::tensor::{Data, Tensor};
use crate::types::{DType, Shape, TensorType};

pub struct Pool {
    pub facts: Facts,
    pub accepts: require::Accepts,
    /// What the fold starts from, and padding reads as.
    pub init: fn(DType) -> Expr,
    /// From the running value and a tap.
    pub step: fn(DType, Expr, Expr) -> Expr,
    /// The last value is divided by the number of taps, attribute `count_padding` saying which count.
    pub average: bool,
}

pub const KERNEL: AttrSpec =
    AttrSpec::ints("kernel", "extents of the window, one a spatial axis").named("kernel_shape");
pub const CEIL: AttrSpec = AttrSpec::bool("ceil", "a last window that is partly outside counts").named("ceil_mode");

impl Pool {
    fn windows(&self, attrs: &Attrs, x: &TensorType) -> Result<Vec<Window>, OpError> {
        window::windows(self.name(), x, attrs.ints("kernel"), attrs, attrs.bool("ceil"))
    }
}

/// Offset of a tap in its plane; `None` in the padding.
fn tap(windows: &[Window], plane: &Shape, q: &[usize], k: &[usize]) -> Option<usize> {
    let at = windows.iter().zip(q.iter().zip(k)).map(|(w, (&q, &k))| w.input_at(q, k));
    at.collect::<Option<Vec<_>>>().map(|at| plane.offset(&at))
}

impl Op for Pool {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::dtype(self.name(), "x", x, self.accepts)?;
        require::rank(self.name(), "x", x, 3..=usize::MAX)?;
        let windows = self.windows(attrs, x)?;
        let shape: Vec<usize> = x.shape[..2].iter().copied().chain(window::outputs(&windows)).collect();
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let [Some(x)] = x else { unreachable!("operand count is checked") };
            let windows = self.windows(attrs, &x.ty())?;
            let y = self.infer(attrs, &[Some(&x.ty())])?.remove(0);
            let init = (self.init)(y.dtype);
            let local = |id| Expr::from(Local { id, ty: init.ty() });
            let planes = y.shape[..2].iter().product::<usize>();
            let plane = Shape::new(&x.shape()[2..]);
            let outputs = Shape::new(window::outputs(&windows).collect::<Vec<_>>());

            // The element behind the last one is the padding.
            let padding = column::tensor(column::constant(&init, 1), &TensorType::new(y.dtype, [1]));
            let data = Data::concat([x.data(), padding.data()].into_iter());
            let step = (self.step)(y.dtype, local(0), local(1));
            let mut value = column::constant(&init, y.elements());
            for k in Shape::new(window::kernels(&windows)).coordinates() {
                let offsets: Vec<_> = outputs.coordinates().map(|q| tap(&windows, &plane, &q, &k)).collect();
                let at = |p: usize, o: &Option<usize>| o.map_or(x.data().len(), |o| p * plane.elements() + o);
                let taps = (0..planes).flat_map(|p| offsets.iter().map(move |o| at(p, o)));
                value = columns::eval(&step, &[value, column::of(&data.gather(taps))]);
            }
            if self.average {
                let padding_counts = attrs.bool("count_padding");
                let taps = |q: Vec<usize>| windows.iter().zip(q).map(|(w, q)| w.count(q, padding_counts)).product();
                let counts: Vec<usize> = outputs.coordinates().map(taps).collect();
                let counts = Column::I32((0..planes).flat_map(|_| counts.iter().map(|&c| c as i32)).collect());
                let counts_local = Expr::from(Local { id: 1, ty: Scalar::I32.into() });
                value = columns::eval(&(local(0) / counts_local.cast(Cast::SiToFp, init.ty())), &[value, counts]);
            }
            Ok(vec![column::tensor(value, &y)])
        })
    }

    /// Each window by itself, in f64.
    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let windows = self.windows(attrs, &x.ty()).ok()?;
        let y = self.infer(attrs, &[Some(&x.ty())]).ok()?.remove(0);
        let (xs, plane) = (x.to_f64s(), Shape::new(&x.shape()[2..]));
        let kernel = Shape::new(window::kernels(&windows));
        let values = y.shape.coordinates().map(|at| {
            let start = (at[0] * x.shape()[1] + at[1]) * plane.elements();
            let taps: Vec<f64> =
                kernel.coordinates().filter_map(|k| Some(xs[start + tap(&windows, &plane, &at[2..], &k)?])).collect();
            if !self.average {
                return taps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            }
            let inside = |k: &[usize]| {
                windows
                    .iter()
                    .zip(at[2..].iter().zip(k))
                    .all(|(w, (q, k))| q * w.stride + k * w.dilation < w.before + w.input + w.after)
            };
            let counted = if attrs.bool("count_padding") {
                kernel.coordinates().filter(|k| inside(k)).count()
            } else {
                taps.len()
            };
            taps.iter().sum::<f64>() / counted.max(1) as f64
        });
        Some(vec![Tensor::of::<f64>(y.shape.clone(), values.collect()).cast(y.dtype)])
    }

    fn work(&self, attrs: &Attrs, _x: &Types<'_>, y: &[TensorType]) -> u64 {
        attrs.ints("kernel").iter().fold(y[0].elements() as u64, |n, k| n.saturating_mul(k.unsigned_abs()))
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let windows = self.windows(attrs, &TensorType::new(x.dtype, x.shape()))?;
        let init = (self.init)(x.dtype);
        let padded = window::padded(x, &windows, init.clone());
        l.nest(&y[0].shape(), |l, at| {
            let (plane, q) = at.split_at(2);
            let value = l.reduce("value", init, &window::kernels(&windows), |_, k, value| {
                let taps = windows.iter().zip(q).zip(k).map(|((w, q), k)| w.at(q, k));
                let tap: Vec<Index> = plane.iter().cloned().chain(taps).collect();
                (self.step)(x.dtype, value, padded.read(&tap))
            });
            let value = if self.average { value / window::count(attrs, &windows, q, x.scalar()) } else { value };
            l.push(y[0].write(at, value));
        });
        Ok(())
    }
}

/// Reads an ONNX pooling operator whose window is given by attributes.
pub fn read(n: &mut NodeReader<'_>, op: OpId, attrs: Attrs) -> Result<Vec<NodeId>, OpError> {
    if n.results() > 1 {
        let message = format!("{}: the second output (Indices) is not supported", op.name());
        return Err(OpError::new(Code::UnknownOp, message));
    }
    let Some(kernel) = n.ints("kernel_shape")? else {
        let message = format!("{}: attribute kernel_shape is missing", op.name());
        return Err(OpError::new(Code::BadAttribute, message));
    };
    let window = window::read(op.name(), n, &kernel)?;
    let ceil = n.int("ceil_mode")?.unwrap_or(0) != 0;
    n.emit_all(op, attrs.and(window).with_ints("kernel", kernel).with_bool("ceil", ceil))
}

/// One window over all that there is has an operator of its own, which takes floats.
pub fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (x, attrs) = (w.x(), w.attrs());
    let spatial = x.shape[2..].iter().map(|&d| d as i64);
    let all = spatial.eq(attrs.ints("kernel").iter().copied()) && attrs.ints("pads").iter().all(|&p| p == 0);
    if !all || !x.dtype.is_float() || attrs.ints("dilations").iter().any(|&d| d != 1) {
        return Ok(vec![w.same()]);
    }
    let (x, global) = (w.operand(0), format!("Global{}", w.op_type()));
    Ok(vec![w.emit(&global, &[x], [])])
}

/// Reads an ONNX pooling operator with one window over all that there is.
pub fn read_global(n: &mut NodeReader<'_>, op: OpId, attrs: Attrs) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    require::rank(op.name(), "x", &x, 3..=usize::MAX)?;
    let spatial = x.shape.rank() - 2;
    let attrs = attrs
        .with_ints("kernel", x.shape[2..].iter().map(|&d| d as i64))
        .with_ints("strides", vec![1; spatial])
        .with_ints("dilations", vec![1; spatial])
        .with_ints("pads", vec![0; 2 * spatial])
        .with_bool("ceil", false);
    n.emit_all(op, attrs)
}
