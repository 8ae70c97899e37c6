//! `batch_norm`: normalization of each channel by stored statistics.

use super::require;
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{column, in_f32};
use crate::graph::NodeId;
use crate::loops::{Expr, Library, Local, Lower, Ty, View, columns};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::TensorType;

static FACTS: Facts = Facts {
    name: "batch_norm",
    doc: "`y[n,c,..] = (x[n,c,..] - mean[c]) * (scale[c] / sqrt(var[c] + epsilon)) + bias[c]`. ONNX BatchNormalization \
          outside of training.",
    operands: &[once("x"), once("scale"), once("bias"), once("mean"), once("var")],
    attrs: &[AttrSpec::float("epsilon", "added to the variance")],
    imports: &[onnx("BatchNormalization", 6, read)],
    examples: &[
        "batch_norm f32[2,3,4,5], f32[3], f32[3], f32[3], f32[3] in 0.1..4.0 {epsilon: 1e-5} -> f32[2,3,4,5]",
        "batch_norm f32[4,7], f32[7], f32[7], f32[7], f32[7] in 0.0..2.0 {epsilon: 0.001} -> f32[4,7]",
    ],
};

pub struct BatchNorm;
pub static OP: BatchNorm = BatchNorm;

/// From a channel's scale and variance.
fn factor(attrs: &Attrs, scale: Expr, var: Expr) -> Expr {
    scale / Library::SqrtF32.call([var + Expr::f32(attrs.float("epsilon"))])
}

fn value(x: Expr, factor: Expr, mean: Expr, bias: Expr) -> Expr {
    (x - mean) * factor + bias
}

impl Op for BatchNorm {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, _attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), parameters @ ..] = x else { unreachable!("operand count is checked") };
        require::dtype("batch_norm", "x", x, require::f32_or_narrower)?;
        require::rank("batch_norm", "x", x, 2..=usize::MAX)?;
        for (p, operand) in parameters.iter().flatten().zip(&FACTS.operands[1..]) {
            require::same_dtype("batch_norm", ("x", x), (operand.name, p))?;
            require::shape("batch_norm", operand.name, p, &x.shape[1..2], "one element for each channel of x")?;
        }
        Ok(vec![(*x).clone()])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let [Some(x), Some(scale), Some(bias), Some(mean), Some(var)] = x else {
                unreachable!("operand count is checked")
            };
            let local = |id| Expr::from(Local { id, ty: Ty::F32 });
            let of = |t: &Tensor| column::of(t.data());
            let factors = columns::eval(&factor(attrs, local(0), local(1)), &[of(scale), of(var)]);
            let factors = column::tensor(factors, &scale.ty());
            let mut shape = vec![1; x.shape().rank() - 1];
            shape[0] = scale.data().len();
            let by_channel = |t: &Tensor| {
                let t = t.clone().reshaped(shape.clone()).expect("one element for each channel");
                column::broadcast(&t, x.shape())
            };
            let operands = [of(x), by_channel(&factors), by_channel(mean), by_channel(bias)];
            let y = columns::eval(&value(local(0), local(1), local(2), local(3)), &operands);
            Ok(vec![column::tensor(y, &x.ty())])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x), Some(scale), Some(bias), Some(mean), Some(var)] = x else {
            unreachable!("operand count is checked")
        };
        let shape = y[0].shape();
        l.nest(&shape[..2], |l, outer| {
            let of = |v: &View| v.read(&outer[1..]);
            let factor = l.bind("factor", factor(attrs, of(scale), of(var)));
            let (mean, bias) = (l.bind("mean", of(mean)), l.bind("bias", of(bias)));
            l.nest(&shape[2..], |l, inner| {
                let at = [outer, inner].concat();
                let value = value(x.read(&at), factor, mean, bias);
                l.push(y[0].write(&at, value));
            });
        });
        Ok(())
    }
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    if n.results() > 1 || n.int("training_mode")?.unwrap_or(0) != 0 {
        let message = "batch_norm: training mode, or outputs beyond the first, are not supported";
        return Err(OpError::new(Code::UnknownOp, message).help("export the model in inference mode"));
    }
    // Statistics over each position instead of each channel went with opset 9.
    if n.int("spatial")? == Some(0) {
        return Err(OpError::new(Code::BadAttribute, "batch_norm: spatial = 0 is not supported"));
    }
    // What opset 6 called inference, and its memory.
    if n.opset() < 7 {
        n.int("is_test")?;
        n.ints("consumed_inputs")?;
    }
    // How fast statistics follow in training.
    n.float("momentum")?;
    let epsilon = n.float("epsilon")?.unwrap_or(1e-5);
    n.emit_all(OpId::batch_norm, Attrs::new().with_float("epsilon", epsilon))
}
