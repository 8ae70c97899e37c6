//! Small programs built by hand that together use every expression and statement of the loop IR.
//!
//! Longer than 400 lines: a list of cases, each short.

use std::sync::Arc;
use tinyc_core::loops::{
    Access, Arg, Binary, Buf, Buffer, BufferId, CallArg, Cast, Compare, Dim, Expr, FnId, Function, Index, Library,
    Load, Lower, Mode, Place, Port, Program, Reduce, Scalar, Step, Stmt, Store, Ty, Unary,
};
use tinyc_core::tensor::{Data, Tensor};
use tinyc_core::types::{DType, TensorType};

/// A program and inputs to run it on.
pub struct Case {
    pub program: Program,
    pub inputs: Vec<Tensor>,
}

fn dtype(s: Scalar) -> DType {
    match s {
        Scalar::I1 | Scalar::I8 => DType::I8,
        Scalar::I16 => DType::I16,
        Scalar::I32 => DType::I32,
        Scalar::I64 => DType::I64,
        Scalar::F32 => DType::F32,
        Scalar::F64 => DType::F64,
    }
}

const INTS: [Scalar; 4] = [Scalar::I8, Scalar::I16, Scalar::I32, Scalar::I64];
const FLOATS: [Scalar; 2] = [Scalar::F32, Scalar::F64];

/// Interesting values of a type.
fn edges(s: Scalar) -> Tensor {
    let ints: Vec<i64> = {
        let top = 1i64.checked_shl(s.bits() - 1).unwrap_or_default().wrapping_sub(1);
        vec![0, 1, -1, 2, -2, 3, 7, -7, 8, 31, 33, -100, 100, top, top - 1, -top, (-top).wrapping_sub(1)]
    };
    let floats = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        0.999_999,
        -0.999_999,
        127.0,
        127.5,
        128.0,
        -128.5,
        -129.0,
        255.5,
        256.0,
        32767.9,
        -32769.0,
        65536.0,
        2_147_483_520.0,
        2_147_483_648.0,
        -2_147_483_648.0,
        -2_147_483_904.0,
        4_294_967_040.0,
        4_294_967_296.0,
        9.223_372e18,
        -9.223_372e18,
        1e19,
        2e19,
        1e-40,
        3e38,
        -3e38,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        88.5,
        -103.5,
    ];
    let data = match s {
        Scalar::I1 | Scalar::I8 => Data::I8(ints.iter().map(|&v| v as i8).collect()),
        Scalar::I16 => Data::I16(ints.iter().map(|&v| v as i16).collect()),
        Scalar::I32 => Data::I32(ints.iter().map(|&v| v as i32).collect()),
        Scalar::I64 => Data::I64(ints),
        Scalar::F32 => Data::F32(floats.iter().map(|&v| v as f32).collect()),
        Scalar::F64 => Data::F64(floats.to_vec()),
    };
    Tensor::new(vec![data.len()], data).unwrap()
}

/// All pairs of the edges, as two tensors.
fn pairs(s: Scalar) -> (Tensor, Tensor) {
    let e = edges(s);
    let n = e.shape()[0];
    let pick = |f: fn(usize, usize) -> usize| {
        Tensor::new(vec![n * n], e.data().gather((0..n * n).map(move |i| f(i, n)))).unwrap()
    };
    (pick(|i, n| i / n), pick(|i, n| i % n))
}

/// Reads element `i` of a buffer.
pub fn load(buffer: Buf, i: impl Into<Index>, s: impl Into<Ty>) -> Expr {
    Expr::Load(Box::new(Load { access: at(buffer, i), ty: s.into(), otherwise: None, mask: None }))
}

pub fn at(buffer: Buf, i: impl Into<Index>) -> Access {
    Access { buffer, offset: 0, dims: vec![Dim { index: i.into(), stride: 1, ring: None, bound: None }] }
}

pub fn store(buffer: Buf, i: impl Into<Index>, value: Expr) -> Stmt {
    Stmt::Store(Store { access: at(buffer, i), value, mask: None })
}

