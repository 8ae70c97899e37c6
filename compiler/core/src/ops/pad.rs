//! `pad`: elements added around a tensor, or cut off.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx, optional};
use crate::tensor::{Data, Tensor};
use crate::types::{Shape, TensorType};

static FACTS: Facts = Facts {
    name: "pad",
    doc: "`y[i] = x[i - before]` along each axis. Outside of `x`: `value`, or 0 without it (constant), the nearest element \
          (edge), the elements mirrored at the outermost ones (reflect), or those from the other end (wrap). Negative \
          numbers cut elements off, before anything is added. ONNX Pad.",
    operands: &[once("x"), optional("value")],
    attrs: &[
        AttrSpec::ints("before", "elements added before each axis"),
        AttrSpec::ints("after", "elements added behind each axis"),
        AttrSpec::word("mode", &["constant", "edge", "reflect", "wrap"], "what the added elements are"),
    ],
    imports: &[onnx("Pad", 2, read).written(write)],
    examples: &[
        "pad f32[1,2,3,4] {before: [0,0,1,2], after: [0,0,1,0], mode: constant} -> f32[1,2,5,6]",
        "pad f32[3,4], f32[] {before: [0,2], after: [1,0], mode: constant} -> f32[4,6]",
        "pad i8[3,5], i8[] {before: [-1,2], after: [2,-3], mode: constant} -> i8[4,4]",
        "pad f32[2,3] {before: [3,1], after: [1,5], mode: edge} -> f32[6,9]",
        "pad f32[4,3] {before: [3,2], after: [1,7], mode: reflect} -> f32[8,12]",
        "pad f32[1,4] {before: [2,-1], after: [0,2], mode: reflect} -> f32[3,5]",
        "pad i64[2,3] {before: [3,-1], after: [0,4], mode: wrap} -> i64[5,6]",
    ],
};

pub struct Pad;
pub static OP: Pad = Pad;

/// One axis: what is kept of it, then what is added.
struct Axis {
    start: usize,
    kept: usize,
    before: usize,
    after: usize,
}

impl Axis {
    fn extent(&self) -> usize {
        self.before + self.kept + self.after
    }

    /// Position of coordinate `i` of the result among the elements that are kept.
    fn position(&self, mode: &str, i: i64) -> Option<usize> {
        let (p, n) = (i - self.before as i64, self.kept as i64);
        let p = match mode {
            "edge" => p.clamp(0, n - 1),
            "reflect" if n == 1 => 0,
            "reflect" => {
                let around = p.rem_euclid(2 * (n - 1));
                around.min(2 * (n - 1) - around)
            }
            "wrap" => p.rem_euclid(n),
            _ => p,
        };
        (0..n).contains(&p).then_some(p as usize)
    }

    /// The same for a coordinate that a loop knows, in modes but constant.
    fn index(&self, mode: &str, i: &Index) -> Index {
        let (p, n) = (i.clone() - self.before as i64, self.kept as i64);
        if self.before + self.after == 0 {
            return p;
        }
        match mode {
            "edge" => p.max(Index::constant(0)).min((n - 1).into()),
            "wrap" => p.modulo(n),
            _ if n == 1 => Index::constant(0),
            _ => {
                let around = p.modulo(2 * (n - 1));
                // The last minimum changes nothing; it bounds the index where the way back is not seen.
                around.clone().min(-around + 2 * (n - 1)).min((n - 1).into())
            }
        }
    }
}

/// Larger numbers have no meaning for tensors below 2 GiB, and stay clear of overflow.
const LIMIT: i64 = i32::MAX as i64;

fn axes(attrs: &Attrs, x: &[usize]) -> Option<Vec<Axis>> {
    let cut = |pad: i64| usize::try_from(-pad).unwrap_or(0);
    let add = |pad: i64| usize::try_from(pad).unwrap_or(0);
    let lists = x.iter().zip(attrs.ints("before").iter().zip(attrs.ints("after")));
    lists
        .map(|(&n, (&before, &after))| {
            let fits = |pad: i64| (-LIMIT..=LIMIT).contains(&pad);
            let kept = n.checked_sub(cut(before))?.checked_sub(cut(after))?;
            (fits(before) && fits(after)).then_some(Axis {
                start: cut(before),
                kept,
                before: add(before),
                after: add(after),
            })
        })
        .collect()
}

fn checked_axes(attrs: &Attrs, x: &[usize]) -> Vec<Axis> {
    axes(attrs, x).expect("infer has checked the numbers")
}

