//! A program that is well formed, and for each rule a change that breaks it.

use super::super::ir::{
    Access, Binary, Buf, CallArg, Cast, Const, Dim, Expr, FnId, Function, Load, Local, Mode, Stmt, Store,
};
use super::super::program::{Arg, Buffer, BufferId, Port, Step};
use super::super::{Index, IndexVar, Lower, Scalar, Ty, View};
use super::*;
use crate::tensor::Tensor;
use crate::types::{DType, TensorType};
use std::sync::Arc;

/// `y[i] = x[n + i - 1, padded] + w[i]` for 16 elements, n = 0 and 1, through an inner function.
fn good() -> Program {
    let buffer = |l: &mut Lower, name: &str, mode| {
        let b = l.buffer(name, Scalar::F32, 16, mode);
        View::dense(b, DType::F32, &[16]).unwrap()
    };
    let mut l = Lower::new("inner");
    let x = buffer(&mut l, "x", Mode::Read).padded(&[1], &[1], Expr::f32(0.0));
    let (w, y) = (buffer(&mut l, "w", Mode::Read), buffer(&mut l, "y", Mode::Write));
    let n = l.index_param("n");
    l.repeat("i", 0usize, 16usize, |l, i| {
        let sum = l.bind("sum", x.read(&[n + i.clone()]) + w.read(std::slice::from_ref(&i)));
        l.push(y.write(&[i], sum));
    });
    let inner = l.finish();
    let mut l = Lower::new("outer");
    let (x, w, y) =
        (buffer(&mut l, "x", Mode::Read), buffer(&mut l, "w", Mode::Read), buffer(&mut l, "y", Mode::Write));
    let n = l.index_param("n");
    let whole = |v: &View| CallArg::Buffer(v.buffer, 0usize.into());
    l.push(Stmt::Call(FnId(0), vec![whole(&x), whole(&w), whole(&y), CallArg::Index(n)]));
    let outer = l.finish();
    let place = |name: &str, place| Buffer { name: name.into(), dtype: DType::F32, elem: Scalar::F32, len: 16, place };
    let step = |x, y, n| Step {
        function: FnId(1),
        args: vec![Arg::Buffer(BufferId(x)), Arg::Buffer(BufferId(3)), Arg::Buffer(BufferId(y)), Arg::Index(n)],
        origins: vec![],
        comment: String::new(),
        macs: 0,
    };
    let port = |name: &str, b| Port { name: name.into(), ty: TensorType::new(DType::F32, [16]), buffer: BufferId(b) };
    Program {
        name: "net".into(),
        functions: vec![inner, outer],
        buffers: vec![
            place("in0", Place::Input(0)),
            place("t", Place::Arena(0)),
            place("out0", Place::Output(0)),
            place("w", Place::Const(Arc::new(Tensor::of([16], vec![1.0f32; 16])))),
        ],
        steps: vec![step(0, 1, 0), step(1, 2, 1)],
        inputs: vec![port("x", 0)],
        outputs: vec![port("y", 2)],
        arena_bytes: 64,
        arena_align: 16,
    }
}

/// The rules that a changed program violates.
fn broken(change: impl FnOnce(&mut Program)) -> Vec<String> {
    let mut p = good();
    change(&mut p);
    let messages = check(&p).unwrap_err();
    let mut rules: Vec<String> = messages.iter().map(|m| m[..3].to_owned()).collect();
    rules.dedup();
    rules
}

fn body(p: &mut Program) -> &mut Vec<Stmt> {
    let Stmt::For(f) = &mut p.functions[0].body[0] else { unreachable!("the loop over i") };
    &mut f.body
}

fn load(at: impl Into<Index>, ty: Ty) -> Expr {
    let dims = vec![Dim { index: at.into(), stride: 1, ring: None, bound: None }];
    let access = Access { buffer: Buf(0), offset: 0, dims };
    Expr::Load(Box::new(Load { access, ty, otherwise: None, mask: None }))
}

