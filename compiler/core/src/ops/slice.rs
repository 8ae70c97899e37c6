//! `slice`: some positions of each axis, at equal distances.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "slice",
    doc: "`y[i_0, ...] = x[starts[0] + i_0 * steps[0], ...]`. ONNX Slice, Split.",
    operands: &[once("x")],
    attrs: &[
        AttrSpec::ints("starts", "first position along each axis"),
        AttrSpec::ints("steps", "distance of the positions along each axis, not 0"),
        AttrSpec::ints("extents", "extents of the result"),
    ],
    imports: &[onnx("Slice", 1, read_slice).written(write), onnx("Split", 2, read_split)],
    examples: &[
        "slice f32[4,5] {starts: [1,0], steps: [1,2], extents: [3,3]} -> f32[3,3]",
        "slice i8[2,3,7] {starts: [0,2,6], steps: [1,-1,-3], extents: [2,3,2]} -> i8[2,3,2]",
        "slice i64[6] {starts: [4], steps: [1], extents: [2]} -> i64[2]",
    ],
};

pub struct Slice;
pub static OP: Slice = Slice;

impl Op for Slice {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        for list in ["starts", "steps", "extents"] {
            require::one_an_axis("slice", list, attrs.ints(list), x)?;
        }
        for (d, &extent) in x.shape.iter().enumerate() {
            let (start, step, n) = (attrs.ints("starts")[d], attrs.ints("steps")[d], attrs.ints("extents")[d]);
            let last = step.checked_mul(n.saturating_sub(1)).and_then(|s| s.checked_add(start));
            let inside = |p: i64| (0..extent as i64).contains(&p);
            let fits = n == 0 || n > 0 && step != 0 && inside(start) && last.is_some_and(inside);
            if !fits {
                let message = format!("slice: {n} positions from {start} on by {step} do not lie in axis {d} of {x}");
                return Err(OpError::new(Code::ShapeMismatch, message));
            }
        }
        Ok(vec![TensorType::new(x.dtype, attrs.extents("extents"))])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let lists = attrs.ints("starts").iter().zip(attrs.ints("steps")).zip(attrs.ints("extents"));
        let along: Vec<Vec<_>> =
            lists.map(|((start, step), n)| (0..*n).map(|i| Some((start + i * step) as usize)).collect()).collect();
        let data = x.data().gather(index::positions(x.shape(), &along).into_iter().flatten());
        Ok(Tensor::new(Shape::new(attrs.extents("extents")), data).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let (starts, extents) = (attrs.extents("starts"), attrs.extents("extents"));
        let part = (0..x.rank()).fold(x.clone(), |x, d| x.sliced(d, starts[d], attrs.ints("steps")[d], extents[d]));
        l.copy(&part, &y[0]);
        Ok(())
    }
}

