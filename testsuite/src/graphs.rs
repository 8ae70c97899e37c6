//! Small networks made up at random: windows, products, elementwise operators, and everything that
//! moves axes between them.
//!
//! Each is decided by its number alone. All values are whole numbers that floats hold exactly, or no
//! sum follows, so results do not depend on the order of summation. Knows operators, not code.

mod windows;

use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

/// Sums stay below this, so that floats hold them.
const LARGEST: f64 = 4_000_000.0;
const MOST_ELEMENTS: usize = 3000;

struct Net {
    r: Random,
    graph: Graph,
    /// Floats, and the largest magnitude that each may have; infinite where they are not whole.
    values: Vec<(NodeId, f64)>,
}

/// Network number `seed`.
pub fn network(seed: u64) -> Graph {
    let mut net = Net { r: Random::new(seed), graph: Graph::new(format!("random{seed}")), values: Vec::new() };
    for i in 0..1 + net.r.below(2) {
        let rank = [1, 2, 3, 4, 4, 4, 4, 5][net.r.below(8)];
        let mut shape: Vec<usize> = (0..rank).map(|_| [1, 2, 3, 5, 7, 9, 17][net.r.below(7)]).collect();
        while shape.iter().product::<usize>() > MOST_ELEMENTS {
            let d = net.r.below(rank);
            shape[d] = shape[d].div_ceil(2);
        }
        if net.r.below(40) == 0 {
            shape[rank - 1] = 0;
        }
        let id = net.graph.add_input(format!("x{i}"), TensorType::new(DType::F32, shape));
        net.values.push((id, 2.0));
    }
    let wanted = 3 + net.r.below(12);
    for _ in 0..100 {
        if net.values.len() < wanted {
            net.grow();
        }
    }
    // What nothing reads, and now and then something else, perhaps twice.
    let ends: Vec<NodeId> = net.values.iter().map(|v| v.0).filter(|v| net.graph.users(*v).is_empty()).collect();
    let extra = (0..net.r.below(3)).map(|_| net.values[net.r.below(net.values.len())].0).collect::<Vec<_>>();
    for (i, id) in ends.into_iter().chain(extra).enumerate() {
        net.graph.add_output(format!("y{i}"), id);
    }
    net.graph
}

impl Net {
    /// A value, the last ones more often.
    fn value(&mut self) -> (NodeId, f64) {
        let n = self.values.len();
        let back = self.r.below(n).min(self.r.below(n)).min(self.r.below(n));
        self.values[n - 1 - back]
    }

    fn shape(&self, id: NodeId) -> Vec<usize> {
        self.graph.node(id).tensor().shape.to_vec()
    }

    fn below(&mut self, n: usize) -> i64 {
        self.r.below(n) as i64
    }

    fn flag(&mut self) -> bool {
        self.r.below(2) == 0
    }

    fn constant(&mut self, shape: &[usize]) -> NodeId {
        let n = shape.iter().product();
        let data = (0..n).map(|_| self.r.below(5) as f32 - 2.0).collect();
        self.graph.add_const(Tensor::of::<f32>(shape.to_vec(), data), None)
    }

    fn number(&mut self, v: f32) -> NodeId {
        self.graph.add_const(Tensor::of::<f32>([], vec![v]), None)
    }

    /// Adds an operator if its operands fit and its results are not large.
    fn op(&mut self, op: OpId, attrs: Attrs, operands: &[NodeId]) -> Option<NodeId> {
        let operands: Vec<Option<NodeId>> = operands.iter().copied().map(Some).collect();
        let ty = self.graph.infer(op, &attrs, &operands).ok()?;
        if ty.tensor()?.elements() > MOST_ELEMENTS {
            return None;
        }
        self.graph.add_op(op, attrs, &operands, Default::default()).ok()
    }

    fn push(&mut self, id: Option<NodeId>, largest: f64) -> Option<()> {
        self.values.push((id?, largest));
        Some(())
    }

    fn grow(&mut self) -> Option<()> {
        let (x, largest) = self.value();
        let whole = largest.is_finite();
        if whole && largest > 1000.0 && self.r.below(3) > 0 {
            let (lo, hi) = (self.number(-4.0), self.number(4.0));
            let y = self.op(OpId::clip, Attrs::new(), &[x, lo, hi]);
            return self.push(y, 4.0);
        }
        match self.r.below(16) {
            0..=2 if whole => self.conv(x, largest),
            3 => self.pool(x, largest),
            4 if whole => self.product(x, largest),
            5..=6 => self.unary(x, largest),
            7..=9 => self.binary(x, largest),
            10..=11 => self.turn(x, largest),
            12..=13 => self.reshape(x, largest),
            14 => self.part(x, largest),
            _ => self.other(x, largest),
        }
    }