impl Op for Pad {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), rest @ ..] = x else { unreachable!("operand count is checked") };
        for list in ["before", "after"] {
            require::one_an_axis("pad", list, attrs.ints(list), x)?;
        }
        if let [Some(value)] = rest {
            require::same_dtype("pad", ("x", x), ("value", value))?;
            require::shape("pad", "value", value, &[], "one element for all that is added")?;
        }
        let axes = axes(attrs, &x.shape).ok_or_else(|| {
            let (before, after) = (attrs.ints("before"), attrs.ints("after"));
            OpError::new(Code::BadWindow, format!("pad: {before:?} before and {after:?} behind do not fit {x}"))
        })?;
        if attrs.word("mode") != "constant"
            && let Some(d) = axes.iter().position(|a| a.kept == 0 && a.extent() > 0)
        {
            let message = format!("pad: axis {d} of {x} has no elements to repeat");
            return Err(OpError::new(Code::BadWindow, message));
        }
        Ok(vec![TensorType::new(x.dtype, axes.iter().map(Axis::extent).collect::<Vec<_>>())])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x), rest @ ..] = x else { unreachable!("operand count is checked") };
        let mode = attrs.word("mode");
        let along = |a: &Axis| -> Vec<Option<usize>> {
            (0..a.extent()).map(|i| a.position(mode, i as i64).map(|p| a.start + p)).collect()
        };
        let along: Vec<_> = checked_axes(attrs, x.shape()).iter().map(along).collect();
        let zero = Tensor::new(Shape::scalar(), Data::zeros(x.dtype(), 1)).expect("a scalar has one element");
        Ok(vec![index::pick(x, &along, rest.first().copied().flatten().unwrap_or(&zero))])
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), rest @ ..] = x else { unreachable!("operand count is checked") };
        let (mode, y) = (attrs.word("mode"), &y[0]);
        let axes = checked_axes(attrs, &x.shape());
        let kept = axes.iter().enumerate().fold(x.clone(), |x, (d, a)| x.sliced(d, a.start, 1, a.kept));
        if mode == "constant" {
            let value = match rest.first().and_then(Option::as_ref) {
                Some(value) => l.bind("value", value.read(&[])),
                None => Expr::number(x.scalar(), 0.0),
            };
            let (before, after): (Vec<_>, Vec<_>) = axes.iter().map(|a| (a.before, a.after)).unzip();
            l.copy(&kept.padded(&before, &after, value), y);
            return Ok(());
        }
        l.nest(&y.shape(), |l, at| {
            let from: Vec<Index> = axes.iter().zip(at).map(|(a, i)| a.index(mode, i)).collect();
            l.push(y.write(at, kept.read(&from)));
        });
        Ok(())
    }
}

/// ONNX Pad: pads and value are attributes before opset 11; opset 18 takes axes.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let rank = x.shape.rank();
    let missing = || OpError::new(Code::BadAttribute, "pad: pads are missing");
    let pads = n.ints_or_operand("pads", 11, 1)?.ok_or_else(missing)?;
    let value = if n.opset() < 11 {
        n.float("value")?.map(|v| n.add_const(Tensor::of::<f64>(Shape::scalar(), vec![f64::from(v)]).cast(x.dtype)))
    } else {
        scalar(n, 2)?
    };
    let axes = match n.operand(3) {
        Some(_) => n.constant_ints(3)?.unwrap_or_default(),
        None => (0..rank as i64).collect(),
    };
    require::axes("pad", &x, &axes)?;
    if pads.len() != 2 * axes.len() {
        let message = format!("pad: {} pads are given, but {} axes need {}", pads.len(), axes.len(), 2 * axes.len());
        return Err(OpError::new(Code::BadWindow, message));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (i, &axis) in axes.iter().enumerate() {
        let d = require::axis("pad", &x, axis)?;
        (before[d], after[d]) = (pads[i], pads[axes.len() + i]);
    }
    let mode = match n.string("mode")?.as_deref() {
        None | Some("constant") => "constant",
        Some("edge") => "edge",
        Some("reflect") => "reflect",
        Some("wrap") => "wrap",
        Some(other) => {
            let message = format!("pad: mode is {other:?}, but must be constant, edge, reflect or wrap");
            return Err(OpError::new(Code::BadAttribute, message));
        }
    };
    let attrs = Attrs::new().with_ints("before", before).with_ints("after", after).with_word("mode", mode);
    let value = value.filter(|_| mode == "constant");
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::pad, attrs, &[Some(x), value])?])
}

/// Operand `i` as a scalar, which models also write as a vector of one element.
fn scalar(n: &mut NodeReader<'_>, i: usize) -> Result<Option<NodeId>, OpError> {
    let Some(id) = n.operand(i) else { return Ok(None) };
    if n.ty(i)?.shape.rank() == 0 {
        return Ok(Some(id));
    }
    Ok(Some(n.emit(OpId::reshape, Attrs::new().with_ints("shape", []), &[Some(id)])?))
}

fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let pads = [w.attrs().ints("before"), w.attrs().ints("after")].concat();
    let mode = w.attrs().word("mode");
    let (x, pads, value) = (w.operand(0), w.ints(pads), w.operand(1));
    Ok(vec![w.emit("Pad", &[x, Some(pads), value], [("mode", Value::Str(mode.to_owned()))])])
}
