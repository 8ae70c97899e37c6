//! Integer convolution channel by channel by micro-kernels: it computes what the operator does, and
//! takes as many instructions as it should.

use crate::micro::{C, CLANG, GCC, count, has_assembly, interpreted, named};
use crate::programs::{Case, tensor_type};
use crate::{options, print};
use std::sync::Arc;
use tinyc_codegen::block::Sums;
use tinyc_codegen::channelwise::{Kernels, Layer};
use tinyc_codegen::cost;
use tinyc_codegen::planes::Planes;
use tinyc_codegen::targets::Target;
use tinyc_core::loops::{
    Arg, Buffer, BufferId, FnId, Function, Index, Lower, Mode, Place, Port, Program, Scalar, Step,
};
use tinyc_core::ops::window::Window;
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;
use tinyc_testsuite::cc;

/// A layer of so many channels, and what it has to compute.
fn layer(p: &Planes, channels: usize) -> (Case, Vec<i64>) {
    let (rows, columns) = (&p.rows, &p.columns);
    let (inputs, outputs) = (rows.input * columns.input, rows.output * columns.output);
    let mut r = Random::new(11);
    let taps = rows.kernel * columns.kernel;
    let weights: Vec<i8> = (0..channels * taps).map(|_| (r.bits() as i8).max(-127)).collect();
    let x: Vec<u8> = (0..inputs * channels).map(|_| r.bits() as u8).collect();
    let element = |v: u8| if p.signed { i64::from(v as i8) } else { i64::from(v) };
    let (mut parameters, mut want) = (Vec::new(), vec![0; outputs * channels]);
    for c in 0..channels {
        let (bias, scale) = (700 * c as i64 - 3_000, (1 << 26) / taps as i64 + (c as i64) * 1_000_000);
        let w = &weights[c * taps..(c + 1) * taps];
        let moved = bias - i64::from(p.zero) * w.iter().map(|&w| i64::from(w)).sum::<i64>();
        parameters.extend(p.parameters(moved as i32, scale as i32, w));
        for (q, y) in want.chunks_exact_mut(channels).enumerate() {
            let (oh, ow) = (q / columns.output, q % columns.output);
            let mut sum = bias;
            for (t, w) in w.iter().enumerate() {
                let place = (rows.input_at(oh, t / columns.kernel), columns.input_at(ow, t % columns.kernel));
                if let (Some(i), Some(j)) = place {
                    sum += (element(x[(i * columns.input + j) * channels + c]) - i64::from(p.zero)) * i64::from(*w);
                }
            }
            let Sums::Narrow { shift, zero, range: (lo, hi) } = p.result else { unreachable!("results are bytes") };
            let scaled = ((sum << shift) * scale + (1 << 31)) >> 32;
            y[c] = (scaled + i64::from(zero)).clamp(lo, hi);
        }
    }
    let mut l = Lower::new("layer");
    let xb = l.buffer("x", Scalar::I8, x.len(), Mode::Read);
    let pb = l.buffer("p", Scalar::I32, parameters.len(), Mode::Read);
    let tb = l.buffer("t", Scalar::I32, 4 * p.plane_words(), Mode::ReadWrite);
    let yb = l.buffer("y", Scalar::I8, want.len(), Mode::Write);
    let mut functions: Vec<Function> = Vec::new();
    let zero = || Index::constant(0);
    let kernels = Kernels::of(p, &mut |f| {
        functions.push(f);
        FnId(functions.len() as u32 - 1)
    });
    let layer = Layer {
        planes: p,
        channels,
        input: (xb, zero()),
        scratch: tb,
        parameters: pb,
        shared: false,
        output: (yb, zero()),
    };
    layer.lower(&mut l, &kernels);
    let step = Step {
        function: FnId(functions.len() as u32),
        args: (0..4).map(|i| Arg::Buffer(BufferId(i))).collect(),
        origins: vec![],
        comment: String::new(),
        macs: (want.len() * taps) as u64,
    };
    functions.push(l.finish());
    let buffer = |name: &str, dtype, elem, len, place| Buffer { name: name.into(), dtype, elem, len, place };
    let constants = Place::Const(Arc::new(Tensor::of(vec![parameters.len()], parameters.clone())));
    let buffers = vec![
        buffer("x", DType::I8, Scalar::I8, x.len(), Place::Input(0)),
        buffer("p", DType::I32, Scalar::I32, parameters.len(), constants),
        buffer("t", DType::I32, Scalar::I32, 4 * p.plane_words(), Place::Arena(0)),
        buffer("y", DType::I8, Scalar::I8, want.len(), Place::Output(0)),
    ];
    let port = |name: &str, t: usize, buffer| Port { name: name.into(), ty: tensor_type(Scalar::I8, t), buffer };
    let program = Program {
        name: "model".into(),
        functions,
        buffers,
        steps: vec![step],
        inputs: vec![port("x", x.len(), BufferId(0))],
        outputs: vec![port("y", want.len(), BufferId(3))],
        arena_bytes: 16 * p.plane_words(),
        arena_align: 8,
    };
    let x = Tensor::of(vec![x.len()], x.into_iter().map(|v| v as i8).collect::<Vec<_>>());
    (Case { program, inputs: vec![x] }, want)
}