    fn product(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let shape = self.shape(x);
        let k = *shape.last()?;
        let columns = [1, 3, 4, 8, 18, 35][self.r.below(6)];
        let (other, by) = match self.r.below(3) {
            0 => (self.constant(&[k, columns]), 2.0),
            1 => {
                let front: Vec<usize> = shape[..shape.len().saturating_sub(2)].to_vec();
                (self.constant(&[&front[..], &[k, columns]].concat()), 2.0)
            }
            _ => {
                let y = self.value();
                let rank = self.shape(y.0).len();
                let mut perm: Vec<i64> = (0..rank as i64).collect();
                perm.swap(rank.checked_sub(2)?, rank - 1);
                (self.op(OpId::transpose, Attrs::new().with_ints("perm", perm), &[y.0])?, y.1)
            }
        };
        let bound = largest * by * k as f64 + 2.0;
        if bound > LARGEST {
            return None;
        }
        if shape.len() != 2 || self.flag() {
            let operands = if self.r.below(5) == 0 { [other, x] } else { [x, other] };
            let y = self.op(OpId::matmul, Attrs::new(), &operands);
            // Turned around, other axes are summed over.
            let bound = largest * by * shape.iter().product::<usize>() as f64;
            return self.push(y.filter(|_| bound < LARGEST), bound);
        }
        let (ta, tb) = (self.flag(), self.flag());
        let mut turned = |id: NodeId, turn: bool| match turn {
            true => self.op(OpId::transpose, Attrs::new().with_ints("perm", [1, 0]), &[id]),
            false => Some(id),
        };
        let mut operands = vec![turned(x, ta)?, turned(other, tb)?];
        let last = self.shape(other).get(1).copied()?;
        match self.r.below(4) {
            0 => operands.push(self.constant(&[last])),
            1 => operands.push(self.constant(&[shape[0], 1])),
            2 => operands.push(self.number(2.0)),
            _ => {}
        }
        let attrs = Attrs::new().with_float("alpha", 1.0).with_float("beta", 1.0);
        let y = self.op(OpId::gemm, attrs.with_bool("trans_a", ta).with_bool("trans_b", tb), &operands);
        self.push(y, bound)
    }

    fn unary(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let (op, largest) = match self.r.below(8) {
            0..=2 => (OpId::relu, largest),
            3 => (OpId::neg, largest),
            4 => (OpId::abs, largest),
            5 => (OpId::sigmoid, f64::INFINITY),
            6 => (OpId::hard_swish, f64::INFINITY),
            _ => {
                let to = [DType::F64, DType::I32, DType::I8, DType::Bool][self.r.below(4)];
                let whole = largest < 100.0 || (largest.is_finite() && matches!(to, DType::F64 | DType::Bool));
                let to = if whole { to } else { DType::F64 };
                let y = self.op(OpId::cast, Attrs::new().with_dtype("to", to), &[x])?;
                let y = self.op(OpId::cast, Attrs::new().with_dtype("to", DType::F32), &[y]);
                return self.push(y, largest);
            }
        };
        let y = self.op(op, Attrs::new(), &[x]);
        self.push(y, largest)
    }