/// ONNX Slice: bounds are attributes before opset 10. They count from the end when negative, and
/// those outside are moved to the ends.
fn read_slice(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let missing = |what: &str| OpError::new(Code::Arity, format!("slice: {what} are missing"));
    let starts = n.ints_or_operand("starts", 10, 1)?.ok_or_else(|| missing("starts"))?;
    let ends = n.ints_or_operand("ends", 10, 2)?.ok_or_else(|| missing("ends"))?;
    let axes = n.ints_or_operand("axes", 10, 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = if n.opset() < 10 { None } else { n.constant_ints(4)? }.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        let message = format!(
            "slice: {} starts, {} ends, {} axes and {} steps are given",
            starts.len(),
            ends.len(),
            axes.len(),
            steps.len()
        );
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    require::axes("slice", &x, &axes)?;
    let mut part = Part::whole(&x);
    for (i, &axis) in axes.iter().enumerate() {
        let d = require::axis("slice", &x, axis)?;
        let extent = x.shape[d] as i64;
        let from_end = |v: i64| if v < 0 { v.saturating_add(extent) } else { v };
        let (start, end, step) = (from_end(starts[i]), from_end(ends[i]), steps[i]);
        if step == 0 {
            return Err(OpError::new(Code::BadAttribute, format!("slice: the step along axis {d} is 0")));
        }
        let (start, count) = if step > 0 {
            let start = start.clamp(0, extent);
            (start, (end.clamp(0, extent) - start).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
        } else {
            let start = start.clamp(-1, extent - 1);
            (start, (start - end.clamp(-1, extent - 1)).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
        };
        part.starts[d] = if count == 0 { 0 } else { start };
        // Of a single position the step does not matter, and may be out of all bounds.
        part.steps[d] = if count <= 1 { 1 } else { step };
        part.extents[d] = count as i64;
    }
    Ok(vec![part.emit(n)?])
}

/// ONNX Split: sizes are an attribute before opset 13; without them the parts are equal, but for the
/// last from opset 18 on.
fn read_split(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let axis = n.int("axis")?.unwrap_or(0);
    let axis = require::axis("split", &x, axis)?;
    let extent = x.shape[axis];
    let parts = n.int("num_outputs")?.map_or(n.results(), |k| usize::try_from(k).unwrap_or(0)).max(1);
    let sizes = match n.ints_or_operand("split", 13, 1)? {
        Some(sizes) => sizes,
        None if !extent.is_multiple_of(parts) && n.opset() < 18 => {
            let message = format!("split: {parts} equal parts do not make axis {axis} of {x}");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        None => {
            let size = extent.div_ceil(parts);
            (0..parts).map(|i| (extent - (i * size).min(extent)).min(size) as i64).collect()
        }
    };
    let total = sizes.iter().try_fold(0i64, |sum, &s| if s < 0 { None } else { sum.checked_add(s) });
    if total != Some(extent as i64) {
        let message = format!("split: parts of {sizes:?} do not make axis {axis} of {x}");
        return Err(OpError::new(Code::ShapeMismatch, message));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(sizes.len());
    for size in sizes {
        let mut part = Part::whole(&x);
        (part.starts[axis], part.extents[axis]) = (if size == 0 { 0 } else { start }, size);
        start += size;
        results.push(part.emit(n)?);
    }
    Ok(results)
}

/// Attributes of a slice.
struct Part {
    starts: Vec<i64>,
    steps: Vec<i64>,
    extents: Vec<i64>,
}

impl Part {
    fn whole(x: &TensorType) -> Part {
        let rank = x.shape.rank();
        Part { starts: vec![0; rank], steps: vec![1; rank], extents: x.shape.iter().map(|&d| d as i64).collect() }
    }

    fn emit(self, n: &mut NodeReader<'_>) -> Result<NodeId, OpError> {
        let x = n.required(0)?;
        let attrs = Attrs::new();
        let attrs = attrs.with_ints("starts", self.starts).with_ints("steps", self.steps);
        n.emit(OpId::slice, attrs.with_ints("extents", self.extents), &[Some(x)])
    }
}

/// ONNX Slice along the axes that are not kept whole.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (mut starts, mut ends, mut axes, mut steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let attrs = w.attrs();
    for (d, &extent) in w.x().shape.iter().enumerate() {
        let extent = extent as i64;
        let (start, step, count) = (attrs.ints("starts")[d], attrs.ints("steps")[d], attrs.ints("extents")[d]);
        if (start, step, count) == (0, 1, extent) {
            continue;
        }
        let end = match (count, start + (count - 1).max(0) * step) {
            (0, _) => start,
            // What is in front of the first position, counted from the end.
            (_, 0) if step < 0 => -extent - 1,
            (_, last) => last + step.signum(),
        };
        starts.push(start);
        ends.push(end);
        axes.push(d as i64);
        steps.push(if step == 0 { 1 } else { step });
    }
    let x = w.operand(0);
    if axes.is_empty() {
        return Ok(x.into_iter().collect());
    }
    let operands = [starts, ends, axes, steps].map(|v| Some(w.ints(v)));
    Ok(vec![w.emit("Slice", &[&[x], &operands[..]].concat(), [])])
}
