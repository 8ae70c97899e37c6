//! `tile`: a tensor repeated along its axes.

use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::graph::NodeId;
use crate::loops::{Index, Lower, View};
use crate::onnx::NodeReader;
use crate::op::{Facts, Op, OpId, Types, once, onnx};
use crate::tensor::Tensor;
use crate::types::TensorType;

static FACTS: Facts = Facts {
    name: "tile",
    doc: "`y[i_0, ...] = x[i_0 mod n_0, ...]` with the extents `n` of `x`. ONNX Tile.",
    operands: &[once("x")],
    attrs: &[AttrSpec::ints("repeats", "how often `x` occurs along each axis").operand(1)],
    imports: &[onnx("Tile", 6, read)],
    examples: &["tile f32[2,3] {repeats: [3,2]} -> f32[6,6]", "tile i64[1,4,2] {repeats: [2,1,3]} -> i64[2,4,6]"],
};

pub struct Tile;
pub static OP: Tile = Tile;

impl Op for Tile {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let repeats = attrs.ints("repeats");
        require::one_an_axis("tile", "repeats", repeats, x)?;
        let extent = |(&n, &k): (&usize, &i64)| usize::try_from(k).ok()?.checked_mul(n);
        let shape = x.shape.iter().zip(repeats).map(extent).collect::<Option<Vec<_>>>().ok_or_else(|| {
            OpError::new(Code::BadAttribute, format!("tile: {x} cannot be repeated {repeats:?} times"))
        })?;
        Ok(vec![TensorType::new(x.dtype, shape)])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let lists = x.shape().iter().zip(attrs.extents("repeats"));
        let along: Vec<Vec<_>> = lists.map(|(&n, k)| (0..n * k).map(|i| Some(i % n)).collect()).collect();
        let data = x.data().gather(index::positions(x.shape(), &along).into_iter().flatten());
        Ok(Tensor::new(along.iter().map(Vec::len).collect::<Vec<_>>(), data).into_iter().collect())
    }

    fn lower(&self, l: &mut Lower, _attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let (from, to) = (x.shape(), y[0].shape());
        l.nest(&to, |l, at| {
            let position =
                |d: usize| if from[d] == to[d] { at[d].clone() } else { at[d].clone().modulo(from[d] as i64) };
            let at_x: Vec<Index> = (0..to.len()).map(position).collect();
            l.push(y[0].write(at, x.read(&at_x)));
        });
        Ok(())
    }
}

fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let repeats = n.constant_ints(1)?.ok_or_else(|| OpError::new(Code::Arity, "tile: repeats are missing"))?;
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::tile, Attrs::new().with_ints("repeats", repeats), &[Some(x)])?])
}