/// A program of one function whose buffers are the inputs and then the outputs.
pub fn single(function: Function, inputs: Vec<Tensor>, outputs: &[TensorType]) -> Case {
    let name = function.name.clone();
    many(&name, vec![function], inputs, outputs)
}

/// The last function is the step; the others are called by it.
pub fn many(name: &str, functions: Vec<Function>, inputs: Vec<Tensor>, outputs: &[TensorType]) -> Case {
    let mut buffers = Vec::new();
    let mut port = |name: String, ty: TensorType, place: Place| {
        let elem = Scalar::of(ty.dtype).unwrap();
        buffers.push(Buffer { name: name.clone(), dtype: ty.dtype, elem, len: ty.elements(), place });
        Port { name, ty, buffer: BufferId(buffers.len() as u32 - 1) }
    };
    let ins: Vec<Port> =
        inputs.iter().enumerate().map(|(i, t)| port(format!("input {i}"), t.ty(), Place::Input(i))).collect();
    let outs: Vec<Port> =
        outputs.iter().enumerate().map(|(i, t)| port(format!("output {i}"), t.clone(), Place::Output(i))).collect();
    let args = (0..buffers.len()).map(|i| Arg::Buffer(BufferId(i as u32))).collect();
    let function = FnId(functions.len() as u32 - 1);
    let step = Step { function, args, origins: vec![name.into()], comment: "by hand".into(), macs: 0 };
    let program = Program {
        name: name.to_owned(),
        functions,
        buffers,
        steps: vec![step],
        inputs: ins,
        outputs: outs,
        arena_bytes: 0,
        arena_align: 1,
    };
    Case { program, inputs }
}

pub fn tensor_type(s: Scalar, n: usize) -> TensorType {
    TensorType::new(dtype(s), vec![n])
}

/// `y[k][i] = f_k(a[i], b[i])`; truth values are stored as bytes.
fn table(name: &str, s: Scalar, out: Scalar, f: impl Fn(Expr, Expr) -> Vec<Expr>) -> Case {
    let (a, b) = pairs(s);
    let n = a.shape()[0];
    let mut l = Lower::new(name);
    let (x, y) = (l.buffer("a", s, n, Mode::Read), l.buffer("b", s, n, Mode::Read));
    let count = f(load(x, 0usize, s), load(y, 0usize, s)).len();
    let z = l.buffer("y", out, n * count, Mode::Write);
    for k in 0..count {
        l.repeat("i", 0usize, n, |l, i| {
            let p = l.bind("p", load(x, i.clone(), s));
            let q = l.bind("q", load(y, i.clone(), s));
            let e = f(p, q).swap_remove(k);
            let e = if e.ty() == Ty::I1 { e.cast(Cast::ZExt, Ty::I8) } else { e };
            l.push(store(z, i + (k * n) as i64, e));
        });
    }
    single(l.finish(), vec![a, b], &[tensor_type(out, n * count)])
}

const BINARY: [Binary; 17] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::UDiv,
    Binary::Rem,
    Binary::URem,
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::Shl,
    Binary::Shr,
    Binary::UShr,
    Binary::Min,
    Binary::UMin,
    Binary::Max,
    Binary::UMax,
];
const FLOAT_BINARY: [Binary; 6] = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Min, Binary::Max];
const COMPARE: [Compare; 6] = [Compare::Eq, Compare::Ne, Compare::Lt, Compare::Le, Compare::ULt, Compare::ULe];

/// Every operation on two integers, plain, nested and with constants.
fn integers(s: Scalar) -> Case {
    table(&format!("ints_{s}"), s, s, |a, b| {
        let c = |v| Expr::int(s, v);
        let mut out: Vec<Expr> = BINARY.iter().map(|op| Expr::binary(*op, a.clone(), b.clone())).collect();
        for v in [-1, 0, 3] {
            out.extend(BINARY.iter().map(|op| Expr::binary(*op, a.clone(), c(v))));
        }
        for (i, op) in BINARY.into_iter().enumerate() {
            let e = Expr::binary(op, a.clone(), b.clone());
            out.push(match i % 3 {
                0 => Expr::binary(op, c(-7), e.clone()),
                1 => Expr::binary(op, a.clone() * b.clone(), e.unary(Unary::Neg)),
                _ => e.unary(Unary::Not) + c(i64::MAX),
            });
            let less = Expr::compare(Compare::ULt, a.clone() + c(9), Expr::binary(op, b.clone(), a.clone()));
            out.push(less.select(Expr::binary(op, a.clone(), b.clone()), a.clone() * c(3)));
        }
        out
    })
}

