//! Elementwise operators: one scalar expression decides inference, evaluation and lowering.

use super::require;
use crate::attrs::Attrs;
use crate::diag::{Code, OpError};
use crate::eval::column;
use crate::eval::in_f32;
use crate::graph::NodeId;
use crate::loops::{Cast, Expr, Local, Lower, Scalar, Ty, View, columns};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types};
use crate::tensor::Tensor;
use crate::types::{DType, Shape, TensorType};

/// Operands are broadcast together as NumPy does.
pub struct Elementwise {
    pub facts: Facts,
    /// Element types of the operands, which must agree.
    pub accepts: require::Accepts,
    pub result: ResultType,
    /// The value from one element of each operand. Elements are of the type that holds them in loops,
    /// so unsigned ones need unsigned operations and bool is an I8 of 0 or 1.
    pub value: fn(&Attrs, DType, &[Expr]) -> Expr,
}

pub enum ResultType {
    /// That of the operands.
    Same,
    /// `value` is an I1.
    Bool,
    /// The element type that an attribute says.
    Attr(&'static str),
    /// That of the operands but the first, which is bool.
    Choice,
}

impl Elementwise {
    /// The value as it is stored.
    fn stored(&self, attrs: &Attrs, dtype: DType, x: &[Expr]) -> Expr {
        let value = (self.value)(attrs, dtype, x);
        match self.result {
            ResultType::Same | ResultType::Attr(_) | ResultType::Choice => value,
            ResultType::Bool => value.cast(Cast::ZExt, Ty::I8),
        }
    }

    fn result_type(&self, attrs: &Attrs, operands: DType) -> DType {
        match self.result {
            ResultType::Same | ResultType::Choice => operands,
            ResultType::Bool => DType::Bool,
            ResultType::Attr(name) => attrs.dtype(name),
        }
    }

    /// How many operands come before those that decide the element type.
    fn conditions(&self) -> usize {
        usize::from(matches!(self.result, ResultType::Choice))
    }
}

impl Op for Elementwise {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let name = self.name();
        let operand = |i: usize| self.operands().get(i).map_or("x", |o| o.name);
        let x: Vec<&TensorType> = x.iter().flatten().copied().collect();
        let first = self.conditions();
        let mut shape = Shape::scalar();
        for (i, ty) in x.iter().enumerate() {
            if i < first {
                require::dtype(name, operand(i), ty, |d| d == DType::Bool)?;
            } else {
                require::dtype(name, operand(i), ty, self.accepts)?;
                require::same_dtype(name, (operand(first), x[first]), (operand(i), ty))?;
            }
            shape = shape.broadcast(&ty.shape).ok_or_else(|| {
                let types: Vec<_> = x.iter().map(|ty| ty.to_string()).collect();
                let message = format!("{name}: shapes do not broadcast together: {}", types.join(", "));
                OpError::new(Code::ShapeMismatch, message)
            })?;
        }
        Ok(vec![TensorType { dtype: self.result_type(attrs, x[first].dtype), shape }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let x: Vec<&Tensor> = x.iter().flatten().copied().collect();
            let types: Vec<TensorType> = x.iter().map(|x| x.ty()).collect();
            let y = self.infer(attrs, &types.iter().map(Some).collect::<Vec<_>>())?.remove(0);
            let dtype = types[self.conditions()].dtype;
            let columns: Vec<_> = x.iter().map(|x| column::broadcast(x, &y.shape)).collect();
            let elements: Vec<Expr> = (0..).zip(&types).map(|(id, x)| element(id, x.dtype)).collect();
            let value = columns::eval(&self.stored(attrs, dtype, &elements), &columns);
            Ok(vec![column::tensor(value, &y)])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let shape = y[0].shape();
        let mut views: Vec<View> = vec![y[0].clone()];
        views.extend(x.iter().flatten().map(|x| x.broadcast(&shape)));
        View::coalesce(&mut views);
        let dtype = views[1 + self.conditions()].dtype;
        l.nest(&views[0].shape(), |l, at| {
            let names = self.operands().iter().map(|o| o.name);
            let elements: Vec<Expr> = views[1..].iter().zip(names).map(|(x, name)| l.bind(name, x.read(at))).collect();
            let value = self.stored(attrs, dtype, &elements);
            l.push(views[0].write(at, value));
        });
        Ok(())
    }

    fn value(&self, attrs: &Attrs, x: &[DType]) -> Option<Expr> {
        let elements: Vec<Expr> = (0..).zip(x).map(|(id, &dtype)| element(id, dtype)).collect();
        Some(self.stored(attrs, x[0], &elements))
    }
}

fn element(id: u32, dtype: DType) -> Expr {
    let scalar = Scalar::of(dtype).expect("narrow floats were widened");
    Local { id, ty: scalar.into() }.into()
}

/// A constant of the operands' type.
pub fn constant(dtype: DType, v: f64) -> Expr {
    Expr::number(Scalar::of(dtype).unwrap_or(Scalar::F32), v)
}

/// Reads a binary ONNX operator as it was before opset 7: with `broadcast` the axes of the second operand
/// are those of the first from `axis` on, the last ones without it.
pub fn read_aligned(n: &mut NodeReader<'_>, op: OpId) -> Result<Vec<NodeId>, OpError> {
    let (a, b) = (n.ty(0)?, n.ty(1)?);
    let broadcast = n.int("broadcast")?.unwrap_or(0) != 0;
    let mut second = n.required(1)?;
    if let Some(axis) = n.int("axis")?
        && broadcast
    {
        let after = a.shape.rank().checked_sub(require::axis(op.name(), &a, axis)? + b.shape.rank());
        let after = after.ok_or_else(|| {
            let message = format!("{}: the axes of {b} do not fit those of {a} from {axis} on", op.name());
            OpError::new(Code::ShapeMismatch, message)
        })?;
        let shape = b.shape.iter().map(|&d| d as i64).chain(std::iter::repeat_n(1, after));
        second = n.emit(OpId::reshape, Attrs::new().with_ints("shape", shape), &[Some(second)])?;
    }
    let first = n.required(0)?;
    Ok(vec![n.emit(op, Attrs::new(), &[Some(first), Some(second)])?])
}

/// Reads an ONNX operator of any number of operands as a chain of a binary one.
pub fn read_chain(n: &mut NodeReader<'_>, op: OpId) -> Result<Vec<NodeId>, OpError> {
    let mut result = n.required(0)?;
    for i in 1..n.operands().len() {
        let next = n.required(i)?;
        result = n.emit(op, Attrs::new(), &[Some(result), Some(next)])?;
    }
    Ok(vec![result])
}
