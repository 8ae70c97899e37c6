//! Each kind of view through the interpreter, against an obvious loop.

use super::super::interp::call;
use super::super::ir::{Const, FnId, Mode, Reduce};
use super::super::{Library, Lower};
use super::*;

fn f32s(v: &[f32]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn to_f32s(b: &[u8]) -> Vec<f32> {
    b.as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c)).collect()
}

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// Copies a view of `x` (f32, dense, of a shape) to a dense result.
fn copy(shape: &[usize], see: impl FnOnce(&View) -> View) -> Vec<f32> {
    let n = shape.iter().product();
    let mut l = Lower::new("copy");
    let x = see(&View::dense(l.buffer("x", Scalar::F32, n, Mode::Read), DType::F32, shape).unwrap());
    let m = x.shape().iter().product();
    let y = View::dense(l.buffer("y", Scalar::F32, m, Mode::Write), DType::F32, &x.shape()).unwrap();
    l.nest(&x.shape(), |l, at| l.push(y.write(at, x.read(at))));
    let mut buffers = [f32s(&numbers(n)), vec![0; 4 * m]];
    call(&[l.finish()], FnId(0), &mut buffers, &[]).unwrap();
    to_f32s(&buffers[1])
}

#[test]
fn permuted() {
    let y = copy(&[2, 3, 4], |x| x.permuted(&[2, 0, 1]));
    let mut want = Vec::new();
    for c in 0..4 {
        for a in 0..2 {
            for b in 0..3 {
                want.push((a * 12 + b * 4 + c) as f32);
            }
        }
    }
    assert_eq!(y, want);
}

#[test]
fn broadcast_and_unsqueezed() {
    let y = copy(&[3, 1], |x| x.unsqueezed(1).broadcast(&[2, 3, 2, 4]));
    let want: Vec<f32> = (0..48).map(|i| (i / 8 % 3) as f32).collect();
    assert_eq!(y, want);
}

#[test]
fn padded() {
    let y = copy(&[2, 3], |x| x.padded(&[1, 0], &[0, 2], Expr::f32(-1.0)));
    assert_eq!(y, [[-1.0; 5], [0.0, 1.0, 2.0, -1.0, -1.0], [3.0, 4.0, 5.0, -1.0, -1.0]].concat());
}

#[test]
fn sliced() {
    assert_eq!(copy(&[2, 5], |x| x.sliced(1, 4, -2, 3)), [4.0, 2.0, 0.0, 9.0, 7.0, 5.0]);
    assert_eq!(copy(&[2, 5], |x| x.sliced(1, 1, 3, 2).sliced(0, 1, 1, 1)), [6.0, 9.0]);
}

#[test]
fn ringed() {
    let rows = |x: &View| {
        let mut v = x.ringed(0, 3);
        (v.axes[0].extent, v.axes[0].inner) = (7, 7);
        v
    };
    let want: Vec<f32> = (0..14).map(|i| ((i / 2 % 3) * 2 + i % 2) as f32).collect();
    assert_eq!(copy(&[3, 2], rows), want);
}

#[test]
fn packed_four_and_two_bits() {
    let unpack = |packing, bytes: &[u8], n: usize| {
        let mut l = Lower::new("unpack");
        let b = l.buffer("x", Scalar::I8, bytes.len(), Mode::Read);
        let x = View { packing, ..View::dense(b, DType::I8, &[n]).unwrap() };
        let y = View::dense(l.buffer("y", Scalar::I8, n, Mode::Write), DType::I8, &[n]).unwrap();
        l.nest(&[n], |l, at| l.push(y.write(at, x.read(at))));
        let mut buffers = [bytes.to_vec(), vec![0; n]];
        call(&[l.finish()], FnId(0), &mut buffers, &[]).unwrap();
        buffers[1].iter().map(|&b| b as i8).collect::<Vec<_>>()
    };
    assert_eq!(unpack(Packing::I4, &[0x87, 0xf1, 0x02], 5), [7, -8, 1, -1, 2]);
    assert_eq!(unpack(Packing::I2, &[0b1110_0100, 0b01], 5), [0, 1, -2, -1, 1]);
}

/// y[i, j] = tanh(x[i, j] + bias[j]), the bias read inside of the map.
#[test]
fn mapped_with_loads() {
    let (rows, columns) = (3, 4);
    let mut l = Lower::new("bias");
    let x = View::dense(l.buffer("x", Scalar::F32, 12, Mode::Read), DType::F32, &[rows, columns]).unwrap();
    let bias = View::dense(l.buffer("b", Scalar::F32, 4, Mode::Read), DType::F32, &[columns]).unwrap();
    let y = View::dense(l.buffer("y", Scalar::F32, 12, Mode::Write), DType::F32, &[rows, columns]).unwrap();
    let column = IndexVar::coordinate(1);
    let sum = Map::hole(Scalar::F32) + bias.read(&[column.into()]);
    let x = x.mapped(Map { body: sum });
    let y = y.mapped(Map { body: Library::TanhF32.call([Map::hole(Scalar::F32)]) });
    l.nest(&[rows, columns], |l, at| l.push(y.write(at, x.read(at))));
    let mut buffers = [f32s(&numbers(12)), f32s(&[-4.0, -4.5, -5.0, -5.5]), vec![0; 48]];
    call(&[l.finish()], FnId(0), &mut buffers, &[]).unwrap();
    for (i, y) in to_f32s(&buffers[2]).into_iter().enumerate() {
        let want = (i as f32 - 4.0 - 0.5 * (i % 4) as f32).tanh();
        assert!((y - want).abs() <= 1.25 * f32::EPSILON, "{i}: {y} {want}");
    }
}

