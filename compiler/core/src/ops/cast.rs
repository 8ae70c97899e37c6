//! `cast`: numbers of another element type.

use super::elementwise::{Elementwise, ResultType, constant};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Cast as Conversion, Compare, Expr, Lower, Scalar, View};
use crate::onnx::{NodeReader, element_type};
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};

pub struct Cast(Elementwise);

pub static OP: Cast = Cast(Elementwise {
    facts: Facts {
        name: "cast",
        doc: "`y = x` in the element type `to`: to floats rounded, to integers truncated, from floats also saturated with NaN \
              as 0; bool is whether a number is not 0. ONNX Cast, CastLike.",
        operands: &[once("x")],
        attrs: &[AttrSpec::dtype("to", "element type of the result")],
        imports: &[
            onnx("Cast", 6, |n| {
                let to =
                    n.int("to")?.ok_or_else(|| OpError::new(Code::BadAttribute, "cast: attribute to is missing"))?;
                read(n, element_type(to)?)
            }),
            onnx("CastLike", 15, |n| {
                let to = n.ty(1)?.dtype;
                read(n, to)
            }),
        ],
        examples: &[
            "cast f32[50] in -300.0..300.0 {to: i8} -> i8[50]",
            "cast f32[50] in -300.0..300.0 {to: u8} -> u8[50]",
            "cast i8[2,3] {to: f32} -> f32[2,3]",
            "cast u8[50] in 0..255 {to: i32} -> i32[50]",
            "cast u32[50] in 0..4294967295 {to: f32} -> f32[50]",
            "cast i64[50] in -70000..70000 {to: i16} -> i16[50]",
            "cast i32[50] in -2..2 {to: bool} -> bool[50]",
            "cast bool[9] {to: f32} -> f32[9]",
            "cast f64[9] {to: f32} -> f32[9]",
            "cast f16[9] {to: f32} -> f32[9]",
        ],
    },
    accepts: |_| true,
    result: ResultType::Attr("to"),
    value: |attrs, from, x| convert(x[0].clone(), from, attrs.dtype("to")),
});

fn convert(x: Expr, from: DType, to: DType) -> Expr {
    if to == DType::Bool {
        let zero = constant(from, 0.0);
        return Expr::compare(Compare::Ne, x, zero).cast(Conversion::ZExt, Scalar::I8);
    }
    let target = Scalar::of(to).unwrap_or(Scalar::F32);
    let unsigned = from.is_unsigned_int() || from == DType::Bool;
    let conversion = match (from.is_float(), to.is_float()) {
        (true, true) => Conversion::FpCast,
        (true, false) if to.is_unsigned_int() => Conversion::FpToUi,
        (true, false) => Conversion::FpToSi,
        (false, true) if unsigned => Conversion::UiToFp,
        (false, true) => Conversion::SiToFp,
        _ if target.bits() < x.ty().scalar.bits() => Conversion::Trunc,
        _ if unsigned => Conversion::ZExt,
        _ => Conversion::SExt,
    };
    x.cast(conversion, target)
}

impl Op for Cast {
    fn facts(&self) -> &Facts {
        self.0.facts()
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        self.0.infer(attrs, x)
    }

    /// Narrow floats are no type of the loops.
    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(only)] = x else { unreachable!("operand count is checked") };
        let narrow = |d| matches!(d, DType::F16 | DType::BF16);
        if narrow(only.dtype()) || narrow(attrs.dtype("to")) {
            return Ok(vec![only.cast(attrs.dtype("to"))]);
        }
        self.0.eval(attrs, x)
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        self.0.lower(l, attrs, x, y)
    }

    fn value(&self, attrs: &Attrs, x: &[DType]) -> Option<Expr> {
        self.0.value(attrs, x)
    }
}

fn read(n: &mut NodeReader<'_>, to: DType) -> Result<Vec<NodeId>, OpError> {
    // Only for floats of 8 bits, which no tensor has here.
    n.int("saturate")?;
    n.string("round_mode")?;
    let x = n.required(0)?;
    if n.ty(0)?.dtype == to {
        return Ok(vec![x]);
    }
    Ok(vec![n.emit(OpId::cast, Attrs::new().with_dtype("to", to), &[Some(x)])?])
}
