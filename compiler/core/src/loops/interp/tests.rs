//! The interpreter's promises: meaning of statements and expressions, and errors for all misuse.

use super::super::ir::{Access, CallArg, Cast, Load, Stmt, Store};
use super::super::program::{Buffer, Port, Step};
use super::super::{Atom, Expr, Index, Lower, Mode, Scalar, Ty, View};
use super::*;
use crate::types::{DType, TensorType};

fn f32s(v: &[f32]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn to_f32s(b: &[u8]) -> Vec<f32> {
    b.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
}

fn conv_like(n: usize, k: usize) -> Function {
    let mut l = Lower::new("conv");
    let x = View::dense(l.buffer("x", Scalar::F32, n, Mode::Read), DType::F32, &[n]).unwrap();
    let w = View::dense(l.buffer("w", Scalar::F32, k, Mode::Read), DType::F32, &[k]).unwrap();
    let y = View::dense(l.buffer("y", Scalar::F32, n, Mode::Write), DType::F32, &[n]).unwrap();
    let x = x.padded(&[k / 2], &[k - 1 - k / 2], Expr::f32(0.0));
    l.repeat("i", 0usize, n, |l, i| {
        let sum =
            l.reduce("sum", Expr::f32(0.0), &[k], |_, at, acc| acc + x.read(&[i.clone() + at[0].clone()]) * w.read(at));
        let store = y.write(&[i], sum);
        l.push(store);
    });
    l.finish()
}

#[test]
fn a_million_macs_are_quick() {
    let (n, k) = (10_000, 100);
    let f = conv_like(n, k);
    let mut buffers = [f32s(&vec![1.0; n]), f32s(&vec![2.0; k]), vec![0; 4 * n]];
    let start = std::time::Instant::now();
    call(&[f], FnId(0), &mut buffers, &[]).unwrap();
    println!("1 MMAC in {:?}", start.elapsed());
    let y = to_f32s(&buffers[2]);
    assert_eq!((y[0], y[n / 2], y[n - 1]), (100.0, 200.0, 102.0));
}

fn fails(f: Function, buffers: &mut [Vec<u8>]) -> String {
    call(&[f], FnId(0), buffers, &[]).unwrap_err().to_string()
}

/// A function `f` of buffers x (read), y (written), 4 x i32 each.
fn with(body: impl FnOnce(&mut Lower, &View, &View)) -> Function {
    let mut l = Lower::new("f");
    let x = View::dense(l.buffer("x", Scalar::I32, 4, Mode::Read), DType::I32, &[4]).unwrap();
    let y = View::dense(l.buffer("y", Scalar::I32, 4, Mode::Write), DType::I32, &[4]).unwrap();
    body(&mut l, &x, &y);
    l.finish()
}

fn memory() -> [Vec<u8>; 2] {
    [vec![1; 16], vec![0; 16]]
}

#[test]
fn accesses_out_of_bounds_are_errors() {
    let at = |i: i64| with(move |l, x, y| l.push(y.write(&[0usize.into()], x.read(&[i.into()]))));
    assert_eq!(fails(at(4), &mut memory()), "f: element 4 of x (4 x i32) is out of bounds");
    assert_eq!(fails(at(-1), &mut memory()), "f: element -1 of x (4 x i32) is out of bounds");
    assert_eq!(fails(at(i64::MAX), &mut memory()), format!("f: element {} of x (4 x i32) is out of bounds", i64::MAX));
    let store = with(|l, x, y| l.push(y.write(&[7usize.into()], x.read(&[0usize.into()]))));
    assert_eq!(fails(store, &mut memory()), "f: element 7 of y (4 x i32) is out of bounds");
    let wide = with(|l, x, y| {
        l.push(y.write(&[0usize.into()], Expr::Lane(0, Box::new(x.read_lanes(&[1usize.into()], 4, None)))))
    });
    assert_eq!(fails(wide, &mut memory()), "f: element 1 of x (4 x i32) is out of bounds");
}

#[test]
fn reading_what_nothing_wrote_is_an_error() {
    let f = with(|l, _, y| l.push(y.write(&[0usize.into()], y.read(&[1usize.into()]))));
    assert_eq!(fails(f, &mut memory()), "f: element 1 of y (4 x i32) is read before it is written");
}

#[test]
fn misuse_is_an_error() {
    let store = with(|l, x, _| l.push(x.write(&[0usize.into()], Expr::int(Scalar::I32, 1))));
    assert_eq!(fails(store, &mut memory()), "f: stores to x, which is only read");
    assert_eq!(fails(with(|_, _, _| ()), &mut [vec![0; 16], vec![0; 8]]), "f: y needs 4 x i32, has 8 bytes");
    assert_eq!(fails(with(|_, _, _| ()), &mut []), "f: called with 0 buffers, 0 indices");
    let table = with(|l, x, y| {
        let i = Index::lookup([9].into(), Index::atom(Atom::Min(3usize.into(), 5usize.into())));
        l.push(y.write(&[0usize.into()], x.read(&[i])));
    });
    assert_eq!(fails(table, &mut memory()), "f: entry 3 of a table of 1");
    let forever = with(|l, x, y| {
        let whole = |v: &View| CallArg::Buffer(v.buffer, 0usize.into());
        l.push(Stmt::Call(FnId(0), vec![whole(x), whole(y)]));
    });
    assert_eq!(fails(forever, &mut memory()), "f: calls nest too deep");
}

/// y[i] = x[clamp(x[i])]: whatever the data, the access stays inside.
#[test]
fn indices_from_data_are_clamped() {
    let f = with(|l, x, y| {
        l.repeat("i", 0usize, 4usize, |l, i| {
            let at = Index::data(x.read(std::slice::from_ref(&i)), 4);
            l.push(y.write(&[i], x.read(&[at])));
        });
    });
    let bytes = |v: [i32; 4]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let mut buffers = [bytes([i32::MIN, 2, 1, i32::MAX]), vec![0; 16]];
    call(&[f], FnId(0), &mut buffers, &[]).unwrap();
    assert_eq!(buffers[1], bytes([i32::MIN, 1, 2, i32::MAX]));
}

/// The inner function sees part of a buffer; words are read from bytes; lanes change their width.
#[test]
fn calls_pass_parts_of_buffers_and_loads_reinterpret() {
    let mut l = Lower::new("inner");
    let (bytes, y) = (l.buffer("bytes", Scalar::I8, 4, Mode::Read), l.buffer("y", Scalar::I32, 1, Mode::Write));
    let access = Access { buffer: bytes, offset: 0, dims: vec![] };
    let word = l.bind("word", Expr::Load(Box::new(Load { access, ty: Ty::I32, otherwise: None, mask: None })));
    let halves = Expr::Splat(1, Box::new(word.clone())).cast(Cast::Bits, Ty::vector(Scalar::I16, 2));
    let high = Expr::Lane(1, Box::new(halves)).cast(Cast::SExt, Ty::I32);
    let access = Access { buffer: y, offset: 0, dims: vec![] };
    l.push(Stmt::Store(Store { access, value: word + high, mask: None }));
    let inner = l.finish();
    let mut l = Lower::new("outer");
    let (bytes, y) = (l.buffer("bytes", Scalar::I8, 12, Mode::Read), l.buffer("y", Scalar::I32, 3, Mode::Write));
    let n = l.index_param("n");
    l.repeat("i", 0usize, n, |l, i| {
        l.push(Stmt::Call(FnId(0), vec![CallArg::Buffer(bytes, i.clone() * 4), CallArg::Buffer(y, i)]));
    });
    let functions = [inner, l.finish()];
    let mut buffers = [(0..12).collect(), vec![0; 12]];
    call(&functions, FnId(1), &mut buffers, &[3]).unwrap();
    let want = [0x0302_0100 + 0x0302, 0x0706_0504 + 0x0706, 0x0b0a_0908 + 0x0b0a];
    assert_eq!(buffers[1], want.iter().flat_map(|x: &i32| x.to_le_bytes()).collect::<Vec<u8>>());
    let error = call(&functions, FnId(1), &mut buffers, &[4]).unwrap_err();
    assert_eq!(error.to_string(), "inner: bytes needs 4 x i8, has 0 bytes");
}

/// Two steps on arena slots that overlap: the second works in place, as planned.
#[test]
fn programs_run_in_the_memory_that_was_planned() {
    let double = with(|l, x, y| {
        l.repeat("i", 0usize, 4usize, |l, i| {
            let v = x.read(std::slice::from_ref(&i));
            l.push(y.write(&[i], v.clone() + v));
        });
    });
    let buffer = |name: &str, place| Buffer { name: name.into(), dtype: DType::I32, elem: Scalar::I32, len: 4, place };
    let step = |x, y| Step {
        function: FnId(0),
        args: vec![Arg::Buffer(BufferId(x)), Arg::Buffer(BufferId(y))],
        origins: vec![],
        comment: String::new(),
        macs: 0,
    };
    let port = |name: &str, b| Port { name: name.into(), ty: TensorType::new(DType::I32, [4]), buffer: BufferId(b) };
    let mut p = Program {
        name: "net".into(),
        functions: vec![double],
        buffers: vec![
            buffer("in0", Place::Input(0)),
            buffer("a", Place::Arena(0)),
            buffer("b", Place::Arena(0)),
            buffer("out0", Place::Output(0)),
        ],
        steps: vec![step(0, 1), step(1, 2), step(2, 3)],
        inputs: vec![port("x", 0)],
        outputs: vec![port("y", 3)],
        arena_bytes: 16,
        arena_align: 4,
    };
    let x = [Tensor::of([4], vec![1i32, 2, 3, 4])];
    assert_eq!(run(&p, &x).unwrap(), [Tensor::of([4], vec![8i32, 16, 24, 32])]);
    // One element further, each value overwrites the next operand.
    p.buffers[2].place = Place::Arena(4);
    p.arena_bytes = 20;
    assert_eq!(run(&p, &x).unwrap(), [Tensor::of([4], vec![8i32, 16, 32, 64])]);
    p.arena_bytes = 16;
    assert_eq!(run(&p, &x).unwrap_err().to_string(), "net: b at 4 leaves the arena");
    p.arena_bytes = 20;
    p.steps.pop();
    assert_eq!(run(&p, &x).unwrap_err().to_string(), "net: output y is not written in full");
}
