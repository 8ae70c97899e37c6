//! Integers less their zero points, as operators on quantized operands read them.

use super::quantization::widened;
use super::window::{self, Window};
use super::{index, require};
use crate::diag::{Code, OpError};
use crate::eval::slice;
use crate::loops::{Expr, Index, View};
use crate::onnx::{NodeWriter, Written};
use crate::tensor::{Data, Tensor};
use crate::types::{DType, TensorType};

/// Element types of operands.
pub fn narrow(d: DType) -> bool {
    matches!(d, DType::I8 | DType::U8)
}

/// Checks an operand and its zero point, which is one for all or one for each position of `axis`.
pub fn check(op: &str, (name, x): (&str, &TensorType), zero: Option<&TensorType>, axis: usize) -> Result<(), OpError> {
    require::dtype(op, name, x, narrow)?;
    let Some(zero) = zero else { return Ok(()) };
    let zero_name = format!("{name}_zero");
    require::same_dtype(op, (name, x), (&zero_name, zero))?;
    let along = |d: usize| d + x.shape.rank() == axis + zero.shape.rank() || zero.shape[d] == 1;
    let fits = zero.shape.broadcast(&x.shape).as_ref() == Some(&x.shape);
    if !fits || !(0..zero.shape.rank()).all(along) {
        let message = format!(
            "{op}: {zero_name} is {zero}, neither one for all of {name}, {x}, nor one for each position of axis {axis}"
        );
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    Ok(())
}

/// Operands for ONNX, whose zero points are a scalar or a vector.
pub fn written(w: &mut NodeWriter<'_>) -> Vec<Option<Written>> {
    let mut operands = w.operands();
    for (i, operand) in operands.iter_mut().enumerate().skip(2) {
        let shape = w.ty(i).map(|ty| ty.shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>());
        *operand = shape.and_then(|shape| w.reshaped(i, &shape));
    }
    operands
}

/// Two operands less their zero points, as i32.
pub fn operands(x: &[Option<&Tensor>]) -> [Tensor; 2] {
    let wide = |t: &Tensor| -> Vec<i32> {
        match t.data() {
            Data::I8(v) => v.iter().map(|&x| x.into()).collect(),
            Data::U8(v) => v.iter().map(|&x| x.into()).collect(),
            _ => unreachable!("infer lets no {} through", t.ty()),
        }
    };
    [0, 1].map(|i| {
        let x_i = x[i].expect("operand count is checked");
        let mut all = wide(x_i);
        match x.get(2 + i).copied().flatten().map(|zero| (zero.shape(), wide(zero))) {
            None => {}
            Some((_, one)) if one.len() == 1 => all.iter_mut().for_each(|x| *x -= one[0]),
            Some((shape, zeros)) => {
                all.iter_mut().zip(index::broadcast(shape, x_i.shape())).for_each(|(x, i)| *x -= zeros[i]);
            }
        }
        Tensor::of(x_i.shape().clone(), all)
    })
}

/// The same two in floats, whose products are faster, where floats hold every sum of products exactly: those of
/// `w` are over the middle one of its axes `[.., k, inner]`.
pub fn in_floats([x, w]: &[Tensor; 2], k: usize, inner: usize) -> Option<[Tensor; 2]> {
    const EXACT: i64 = 1 << 24;
    let (xs, ws) = (slice::<i32>(x), slice::<i32>(w));
    let mut highest = 0;
    let mut sums = vec![0i64; inner];
    for block in ws.chunks_exact((k * inner).max(1)) {
        sums.fill(0);
        for line in block.chunks_exact(inner) {
            sums.iter_mut().zip(line).for_each(|(s, w)| *s += i64::from(w.abs()));
        }
        highest = sums.iter().copied().fold(highest, i64::max);
    }
    let largest = xs.iter().fold(0, |m, x| m.max(x.abs()));
    let float = |t: &Tensor, v: &[i32]| Tensor::of(t.shape().clone(), v.iter().map(|&v| v as f32).collect());
    (highest * i64::from(largest) <= EXACT).then(|| [float(x, xs), float(w, ws)])
}

/// The sums that floats held.
pub fn from_floats(sums: &Tensor) -> Tensor {
    Tensor::of(sums.shape().clone(), slice::<f32>(sums).iter().map(|&v| v as i32).collect())
}

/// The same of views.
pub fn views(x: &[Option<View>]) -> [Centered; 2] {
    [0, 1].map(|i| {
        let zero = x.get(2 + i).and_then(Option::as_ref);
        Centered::new(x[i].as_ref().expect("operand count is checked"), zero)
    })
}

/// An operand and the zero points under its shape. Operands that are not narrow integers are read as they are.
#[derive(Clone)]
pub struct Centered {
    pub x: View,
    pub zero: Option<View>,
}

impl Centered {
    pub fn new(x: &View, zero: Option<&View>) -> Centered {
        Centered { x: x.clone(), zero: zero.map(|z| z.broadcast(&x.shape())) }
    }

    /// The same with both views changed alike.
    pub fn map(&self, f: impl Fn(&View) -> View) -> Centered {
        Centered { x: f(&self.x), zero: self.zero.as_ref().map(f) }
    }

    /// With padding around, which counts as zero. There is one zero point for all.
    pub fn padded(&self, windows: &[Window]) -> Centered {
        let value = match &self.zero {
            Some(zero) => zero.read(&vec![Index::constant(0); zero.rank()]),
            None => Expr::number(self.x.scalar(), 0.0),
        };
        let x = window::padded(&self.x, windows, value);
        Centered { zero: self.zero.as_ref().map(|z| z.broadcast(&x.shape())), x }
    }

    pub fn read(&self, at: &[Index]) -> Expr {
        let wide = |v: &View| if narrow(v.dtype) { widened(v.dtype, v.read(at)) } else { v.read(at) };
        match &self.zero {
            None => wide(&self.x),
            Some(zero) => wide(&self.x) - wide(zero),
        }
    }
}
