//! `layer_norm`: normalization by the statistics of the elements themselves.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{in_f32, slice};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Library, Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx, onnx_until, optional};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "layer_norm",
    doc: "`y = (x - m) / sqrt(mean of (x - m)^2 + epsilon) * scale + bias`, means over the elements that agree outside of \
          `axes`; `m` is their mean, 0 unless `center`; `scale` and `bias` are broadcast. ONNX LayerNormalization, \
          RMSNormalization, InstanceNormalization, GroupNormalization.",
    operands: &[once("x"), optional("scale"), optional("bias")],
    attrs: &[
        AttrSpec::ints("axes", "axes that are normalized over"),
        AttrSpec::bool("center", "the mean is subtracted"),
        AttrSpec::float("epsilon", "added to the variance"),
    ],
    imports: &[
        onnx("LayerNormalization", 17, read_layer).written(write),
        onnx("RMSNormalization", 23, read_rms),
        onnx("InstanceNormalization", 6, read_instance),
        onnx_until("GroupNormalization", 18, 20, |n| read_group(n, true)),
        onnx("GroupNormalization", 21, |n| read_group(n, false)),
    ],
    examples: &[
        "layer_norm f32[2,5,8], f32[8], f32[8] {axes: [2], center: true, epsilon: 1e-5} -> f32[2,5,8]",
        "layer_norm f32[2,5,8], f32[5,8] {axes: [1,2], center: false, epsilon: 1e-5} -> f32[2,5,8]",
        "layer_norm f32[2,3,4,5], f32[3,1,1], f32[3,1,1] {axes: [2,3], center: true, epsilon: 0.01} -> f32[2,3,4,5]",
        "layer_norm f32[4,6] {axes: [0], center: true, epsilon: 0.1} -> f32[4,6]",
    ],
};

pub struct LayerNorm;
pub static OP: LayerNorm = LayerNorm;

/// The shape of `x` where only the axes that are normalized over have their extents, and the shape of
/// the others.
fn parts(attrs: &Attrs, x: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let axes = attrs.extents("axes");
    (0..x.len()).map(|d| if axes.contains(&d) { (x[d], 1) } else { (1, x[d]) }).unzip()
}

impl Op for LayerNorm {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), parameters @ ..] = x else { unreachable!("operand count is checked") };
        require::dtype("layer_norm", "x", x, require::f32_or_narrower)?;
        let axes = attrs.ints("axes");
        require::axes("layer_norm", x, axes)?;
        if let Some(axis) = axes.iter().find(|a| **a < 0) {
            return Err(OpError::new(Code::BadAxis, format!("layer_norm: axis {axis} is negative")));
        }
        for (p, operand) in parameters.iter().zip(&FACTS.operands[1..]) {
            let Some(p) = p else { continue };
            require::same_dtype("layer_norm", ("x", x), (operand.name, p))?;
            if p.shape.broadcast(&x.shape).as_ref() != Some(&x.shape) {
                let message = format!("layer_norm: {} is {p}, which does not broadcast to x, {x}", operand.name);
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
        Ok(vec![(*x).clone()])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let [Some(x), parameters @ ..] = x else { unreachable!("operand count is checked") };
            let (inner, outer) = parts(attrs, x.shape());
            let (xs, strides) = (slice::<f32>(x), x.shape().strides());
            let steps: Vec<usize> = index::offsets(&inner, &strides).collect();
            let n = steps.len() as f32;
            let mut y = vec![0f32; xs.len()];
            for start in index::offsets(&outer, &strides) {
                let elements = || steps.iter().map(|s| xs[start + s]);
                let mean = if attrs.bool("center") { elements().fold(0.0, |sum, x| sum + x) / n } else { 0.0 };
                let squares = elements().fold(0f32, |sum, x| sum + (x - mean) * (x - mean));
                let factor = 1.0 / (squares / n + attrs.float("epsilon")).sqrt();
                steps.iter().for_each(|s| y[start + s] = (xs[start + s] - mean) * factor);
            }
            let step: [fn(f32, f32) -> f32; 2] = [|y, scale| y * scale, |y, bias| y + bias];
            for (p, step) in parameters.iter().zip(step) {
                let Some(p) = p else { continue };
                let ps = slice::<f32>(p);
                y.iter_mut().zip(index::broadcast(p.shape(), x.shape())).for_each(|(y, i)| *y = step(*y, ps[i]));
            }
            Ok(vec![Tensor::of(x.shape().clone(), y)])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), parameters @ ..] = x else { unreachable!("operand count is checked") };
        let shape = x.shape();
        let (inner, outer) = parts(attrs, &shape);
        let parameter = |i: usize| parameters.get(i).and_then(Option::as_ref).map(|p| p.broadcast(&shape));
        let (scale, bias) = (parameter(0), parameter(1));
        let n = Expr::f32(inner.iter().product::<usize>() as f32);
        l.nest(&outer, |l, at| {
            let element =
                |k: &[Index]| -> Vec<Index> { at.iter().zip(k).map(|(i, k)| i.clone() + k.clone()).collect() };
            let mean = if attrs.bool("center") {
                let sum = l.reduce("sum", Expr::f32(0.0), &inner, |_, k, sum| sum + x.read(&element(k)));
                l.bind("mean", sum / n.clone())
            } else {
                Expr::f32(0.0)
            };
            let squares = l.reduce("squares", Expr::f32(0.0), &inner, |l, k, sum| {
                let distance = l.bind("distance", x.read(&element(k)) - mean.clone());
                sum + distance.clone() * distance
            });
            let variance = squares / n + Expr::f32(attrs.float("epsilon"));
            let factor = l.bind("factor", Expr::f32(1.0) / Library::SqrtF32.call([variance]));
            l.nest(&inner, |l, k| {
                let at = element(k);
                let value = (x.read(&at) - mean) * factor;
                let value = scale.iter().fold(value, |v, scale| v * scale.read(&at));
                let value = bias.iter().fold(value, |v, bias| v + bias.read(&at));
                l.push(y[0].write(&at, value));
            });
        });
        Ok(())
    }

    fn macs(&self, _attrs: &Attrs, x: &Types<'_>, _y: &[TensorType]) -> u64 {
        let [Some(x), ..] = x else { unreachable!("operand count is checked") };
        x.elements() as u64
    }
}

