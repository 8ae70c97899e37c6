//! Builds operators again, without the channels that go.

use super::classes::Classes;
use super::relate::{Sum, aligned, constant};
use std::collections::HashMap;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{Shape, TensorType};

pub fn shrink(graph: &mut Graph, nodes: &[NodeId], sums: &[Sum], classes: &mut Classes) {
    let mut shrinking = Shrink { masks: HashMap::new(), new: HashMap::new() };
    for &id in nodes {
        if let (Some(mask), Some(axis)) = (classes.mask(id), classes.axis(id)) {
            shrinking.masks.insert(id, (axis, mask));
        }
    }
    let sums: HashMap<NodeId, &Sum> = sums.iter().map(|s| (s.id, s)).collect();
    let mut old = Vec::new();
    for &id in nodes {
        let loses = |id: NodeId| shrinking.masks.get(&id).is_some_and(|(_, m)| m.contains(&false));
        if loses(id) || graph.operands(id).into_iter().flatten().any(loses) {
            let new = shrinking.node(graph, id, sums.get(&id).copied());
            shrinking.new.insert(id, new);
            old.push(id);
        }
    }
    for id in &old {
        graph.replace_uses(*id, shrinking.new[id]);
    }
    old.iter().rev().for_each(|id| graph.remove(*id));
}

struct Shrink {
    /// The channel axis of each value that is computed, and which of its channels stay.
    masks: HashMap<NodeId, (usize, Vec<bool>)>,
    /// What takes the place of a node.
    new: HashMap<NodeId, NodeId>,
}

impl Shrink {
    /// The operator without the channels that its operands and its result lose.
    fn node(&self, graph: &mut Graph, id: NodeId, sum: Option<&Sum>) -> NodeId {
        let node = graph.node(id).clone();
        let Kind::Op(op, attrs) = node.kind else { unreachable!("inputs keep their channels") };
        let (axis, mask) = &self.masks[&id];
        let operands = graph.operands(id);
        let inputs = operands.iter().map(|x| x.map(|x| *self.new.get(&x).unwrap_or(&x))).collect();
        let of_first = operands[0].and_then(|x| self.masks.get(&x));
        let mut part = Part {
            graph,
            ty: node.ty.tensor().expect("an operator of one result").clone(),
            axis: *axis,
            mask,
            channels: of_first.map_or(&[], |m| &m.1),
            operands: &operands,
            inputs,
        };
        let (attrs, summand) = part.rebuild(op, attrs, sum);
        let inputs = part.inputs;
        let fits = "operands and attributes lost the same channels";
        let mut new = graph.add_op(op, attrs, &inputs, node.origins.clone()).expect(fits);
        if let Some(summand) = summand {
            new = graph.add_op(OpId::add, Attrs::new(), &[Some(new), Some(summand)], node.origins).expect(fits);
        }
        graph.node_mut(new).value = node.value;
        new
    }
}

/// An operator that is built again.
struct Part<'a> {
    graph: &'a mut Graph,
    /// Type of the result before.
    ty: TensorType,
    axis: usize,
    /// Which channels of the result stay.
    mask: &'a [bool],
    /// Which channels of the first operand stay.
    channels: &'a [bool],
    operands: &'a [Option<NodeId>],
    /// The operands of the new operator.
    inputs: Vec<Option<NodeId>>,
}