    fn binary(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let shape = self.shape(x);
        let (other, by) = match self.r.below(5) {
            0 => (self.number(3.0), 3.0),
            1 => {
                let skip = self.r.below(shape.len() + 1);
                let part: Vec<usize> = shape[skip..].iter().map(|&n| if self.flag() { n } else { 1 }).collect();
                (self.constant(&part), 2.0)
            }
            2 if shape.len() > 1 => (self.constant(&[&shape[1..2], &vec![1; shape.len() - 2][..]].concat()), 2.0),
            // Of equal shape, perhaps itself.
            2..=3 => {
                let same: Vec<_> = self.values.iter().copied().filter(|v| self.shape(v.0) == shape).collect();
                same[self.r.below(same.len())]
            }
            _ => self.value(),
        };
        let (other, by) = if self.r.below(6) == 0 { (x, largest) } else { (other, by) };
        let operands = if self.flag() { [x, other] } else { [other, x] };
        if self.r.below(6) == 0 {
            let zero = self.number(0.0);
            let is = self.op(OpId::greater, Attrs::new(), &[other, zero])?;
            let y = self.op(OpId::r#where, Attrs::new(), &[is, operands[0], operands[1]]);
            return self.push(y, largest.max(by));
        }
        let (op, largest) = match self.r.below(5) {
            0..=1 => (OpId::add, largest + by),
            2 => (OpId::sub, largest + by),
            3 => (OpId::mul, largest * by),
            _ => (OpId::max, largest.max(by)),
        };
        if largest.is_finite() && largest > LARGEST {
            return None;
        }
        let y = self.op(op, Attrs::new(), &operands);
        self.push(y, largest)
    }

    fn turn(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let mut perm: Vec<i64> = (0..self.shape(x).len() as i64).collect();
        for i in (1..perm.len()).rev() {
            let j = self.r.below(i + 1);
            perm.swap(i, j);
        }
        if perm.len() == 4 && self.flag() {
            perm = if self.flag() { vec![0, 2, 3, 1] } else { vec![0, 3, 1, 2] };
        }
        let y = self.op(OpId::transpose, Attrs::new().with_ints("perm", perm), &[x]);
        self.push(y, largest)
    }

    fn reshape(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let mut shape = self.shape(x);
        let rank = shape.len();
        match self.r.below(5) {
            0 => shape = vec![shape.iter().product()],
            1 if rank > 1 => {
                let d = self.r.below(rank - 1);
                shape[d] *= shape.remove(d + 1);
            }
            2 if rank > 0 => {
                let d = self.r.below(rank);
                let factor = (2..5).find(|f| shape[d].is_multiple_of(*f))?;
                shape[d] /= factor;
                shape.insert(d, factor);
            }
            3 => shape.insert(self.r.below(rank + 1), 1),
            _ if rank > 1 => {
                let rest = shape[1..].iter().product();
                shape = vec![shape[0], rest];
            }
            _ => return None,
        }
        if shape.len() > 6 {
            return None;
        }
        let shape = shape.into_iter().map(|n| n as i64);
        let y = self.op(OpId::reshape, Attrs::new().with_ints("shape", shape), &[x]);
        self.push(y, largest)
    }

    /// Parts of a value, or more than it.
    fn part(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let shape = self.shape(x);
        let rank = shape.len();
        let axis = self.r.below(rank.max(1));
        match self.r.below(4) {
            0 => {
                let (other, by) = self.value();
                let y = self.op(OpId::concat, Attrs::new().with_int("axis", axis as i64), &[x, other, x])?;
                self.push(Some(y), largest.max(by))
            }
            1 => {
                let ends: Vec<(i64, i64, i64)> = shape
                    .iter()
                    .map(|&n| {
                        let start = self.below(n.max(1));
                        let extent = 1 + self.below((n as i64 - start).max(1) as usize);
                        (start, 1, extent)
                    })
                    .collect();
                let list = |f: fn(&(i64, i64, i64)) -> i64| ends.iter().map(f).collect::<Vec<_>>();
                let attrs = Attrs::new().with_ints("starts", list(|e| e.0)).with_ints("steps", list(|e| e.1));
                let y = self.op(OpId::slice, attrs.with_ints("extents", list(|e| e.2)), &[x]);
                self.push(y, largest)
            }
            2 => {
                let before: Vec<i64> = shape.iter().map(|_| self.below(3)).collect();
                let after: Vec<i64> = shape.iter().map(|_| self.below(3)).collect();
                let mode = ["constant", "edge", "reflect"][self.r.below(3)];
                let attrs = Attrs::new().with_ints("before", before).with_ints("after", after).with_word("mode", mode);
                let y = self.op(OpId::pad, attrs, &[x]);
                self.push(y, largest)
            }
            _ => {
                let indices = Tensor::of::<i64>([3], vec![0, shape.get(axis).map_or(0, |&n| n as i64 / 2), 0]);
                let indices = self.graph.add_const(indices, None);
                let y = self.op(OpId::gather, Attrs::new().with_int("axis", axis as i64), &[x, indices]);
                self.push(y, largest)
            }
        }
    }

    fn other(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let shape = self.shape(x);
        let axis = self.r.below(shape.len().max(1)) as i64;
        match self.r.below(4) {
            0 => {
                let attrs = Attrs::new().with_ints("axes", [axis]).with_bool("keep", self.flag());
                let y = self.op(OpId::reduce_max, attrs, &[x]);
                self.push(y, largest)
            }
            1 => {
                let attrs = Attrs::new().with_ints("axes", [axis]).with_bool("keep", self.flag());
                let largest = largest * shape.iter().product::<usize>() as f64;
                let y = self.op(OpId::reduce_sum, attrs, &[x]).filter(|_| largest < LARGEST || largest.is_infinite());
                self.push(y, largest)
            }
            2 => {
                let y = self.op(OpId::softmax, Attrs::new().with_int("axis", axis), &[x]);
                self.push(y, f64::INFINITY)
            }
            _ => {
                let repeats = shape.iter().map(|_| 1 + self.below(2)).collect::<Vec<_>>();
                let y = self.op(OpId::tile, Attrs::new().with_ints("repeats", repeats), &[x]);
                self.push(y, largest)
            }
        }
    }
}
