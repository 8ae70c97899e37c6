//! What `quantize` and `dequantize` share: operands, inference, evaluation, lowering, and ONNX's way to say
//! where scales go.
//!
//! In ONNX a vector of scales lies along an attribute `axis`; here scales and zero points have the rank
//! that makes them broadcast to `x`, so both operators are elementwise.

use super::require;
use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::eval::{column, in_f32};
use crate::graph::NodeId;
use crate::loops::{Cast, Expr, Local, Lower, Scalar, View, columns};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Operand, Types, once, optional};
use crate::tensor::{Data, Tensor};
use crate::types::{DType, Shape, TensorType};

/// A map between real numbers and integers that stand for them.
pub struct Quantization {
    pub facts: Facts,
    /// Towards integers, whose element type is the attribute `to`.
    pub quantizes: bool,
    pub integers: require::Accepts,
    /// From the element type of the integers, the element, its scale, and its zero point as an i32.
    pub value: fn(DType, Expr, Expr, Expr) -> Expr,
}

pub const OPERANDS: &[Operand] = &[once("x"), once("scale"), optional("zero")];

/// A small integer as an i32.
pub fn widened(dtype: DType, x: Expr) -> Expr {
    x.cast(if dtype.is_unsigned_int() { Cast::ZExt } else { Cast::SExt }, Scalar::I32)
}

impl Quantization {
    /// Element types of the real numbers and of the integers.
    fn types(&self, attrs: &Attrs, x: DType, scale: DType) -> (DType, DType) {
        if self.quantizes { (x, attrs.dtype("to")) } else { (scale, x) }
    }

    /// The value from the elements of the operands that are there.
    fn stored(&self, attrs: &Attrs, types: &[DType], x: &[Expr]) -> Expr {
        let (_, integer) = self.types(attrs, types[0], types[1]);
        let zero = x.get(2).map_or(Expr::int(Scalar::I32, 0), |zero| widened(integer, zero.clone()));
        (self.value)(integer, x[0].clone(), x[1].clone(), zero)
    }
}

impl Op for Quantization {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x), Some(scale), rest @ ..] = x else { unreachable!("operand count is checked") };
        let name = self.name();
        let (real, integer) = self.types(attrs, x.dtype, scale.dtype);
        if self.quantizes {
            require::dtype(name, "x", x, require::f32_or_narrower)?;
            require::same_dtype(name, ("x", x), ("scale", scale))?;
            if !(self.integers)(integer) {
                let message = format!("{name}: to is {integer}, but must be an integer of 8 or 16 bits");
                return Err(OpError::new(Code::BadAttribute, message));
            }
        } else {
            require::dtype(name, "x", x, self.integers)?;
            require::dtype(name, "scale", scale, require::f32_or_narrower)?;
        }
        let vector = scale.shape.iter().filter(|&&n| n != 1).count() <= 1;
        if !vector || scale.shape.broadcast(&x.shape).as_ref() != Some(&x.shape) {
            let message =
                format!("{name}: scale is {scale}, neither one for all of {x} nor one for each position of an axis");
            return Err(OpError::new(Code::ShapeMismatch, message));
        }
        if let [Some(zero)] = rest {
            require::dtype(name, "zero", zero, self.integers)?;
            if zero.dtype != integer {
                let message = format!("{name}: zero is {zero}, but the integers are {integer}");
                return Err(OpError::new(Code::TypeMismatch, message));
            }
            require::shape(name, "zero", zero, &scale.shape, "one zero point for each scale")?;
        }
        let result = if self.quantizes { integer } else { real };
        Ok(vec![TensorType { dtype: result, shape: x.shape.clone() }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let x: Vec<&Tensor> = x.iter().flatten().copied().collect();
            let types: Vec<TensorType> = x.iter().map(|x| x.ty()).collect();
            let y = self.infer(attrs, &types.iter().map(Some).collect::<Vec<_>>())?.remove(0);
            let columns: Vec<_> = x.iter().map(|x| column::broadcast(x, &y.shape)).collect();
            let types: Vec<DType> = types.iter().map(|t| t.dtype).collect();
            Ok(vec![column::tensor(columns::eval(&self.stored(attrs, &types, &elements(&types)), &columns), &y)])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let shape = y[0].shape();
        let mut views: Vec<View> = vec![y[0].clone()];
        views.extend(x.iter().flatten().map(|x| x.broadcast(&shape)));
        View::coalesce(&mut views);
        let types: Vec<DType> = views[1..].iter().map(|v| v.dtype).collect();
        l.nest(&views[0].shape(), |l, at| {
            let names = self.operands().iter().map(|o| o.name);
            let elements: Vec<Expr> = views[1..].iter().zip(names).map(|(x, name)| l.bind(name, x.read(at))).collect();
            let value = self.stored(attrs, &types, &elements);
            l.push(views[0].write(at, value));
        });
        Ok(())
    }

    fn value(&self, attrs: &Attrs, x: &[DType]) -> Option<Expr> {
        Some(self.stored(attrs, x, &elements(x)))
    }
}