fn floats(s: Scalar) -> Case {
    table(&format!("floats_{s}"), s, s, |a, b| {
        let mut out: Vec<Expr> = FLOAT_BINARY.iter().map(|op| Expr::binary(*op, a.clone(), b.clone())).collect();
        out.extend(FLOAT_BINARY.iter().map(|op| Expr::binary(*op, a.clone().unary(Unary::Neg), a.clone() - b.clone())));
        for v in [0.0, -0.0, 0.1, -3e-41, 3.402_823_4e38, 16_777_216.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            out.push(a.clone() * Expr::number(s, v));
            out.push(Expr::number(s, v).min(b.clone()) - (a.clone() - b.clone()));
        }
        out
    })
}

fn comparisons(s: Scalar) -> Case {
    table(&format!("compare_{s}"), s, Scalar::I8, |a, b| {
        let ops = if s.is_float() { &COMPARE[..4] } else { &COMPARE };
        let all: Vec<Expr> = ops.iter().map(|op| Expr::compare(*op, a.clone(), b.clone())).collect();
        let mut out = all.clone();
        for (p, q) in all.iter().zip(all.iter().skip(1)) {
            for op in [Binary::And, Binary::Or, Binary::Xor] {
                out.push(Expr::binary(op, p.clone(), q.clone().unary(Unary::Not)));
            }
            out.push(Expr::compare(Compare::Eq, p.clone(), q.clone()));
            out.push(Expr::compare(Compare::Ne, p.clone() & q.clone(), q.clone() | p.clone()));
            out.push(p.clone().select(q.clone(), p.clone()).select(q.clone(), Expr::int(Scalar::I1, 1)));
        }
        out
    })
}

/// All conversions to `to` that the type has.
fn casts(from: Scalar, to: Scalar) -> Option<Case> {
    let wider = to.bits() > from.bits();
    let casts: Vec<Cast> = match (from.is_float(), to.is_float()) {
        (false, false) if wider => vec![Cast::SExt, Cast::ZExt],
        (false, false) if to.bits() < from.bits() => vec![Cast::Trunc],
        (true, true) if from != to => vec![Cast::FpCast],
        (true, false) if from.bits() == to.bits() => vec![Cast::FpToSi, Cast::FpToUi, Cast::Bits],
        (true, false) => vec![Cast::FpToSi, Cast::FpToUi],
        (false, true) if from.bits() == to.bits() => vec![Cast::SiToFp, Cast::UiToFp, Cast::Bits],
        (false, true) => vec![Cast::SiToFp, Cast::UiToFp],
        _ => return None,
    };
    Some(table(&format!("cast_{from}_{to}"), from, to, |a, b| {
        let mut out = Vec::new();
        for c in &casts {
            out.push(a.clone().cast(*c, to));
            if !from.is_float() {
                out.push((a.clone() + b.clone()).cast(*c, to));
                out.push(Expr::binary(Binary::UShr, a.clone(), Expr::int(from, 3)).cast(*c, to));
            }
            if !from.is_float() && !to.is_float() {
                out.push(a.clone().cast(*c, to) * b.clone().cast(*c, to) + a.clone().cast(*c, to));
                out.push(a.clone().cast(*c, to).unary(Unary::Neg));
            }
        }
        if !from.is_float() && !to.is_float() && wider {
            let bit = a.clone().cast(Cast::Trunc, Ty::I1);
            out.push(bit.clone().cast(Cast::SExt, to));
            out.push(bit.cast(Cast::ZExt, to) + Expr::int(to, 1));
        }
        out
    }))
}