fn attrs(axes: Vec<i64>, center: bool, epsilon: f32) -> Attrs {
    Attrs::new().with_ints("axes", axes).with_bool("center", center).with_float("epsilon", epsilon)
}

/// All axes from the attribute `axis` on.
fn last_axes(n: &mut NodeReader<'_>) -> Result<Vec<i64>, OpError> {
    let x = n.ty(0)?;
    let axis = n.int("axis")?.unwrap_or(-1);
    let axis = require::axis("layer_norm", &x, axis)?;
    // The type to compute in, which may be wider than here; results are within its error.
    n.int("stash_type")?;
    Ok((axis as i64..x.shape.rank() as i64).collect())
}

/// ONNX LayerNormalization, with mean and inverse deviation as operators of their own where they are
/// asked for.
fn read_layer(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let axes = last_axes(n)?;
    let epsilon = n.float("epsilon")?.unwrap_or(1e-5);
    let operands = [n.operand(0), n.operand(1), n.operand(2)];
    let mut results = vec![n.emit(OpId::layer_norm, attrs(axes.clone(), true, epsilon), &operands)?];
    if n.results() > 1 {
        let dtype = n.ty(0)?.dtype;
        let reduced = || Attrs::new().with_ints("axes", axes.clone()).with_bool("keep", true);
        let mean = n.emit(OpId::reduce_mean, reduced(), &operands[..1])?;
        let distance = n.emit(OpId::sub, Attrs::new(), &[operands[0], Some(mean)])?;
        let square = n.emit(OpId::mul, Attrs::new(), &[Some(distance), Some(distance)])?;
        let variance = n.emit(OpId::reduce_mean, reduced(), &[Some(square)])?;
        let epsilon = n.add_const(Tensor::of::<f32>(Shape::scalar(), vec![epsilon]).cast(dtype));
        let sum = n.emit(OpId::add, Attrs::new(), &[Some(variance), Some(epsilon)])?;
        let deviation = n.emit(OpId::sqrt, Attrs::new(), &[Some(sum)])?;
        results.extend([mean, n.emit(OpId::reciprocal, Attrs::new(), &[Some(deviation)])?]);
    }
    Ok(results)
}

fn read_rms(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let axes = last_axes(n)?;
    let epsilon = n.float("epsilon")?.unwrap_or(1e-5);
    let operands = [n.operand(0), n.operand(1)];
    Ok(vec![n.emit(OpId::layer_norm, attrs(axes, false, epsilon), &operands)?])
}

/// A vector as an operand that broadcasts along the axis that has `after` others behind it.
fn aligned(n: &mut NodeReader<'_>, i: usize, after: usize) -> Result<Option<NodeId>, OpError> {
    let Some(id) = n.operand(i) else { return Ok(None) };
    let ty = n.ty(i)?;
    require::rank("layer_norm", "scale or bias", &ty, 1..=1)?;
    let shape = ty.shape.iter().map(|&d| d as i64).chain(std::iter::repeat_n(1, after));
    Ok(Some(n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(id)])?))
}

fn read_instance(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    require::rank("layer_norm", "x", &x, 3..=usize::MAX)?;
    let epsilon = n.float("epsilon")?.unwrap_or(1e-5);
    let spatial = x.shape.rank() - 2;
    let (scale, bias) = (aligned(n, 1, spatial)?, aligned(n, 2, spatial)?);
    let axes = (2..x.shape.rank() as i64).collect();
    let x = n.operand(0);
    Ok(vec![n.emit(OpId::layer_norm, attrs(axes, true, epsilon), &[x, scale, bias])?])
}

