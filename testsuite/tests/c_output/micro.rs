//! Micro-kernels: the assembly and the C of each compute what the interpreter computes, on the emulated
//! Cortex-M4, and take as many instructions as they should; so do kernels made at random.

use crate::programs::{Case, load, many, store, tensor_type};
use crate::{assert_same, excerpt, options, prefix, print};
use std::sync::Arc;
use tinyc_codegen::block::{Block, Inputs, Sums, Weights, centered};
use tinyc_codegen::c::Emitted;
use tinyc_codegen::cost;
use tinyc_codegen::micro;
use tinyc_codegen::targets::Target;
use tinyc_core::loops::{
    Arg, Binary, Buf, Buffer, BufferId, CallArg, Cast, Expr, FnId, Function, Index, Library, Local, Lower, Mode, Place,
    Port, Program, Scalar, Step, Stmt, Ty, interp,
};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;
use tinyc_testsuite::cc;

/// A layer of products: its pixels are widened, some at a time, and multiplied with the weights of some
/// channels at a time.
fn layer(block: &Block, pixels: usize, channels: usize) -> Case {
    let block = Block { stride: channels, ..block.clone() };
    let (n, q, c) = (block.depth, block.pixels, block.channels);
    let groups = channels / c;
    let mut l = Lower::new("layer");
    let x = l.buffer("x", Scalar::I8, pixels * n, Mode::Read);
    let w = l.buffer("w", Scalar::I32, block.weight_words() * groups, Mode::Read);
    let p = l.buffer("p", Scalar::I32, block.parameter_words() * groups, Mode::Read);
    let t = l.buffer("t", Scalar::I32, block.input_words(), Mode::Write);
    let y = l.buffer("y", Scalar::I8, pixels * channels, Mode::Write);
    let zero = || Index::constant(0);
    l.repeat_by("i", 0usize, pixels, q as i64, |l, i| {
        l.push(Stmt::Call(FnId(0), vec![CallArg::Buffer(x, i.clone() * n as i64), CallArg::Buffer(t, zero())]));
        l.repeat("g", 0usize, groups, |l, g| {
            let args = vec![
                CallArg::Buffer(t, zero()),
                CallArg::Buffer(w, g.clone() * block.weight_words() as i64),
                CallArg::Buffer(p, g.clone() * block.parameter_words() as i64),
                CallArg::Buffer(y, i.clone() * channels as i64 + g * c as i64),
            ];
            l.push(Stmt::Call(FnId(1), args));
        });
    });
    let mut r = Random::new(7);
    let rows: Vec<i16> = (0..channels * n).map(|_| (r.bits() as i8).max(-127).into()).collect();
    let rows = match block.totals {
        true => centered(&rows.iter().map(|w| w + 100).collect::<Vec<_>>(), n).unwrap(),
        false => rows,
    };
    let (mut weights, mut parameters) = (Vec::new(), Vec::new());
    for g in 0..groups {
        let rows = block.rows(&rows, g * c);
        let bias: Vec<i32> = (0..c as i32).map(|c| c * 999 - 4_000).collect();
        let scale: Vec<i32> = (0..c as i32).map(|c| (320_000_000 + c * 40_000_000) / n as i32).collect();
        assert!(block.holds(rows, &bias, 128));
        weights.extend(block.pack(rows).unwrap());
        parameters.extend(block.parameters(&bias, &scale));
    }
    let name = format!("layer of {c}x{q} {:?}", block.weights);
    let words = |v: Vec<i32>| Tensor::of(vec![v.len()], v);
    let x = Tensor::random(&tensor_type(Scalar::I8, pixels * n), 3);
    let constant = |t: Tensor| Place::Const(Arc::new(t));
    let buffer = |name: &str, dtype, elem, len, place| Buffer { name: name.into(), dtype, elem, len, place };
    let buffers = vec![
        buffer("x", DType::I8, Scalar::I8, pixels * n, Place::Input(0)),
        buffer("w", DType::I32, Scalar::I32, weights.len(), constant(words(weights))),
        buffer("p", DType::I32, Scalar::I32, parameters.len(), constant(words(parameters))),
        buffer("t", DType::I32, Scalar::I32, block.input_words(), Place::Arena(0)),
        buffer("y", DType::I8, Scalar::I8, pixels * channels, Place::Output(0)),
    ];
    let port = |name: &str, t: usize, buffer| Port { name: name.into(), ty: tensor_type(Scalar::I8, t), buffer };
    let step = Step {
        function: FnId(2),
        args: (0..5).map(|i| Arg::Buffer(BufferId(i))).collect(),
        origins: vec![],
        comment: String::new(),
        macs: (pixels * channels * n) as u64,
    };
    let program = Program {
        name,
        functions: vec![block.widen("widen", n, true), block.function("block"), l.finish()],
        buffers,
        steps: vec![step],
        inputs: vec![port("x", pixels * n, BufferId(0))],
        outputs: vec![port("y", pixels * channels, BufferId(4))],
        arena_bytes: 4 * block.input_words(),
        arena_align: 8,
    };
    Case { program, inputs: vec![x] }
}

