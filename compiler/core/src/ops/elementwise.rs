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
}

impl Elementwise {
    /// The value as it is stored.
    fn stored(&self, attrs: &Attrs, dtype: DType, x: &[Expr]) -> Expr {
        let value = (self.value)(attrs, dtype, x);
        match self.result {
            ResultType::Same => value,
            ResultType::Bool => value.cast(Cast::ZExt, Ty::I8),
        }
    }

    fn result_type(&self, operands: DType) -> DType {
        match self.result {
            ResultType::Same => operands,
            ResultType::Bool => DType::Bool,
        }
    }
}

impl Op for Elementwise {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn infer(&self, _attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let name = self.name();
        let operand = |i: usize| self.operands().get(i).map_or("x", |o| o.name);
        let x: Vec<&TensorType> = x.iter().flatten().copied().collect();
        let mut shape = Shape::scalar();
        for (i, ty) in x.iter().enumerate() {
            require::dtype(name, operand(i), ty, self.accepts)?;
            require::same_dtype(name, (operand(0), x[0]), (operand(i), ty))?;
            shape = shape.broadcast(&ty.shape).ok_or_else(|| {
                let types: Vec<_> = x.iter().map(|ty| ty.to_string()).collect();
                let message = format!("{name}: shapes do not broadcast together: {}", types.join(", "));
                OpError::new(Code::ShapeMismatch, message)
            })?;
        }
        Ok(vec![TensorType { dtype: self.result_type(x[0].dtype), shape }])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        in_f32(x, |x| {
            let x: Vec<&Tensor> = x.iter().flatten().copied().collect();
            let types: Vec<TensorType> = x.iter().map(|x| x.ty()).collect();
            let y = self.infer(attrs, &types.iter().map(Some).collect::<Vec<_>>())?.remove(0);
            let dtype = types[0].dtype;
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
        let dtype = views[1].dtype;
        l.nest(&views[0].shape(), |l, at| {
            let names = self.operands().iter().map(|o| o.name);
            let elements: Vec<Expr> = views[1..].iter().zip(names).map(|(x, name)| l.bind(name, x.read(at))).collect();
            let value = self.stored(attrs, dtype, &elements);
            l.push(views[0].write(at, value));
        });
        Ok(())
    }

    fn in_place(&self, _i: usize) -> bool {
        true
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

/// Reads an ONNX operator of any number of operands as a chain of a binary one.
pub fn read_chain(n: &mut NodeReader<'_>, op: OpId) -> Result<Vec<NodeId>, OpError> {
    let mut result = n.required(0)?;
    for i in 1..n.operands().len() {
        let next = n.required(i)?;
        result = n.emit(op, Attrs::new(), &[Some(result), Some(next)])?;
    }
    Ok(vec![result])
}