/// Scale and bias are one a group in opset 18, one a channel from opset 21 on.
fn read_group(n: &mut NodeReader<'_>, one_a_group: bool) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    require::rank("layer_norm", "x", &x, 2..=usize::MAX)?;
    let epsilon = n.float("epsilon")?.unwrap_or(1e-5);
    n.int("stash_type")?;
    let groups = n.int("num_groups")?.unwrap_or(0);
    let channels = x.shape[1] as i64;
    if groups < 1 || channels % groups != 0 {
        let message = format!("layer_norm: {groups} groups do not divide the channels of {x}");
        return Err(OpError::new(Code::BadAttribute, message));
    }
    let spatial: Vec<i64> = x.shape[2..].iter().map(|&d| d as i64).collect();
    let split = |channels_first: &[i64]| [channels_first, &[groups, channels / groups], &spatial].concat();
    let x_id = n.operand(0);
    let grouped = n.emit(OpId::reshape, Attrs::new().with_ints("shape", split(&[x.shape[0] as i64])), &[x_id])?;
    let mut parameters = [None, None];
    for (i, p) in parameters.iter_mut().enumerate() {
        let after = spatial.len() + usize::from(one_a_group);
        *p = aligned(n, i + 1, after)?;
        if let (Some(id), false) = (*p, one_a_group) {
            let shape = [&[groups, channels / groups][..], &vec![1; spatial.len()]].concat();
            *p = Some(n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(id)])?);
        }
    }
    let axes = (2..spatial.len() as i64 + 3).collect();
    let y = n.emit(OpId::layer_norm, attrs(axes, true, epsilon), &[Some(grouped), parameters[0], parameters[1]])?;
    Ok(vec![n.emit(OpId::reshape, Attrs::new().with_shape("shape", &x.shape), &[Some(y)])?])
}

/// ONNX has operators for the last axes and for all behind batch and channel, each with parameters of one
/// shape; the rest is written as the formula, in the order of the evaluation.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (x, axes, rank) = (w.x().clone(), w.attrs().extents("axes"), w.x().shape.rank());
    let (center, epsilon) = (w.attrs().bool("center"), w.attrs().float("epsilon"));
    let fits = |i: usize, shape: &[usize]| w.ty(i).is_none_or(|p| *p.shape == *shape);
    let last = |from: usize| from < rank && axes.iter().copied().eq(from..rank);
    let first = axes.first().copied().unwrap_or(rank);
    if center && last(first) && fits(1, &x.shape[first..]) && fits(2, &x.shape[first..]) {
        let (scale, bias) = (w.operand(1), w.operand(2));
        let scale = scale.unwrap_or_else(|| w.constant(&ones(&TensorType::new(x.dtype, x.shape[first..].to_vec()))));
        let attributes = [("axis", Value::Int(first as i64)), ("epsilon", Value::Float(epsilon))];
        let x = w.operand(0);
        return Ok(vec![w.emit("LayerNormalization", &[x, Some(scale), bias], attributes)]);
    }
    let by_channel = [x.shape.get(1).copied().into_iter().collect(), vec![1; rank.saturating_sub(2)]].concat();
    if center
        && last(2)
        && w.operand(2).is_some()
        && w.operand(1).is_some()
        && fits(1, &by_channel)
        && fits(2, &by_channel)
    {
        let operands = [w.operand(0), w.reshaped(1, &by_channel[..1]), w.reshaped(2, &by_channel[..1])];
        return Ok(vec![w.emit("InstanceNormalization", &operands, [("epsilon", Value::Float(epsilon))])]);
    }
    let axes = w.ints(axes.iter().map(|&a| a as i64).collect());
    let mean =
        |w: &mut NodeWriter<'_>, x| w.emit("ReduceMean", &[x, Some(axes.clone())], [("keepdims", Value::Int(1))]);
    let distance = match w.operand(0) {
        x if center => {
            let mean = mean(w, x.clone());
            w.emit("Sub", &[x, Some(mean)], [])
        }
        x => x.into_iter().collect::<Vec<_>>().remove(0),
    };
    let square = w.emit("Mul", &[Some(distance.clone()), Some(distance.clone())], []);
    let variance = mean(w, Some(square));
    let epsilon = w.constant(&Tensor::of(Shape::scalar(), vec![epsilon]).cast(x.dtype));
    let sum = w.emit("Add", &[Some(variance), Some(epsilon)], []);
    let deviation = w.emit("Sqrt", &[Some(sum)], []);
    let factor = w.emit("Reciprocal", &[Some(deviation)], []);
    let mut y = w.emit("Mul", &[Some(distance), Some(factor)], []);
    for (i, op_type) in [(1, "Mul"), (2, "Add")] {
        if let Some(parameter) = w.operand(i) {
            y = w.emit(op_type, &[Some(y), Some(parameter)], []);
        }
    }
    Ok(vec![y])
}

fn ones(ty: &TensorType) -> Tensor {
    Tensor::of(ty.shape.clone(), vec![1f32; ty.elements()]).cast(ty.dtype)
}