fn block(channels: usize, pixels: usize, depth: usize, weights: Weights) -> Block {
    let result = Sums::Narrow { shift: 0, zero: -3, range: (-128, 127) };
    Block {
        channels,
        pixels,
        depth,
        totals: false,
        weights,
        inputs: Inputs::Wide,
        stride: channels,
        result,
        compact: false,
        unit: None,
    }
}

pub const GCC: &str = "arm-none-eabi-gcc";
pub const CLANG: &str = "clang";
/// Older releases take bare cores to fault on addresses that are not aligned.
const CLANG_FLAGS: &[&str] = &["--target=arm-none-eabi", "-ffreestanding", "-munaligned-access"];

/// Without the assembly.
pub const C: &str = "-DMODEL_USE_NAKED=0";

pub fn named(mut case: Case) -> Case {
    case.program.name = "model".into();
    case
}

pub fn interpreted(case: &Case) -> Vec<Tensor> {
    interp::run(&case.program, &case.inputs).unwrap_or_else(|e| panic!("{}: {e}", case.program.name))
}

/// Instructions of one run, whose outputs are `want`.
pub fn count(case: &Case, want: &[Tensor], compiler: &str, flags: &[&str]) -> u64 {
    let options = options("cortex-m4");
    let what = format!("{} ({compiler} {flags:?})", case.program.name);
    let emitted = print(case, &options);
    let flags = if compiler == CLANG { &[CLANG_FLAGS, flags].concat() } else { flags };
    let run = cc::count(
        cc::device("cortex-m4"),
        (compiler, flags),
        (&case.program, &case.inputs),
        (&emitted, &options, &prefix(case)),
    );
    let (instructions, got) = run.unwrap_or_else(|e| panic!("{what}: {}", excerpt(&e)));
    assert_same(&what, want, &got);
    instructions
}

pub fn has_assembly(emitted: &Emitted) -> bool {
    emitted.source.contains("_NAKED static")
}

/// At most so many thousandths of an instruction a multiplication, the layer around the block in C that gcc
/// compiles at -O3.
const LAYERS: [([usize; 5], Weights, bool, u64); 6] = [
    ([4, 2, 64, 126, 64], Weights::Wide, false, 820),
    ([2, 4, 64, 124, 64], Weights::Bytes, false, 950),
    ([2, 4, 64, 124, 64], Weights::Joined, false, 920),
    ([2, 4, 64, 124, 64], Weights::Joined, true, 960),
    ([8, 1, 640, 1, 128], Weights::Joined, false, 1000),
    ([8, 1, 640, 1, 128], Weights::Bytes, false, 1250),
];

#[test]
fn layers_take_as_many_instructions_as_they_should() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    for ([channels, q, depth, pixels, all], weights, totals, most) in LAYERS {
        let block = Block { totals, ..block(channels, q, depth, weights) };
        let case = named(layer(&block, pixels, all));
        assert!(has_assembly(&print(&case, &options("cortex-m4"))));
        let macs = (pixels * all * depth) as u64;
        let want = interpreted(&case);
        let share = |n: u64| n as f64 / macs as f64;
        let naked = count(&case, &want, GCC, &["-O3"]);
        let target = Target::find("cortex-m4").unwrap();
        let estimated = cost::steps(&case.program, target, &target.instructions.unwrap())[0] / naked as f64;
        let c = count(&case, &want, GCC, &["-O3", C]);
        print!(
            "{channels}x{q} {weights:?} {depth}{}: {:.3} in assembly ({estimated:.3} of it estimated), {:.3} in C",
            if totals { " and totals" } else { "" },
            share(naked),
            share(c)
        );
        if cc::have(CLANG) {
            let [naked, c] = [&["-O3"][..], &["-O3", C]].map(|flags| count(&case, &want, CLANG, flags));
            print!("; clang {:.3} and {:.3}", share(naked), share(c));
            assert!(naked * 1000 <= macs * most, "{channels}x{q} {weights:?}: {naked} of {macs} with clang");
        }
        println!();
        assert!((estimated - 1.0).abs() < 0.05, "{channels}x{q} {weights:?}: {estimated}");
        assert!(naked * 1000 <= macs * most, "{channels}x{q} {weights:?}: {naked} of {macs}");
    }
}

