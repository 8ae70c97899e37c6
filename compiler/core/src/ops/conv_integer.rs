//! `conv_integer`: convolution of quantized numbers, exact in 32 bits.

use super::centered;
use super::conv;
use super::quantization::aligned;
use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::eval;
use crate::graph::NodeId;
use crate::loops::{Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx, optional};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

static FACTS: Facts = Facts {
    name: "conv_integer",
    doc: "`y[n,o,q] = sum over c, k of (x[n, g*C + c, q*stride - pad + k*dilation] - x_zero) * (w[o,c,k] - w_zero)`, in 32 bits, \
          which wrap; padding counts as `x_zero`, of which there is one; `w_zero` is one for all or one for each output channel; \
          the rest as `conv`. ONNX ConvInteger.",
    operands: &[once("x"), once("w"), optional("x_zero"), optional("w_zero")],
    attrs: conv::ATTRS,
    imports: &[onnx("ConvInteger", 10, read).written(write)],
    examples: &[
        "conv_integer i8[1,2,5,5] in -128..127, i8[3,2,3,3] in -128..127 {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: \
         1} -> i32[1,3,3,3]",
        "conv_integer i8[1,3,8,7] in -128..127, i8[5,3,3,2] in -128..127, i8[] in -128..127 {strides: [2,3], pads: [1,0,2,1], \
         dilations: [1,1], group: 1} -> i32[1,5,5,3]",
        "conv_integer u8[2,4,9,8] in 0..255, u8[6,2,2,3] in 0..255, u8[] in 0..255, u8[6,1,1,1] in 0..255 {strides: [1,2], pads: \
         [0,2,1,0], dilations: [2,1], group: 2} -> i32[2,6,8,4]",
        "conv_integer u8[1,6,7,7] in 0..255, i8[6,1,3,3] in -128..127, u8[] in 0..255, i8[] in -9..9 {strides: [2,2], pads: \
         [0,0,1,1], dilations: [1,1], group: 6} -> i32[1,6,3,3]",
        "conv_integer i8[2,3,11] in -128..127, i8[4,3,5] in -128..127, i8[1,1,1] in -9..9 {strides: [2], pads: [2,1], dilations: \
         [1], group: 1} -> i32[2,4,5]",
    ],
};

pub struct ConvInteger;
pub static OP: ConvInteger = ConvInteger;

impl Op for ConvInteger {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(w), zeros @ ..] = x else { unreachable!("operand count is checked") };
        let zero = |i: usize| zeros.get(i).copied().flatten();
        let shape = conv::shape("conv_integer", attrs, x, w)?;
        centered::check("conv_integer", ("x", x), zero(0), 0)?;
        centered::check("conv_integer", ("w", w), zero(1), 0)?;
        if let Some(x_zero) = zero(0).filter(|z| z.elements() != 1) {
            let message = format!("conv_integer: x_zero is {x_zero}, but there must be one for all of x");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        Ok(vec![TensorType::new(DType::I32, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let (windows, group) = conv::geometry("conv_integer", attrs, x)?;
        let operands = centered::operands(x);
        let taps = operands[1].shape()[1..].iter().product();
        Ok(vec![match centered::in_floats(&operands, taps, 1) {
            Some(floats) => {
                centered::from_floats(&eval::conv::conv::<f32>(&floats.each_ref().map(Some), &windows, group))
            }
            None => eval::conv::conv::<i32>(&operands.each_ref().map(Some), &windows, group),
        }])
    }

    fn eval_naive(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Option<Vec<Tensor>> {
        let (windows, group) = conv::geometry("conv_integer", attrs, x).ok()?;
        let [x, w] = centered::operands(x);
        Some(vec![conv::naive::<i32>(&[Some(&x), Some(&w)], &windows, group)])
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [x, w] = centered::views(x);
        conv::sums("conv_integer", l, attrs, (&x, &w), None, &y[0])
    }

    fn macs(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        conv::OP.macs(attrs, x, y)
    }
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let attrs = conv::read_attrs("conv_integer", n)?;
    let (x, w, x_zero) = (n.operand(0), n.operand(1), n.operand(2));
    let w_zero = aligned(n, OpId::conv_integer, 1, 3, 0)?;
    Ok(vec![n.emit(OpId::conv_integer, attrs, &[x, w, x_zero, w_zero])?])
}

/// ONNX's zero points are a scalar or a vector.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let operands = centered::written(w);
    Ok(vec![w.same_over(operands, [])])
}