/// Every library function on pairs of edges (its third operand is the first again).
fn library() -> Vec<Case> {
    let scalar = |f: &&Library| {
        let d = f.definition();
        d.result.ty().lanes == 1 && d.params.iter().all(|p| p.lanes == 1 && *p == d.params[0])
    };
    let one = |f: &Library| {
        let d = f.definition();
        let s = d.params[0].scalar;
        table(&format!("library_{}", f.name()), s, d.result.ty().scalar, |a, b| {
            let args: Vec<Expr> = [a.clone(), b, a].into_iter().take(d.params.len()).collect();
            vec![f.call(args)]
        })
    };
    Library::ALL.iter().filter(scalar).map(one).collect()
}

/// Index arithmetic of all kinds, rings and guards.
fn indices() -> Case {
    let n = 24;
    let x: Vec<i32> = (0..n).map(|i| i * 7 % 31 - 9).collect();
    let mut l = Lower::new("indices");
    let a = l.buffer("x", Scalar::I32, n as usize, Mode::Read);
    let y = l.buffer("y", Scalar::I32, 24 * 8, Mode::Write);
    let table: Arc<[i32]> = Arc::from([3, 1, 4, 1, 5, 9, 2, 6]);
    l.repeat("i", 0usize, 6usize, |l, i| {
        l.repeat_by("j", i.clone() - 2, i.clone() + 2, 1, |l, j| {
            let row = i.clone() * 4 + (j.clone() - i.clone() + 2);
            let value = |i: Index| Expr::Index(i, Scalar::I32);
            let guarded = |index: Index, bound: i64| {
                let dims = vec![
                    Dim { index: index.clone(), stride: 3, ring: None, bound: Some(bound) },
                    Dim { index: i.clone() - 1, stride: 1, ring: Some(3), bound: None },
                ];
                let access = Access { buffer: a, offset: 2, dims };
                let otherwise = Some(Expr::int(Scalar::I32, -77));
                Expr::Load(Box::new(Load { access, ty: Ty::I32, otherwise, mask: None }))
            };
            let data = load(a, row.clone(), Scalar::I32) - Expr::int(Scalar::I32, 4);
            let values = [
                value(j.clone().floor_div(3)),
                value(j.clone().modulo(3) * -2 - (i.clone() - j.clone())),
                value(j.clone().min(i.clone() * 2 - 3).max(Index::constant(-1))),
                value(Index::lookup(table.clone(), (j.clone() + 2).modulo(8)) * 5 - 1),
                guarded(j.clone(), 5),
                guarded(i.clone(), 6),
                load(a, Index::data(data.clone(), 24), Scalar::I32),
                load(a, Index::data(data.cast(Cast::SExt, Ty::I64) * Expr::int(Scalar::I64, -3), 24), Scalar::I32),
            ];
            for (k, v) in values.into_iter().enumerate() {
                l.push(store(y, row.clone() + 24 * k as i64, v));
            }
        });
    });
    single(l.finish(), vec![Tensor::of(vec![n as usize], x)], &[tensor_type(Scalar::I32, 24 * 8)])
}

