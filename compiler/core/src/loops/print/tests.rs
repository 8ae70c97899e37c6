//! One program with every kind of statement and expression, as text.

use super::super::ir::{Buf, Dim, FnId};
use super::super::program::{Buffer, BufferId, Port, Step};
use super::super::{Library, Lower, View};
use super::*;
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};
use std::sync::Arc;

#[test]
fn shows_every_statement_and_expression() {
    let mut l = Lower::new("kernel");
    let x = View::dense(l.buffer("x", Scalar::F32, 64, Mode::Read), DType::F32, &[8, 8]).unwrap();
    let b = l.buffer("bytes", Scalar::I8, 64, Mode::Read);
    let y = View::dense(l.buffer("y", Scalar::F32, 64, Mode::Write), DType::F32, &[8, 8]).unwrap();
    let n = l.index_param("n");
    let x = x.padded(&[1, 0], &[1, 0], Expr::f32(-0.5)).ringed(1, 4);
    l.nest(&[8, 8], |l, at| {
        let row = at[0].clone() + n.clone() - 1;
        let sum = l.reduce("sum", Expr::f32(0.0), &[3], |_, k, acc| {
            acc + Library::ExpF32.call([x.read(&[row.clone() + k[0].clone(), at[1].clone()])])
        });
        let store = y.write(at, sum.max(Expr::f32(1e-6)));
        l.push(store);
    });
    let dim = |index: Index| Dim { index, stride: 1, ring: None, bound: None };
    let word = |at: Index, ty| {
        let access = Access { buffer: b, offset: 4, dims: vec![dim(at)] };
        Expr::Load(Box::new(Load { access, ty, otherwise: None, mask: None }))
    };
    l.repeat_by("j", 0usize, n.clone().min(8usize.into()), 4, |l, j| {
        let v = l.bind("v", word(j.clone() * 4, Ty::vector(Scalar::I8, 16)));
        let on = v.clone().lt(Expr::Const(Const::int(Scalar::I8, 3), 16));
        let top = Expr::Reduce(Reduce::Max, Box::new(v.clone()));
        let access = Access { buffer: y.buffer, offset: 0, dims: vec![dim(j.clone().floor_div(2))] };
        let value = Expr::Splat(16, Box::new(Expr::f32(2.0)));
        l.push(Stmt::Store(Store { access, value, mask: Some(on) }));
        let gather = Index::data(word(j.clone().modulo(3), Ty::I32) >> Expr::int(Scalar::I32, 2), 8);
        let entry = Index::lookup(Arc::from([5, 7]), j.floor_div(4));
        let picked = top.cast(Cast::SExt, Ty::I64).lt(Expr::int(Scalar::I64, 0));
        let value = picked.select(Expr::f32(1.0), -Expr::Index(entry, Scalar::I32).cast(Cast::SiToFp, Ty::F32));
        let access = Access { buffer: y.buffer, offset: 0, dims: vec![dim(gather)] };
        l.push(Stmt::Store(Store { access, value, mask: None }));
        let lane = Expr::Lane(3, Box::new(Expr::Lanes(vec![Expr::f64(1.5), Expr::f64(f64::INFINITY)])));
        l.bind("v", lane);
        l.bind("on", Expr::Const(Const::int(Scalar::I1, 1), 1).unary(Unary::Not));
    });
    l.push(Stmt::Call(
        FnId(0),
        vec![
            CallArg::Buffer(Buf(0), 0usize.into()),
            CallArg::Buffer(Buf(1), n.clone() * 8),
            CallArg::Buffer(Buf(2), 0usize.into()),
            CallArg::Index(n - 1),
        ],
    ));
    let p = Program {
        name: "net".into(),
        functions: vec![l.finish()],
        buffers: vec![
            Buffer { name: "in0".into(), dtype: DType::F32, elem: Scalar::F32, len: 64, place: Place::Input(0) },
            Buffer {
                name: "w".into(),
                dtype: DType::I8,
                elem: Scalar::I8,
                len: 64,
                place: Place::Const(Arc::new(Tensor::of([64], vec![1i8; 64]))),
            },
            Buffer { name: "out0".into(), dtype: DType::F32, elem: Scalar::F32, len: 64, place: Place::Arena(16) },
        ],
        steps: vec![Step {
            function: FnId(0),
            args: vec![Arg::Buffer(BufferId(0)), Arg::Buffer(BufferId(1)), Arg::Buffer(BufferId(2)), Arg::Index(3)],
            origins: vec!["conv1".into(), "relu1".into()],
            comment: "f32[8,8]".into(),
            macs: 192,
        }],
        inputs: vec![Port { name: "x".into(), ty: TensorType::new(DType::F32, [8, 8]), buffer: BufferId(0) }],
        outputs: vec![Port { name: "y".into(), ty: TensorType::new(DType::F32, [8, 8]), buffer: BufferId(2) }],
        arena_bytes: 272,
        arena_align: 16,
    };
    insta::assert_snapshot!(print(&p));
}
