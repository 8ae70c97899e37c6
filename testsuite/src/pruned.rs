//! Networks made up at random whose channels are often zero, constant or unread: the layers of
//! convolutional networks with pruned weights and biases that no input outweighs.

use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::{DType, TensorType};

struct Net {
    r: Random,
    graph: Graph,
}

/// Network number `seed`; its weights are whole numbers from -2 to 2, or floats in -1..1.
pub fn pruned(seed: u64, whole: bool) -> Graph {
    let mut net = Net { r: Random::new(seed), graph: Graph::new(format!("pruned{seed}")) };
    let side = 4 + net.r.below(4);
    let channels = 1 + net.r.below(4);
    let mut x = net.graph.add_input("x", TensorType::new(DType::F32, [1, channels, side, side]));
    for _ in 0..2 + net.r.below(6) {
        x = net.layer(x, whole);
    }
    if net.r.below(2) == 0 {
        let s = net.shape(x);
        let features = s[1] * s[2] * s[3];
        x = net.op(OpId::reshape, Attrs::new().with_ints("shape", [1, features as i64]), &[x]);
        for _ in 0..2 {
            let k = net.shape(x)[1];
            let n = 1 + net.r.below(6);
            x = net.product(x, k, n, whole);
        }
    }
    net.graph.add_output("y", x);
    net.graph
}

impl Net {
    fn shape(&self, id: NodeId) -> Vec<usize> {
        self.graph.node(id).tensor().shape.to_vec()
    }

    fn op(&mut self, op: OpId, attrs: Attrs, operands: &[NodeId]) -> NodeId {
        let operands: Vec<_> = operands.iter().copied().map(Some).collect();
        self.graph.add_op(op, attrs, &operands, Default::default()).expect("operands fit the operator")
    }

    fn weight(&mut self, whole: bool) -> f32 {
        if whole { self.r.below(5) as f32 - 2.0 } else { self.r.signed() }
    }

    /// Weights with zeros in a third of the rows and columns.
    fn weights(&mut self, shape: &[usize], whole: bool) -> NodeId {
        let mut gone = |n: usize| (0..n).map(|_| self.r.below(3) == 0).collect::<Vec<_>>();
        let (rows, columns) = (gone(shape[0]), gone(shape[1]));
        let taps: usize = shape[2..].iter().product();
        let n = shape.iter().product();
        let zero = |i: usize| rows[i / taps / shape[1]] || columns[i / taps % shape[1]] && shape[1] > 1;
        let v = (0..n).map(|i| if zero(i) { 0.0 } else { self.weight(whole) }).collect();
        self.graph.add_const(Tensor::of::<f32>(shape.to_vec(), v), None)
    }

    fn bias(&mut self, shape: &[usize], whole: bool) -> NodeId {
        let number = |net: &mut Net| match net.r.below(5) {
            0 => -100.0,
            1 => 0.0,
            2 => -0.0,
            _ => net.weight(whole),
        };
        let v = (0..shape.iter().product()).map(|_| number(self)).collect();
        self.graph.add_const(Tensor::of::<f32>(shape.to_vec(), v), None)
    }

    fn conv(&mut self, x: NodeId, outputs: usize, group: usize, pad: i64, whole: bool) -> NodeId {
        let s = self.shape(x);
        let kernel = if pad == 0 { 1 } else { 3 };
        let w = self.weights(&[outputs, s[1] / group, kernel, kernel], whole);
        let mut operands = vec![x, w];
        if self.r.below(4) > 0 {
            operands.push(self.bias(&[outputs], whole));
        }
        let attrs = Attrs::new().with_ints("strides", [1, 1]).with_ints("dilations", [1, 1]);
        self.op(OpId::conv, attrs.with_ints("pads", [pad; 4]).with_int("group", group as i64), &operands)
    }

    fn conv_transpose(&mut self, x: NodeId, outputs: usize, group: usize, whole: bool) -> NodeId {
        let channels = self.shape(x)[1];
        let kernel = 1 + self.r.below(3);
        let w = self.weights(&[channels, outputs / group, kernel, kernel], whole);
        let mut operands = vec![x, w];
        if self.r.below(4) > 0 {
            operands.push(self.bias(&[outputs], whole));
        }
        let attrs = Attrs::new().with_ints("strides", [1, 2]).with_ints("dilations", [1, 1]);
        let attrs = attrs.with_ints("pads", [0; 4]).with_ints("output_padding", [0, 1]);
        let y = self.op(OpId::conv_transpose, attrs.with_int("group", group as i64), &operands);
        // As large as before.
        let s = self.shape(x);
        let slice = Attrs::new().with_ints("starts", [0, 0, 0, 1]).with_ints("steps", [1; 4]);
        self.op(OpId::slice, slice.with_ints("extents", [s[0], outputs, s[2], s[3]].map(|n| n as i64)), &[y])
    }