fn elements(types: &[DType]) -> Vec<Expr> {
    let scalar = |d| Scalar::of(d).expect("narrow floats were widened");
    (0..).zip(types).map(|(id, &d)| Local { id, ty: scalar(d).into() }.into()).collect()
}

/// Operand `i`, scales or zero points, in the shape that broadcasts to operand `of`.
pub fn aligned(n: &mut NodeReader<'_>, op: OpId, of: usize, i: usize, axis: i64) -> Result<Option<NodeId>, OpError> {
    let Some(id) = n.operand(i) else { return Ok(None) };
    let (x, ty) = (n.ty(of)?, n.ty(i)?);
    let shape: Vec<i64> = match ty.shape[..] {
        _ if ty.elements() == 1 => vec![],
        [extent] => {
            let axis = require::axis(op.name(), &x, axis)?;
            let after = x.shape.rank() - 1 - axis;
            [vec![extent as i64], vec![1; after]].concat()
        }
        _ => {
            let operand = op.op().operands()[i].name;
            let message = format!("{}: {operand} is {ty}: scales of blocks are not supported", op.name());
            let help = "quantize per tensor or along one axis";
            return Err(OpError::new(Code::ShapeMismatch, message).help(help));
        }
    };
    if ty.shape.iter().map(|&d| d as i64).eq(shape.iter().copied()) {
        return Ok(Some(id));
    }
    Ok(Some(n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(id)])?))
}

/// The axis that scales lie along.
pub fn read_axis(n: &mut NodeReader<'_>, op: OpId) -> Result<i64, OpError> {
    let axis = n.int("axis")?.unwrap_or(1);
    if n.int("block_size")?.unwrap_or(0) != 0 {
        let message = format!("{}: block_size: scales of blocks are not supported", op.name());
        return Err(OpError::new(Code::BadAttribute, message).help("quantize per tensor or along one axis"));
    }
    Ok(axis)
}

/// The element type that an attribute names; `None` where it says nothing.
pub fn read_dtype(n: &mut NodeReader<'_>, name: &str) -> Result<Option<DType>, OpError> {
    match n.int(name)? {
        None | Some(0) => Ok(None),
        Some(number) => crate::onnx::element_type(number).map(Some),
    }
}

/// ONNX's scales are a scalar, or a vector along `axis`. Without a zero point QuantizeLinear gives u8.
pub fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (x, scale) = (w.x().shape.clone(), w.ty(1).map(|ty| ty.shape.clone()).unwrap_or_default());
    let along = scale.iter().position(|&n| n != 1);
    let shape: Vec<usize> = along.iter().map(|&d| scale[d]).collect();
    let axis = along.map(|d| ("axis", Value::Int((d + x.rank() - scale.rank()) as i64)));
    let zero = match (w.ty(2), w.result().dtype) {
        (None, to) if to.is_int() && to != DType::U8 => {
            let zeros = Data::zeros(to, shape.iter().product());
            Some(w.constant(&Tensor::new(Shape::new(shape.clone()), zeros).expect("one for each scale")))
        }
        _ => w.reshaped(2, &shape),
    };
    let operands = [w.operand(0), w.reshaped(1, &shape), zero];
    Ok(vec![w.emit(w.op_type(), &operands, axis)])
}