#[test]
fn assembly_and_c_agree_under_all_optimization() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    let case = named(layer(
        &Block { result: Sums::Narrow { shift: 2, zero: -3, range: (-10, 90) }, ..block(4, 2, 20, Weights::Wide) },
        4,
        8,
    ));
    let want = interpreted(&case);
    for level in ["-O0", "-O1", "-O2", "-Os", "-O3"] {
        for more in [&[][..], &[C], &["-flto", "-ffat-lto-objects"]] {
            count(&case, &want, GCC, &[&[level], more].concat());
        }
        if cc::have(CLANG) {
            for more in [&[][..], &[C]] {
                count(&case, &want, CLANG, &[&[level], more].concat());
            }
        }
    }
}

/// A kernel made at random: `a` to `c` are read, `y` and `z` read and written.
struct Maker {
    l: Lower,
    r: Random,
    read: [Buf; 3],
    y: Buf,
    z: Buf,
    n: Index,
    locals: Vec<Local>,
}

/// Elements of `y` and `z` that a kernel has.
const ROOM: usize = 48;

impl Maker {
    fn kernel(seed: u64, variables: usize) -> Function {
        let mut l = Lower::micro(format!("kernel{seed}"));
        let read =
            [(Scalar::I8, 64), (Scalar::I16, 40), (Scalar::I32, 40)].map(|(s, n)| l.buffer("x", s, n, Mode::Read));
        let y = l.buffer("y", Scalar::I32, ROOM, Mode::ReadWrite);
        let z = l.buffer("z", Scalar::I8, ROOM, Mode::ReadWrite);
        let n = l.index_param("n");
        let mut m = Maker { l, r: Random::new(seed), read, y, z, n, locals: Vec::new() };
        for _ in 0..variables {
            let value = m.value(1, None);
            let local = m.l.variable("v", value);
            m.locals.push(local);
        }
        for _ in 0..1 + m.r.below(3) {
            m.statements(None);
            let trips =
                [m.n.clone(), m.n.clone() + 1, 2usize.into(), 4usize.into(), 1usize.into()][m.r.below(5)].clone();
            m.repeat(trips);
        }
        m.statements(None);
        for i in 0..m.locals.len() {
            m.l.push(store(m.y, i, m.locals[i].into()));
        }
        m.l.finish()
    }

    fn repeat(&mut self, trips: Index) {
        let lo = self.r.below(2) as i64;
        let mut l = std::mem::replace(&mut self.l, Lower::new(""));
        l.repeat("k", lo, trips + lo, |l, k| {
            std::mem::swap(&mut self.l, l);
            self.statements(Some(&k));
            std::mem::swap(&mut self.l, l);
        });
        self.l = l;
    }

    fn statements(&mut self, k: Option<&Index>) {
        for _ in 0..self.r.below(6) {
            let value = self.value(2, k);
            let at = self.index(k);
            match self.r.below(5) {
                0 => self.l.push(store(self.y, at, value)),
                1 => self.l.push(store(self.z, at, value.cast(Cast::Trunc, Ty::I8))),
                2 => self.l.push(store(self.z, at, value)),
                _ if self.locals.is_empty() => {}
                _ => {
                    let local = self.locals[self.r.below(self.locals.len())];
                    self.l.set(local, value);
                }
            }
        }
    }

    /// Below 40.
    fn index(&mut self, k: Option<&Index>) -> Index {
        let constant = Index::from(self.r.below(12));
        let k = k.map_or(Index::constant(0), |k| k.clone() * self.r.below(4) as i64);
        constant + k + if self.r.below(4) == 0 { self.n.clone() * 2 } else { 0usize.into() }
    }

