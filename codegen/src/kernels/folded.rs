//! What micro-kernels do behind their sums: a bias and a requantization with constants for each channel.

use super::block::Sums;
use super::elements::spread;
use super::{Input, Task};
use tinyc_core::op::OpId;
use tinyc_core::types::{DType, Shape};

/// What is behind the sums and part of the micro-kernel.
pub struct Folded {
    /// Links of the chain.
    pub links: usize,
    pub bias: Vec<i64>,
    pub result: Sums,
    pub scale: Vec<i32>,
    pub dtype: DType,
}

/// A constant operand of a link, one value for each of the channels, which are the result's `axis`.
fn of_channels(task: &Task<'_>, input: &Input, axis: usize) -> Option<Vec<i64>> {
    let Input::Operand(o) = input else { return None };
    let (shape, constant) = (task.y.shape(), o.constant.as_ref()?);
    let skip = shape.len().checked_sub(constant.shape().rank())?;
    let along = |d: usize| constant.shape()[d] == 1 || d + skip == axis;
    let mut only = vec![1; shape.len()];
    only[axis] = shape[axis];
    (0..constant.shape().rank()).all(along).then(|| spread(constant, &Shape::new(only)))
}

impl Folded {
    pub fn of(task: &Task<'_>, axis: usize) -> Folded {
        let channels = task.y.shape()[axis];
        let (bias, result) = (vec![0; channels], Sums::Kept);
        let mut folded = Folded { links: 0, bias, result, scale: Vec::new(), dtype: DType::I32 };
        for (k, link) in task.chain.iter().enumerate() {
            let [a, b] = &link.operands[..] else { break };
            let (v, other) = match (a, b) {
                (Input::Value(v), other) => (v, other),
                (other, Input::Value(v)) if link.op == OpId::add => (v, other),
                _ => break,
            };
            let Some(values) = of_channels(task, other, axis).filter(|_| *v == k) else { break };
            match link.op {
                OpId::add => folded.bias.iter_mut().zip(values).for_each(|(sum, more)| *sum += more),
                OpId::requantize if matches!(link.attrs.dtype("to"), DType::I8 | DType::U8) => {
                    let int = |name: &str| link.attrs.int(name);
                    folded.result = Sums::Narrow {
                        shift: int("shift") as u32,
                        zero: int("zero") as i32,
                        range: (int("lo"), int("hi")),
                    };
                    folded.scale = values.into_iter().map(|v| v as i32).collect();
                    folded.dtype = link.attrs.dtype("to");
                    folded.links = k + 1;
                    break;
                }
                _ => break,
            }
            folded.links = k + 1;
        }
        folded
    }
}