impl Part<'_> {
    /// Makes constants among the inputs smaller; returns the attributes, and what is added to the result.
    fn rebuild(&mut self, op: OpId, attrs: Attrs, sum: Option<&Sum>) -> (Attrs, Option<NodeId>) {
        let (mask, axis) = (self.mask, self.axis);
        let kept = mask.iter().filter(|m| **m).count() as i64;
        let instead = sum.and_then(|s| s.instead(mask.len(), self.channels));
        let attrs = match op {
            OpId::conv => {
                let group = match sum {
                    Some(_) => 1,
                    None => attrs.int("group") * kept / mask.len().max(1) as i64,
                };
                if sum.is_some() {
                    self.take(1, 1, self.channels);
                }
                self.take(1, 0, mask);
                if let Some(more) = instead {
                    self.fold(more, 1.0, 1.0);
                }
                self.take(2, 0, mask);
                attrs.with_int("group", group)
            }
            OpId::conv_integer => {
                let group = match sum {
                    Some(_) => 1,
                    None => attrs.int("group") * kept / mask.len().max(1) as i64,
                };
                if sum.is_some() {
                    self.take(1, 1, self.channels);
                }
                self.take(1, 0, mask);
                if self.input(3).is_some_and(|zeros| zeros.data().len() > 1) {
                    self.take(3, 0, mask);
                }
                let rank = self.ty.shape.rank();
                return (attrs.with_int("group", group), instead.map(|more| self.summand(more, rank - 2)));
            }
            OpId::matmul_integer => {
                self.take(1, 0, self.channels);
                self.take(1, 1, mask);
                return (attrs, instead.map(|more| self.summand(more, 0)));
            }
            OpId::conv_transpose => {
                self.take(1, 0, self.channels);
                if sum.is_some() {
                    self.take(1, 1, mask);
                }
                self.take(2, 0, mask);
                let group = if sum.is_some() { 1 } else { attrs.int("group") * kept / mask.len().max(1) as i64 };
                attrs.with_int("group", group)
            }
            OpId::gemm => {
                let k = usize::from(attrs.bool("trans_b"));
                self.take(1, k, self.channels);
                self.take(1, 1 - k, mask);
                let folds = instead.is_some();
                if let Some(more) = instead {
                    self.fold(more, attrs.float("alpha").into(), attrs.float("beta").into());
                }
                self.take_aligned(2);
                if folds { attrs.with_float("beta", 1.0) } else { attrs }
            }
            OpId::matmul => {
                self.take(1, 0, self.channels);
                self.take(1, 1, mask);
                if let Some(more) = instead {
                    self.fold(more, 1.0, 1.0);
                    self.take(2, 0, mask);
                    return (attrs, self.inputs.pop().flatten());
                }
                attrs
            }
            OpId::batch_norm => {
                (1..5).for_each(|i| self.take(i, 0, mask));
                attrs
            }
            OpId::reshape => with_extent(attrs, "shape", axis, kept),
            OpId::resize => with_extent(attrs, "extents", axis, kept),
            OpId::slice => {
                let start = attrs.ints("starts")[axis] as usize;
                let before = self.channels[..start].iter().filter(|m| **m).count() as i64;
                with_extent(with_extent(attrs, "starts", axis, before), "extents", axis, kept)
            }
            OpId::concat => {
                let along = self.ty.shape.axis(attrs.int("axis")) == Some(axis);
                let mut first = 0;
                for (i, x) in self.operands.iter().enumerate() {
                    let n = x.map_or(0, |x| self.graph.node(x).tensor().shape[axis]);
                    self.take(i, axis, &mask[first..][..n]);
                    first += if along { n } else { 0 };
                }
                let graph = &self.graph;
                self.inputs.retain(|x| x.is_none_or(|x| graph.node(x).tensor().shape[axis] > 0));
                attrs
            }
            _ => {
                (0..self.inputs.len()).for_each(|i| self.take_aligned(i));
                attrs
            }
        };
        (attrs, None)
    }

    fn input(&self, i: usize) -> Option<&Tensor> {
        constant(self.graph, self.inputs.get(i).copied().flatten()?).map(|t| &**t)
    }

    fn set(&mut self, i: usize, t: Tensor) {
        self.inputs.resize(self.inputs.len().max(i + 1), None);
        self.inputs[i] = Some(self.graph.add_const(t, None));
    }

    /// Leaves the indices of an axis that stay, in an input that is constant.
    fn take(&mut self, i: usize, axis: usize, stays: &[bool]) {
        if let Some(t) = self.input(i).filter(|_| stays.contains(&false)) {
            let t = taken(t, axis, stays);
            self.set(i, t);
        }
    }

    /// The same along the axis that is broadcast to the channels of the result.
    fn take_aligned(&mut self, i: usize) {
        let Some(axis) = self.input(i).and_then(|t| aligned(&t.ty(), &self.ty, self.axis)) else { return };
        if self.input(i).is_some_and(|t| t.shape()[axis] == self.mask.len()) {
            self.take(i, axis, self.mask);
        }
    }

    /// A constant with a number for each channel of the result that stays, and so many axes behind it.
    fn summand(&mut self, more: Vec<f64>, behind: usize) -> NodeId {
        let kept: Vec<f64> = more.into_iter().zip(self.mask).filter(|(_, stays)| **stays).map(|(v, _)| v).collect();
        let shape = [vec![kept.len()], vec![1; behind]].concat();
        self.graph.add_const(Tensor::of::<f64>(shape, kept).cast(self.ty.dtype), None)
    }

    /// Makes input 2 `beta` times itself, if it is there, and `alpha` times a number for each channel of the
    /// result; computed in f64, rounded once.
    fn fold(&mut self, more: Vec<f64>, alpha: f64, beta: f64) {
        let n = more.len();
        let t = match self.input(2) {
            None => Tensor::of::<f64>([n], more.into_iter().map(|v| alpha * v).collect()),
            Some(start) => {
                let shape = start.shape().broadcast(&Shape::new([n])).expect("the summand is broadcast to the result");
                let (values, rank) = (start.to_f64s(), start.shape().rank());
                let at = |at: &[usize]| -> usize {
                    let at: Vec<usize> =
                        at[at.len() - rank..].iter().zip(start.shape().iter()).map(|(i, n)| i % n).collect();
                    start.shape().offset(&at)
                };
                let value = |c: Vec<usize>| beta * values[at(&c)] + alpha * more[c[c.len() - 1]];
                Tensor::of::<f64>(shape.clone(), shape.coordinates().map(value).collect())
            }
        };
        self.set(2, t.cast(self.ty.dtype));
    }
}

fn taken(t: &Tensor, axis: usize, stays: &[bool]) -> Tensor {
    let inner: usize = t.shape()[axis + 1..].iter().product();
    let index = (0..t.shape().elements()).filter(|i| stays[i / inner % stays.len()]);
    let mut shape = t.shape().to_vec();
    shape[axis] = stays.iter().filter(|s| **s).count();
    Tensor::new(shape, t.data().gather(index)).expect("as many elements as stay")
}

fn with_extent(attrs: Attrs, name: &'static str, axis: usize, n: i64) -> Attrs {
    let mut v = attrs.ints(name).to_vec();
    v[axis] = n;
    attrs.with_ints(name, v)
}