    fn value(&mut self, depth: usize, k: Option<&Index>) -> Expr {
        const CALLS: [(Library, usize); 15] = [
            (Library::Smlad, 3),
            (Library::Smlabb, 3),
            (Library::Smlatt, 3),
            (Library::Smmlar, 3),
            (Library::Sxtb16, 1),
            (Library::Sxtb16Ror8, 1),
            (Library::Ssat8, 1),
            (Library::Ssat16, 1),
            (Library::Usat8, 1),
            (Library::Uxtb16, 1),
            (Library::Uxtb16Ror8, 1),
            (Library::Smlabt, 3),
            (Library::Pkhbt, 2),
            (Library::Pkhtb, 2),
            (Library::Smlad, 3),
        ];
        const BINARY: [Binary; 8] =
            [Binary::Add, Binary::Sub, Binary::Mul, Binary::And, Binary::Or, Binary::Xor, Binary::Min, Binary::Max];
        const NUMBERS: [i64; 9] = [0, 1, -1, 255, -256, 0x12_0012, 70_000, 4095, -0x1234_5678];
        let at = self.index(k);
        if depth == 0 || self.r.below(3) == 0 {
            return match self.r.below(7) {
                0 => Expr::int(Scalar::I32, NUMBERS[self.r.below(NUMBERS.len())]),
                1 => load(self.read[0], at, Ty::I8).cast(Cast::SExt, Ty::I32),
                2 => load(self.read[1], at, Ty::I16).cast([Cast::SExt, Cast::ZExt][self.r.below(2)], Ty::I32),
                3 => load([self.read[2], self.y][self.r.below(2)], at, Ty::I32),
                4 => load([self.read[0], self.z][self.r.below(2)], at, Ty::I32),
                _ if self.locals.is_empty() => Expr::Index(self.n.clone() + 5, Scalar::I32),
                _ => self.locals[self.r.below(self.locals.len())].into(),
            };
        }
        let part = |m: &mut Maker| m.value(depth - 1, k);
        match self.r.below(8) {
            0 => part(self).cast(Cast::Trunc, Ty::I16).cast(Cast::SExt, Ty::I32),
            1 => {
                let n = Expr::int(Scalar::I32, self.r.below(32) as i64);
                let op = [Binary::Shl, Binary::Shr, Binary::UShr][self.r.below(3)];
                // gcc warns of shifts of negative constants, named ones too.
                let word = load(self.read[2], at, Ty::I32);
                Expr::binary(op, Expr::binary(Binary::Xor, word, part(self)), n)
            }
            2..=4 => {
                let op = BINARY[self.r.below(BINARY.len())];
                Expr::binary(op, part(self), part(self))
            }
            _ => {
                let (f, n) = CALLS[self.r.below(CALLS.len())];
                let args: Vec<Expr> = (0..n).map(|_| part(self)).collect();
                f.call(args)
            }
        }
    }
}

/// Kernels of these seeds, each called with some values of its parameter.
fn random_case(seeds: std::ops::Range<u64>) -> (Case, usize) {
    let kernels: Vec<Function> = seeds.map(|s| Maker::kernel(s, s as usize % 9)).collect();
    let m4 = Target::find("cortex-m4").unwrap();
    let compiled = |f: &&Function| {
        let site = |b: &tinyc_core::loops::BufferParam| micro::Site { align: b.elem.bytes(), disjoint: false };
        micro::compile(f, &f.buffers.iter().map(site).collect::<Vec<_>>(), m4).is_ok()
    };
    let compiled = kernels.iter().filter(compiled).count();
    const VALUES: [i64; 3] = [0, 1, 3];
    let mut l = Lower::new("model");
    let read = [(Scalar::I8, 64), (Scalar::I16, 40), (Scalar::I32, 40)].map(|(s, n)| l.buffer("x", s, n, Mode::Read));
    let len = kernels.len() * VALUES.len() * ROOM;
    let y = l.buffer("y", Scalar::I32, len, Mode::Write);
    let z = l.buffer("z", Scalar::I8, len, Mode::Write);
    l.repeat("i", 0usize, len, |l, i| {
        l.push(store(y, i.clone(), Expr::int(Scalar::I32, -77_777)));
        l.push(store(z, i, Expr::int(Scalar::I8, 99)));
    });
    for k in 0..kernels.len() {
        for (v, n) in VALUES.into_iter().enumerate() {
            let room = Index::from((k * VALUES.len() + v) * ROOM);
            let reads = read.map(|b| CallArg::Buffer(b, Index::constant(0)));
            let writes = [CallArg::Buffer(y, room.clone()), CallArg::Buffer(z, room), CallArg::Index(n.into())];
            l.push(Stmt::Call(FnId(k as u32), reads.into_iter().chain(writes).collect()));
        }
    }
    let mut r = Random::new(5);
    let words: Vec<i32> = (0..40).map(|_| r.bits() as i32).collect();
    let halves: Vec<i16> = (0..40).map(|_| r.bits() as i16).collect();
    let bytes = Tensor::random(&tensor_type(Scalar::I8, 64), 4);
    let inputs = vec![bytes, Tensor::of(vec![40], halves), Tensor::of(vec![40], words)];
    let functions = kernels.into_iter().chain([l.finish()]).collect();
    (many("model", functions, inputs, &[tensor_type(Scalar::I32, len), tensor_type(Scalar::I8, len)]), compiled)
}

/// What is printed in assembly is what the interpreter computes, whatever the registers.
#[test]
fn random_kernels_equal_the_interpreter() {
    if !cc::available(cc::device("cortex-m4")) {
        return;
    }
    let mut all = 0;
    for first in (0..200).step_by(40) {
        let (case, compiled) = random_case(first..first + 40);
        all += compiled;
        let want = interpreted(&case);
        for flags in [&["-O1"][..], &["-O1", C]] {
            count(&case, &want, GCC, flags);
        }
    }
    println!("{all} of 200 kernels in assembly");
    assert!(all >= 140, "{all}");
}