fn bind(p: &mut Program, value: Expr) {
    let f = &mut p.functions[0];
    f.local_names.push("v".into());
    let local = Local { id: f.local_names.len() as u32 - 1, ty: value.ty() };
    f.body.push(Stmt::Let(local, value));
}

#[test]
fn a_good_program_passes() {
    assert_eq!(check(&good()), Ok(()));
}

#[test]
fn every_rule_is_broken_by_a_test() {
    let text = include_str!("tests.rs");
    for (rule, _) in RULES {
        assert!(text.contains(&format!("[\"{rule}\"]")), "{rule}");
    }
}

#[test]
fn names_exist() {
    assert_eq!(broken(|p| p.steps[0].function = FnId(7)), ["L01"]);
    assert_eq!(broken(|p| p.steps[0].args[0] = Arg::Buffer(BufferId(9))), ["L01"]);
    assert_eq!(broken(|p| p.outputs[0].buffer = BufferId(9)), ["L01"]);
    assert_eq!(broken(|p| bind(p, Expr::Local(Local { id: 0, ty: Ty::F32 }))), ["L01"]);
    assert_eq!(broken(|p| bind(p, Expr::Index(IndexVar(1).into(), Scalar::I32))), ["L01"]);
}

#[test]
fn declarations_are_unique() {
    let again = |p: &mut Program| {
        let first = body(p)[0].clone();
        body(p).push(first);
    };
    assert_eq!(broken(again), ["L02"]);
    let nested = |p: &mut Program| {
        let inner = p.functions[0].body[0].clone();
        body(p).push(inner);
    };
    assert_eq!(broken(nested), ["L02"]);
}

#[test]
fn types_agree() {
    let one = || Expr::f32(1.0);
    assert_eq!(broken(|p| bind(p, one() & one())), ["L03"]);
    let mixed = || Expr::Binary(Binary::Add, Box::new(one()), Box::new(Expr::f64(1.0)));
    assert_eq!(broken(|p| bind(p, mixed())), ["L03"]);
    assert_eq!(broken(|p| bind(p, Expr::Cast(Cast::Trunc, Ty::I8, Box::new(one())))), ["L03"]);
    assert_eq!(broken(|p| bind(p, Expr::Lane(4, Box::new(Expr::Const(Const::f32(0.0), 4))))), ["L03"]);
    assert_eq!(broken(|p| bind(p, Expr::Lanes(vec![]))), ["L03"]);
    assert_eq!(broken(|p| bind(p, super::super::Library::ExpF32.call([]))), ["L03"]);
}

#[test]
fn guards_have_an_alternative() {
    let change = |p: &mut Program| {
        let Expr::Load(mut l) = load(0usize, Ty::F32) else { unreachable!() };
        l.otherwise = Some(Expr::f32(0.0));
        bind(p, Expr::Load(l));
    };
    assert_eq!(broken(change), ["L04"]);
}

#[test]
fn masks_fit() {
    let change = |p: &mut Program| {
        let Expr::Load(mut l) = load(0usize, Ty::vector(Scalar::F32, 4)) else { unreachable!() };
        l.mask = Some(Expr::Const(Const::int(Scalar::I1, 1), 3));
        bind(p, Expr::Load(l));
    };
    assert_eq!(broken(change), ["L05"]);
}

#[test]
fn memory_holds_no_bits() {
    assert_eq!(broken(|p| bind(p, load(0usize, Ty::I1))), ["L06"]);
}

#[test]
fn loops_are_static() {
    let set = |p: &mut Program, hi: Index, step| {
        let Stmt::For(f) = &mut p.functions[0].body[0] else { unreachable!() };
        (f.hi, f.step) = (hi, step);
    };
    assert_eq!(broken(|p| set(p, Index::data(load(0usize, Ty::I32), 4), 1)), ["L07"]);
    assert_eq!(broken(|p| set(p, 16usize.into(), 0)), ["L07"]);
}

