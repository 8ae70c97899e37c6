//! Ranges of an operator's results from those of its operands.

use super::scalar::{EXACT, signed, unsigned};
use super::{Nans, Range, Ranges, expr, moves, sums};
use tinyc_core::attrs::Attrs;
use tinyc_core::loops::{Expr, Scalar};
use tinyc_core::op::{Op, OpId};
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// What is known of an operand.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    pub ty: &'a TensorType,
    pub ranges: &'a Ranges,
    /// Its elements, where they are known.
    pub constant: Option<&'a Tensor>,
}

impl Operand<'_> {
    /// One range for each of the `n` indices of an axis, or one for all where they are the same.
    pub(super) fn along(&self, axis: usize, n: usize) -> Vec<Range> {
        let ranges = match self.constant {
            Some(t) => &Ranges::along(t, axis),
            None => self.ranges,
        };
        if ranges.by_channel() { ranges.along_axis(axis, n) } else { vec![ranges.all()] }
    }
}

/// Ranges of the results of an operator whose operands have these ranges. Operands and results are
/// those that `infer` accepts and gives; what is unknown of an operator may be anything.
pub fn transfer(op: OpId, attrs: &Attrs, x: &[Option<Operand<'_>>], y: &[TensorType], nans: Nans) -> Vec<Ranges> {
    if y.len() == 1
        && let Some(ranges) = one(op, attrs, x, &y[0])
    {
        return vec![nans.restrict(ranges)];
    }
    let unknown = |y: &TensorType| {
        let axis = channel_axis(op, attrs, x, y).unwrap_or(usize::from(y.shape.rank() > 1));
        Ranges { axis, each: vec![Range::of(y.dtype)] }
    };
    y.iter().map(|y| nans.restrict(unknown(y))).collect()
}

/// The axis of the channels of a result of which nothing else is known.
fn channel_axis(op: OpId, attrs: &Attrs, x: &[Option<Operand<'_>>], y: &TensorType) -> Option<usize> {
    let x = x.first()?.as_ref()?;
    match op {
        OpId::matmul | OpId::matmul_integer | OpId::gemm => y.shape.rank().checked_sub(1),
        _ if x.ty.shape == y.shape => Some(x.ranges.axis()),
        _ if op.op().attrs().iter().any(|a| a.name == "axes") => moves::kept_axis(attrs, x.ty, x.ranges.axis()),
        _ => None,
    }
}

fn one(op: OpId, attrs: &Attrs, x: &[Option<Operand<'_>>], y: &TensorType) -> Option<Ranges> {
    if let Some(r) = elementwise(op.op(), attrs, x, y) {
        return Some(r);
    }
    match op {
        OpId::conv => sums::conv(attrs, x, y),
        OpId::conv_integer => sums::conv_integer(attrs, x, y),
        OpId::matmul_integer => sums::matmul_integer(x, y),
        OpId::conv_transpose => sums::conv_transpose(attrs, x, y),
        OpId::gemm => sums::gemm(attrs, x, y),
        OpId::matmul => sums::matmul(x, y),
        OpId::average_pool => sums::average_pool(attrs, x, y),
        OpId::reduce_sum | OpId::reduce_mean => sums::reduce(attrs, x, y, op == OpId::reduce_mean),
        OpId::max_pool => moves::max_pool(attrs, x, y),
        OpId::reduce_max | OpId::reduce_min => moves::extreme(attrs, x, y),
        OpId::batch_norm => batch_norm(attrs, x, y),
        OpId::softmax => softmax(x, y),
        OpId::reshape => moves::reshape(x, y),
        OpId::transpose => moves::transpose(attrs, x),
        OpId::concat => moves::concat(attrs, x, y),
        OpId::slice => moves::slice(attrs, x, y),
        OpId::pad => moves::pad(attrs, x, y),
        OpId::expand => moves::expand(x, y),
        OpId::tile => moves::tile(x, y),
        OpId::gather | OpId::gather_elements => x.first()?.map(|x| Ranges::whole(y, x.ranges.all())),
        OpId::resize if attrs.word("mode") == "nearest" && attrs.word("coordinates") != "tf_crop_and_resize" => {
            moves::nearest(x, y)
        }
        _ => None,
    }
}

/// The type that an element is computed in.
fn computed(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// Channels are those of the first operand that tells some apart.
fn elementwise(op: &dyn Op, attrs: &Attrs, x: &[Option<Operand<'_>>], y: &TensorType) -> Option<Ranges> {
    let x: Vec<&Operand<'_>> = x.iter().flatten().collect();
    let dtypes: Vec<DType> = x.iter().map(|x| computed(x.ty.dtype)).collect();
    let value = op.value(attrs, &dtypes)?;
    let rank = y.shape.rank();
    let variable = x.iter().filter(|x| x.constant.is_none()).chain(&x);
    let aligned = variable.map(|x| (x.ranges.axis() + rank - x.ty.shape.rank(), x.ranges.by_channel()));
    let axis = aligned.clone().find(|a| a.1).or(aligned.clone().next()).map_or(0, |a| a.0);
    let n = y.shape.get(axis).copied().unwrap_or(1);
    let of = |x: &&Operand<'_>| match (axis + x.ty.shape.rank()).checked_sub(rank) {
        Some(a) => x.along(a, n),
        None => vec![x.ranges.all()],
    };
    let mut columns: Vec<Vec<Range>> = x.iter().map(of).collect();
    let n = columns.iter().map(Vec::len).max().unwrap_or(1);
    columns.iter_mut().filter(|c| c.len() < n).for_each(|c| *c = vec![c[0]; n]);
    let values = as_seen(&x, &columns, &value, n);
    Some(Ranges::new(axis, values.into_iter().map(|r| stored(r, y.dtype)).collect()))
}

/// Bool and integers are whole numbers of the type that holds them.
fn as_seen(x: &[&Operand<'_>], columns: &[Vec<Range>], value: &Expr, n: usize) -> Vec<Range> {
    let held = |x: &Operand<'_>, r: &Range| match Scalar::of(x.ty.dtype) {
        Some(s) if !s.is_float() && r.magnitude() >= EXACT => super::scalar::full(s),
        _ => *r,
    };
    let columns: Vec<Vec<Range>> = x.iter().zip(columns).map(|(x, c)| c.iter().map(|r| held(x, r)).collect()).collect();
    expr::eval(value, &columns, n)
}

/// A value as an element of a tensor.
pub(super) fn stored(r: Range, dtype: DType) -> Range {
    match Scalar::of(dtype) {
        Some(s) if s.is_float() => r,
        Some(s) if dtype.is_signed_int() => signed(r, s),
        Some(s) => unsigned(r, s).intersect(Range::of(dtype)),
        // Narrow floats: rounding to them is monotone.
        None => {
            let ends = Tensor::of::<f64>([2], vec![r.lo, r.hi]).cast(dtype).to_f64s();
            Range { lo: ends[0], hi: ends[1], nan: r.nan }
        }
    }
}

/// `(x - mean) * (scale / sqrt(var + epsilon)) + bias` over constants, channel by channel.
fn batch_norm(attrs: &Attrs, x: &[Option<Operand<'_>>], y: &TensorType) -> Option<Ranges> {
    use super::scalar::{add, div, mul, sub};
    let [Some(x), Some(scale), Some(bias), Some(mean), Some(var)] = x else { return None };
    if y.dtype != DType::F32 {
        return None;
    }
    let (n, s) = (y.shape[1], Scalar::F32);
    let numbers = |x: &Operand<'_>| x.ranges.along_axis(0, n);
    let (scale, bias, mean, var) = (numbers(scale), numbers(bias), numbers(mean), numbers(var));
    let epsilon = Range::point(attrs.float("epsilon").into());
    let local = Expr::Local(tinyc_core::loops::Local { id: 0, ty: tinyc_core::loops::Ty::F32 });
    let sums = (0..n).map(|c| add(var[c], epsilon, s)).collect();
    let roots = expr::eval(&tinyc_core::loops::Library::SqrtF32.call([local]), &[sums], n);
    let x = x.ranges.along_axis(1, n);
    let value = |c: usize| add(mul(sub(x[c], mean[c], s), div(scale[c], roots[c], s), s), bias[c], s);
    Some(Ranges::new(1, (0..n).map(value).collect()))
}

/// A power over a sum that holds it: rounding is monotone, so the sum is no less.
fn softmax(x: &[Option<Operand<'_>>], y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let part = Range { nan: !x.ranges.all().is_finite(), ..Range::new(0.0, 1.0) };
    Some(Ranges { axis: x.ranges.axis(), each: vec![part] }).filter(|_| y.dtype == DType::F32)
}