/// Carried state, steps, guarded stores, reinterpreting loads and stores, calls with offsets.
fn statements() -> Case {
    let mut inner = Lower::new("row sum");
    let x = inner.buffer("x", Scalar::I8, 4, Mode::Read);
    let y = inner.buffer("y", Scalar::I32, 1, Mode::Write);
    let bias = inner.index_param("bias");
    let unused = inner.index_param("unused");
    let _ = unused;
    let total = inner.reduce("sum", Expr::Index(bias, Scalar::I32), &[4], |_, i, acc| {
        acc + load(x, i[0].clone(), Scalar::I8).cast(Cast::SExt, Ty::I32)
    });
    inner.push(store(y, 0usize, total));

    let mut l = Lower::new("statements");
    let a = l.buffer("int", Scalar::I8, 32, Mode::Read);
    let sums = l.buffer("sums", Scalar::I32, 8, Mode::Write);
    let words = l.buffer("words", Scalar::I32, 8, Mode::Write);
    let bytes = l.buffer("bytes", Scalar::I8, 32, Mode::Write);
    l.repeat("i", 0usize, 8usize, |l, i| {
        l.push(Stmt::Call(
            FnId(0),
            vec![
                CallArg::Buffer(a, i.clone() * 4),
                CallArg::Buffer(sums, i.clone()),
                CallArg::Index(i.clone() * 10 - 5),
                CallArg::Index(Index::constant(0)),
            ],
        ));
        let word = load(a, i.clone() * 4, Ty::I32);
        let word = l.bind("word", word);
        let dead = l.bind("never read", word.clone() + Expr::int(Scalar::I32, 1));
        let _ = dead;
        let access = Access {
            buffer: words,
            offset: 0,
            dims: vec![Dim { index: i.clone() * 2 - 3, stride: 1, ring: None, bound: Some(8) }],
        };
        l.push(Stmt::Store(Store { access, value: word.clone(), mask: None }));
        let swapped = word.clone() * Expr::int(Scalar::I32, 0x0101_0101);
        l.push(Stmt::Store(Store { access: at(bytes, i * 4), value: swapped, mask: None }));
    });
    // Words that the guarded store leaves out.
    l.repeat_by("i", 0usize, 8usize, 2, |l, i| l.push(store(words, i.clone(), Expr::Index(i, Scalar::I32))));
    let input = Tensor::of(vec![32], (0..32).map(|i| (i * 37 % 256) as u8 as i8).collect::<Vec<i8>>());
    let outputs = [tensor_type(Scalar::I32, 8), tensor_type(Scalar::I32, 8), tensor_type(Scalar::I8, 32)];
    many("statements", vec![inner.finish(), l.finish()], vec![input], &outputs)
}

/// Operations on vectors: all that scalars have, masks, reductions, masked loads and stores.
fn vectors(s: Scalar, lanes: u16) -> Case {
    let (a, b) = pairs(s);
    let n = a.shape()[0] / usize::from(lanes) * usize::from(lanes);
    let ty = Ty::vector(s, lanes);
    let mut l = Lower::new(format!("vectors_{ty}"));
    let (x, y) = (l.buffer("a", s, a.shape()[0], Mode::Read), l.buffer("b", s, a.shape()[0], Mode::Read));
    let ops: &[Binary] = if s.is_float() { &FLOAT_BINARY } else { &BINARY };
    let compares: &[Compare] = if s.is_float() { &COMPARE[..4] } else { &COMPARE };
    let count = ops.len() + compares.len() + 4;
    let z = l.buffer("y", s, n * count, Mode::Write);
    let r = l.buffer("r", s, n / usize::from(lanes) * 4, Mode::Write);
    l.repeat_by("i", 0usize, n, i64::from(lanes), |l, i| {
        let p = l.bind("p", load(x, i.clone(), ty));
        let q = l.bind("q", load(y, i.clone(), ty));
        let mut out: Vec<Expr> = ops.iter().map(|op| Expr::binary(*op, p.clone(), q.clone())).collect();
        out.extend(compares.iter().map(|c| Expr::compare(*c, p.clone(), q.clone()).select(p.clone(), q.clone())));
        out.push(p.clone().unary(Unary::Neg));
        let mask = l.bind("mask", p.clone().lt(q.clone()) ^ p.clone().equal(q.clone()).unary(Unary::Not));
        let masked = Load { access: at(x, i.clone()), ty, otherwise: None, mask: Some(mask.clone()) };
        out.push(Expr::Load(Box::new(masked)));
        let first = Expr::Lane(lanes - 1, Box::new(q.clone()));
        out.push(Expr::Splat(lanes, Box::new(first)));
        let each = (0..lanes).rev().map(|k| Expr::Lane(k, Box::new(p.clone()))).collect();
        out.push(Expr::Lanes(each));
        for (k, e) in out.into_iter().enumerate() {
            l.push(store(z, i.clone() + (k * n) as i64, e));
        }
        // Lanes outside of the mask keep what the line before wrote.
        let kept = Store { access: at(z, i.clone()), value: q.clone(), mask: Some(mask) };
        l.push(Stmt::Store(kept));
        let row = i.floor_div(i64::from(lanes)) * 4;
        for (k, op) in [Reduce::Add, Reduce::Min, Reduce::Max].into_iter().enumerate() {
            l.push(store(r, row.clone() + k as i64, Expr::Reduce(op, Box::new(q.clone()))));
        }
        l.push(store(r, row + 3, Expr::Lane(1, Box::new(p))));
    });
    let outputs = [tensor_type(s, n * count), tensor_type(s, n / usize::from(lanes) * 4)];
    single(l.finish(), vec![a, b], &outputs)
}

