//! Pooling over vectors of channels, of integers one by one. Taps outside of the input are left out.

use super::dot::{channels_last, image, operand, output_channels_last};
use super::rows;
use super::tile::{Machine, segments};
use super::{Builder, Task};
use tinyc_core::diag::OpError;
use tinyc_core::loops::{Binary, Expr, Index, Scalar};
use tinyc_core::op::OpId;
use tinyc_core::ops::window;

pub fn build(b: &mut Builder<'_>, task: Task<'_>, machine: Machine) -> Result<String, OpError> {
    let ty = &operand(&task, 0).ty;
    let name = task.op.name();
    let windows = window::windows(name, ty, task.attrs.ints("kernel"), task.attrs, task.attrs.bool("ceil"))?;
    let (rows, columns) = image(&windows);
    let average = task.op == OpId::average_pool;
    let x = channels_last(&b.view(&task, 0).expect("pooling has an image"));
    let y = output_channels_last(&b.output(&task, 0));
    let shape = y.view.shape();
    let (scalar, unsigned) = (x.scalar(), ty.dtype.is_unsigned_int());
    let lanes = if scalar.is_float() { machine.lanes } else { 1 };
    let smallest = match unsigned {
        true => Expr::int(scalar, 0),
        false if scalar.is_float() => Expr::number(scalar, f64::NEG_INFINITY),
        false => Expr::int(scalar, i64::MIN >> (64 - scalar.bits())),
    };
    let larger = if unsigned { Binary::UMax } else { Binary::Max };
    b.l.nest(&shape[..3], |l, at| {
        let [n, oh, ow] = at else { unreachable!("three axes") };
        let ((top, bottom), (left, right)) = (rows::clipped(&rows, oh), rows::clipped(&columns, ow));
        for s in segments(shape[3], lanes, 1) {
            let lanes = s.lanes as u16;
            l.repeat("block", 0usize, s.count, |l, block| {
                let channel = block * s.lanes as i64 + s.start as i64;
                let init = if average { Expr::f32(0.0) } else { smallest.clone() };
                let value = l.variable("value", init.splat(lanes));
                l.repeat("kh", top.clone(), bottom.clone(), |l, kh| {
                    l.repeat("kw", left.clone(), right.clone(), |l, kw| {
                        let row = rows.at(oh, &kh) - rows.before as i64;
                        let column = columns.at(ow, &kw) - columns.before as i64;
                        let x = x.read_vector(&[n.clone(), row, column, channel.clone()], 3, lanes);
                        let last = Expr::from(value);
                        l.set(value, if average { last + x } else { Expr::binary(larger, last, x) });
                    });
                });
                let mut result = Expr::from(value);
                if average {
                    let q: Vec<Index> =
                        if windows.len() == 1 { vec![ow.clone()] } else { vec![oh.clone(), ow.clone()] };
                    result = result / window::count(task.attrs, &windows, &q, Scalar::F32).splat(lanes);
                }
                y.write(l, &[n.clone(), oh.clone(), ow.clone(), channel], 3, lanes, Some(result));
            });
        }
    });
    Ok(format!("{lanes} channels"))
}