    fn product(&mut self, x: NodeId, k: usize, n: usize, whole: bool) -> NodeId {
        let turned = self.r.below(2) == 0;
        let b = self.weights(&if turned { [n, k] } else { [k, n] }, whole);
        let y = match self.r.below(3) {
            0 if !turned => self.op(OpId::matmul, Attrs::new(), &[x, b]),
            i => {
                let mut operands = vec![x, b];
                if i > 0 {
                    let n = [n, 1][self.r.below(2)];
                    operands.push(self.bias(&[n], whole));
                }
                let attrs = Attrs::new().with_float("alpha", 1.0).with_float("beta", [1.0, 2.0][self.r.below(2)]);
                self.op(OpId::gemm, attrs.with_bool("trans_a", false).with_bool("trans_b", turned), &operands)
            }
        };
        if self.r.below(2) == 0 { self.op(OpId::relu, Attrs::new(), &[y]) } else { y }
    }

    fn layer(&mut self, x: NodeId, whole: bool) -> NodeId {
        let s = self.shape(x);
        let c = s[1];
        match self.r.below(14) {
            12 => {
                let outputs = 1 + self.r.below(8);
                let y = self.conv_transpose(x, outputs, 1, whole);
                self.limit(y)
            }
            13 => {
                let outputs = c * (1 + self.r.below(2));
                let y = self.conv_transpose(x, outputs, c, whole);
                self.limit(y)
            }
            0..=3 => {
                let outputs = 1 + self.r.below(8);
                let pad = self.r.below(2) as i64;
                let y = self.conv(x, outputs, 1, pad, whole);
                self.limit(y)
            }
            4..=5 => {
                let times = 1 + self.r.below(2);
                let pad = self.r.below(2) as i64;
                let y = self.conv(x, c * times, c, pad, whole);
                self.limit(y)
            }
            6 if c.is_multiple_of(2) => self.conv(x, 4, 2, 0, whole),
            7 => {
                // A residual block.
                let y = self.conv(x, c, 1, 0, whole);
                let y = self.limit(y);
                self.op(OpId::add, Attrs::new(), &[x, y])
            }
            8 => {
                let (a, b) = (self.conv(x, 3, 1, 0, whole), self.conv(x, 2, 1, 0, whole));
                let b = self.limit(b);
                let y = self.op(OpId::concat, Attrs::new().with_int("axis", 1), &[a, b]);
                let n = 1 + self.r.below(4) as i64;
                let slice = Attrs::new().with_ints("starts", [0, 5 - n, 0, 0]).with_ints("steps", [1; 4]);
                let slice = slice.with_ints("extents", [1, n, s[2] as i64, s[3] as i64]);
                if self.r.below(2) == 0 { self.op(OpId::slice, slice, &[y]) } else { y }
            }
            9 => {
                let pool = Attrs::new().with_ints("kernel", [2, 2]).with_ints("strides", [1, 1]);
                let pool = pool.with_ints("pads", [0, 0, 1, 1]).with_ints("dilations", [1, 1]).with_bool("ceil", false);
                self.op(OpId::max_pool, pool, &[x])
            }
            10 => {
                let pad = Attrs::new().with_ints("before", [0, 0, 1, 0]).with_ints("after", [0, 0, 0, 1]);
                self.op(OpId::pad, pad.with_word("mode", "constant"), &[x])
            }
            _ => {
                let turned = self.op(OpId::transpose, Attrs::new().with_ints("perm", [0, 2, 3, 1]), &[x]);
                let b = self.bias(&[c], whole);
                let y = self.op(OpId::add, Attrs::new(), &[turned, b]);
                self.op(OpId::transpose, Attrs::new().with_ints("perm", [0, 3, 1, 2]), &[y])
            }
        }
    }

    /// An activation, or none.
    fn limit(&mut self, x: NodeId) -> NodeId {
        match self.r.below(4) {
            0 => x,
            1 => {
                let [lo, hi] = [0.0, 6.0].map(|v| self.graph.add_const(Tensor::of::<f32>([], vec![v]), None));
                self.op(OpId::clip, Attrs::new(), &[x, lo, hi])
            }
            _ => self.op(OpId::relu, Attrs::new(), &[x]),
        }
    }
}