/// Conversions of vectors, and a vector that stands for a scalar of another width.
fn vector_casts() -> Case {
    let (a, _) = pairs(Scalar::I8);
    let n = a.shape()[0] / 8 * 8;
    let mut l = Lower::new("vector_casts");
    let x = l.buffer("a", Scalar::I8, a.shape()[0], Mode::Read);
    let y = l.buffer("y", Scalar::I32, n * 3, Mode::Write);
    let f = l.buffer("f", Scalar::F32, n, Mode::Write);
    l.repeat_by("i", 0usize, n, 8, |l, i| {
        let v = l.bind("v", load(x, i.clone(), Ty::vector(Scalar::I8, 8)));
        let wide = |c| v.clone().cast(c, Ty::vector(Scalar::I32, 8));
        l.push(store(y, i.clone(), wide(Cast::SExt)));
        l.push(store(y, i.clone() + n as i64, wide(Cast::ZExt)));
        l.push(store(y, i.clone() + 2 * n as i64, Expr::Const(tinyc_core::loops::Const::int(Scalar::I32, -5), 8)));
        l.push(store(f, i, wide(Cast::SExt).cast(Cast::SiToFp, Ty::vector(Scalar::F32, 8))));
    });
    single(l.finish(), vec![a], &[tensor_type(Scalar::I32, n * 3), tensor_type(Scalar::F32, n)])
}

/// Two layers that share the arena, constants that are equal, functions that are equal, odd names.
pub fn network(arena_io: bool) -> Case {
    let dense = |name: &str, n: usize, m: usize| {
        let mut l = Lower::new(name);
        let x = l.buffer("x", Scalar::F32, n, Mode::Read);
        let w = l.buffer("w", Scalar::F32, n * m, Mode::Read);
        let b = l.buffer("b", Scalar::F32, m, Mode::Read);
        let y = l.buffer("y", Scalar::F32, m, Mode::Write);
        l.repeat("o", 0usize, m, |l, o| {
            let sum = l.reduce("acc", load(b, o.clone(), Scalar::F32), &[n], |_, i, acc| {
                let row = o.clone() * n as i64;
                acc + load(x, i[0].clone(), Scalar::F32) * load(w, row + i[0].clone(), Scalar::F32)
            });
            l.push(store(y, o, sum.max(Expr::f32(0.0))));
        });
        l.finish()
    };
    let ty = |n: usize| TensorType::new(DType::F32, vec![1, n]);
    let weights = |seed: usize, n: usize| {
        let v = (0..n).map(|i| ((i * 29 + seed * 13) % 17) as f32 / 8.0 - 1.0).collect();
        Place::Const(Arc::new(Tensor::of::<f32>(vec![n], v)))
    };
    let buffer = |name: &str, len: usize, place: Place| Buffer {
        name: name.to_owned(),
        dtype: DType::F32,
        elem: Scalar::F32,
        len,
        place,
    };
    let (input, output) =
        if arena_io { (Place::Arena(64), Place::Arena(80)) } else { (Place::Input(0), Place::Output(0)) };
    let buffers = vec![
        buffer("in", 4, input),
        buffer("fc/1.weight", 16, weights(1, 16)),
        buffer("fc/1.bias", 4, weights(2, 4)),
        buffer("fc/2.weight", 16, weights(1, 16)),
        buffer("größe", 4, weights(3, 4)),
        buffer("h1", 4, Place::Arena(0)),
        buffer("h2", 4, Place::Arena(16)),
        buffer("out", 4, output),
    ];
    let step = |function, args: [u32; 4], origin: &str| Step {
        function: FnId(function),
        args: args.iter().map(|i| Arg::Buffer(BufferId(*i))).collect(),
        origins: vec![origin.into(), "relu".into()],
        comment: "f32[1,4] -> f32[1,4]".into(),
        macs: 16,
    };
    let steps = vec![
        step(0, [0, 1, 2, 5], "/fc1/*Gemm*/"),
        step(1, [5, 3, 4, 6], "fc2 ??/ \u{e9}\n"),
        step(0, [6, 1, 2, 7], "fc3"),
    ];
    let program = Program {
        name: "tiny-net".into(),
        functions: vec![dense("dense", 4, 4), dense("same dense", 4, 4)],
        buffers,
        steps,
        inputs: vec![Port { name: "in \"put\"".into(), ty: ty(4), buffer: BufferId(0) }],
        outputs: vec![Port { name: "out".into(), ty: ty(4), buffer: BufferId(7) }],
        arena_bytes: if arena_io { 96 } else { 32 },
        arena_align: 8,
    };
    Case { program, inputs: vec![Tensor::of::<f32>(vec![1, 4], vec![0.5, -1.0, 2.0, 0.25])] }
}