fn window(input: usize, kernel: usize, stride: usize, dilation: usize, (before, after): (usize, usize)) -> Window {
    let output = (input + before + after - ((kernel - 1) * dilation + 1)) / stride + 1;
    Window { input, kernel, stride, dilation, before, after, output }
}

fn planes(rows: Window, columns: Window, channels: usize, band: usize) -> Planes {
    Planes {
        rows,
        columns,
        signed: true,
        zero: -5,
        result: Sums::Narrow { shift: 0, zero: -3, range: (-128, 127) },
        band,
        input: [columns.input * channels, channels],
        output: [columns.output * channels, channels],
        compact: false,
        unit: None,
    }
}

fn check(p: &Planes, channels: usize, what: &str) -> Case {
    let (case, want) = layer(p, channels);
    let got = interpreted(&case);
    let got: Vec<i64> = got[0].as_slice::<i8>().unwrap().iter().map(|&v| i64::from(v)).collect();
    let want: Vec<i64> = want.iter().map(|&v| i64::from(v as u8 as i8)).collect();
    assert_eq!(got, want, "{what}: {p:?}");
    named(case)
}

/// Rows, columns, kernel, stride, padding in front and behind, channels, rows of a band; at most so many thousandths of an
/// instruction a multiplication.
type Measured = (usize, usize, usize, usize, (usize, usize), usize, usize, u64);
const LAYERS: [Measured; 6] = [
    (25, 5, 3, 1, (1, 1), 64, 25, 1750),
    (25, 5, 3, 1, (1, 1), 64, 13, 1850),
    (48, 48, 3, 1, (1, 1), 8, 8, 1750),
    (48, 48, 3, 2, (0, 1), 16, 8, 2550),
    (6, 6, 3, 1, (1, 1), 128, 6, 1750),
    (12, 12, 5, 1, (2, 2), 16, 6, 1300),
];

#[test]
fn channels_take_as_many_instructions_as_they_should() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    for (h, w, k, stride, pads, channels, band, most) in LAYERS {
        let p = planes(window(h, k, stride, 1, pads), window(w, k, stride, 1, pads), channels, band);
        let what = format!("{k}x{k}/{stride} of {h}x{w}x{channels}, {band} rows");
        let case = check(&p, channels, &what);
        assert!(has_assembly(&print(&case, &options("cortex-m4"))));
        let macs = (p.rows.output * p.columns.output * k * k * channels) as u64;
        let want = interpreted(&case);
        let share = |n: u64| n as f64 / macs as f64;
        let naked = count(&case, &want, GCC, &["-O3"]);
        let target = Target::find("cortex-m4").unwrap();
        let estimated = cost::steps(&case.program, target, &target.instructions.unwrap())[0] / naked as f64;
        let c = count(&case, &want, GCC, &["-O3", C]);
        print!("{what}: {:.3} in assembly ({estimated:.3} of it estimated), {:.3} in C", share(naked), share(c));
        if cc::have(CLANG) {
            let [naked, c] = [&["-O3"][..], &["-O3", C]].map(|flags| count(&case, &want, CLANG, flags));
            print!("; clang {:.3} and {:.3}", share(naked), share(c));
            assert!(naked * 1000 <= macs * most, "{what}: {naked} of {macs} with clang");
        }
        println!("; {} bytes of scratch", 16 * p.plane_words());
        assert!((estimated - 1.0).abs() < 0.05, "{what}: {estimated}");
        assert!(naked * 1000 <= macs * most, "{what}: {naked} of {macs}");
    }
}