#[test]
fn operands_are_not_written() {
    let change = |p: &mut Program| {
        let access = Access { buffer: Buf(1), offset: 0, dims: vec![] };
        p.functions[0].body.push(Stmt::Store(Store { access, value: Expr::f32(0.0), mask: None }));
    };
    assert_eq!(broken(change), ["L08"]);
    assert_eq!(broken(|p| p.steps[0].args[2] = Arg::Buffer(BufferId(3))), ["L08"]);
}

#[test]
fn calls_match_declarations() {
    assert_eq!(broken(|p| _ = p.steps[0].args.pop()), ["L09"]);
    assert_eq!(broken(|p| p.functions[1].buffers[2].mode = Mode::Read), ["L09"]);
    assert_eq!(broken(|p| p.buffers[1].len = 8), ["L09"]);
}

#[test]
fn functions_do_not_recurse() {
    let change = |p: &mut Program| {
        let call = p.functions[1].body[0].clone();
        p.functions[0].body.push(call.clone());
        let Stmt::Call(f, _) = &mut p.functions[1].body[0] else { unreachable!() };
        *f = FnId(0);
        let Some(Stmt::Call(f, _)) = p.functions[0].body.last_mut() else { unreachable!() };
        *f = FnId(1);
    };
    assert_eq!(broken(change), ["L10"]);
}

#[test]
fn accesses_stay_inside() {
    assert_eq!(broken(|p| bind(p, load(16usize, Ty::F32))), ["L11"]);
    assert_eq!(broken(|p| bind(p, load(-1i64, Ty::F32))), ["L11"]);
    assert_eq!(broken(|p| bind(p, load(13usize, Ty::vector(Scalar::F32, 4)))), ["L11"]);
    let offset = |p: &mut Program| {
        let Stmt::Call(_, args) = &mut p.functions[1].body[0] else { unreachable!() };
        args[1] = CallArg::Buffer(Buf(1), IndexVar(0).into());
    };
    // Step 1 passes n = 1.
    assert_eq!(broken(offset), ["L11"]);
}

#[test]
fn bounds_that_depend_on_loops_are_proven_point_by_point() {
    // Both loops reach 16 elements only together: intervals alone say 0..=30.
    let triangle = |n: i64| {
        move |p: &mut Program| {
            let mut l = Lower::new("triangle");
            l.buffer("x", Scalar::F32, 16, Mode::Read);
            l.repeat("i", 0usize, 16usize, |l, i| {
                l.repeat("j", 0usize, Index::from(n) - i.clone(), |l, j| {
                    l.bind("v", load(i.clone() + j, Ty::F32));
                });
            });
            p.functions.push(l.finish());
        }
    };
    let mut p = good();
    triangle(16)(&mut p);
    assert_eq!(check(&p), Ok(()));
    assert_eq!(broken(triangle(17)), ["L11"]);
}

#[test]
fn tables_are_looked_up_inside() {
    let at = |i: Index| Expr::Index(Index::lookup(Arc::from([1, 2]), i), Scalar::I32);
    assert_eq!(broken(|p| bind(p, at(Index::from(IndexVar(0)) + 1))), ["L12"]);
}

#[test]
fn buffers_lie_in_the_arena() {
    assert_eq!(broken(|p| p.arena_bytes = 60), ["L13"]);
    assert_eq!(broken(|p| (p.buffers[1].place, p.arena_bytes) = (Place::Arena(2), 80)), ["L13"]);
    assert_eq!(broken(|p| p.arena_align = 2), ["L13"]);
}

#[test]
fn constants_and_ports_fit_their_buffers() {
    assert_eq!(broken(|p| p.inputs[0].ty = TensorType::new(DType::F32, [15])), ["L14"]);
    let short = Place::Const(Arc::new(Tensor::of([8], vec![1.0f32; 8])));
    assert_eq!(broken(|p| p.buffers[3].place = short), ["L14"]);
}

#[test]
fn functions_without_a_caller_are_checked_too() {
    let lonely = |p: &mut Program| {
        let mut f: Function = p.functions[0].clone();
        f.body.push(Stmt::Set(Local { id: 0, ty: Ty::F32 }, Expr::f32(0.0)));
        p.functions.push(f);
    };
    assert_eq!(broken(lonely), ["L01"]);
}