#[test]
fn coalesced_views_reach_the_same_elements() {
    let b = Buf(0);
    let dense = View::dense(b, DType::F32, &[2, 3, 4]).unwrap();
    let mut both = [dense.clone(), dense.clone()];
    View::coalesce(&mut both);
    assert_eq!(both[0].shape(), [24]);
    // Rows of a wider matrix merge with the axis before, not with the columns.
    let rows = View::dense(b, DType::F32, &[2, 3, 8]).unwrap().sliced(2, 0, 1, 4);
    let mut both = [dense, rows];
    View::coalesce(&mut both);
    assert_eq!(both[1].shape(), [6, 4]);
    assert_eq!((both[1].axes[0].stride, both[1].axes[1].stride), (8, 1));
    let merged = copy(&[2, 3, 8], |x| {
        let mut v = [x.sliced(2, 0, 1, 4)];
        View::coalesce(&mut v);
        v[0].clone()
    });
    assert_eq!(merged, copy(&[2, 3, 8], |x| x.sliced(2, 0, 1, 4)));
}

/// A vector loop over 10 elements in lanes of 4; the mask cuts the last one short.
#[test]
fn lanes_and_masks() {
    let (n, lanes) = (10usize, 4u16);
    let mut l = Lower::new("lanes");
    let view =
        |l: &mut Lower, name: &str, mode| View::dense(l.buffer(name, Scalar::I32, n, mode), DType::I32, &[n]).unwrap();
    let (x, y) = (view(&mut l, "x", Mode::Read), view(&mut l, "y", Mode::Write));
    let sums = l.buffer("sums", Scalar::I32, 3, Mode::Write);
    let sums = View::dense(sums, DType::I32, &[3]).unwrap();
    l.repeat_by("i", 0usize, n, i64::from(lanes), |l, i| {
        let int = |v: i64| Expr::int(Scalar::I32, v);
        let left = Expr::Splat(lanes, Box::new(int(n as i64) - Expr::Index(i.clone(), Scalar::I32)));
        let numbers = Expr::Lanes((0..4).map(int).collect());
        let mask = l.bind("mask", numbers.lt(left));
        let v = l.bind("v", x.read_lanes(std::slice::from_ref(&i), lanes, Some(mask.clone())));
        let zero = Expr::Const(Const::int(Scalar::I32, 0), lanes);
        let positive = v.clone().lt(zero.clone()).select(zero, v.clone());
        l.push(y.write_lanes(std::slice::from_ref(&i), positive, Some(mask)));
        l.push(
            sums.write(&[i.floor_div(4)], Expr::Reduce(Reduce::Add, Box::new(v.clone())) + Expr::Lane(1, Box::new(v))),
        );
    });
    let x: Vec<i32> = (0..10).map(|i| if i % 3 == 0 { -i } else { i }).collect();
    let bytes = |v: &[i32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let mut buffers = [bytes(&x), vec![0; 40], vec![0; 12]];
    call(&[l.finish()], FnId(0), &mut buffers, &[]).unwrap();
    let relu: Vec<i32> = x.iter().map(|&x| x.max(0)).collect();
    assert_eq!(buffers[1], bytes(&relu));
    let want: Vec<i32> = x.chunks(4).map(|c| c.iter().sum::<i32>() + c[1]).collect();
    assert_eq!(buffers[2], bytes(&want));
}

/// Sizes of the streamed pair: rows, columns, channels.
const ROWS: usize = 9;
const COLUMNS: usize = 7;
const CHANNELS: usize = 2;

/// One row of a 3x3 convolution, padded by one, over [row, column, channel].
fn conv_row(l: &mut Lower, x: &View, w: &View, y: &View, row: &Index) {
    let zero = || Expr::number(x.scalar(), 0.0);
    let x = x.padded(&[1, 1, 0], &[1, 1, 0], zero());
    l.nest(&[COLUMNS, CHANNELS], |l, at| {
        let sum = l.reduce("sum", zero(), &[3, 3, CHANNELS], |_, k, acc| {
            let pixel = [row.clone() + k[0].clone(), at[0].clone() + k[1].clone(), k[2].clone()];
            let weight = [at[1].clone(), k[0].clone(), k[1].clone(), k[2].clone()];
            acc + x.read(&pixel) * w.read(&weight)
        });
        l.push(y.write(&[row.clone(), at[0].clone(), at[1].clone()], sum));
    });
}

/// Two convolutions; the rows between them in full, or streamed through a ring of three.
fn pair(dtype: DType, streamed: bool) -> super::super::Function {
    let scalar = Scalar::of(dtype).unwrap();
    let mut l = Lower::new("pair");
    let shape = [ROWS, COLUMNS, CHANNELS];
    let weights = [CHANNELS, 3, 3, CHANNELS];
    let kept = if streamed { 3 } else { ROWS };
    let mut dense = |name: &str, shape: &[usize], rows: usize, mode| {
        let n = shape.iter().product::<usize>() / shape[0] * rows;
        View::dense(l.buffer(name, scalar, n, mode), dtype, shape).unwrap()
    };
    let x = dense("x", &shape, ROWS, Mode::Read);
    let w1 = dense("w1", &weights, CHANNELS, Mode::Read);
    let w2 = dense("w2", &weights, CHANNELS, Mode::Read);
    let between = dense("between", &shape, kept, Mode::Write);
    let y = dense("y", &shape, ROWS, Mode::Write);
    if !streamed {
        l.repeat("r", 0usize, ROWS, |l, r| conv_row(l, &x, &w1, &between, &r));
        l.repeat("r", 0usize, ROWS, |l, r| conv_row(l, &between, &w2, &y, &r));
        return l.finish();
    }
    let between = between.ringed(0, 3);
    // Row r of the result reads rows r - 1 to r + 1 between, so one row is made ahead. The inner
    // loops run once or not at all: they are the static conditions.
    l.repeat("t", 0usize, ROWS + 1, |l, t| {
        let ahead = t.clone().min(ROWS.into());
        l.repeat("made", ahead, (t.clone() + 1).min(ROWS.into()), |l, r| conv_row(l, &x, &w1, &between, &r));
        l.repeat("r", (t.clone() - 1).max(0usize.into()), t, |l, r| conv_row(l, &between, &w2, &y, &r));
    });
    l.finish()
}

fn run_pair(dtype: DType, streamed: bool, number: fn(usize) -> [u8; 4]) -> Vec<u8> {
    let fill = |n: usize, salt: usize| (0..n).flat_map(|i| number(i * 7919 + salt)).collect::<Vec<u8>>();
    let n = ROWS * COLUMNS * CHANNELS;
    let w = CHANNELS * 9 * CHANNELS;
    let kept = if streamed { 3 * COLUMNS * CHANNELS } else { n };
    let mut buffers = [fill(n, 1), fill(w, 2), fill(w, 3), vec![0; 4 * kept], vec![0; 4 * n]];
    call(&[pair(dtype, streamed)], FnId(0), &mut buffers, &[]).unwrap();
    let [.., y] = buffers;
    y
}

#[test]
fn a_row_streamed_pair_of_convolutions_is_the_pair() {
    let int: fn(usize) -> [u8; 4] = |i| ((i % 255) as i32 - 127).to_le_bytes();
    let float: fn(usize) -> [u8; 4] = |i| ((i % 1009) as f32 / 1009.0 - 0.5).to_le_bytes();
    for (dtype, number) in [(DType::I32, int), (DType::F32, float)] {
        let whole = run_pair(dtype, false, number);
        assert!(whole.iter().any(|&b| b != 0));
        assert_eq!(run_pair(dtype, true, number), whole, "{dtype}");
    }
}

#[test]
fn a_ring_of_two_rows_is_too_short_for_the_pair() {
    let mut f = pair(DType::I32, true);
    let short = |d: &mut Dim| d.ring = d.ring.map(|_| 2);
    fn rings(body: &mut [Stmt], short: &dyn Fn(&mut Dim)) {
        for s in body {
            match s {
                Stmt::For(f) => rings(&mut f.body, short),
                Stmt::Store(s) => s.access.dims.iter_mut().for_each(short),
                Stmt::Set(_, e) => {
                    *e = e.rebuild(&|_| None, &|e| match e {
                        Expr::Load(mut l) => {
                            l.access.dims.iter_mut().for_each(short);
                            Expr::Load(l)
                        }
                        e => e,
                    });
                }
                Stmt::Let(..) | Stmt::Call(..) => {}
            }
        }
    }
    rings(&mut f.body, &short);
    let int: fn(usize) -> [u8; 4] = |i| ((i % 255) as i32 - 127).to_le_bytes();
    let fill = |n: usize, salt: usize| (0..n).flat_map(|i| int(i * 7919 + salt)).collect::<Vec<u8>>();
    let n = ROWS * COLUMNS * CHANNELS;
    let w = CHANNELS * 9 * CHANNELS;
    let mut buffers = [fill(n, 1), fill(w, 2), fill(w, 3), vec![0; 12 * COLUMNS * CHANNELS], vec![0; 4 * n]];
    call(&[f], FnId(0), &mut buffers, &[]).unwrap();
    assert_ne!(buffers[4], run_pair(DType::I32, false, int));
}