/// One program that does what all of them do.
fn join(name: &str, cases: Vec<Case>) -> Case {
    let mut all = cases.into_iter();
    let mut out = all.next().unwrap();
    out.program.name = name.to_owned();
    for case in all {
        let (to, from) = (&mut out.program, case.program);
        let (f0, b0) = (to.functions.len() as u32, to.buffers.len() as u32);
        let (i0, o0) = (to.inputs.len(), to.outputs.len());
        to.functions.extend(from.functions.into_iter().map(|mut f| {
            shift_calls(&mut f.body, f0);
            f
        }));
        to.buffers.extend(from.buffers.into_iter().map(|b| Buffer {
            place: match b.place {
                Place::Input(i) => Place::Input(i0 + i),
                Place::Output(i) => Place::Output(o0 + i),
                place => place,
            },
            ..b
        }));
        to.steps.extend(from.steps.into_iter().map(|s| Step {
            function: FnId(f0 + s.function.0),
            args: (0..s.args.len()).map(|i| Arg::Buffer(BufferId(b0 + i as u32))).collect(),
            ..s
        }));
        let moved = |p: Port| Port { buffer: BufferId(b0 + p.buffer.0), ..p };
        to.inputs.extend(from.inputs.into_iter().map(moved));
        to.outputs.extend(from.outputs.into_iter().map(moved));
        out.inputs.extend(case.inputs);
    }
    out
}

fn shift_calls(block: &mut [Stmt], by: u32) {
    for s in block {
        match s {
            Stmt::For(f) => shift_calls(&mut f.body, by),
            Stmt::Call(f, _) => f.0 += by,
            _ => {}
        }
    }
}

/// Every operation on scalars: of all integers and of these floats.
pub fn scalars_of(float_types: &[Scalar]) -> Case {
    let mut out: Vec<Case> = INTS.into_iter().map(integers).collect();
    out.extend(float_types.iter().copied().map(floats));
    let every = INTS.into_iter().chain(float_types.iter().copied());
    out.extend(every.clone().map(comparisons));
    for from in every.clone() {
        out.extend(every.clone().filter_map(|to| casts(from, to)));
    }
    out.extend(library());
    out.extend([indices(), statements()]);
    join("scalars", out)
}

pub fn scalars() -> Case {
    scalars_of(&FLOATS)
}

/// Vectors of integers of at most 32 bits.
pub fn vector_ops() -> Case {
    vector_ops_of(&[])
}

/// The same and these.
pub fn vector_ops_of(more: &[(Scalar, u16)]) -> Case {
    let mut out = vec![vector_casts()];
    out.extend([(Scalar::I8, 16), (Scalar::I16, 8), (Scalar::I32, 4)].map(|(s, n)| vectors(s, n)));
    out.extend([(Scalar::I8, 4), (Scalar::I32, 8)].map(|(s, n)| vectors(s, n)));
    out.extend(more.iter().map(|&(s, n)| vectors(s, n)));
    join("vectors", out)
}
