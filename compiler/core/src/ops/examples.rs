//! Tests that follow from each operator's examples.
//!
//! Random elements are uniform in the ranges that `example` gives; bool is a fair coin.

use super::example::as_graph;
use crate::attrs::Attrs;
use crate::diag::Code;
use crate::graph::{Graph, Kind};
use crate::loops::check::check;
use crate::loops::{
    Arg, Binary, Buf, Buffer, BufferId, Expr, FnId, For, Function, Index, Place, Port, Program, Scalar, Step, Stmt,
    interp, overlap,
};
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::text;
use crate::types::{DType, TensorType};

struct Example {
    op: OpId,
    attrs: Attrs,
    operands: Vec<Option<(TensorType, f64, f64)>>,
    results: Vec<TensorType>,
}

impl Example {
    fn types(&self) -> Vec<Option<&TensorType>> {
        self.operands.iter().map(|o| o.as_ref().map(|o| &o.0)).collect()
    }

    fn random(&self, seed: u64) -> Vec<Option<Tensor>> {
        let mut random = Random(seed);
        self.operands.iter().map(|o| o.as_ref().map(|(ty, lo, hi)| random.tensor(ty, *lo, *hi))).collect()
    }
}

fn parse(example: &str) -> Example {
    let (text, ranges) = as_graph(example);
    let graph = text::parse(&text, &[]).unwrap_or_else(|e| panic!("{example}\n{e}"));
    let (op, attrs, ty) = operator(&graph);
    let mut inputs = graph.inputs().iter().map(|&i| graph.node(i).tensor().clone());
    let operands = ranges.iter().map(|r| r.map(|(lo, hi)| (inputs.next().unwrap(), lo, hi))).collect();
    Example { op, attrs, operands, results: ty }
}

fn operator(graph: &Graph) -> (OpId, Attrs, Vec<TensorType>) {
    graph
        .ids()
        .find_map(|id| match &graph.node(id).kind {
            Kind::Op(op, attrs) => Some((*op, attrs.clone(), graph.node(id).ty.parts().to_vec())),
            _ => None,
        })
        .expect("an example holds an operator")
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn tensor(&mut self, ty: &TensorType, lo: f64, hi: f64) -> Tensor {
        let unit = |r: u64| (r >> 11) as f64 / (1u64 << 53) as f64;
        if ty.dtype == DType::Bool {
            return Tensor::of(ty.shape.clone(), (0..ty.elements()).map(|_| self.next() & 1 == 1).collect());
        }
        let values = (0..ty.elements()).map(|_| lo + (hi - lo) * unit(self.next())).collect();
        Tensor::of::<f64>(ty.shape.clone(), values).cast(ty.dtype)
    }
}

/// Tensors without elements, which no operator's documentation needs to show.
const EMPTY: &[&str] = &[
    "conv f32[0,2,3,3], f32[3,2,3,3], f32[3] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1} -> f32[0,3,1,1]",
    "conv f32[1,2,0,3], f32[3,2,2,3], f32[3] {strides: [1,1], pads: [1,0,1,0], dilations: [1,1], group: 1} -> f32[1,3,1,1]",
    "conv f32[1,2,3,3], f32[0,2,3,3] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1} -> f32[1,0,1,1]",
    "conv f32[1,0,3,3], f32[4,0,3,3], f32[4] {strides: [1,1], pads: [0,0,0,0], dilations: [1,1], group: 1} -> f32[1,4,1,1]",
    "conv_transpose f32[0,2,3], f32[2,3,3], f32[3] {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 1} -> f32[0,3,7]",
    "conv_transpose f32[1,2,0], f32[2,3,4], f32[3] {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 1} -> f32[1,3,2]",
    "conv_transpose f32[1,2,3], f32[2,0,3] {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 1} -> f32[1,0,7]",
    "conv_transpose f32[1,0,3], f32[0,3,3], f32[3] {strides: [2], pads: [0,0], dilations: [1], output_padding: [0], group: 1} -> f32[1,3,7]",
    "gemm f32[5,0], f32[0,9], f32[9] {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false} -> f32[5,9]",
    "matmul f32[0,5,2], f32[2,9] -> f32[0,5,9]",
    "matmul f32[5,2], f32[2,0] -> f32[5,0]",
    "max_pool f32[1,0,3] {kernel: [2], strides: [1], pads: [0,0], dilations: [1], ceil: false} -> f32[1,0,2]",
    "softmax f32[2,0] {axis: 1} -> f32[2,0]",
    "softmax f32[0,2] {axis: 1} -> f32[0,2]",
    "transpose f32[2,0,3] {perm: [2,0,1]} -> f32[3,2,0]",
    "reshape f32[2,0,3] {shape: [0,7]} -> f32[0,7]",
    "add f32[2,0], f32[2,1] -> f32[2,0]",
    "slice f32[2,3] {starts: [0,1], steps: [1,1], extents: [2,0]} -> f32[2,0]",
    "concat f32[2,0], f32[2,3] {axis: 1} -> f32[2,3]",
    "pad f32[2,0] {before: [1,0], after: [0,3], mode: constant} -> f32[3,3]",
    "pad f32[0,2] {before: [0,1], after: [0,1], mode: wrap} -> f32[0,4]",
    "reduce_sum f32[2,0] {axes: [1], keep: false} -> f32[2]",
    "reduce_max f32[2,0,3] {axes: [0], keep: false} -> f32[0,3]",
    "arg_max f32[0,2] {axis: 1, keep: false, last: false} -> i64[0]",
    "expand f32[1,0] {shape: [3,0]} -> f32[3,0]",
    "tile f32[2,0] {repeats: [2,2]} -> f32[4,0]",
    "tile f32[2,3] {repeats: [0,2]} -> f32[0,6]",
    "layer_norm f32[0,3], f32[3] {axes: [1], center: true, epsilon: 0.1} -> f32[0,3]",
    "cum_sum f32[0,3] {axis: 0, exclusive: false, reverse: false} -> f32[0,3]",
    "cum_sum f32[3,0] {axis: 0, exclusive: false, reverse: false} -> f32[3,0]",
    "gather_elements f32[2,3], i64[0,3] {axis: 0} -> f32[0,3]",
    "gather f32[2,0], i32[3] {axis: 0} -> f32[3,0]",
    "gather f32[0,2], i32[0] {axis: 0} -> f32[0,2]",
    "batch_norm f32[2,0,3], f32[0], f32[0], f32[0], f32[0] {epsilon: 0.1} -> f32[2,0,3]",
];

fn all() -> impl Iterator<Item = (&'static str, Example)> {
    let documented = OpId::ALL.iter().flat_map(|op| {
        assert!(!op.op().examples().is_empty(), "{} has no example", op.name());
        op.op().examples().iter().map(move |e| {
            let example = parse(e);
            assert_eq!(example.op, *op, "{e}");
            (*e, example)
        })
    });
    documented.chain(EMPTY.iter().map(|e| (*e, parse(e))))
}

fn evaluate(e: &Example, x: &[Option<Tensor>]) -> Vec<Tensor> {
    let x: Vec<Option<&Tensor>> = x.iter().map(Option::as_ref).collect();
    e.op.op().eval(&e.attrs, &x).unwrap()
}

/// Largest difference in units of the largest magnitude of `want`.
fn difference(have: &Tensor, want: &Tensor) -> f64 {
    let (have, want) = (have.to_f64s(), want.to_f64s());
    let scale = want.iter().fold(f64::MIN_POSITIVE, |m, w| m.max(w.abs()));
    have.iter().zip(&want).fold(0.0, |d: f64, (h, w)| {
        let e = (h - w).abs() / scale;
        if e.is_nan() { f64::INFINITY } else { d.max(e) }
    })
}

#[test]
fn evaluated_types_are_the_stated_ones() {
    for (text, e) in all() {
        let types: Vec<_> = evaluate(&e, &e.random(1)).iter().map(Tensor::ty).collect();
        assert_eq!(types, e.results, "{text}");
    }
}

/// Sums of products agree to the bit, their order being the same; twins that compute in f64 agree to
/// the rounding of f32 sums of a few dozen elements.
#[test]
fn evaluation_equals_its_naive_twin() {
    let mut compared = 0;
    for (text, e) in all() {
        let x = e.random(2);
        let refs: Vec<Option<&Tensor>> = x.iter().map(Option::as_ref).collect();
        let Some(naive) = e.op.op().eval_naive(&e.attrs, &refs) else { continue };
        for (y, naive) in evaluate(&e, &x).iter().zip(&naive) {
            assert_eq!(y.ty(), naive.ty(), "{text}");
            assert!(y == naive || y.dtype().is_float() && difference(y, naive) < 1e-6, "{text}");
        }
        compared += 1;
    }
    assert!(compared > 20);
}

/// The plain kernel, which only narrow floats lack: no type of C99 holds them.
fn kernel(e: &Example) -> Option<Function> {
    let narrow = |ty: &TensorType| matches!(ty.dtype, DType::F16 | DType::BF16);
    match e.op.plain_kernel(&e.attrs, &e.types(), &e.results) {
        Ok(f) => Some(f),
        Err(error) => {
            assert!(e.types().into_iter().flatten().any(narrow), "{error:?}");
            assert_eq!(error.code, Code::NoKernel);
            None
        }
    }
}

/// A program of one step; operand `shared` and the result lie at the same place.
fn program(e: &Example, kernel: Function, shared: Option<usize>) -> Program {
    let operands: Vec<(usize, &TensorType)> =
        e.types().into_iter().enumerate().filter_map(|(i, ty)| Some((i, ty?))).collect();
    let mut p = Program {
        name: "example".into(),
        functions: vec![kernel],
        buffers: Vec::new(),
        steps: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        arena_bytes: shared.map_or(0, |_| e.results[0].bytes()),
        arena_align: 16,
    };
    let mut port = |name: String, ty: &TensorType, place: Place| {
        let elem = Scalar::of(ty.dtype).expect("the kernel exists");
        p.buffers.push(Buffer { name: name.clone(), dtype: ty.dtype, elem, len: ty.elements(), place });
        Port { name, ty: ty.clone(), buffer: BufferId(p.buffers.len() as u32 - 1) }
    };
    for (n, (i, ty)) in operands.into_iter().enumerate() {
        let place = if shared == Some(i) { Place::Arena(0) } else { Place::Input(n) };
        p.inputs.push(port(format!("x{i}"), ty, place));
    }
    for (i, ty) in e.results.iter().enumerate() {
        let place = if shared.is_some() { Place::Arena(0) } else { Place::Output(i) };
        p.outputs.push(port(format!("y{i}"), ty, place));
    }
    let args = (0..p.buffers.len() as u32).map(|b| Arg::Buffer(BufferId(b))).collect();
    p.steps.push(Step { function: FnId(0), args, origins: Vec::new(), comment: String::new(), macs: 0 });
    p
}

fn compare(text: &str, e: &Example, program: &Program) {
    check(program).unwrap_or_else(|errors| panic!("{text}\n{}", errors.join("\n")));
    let x = e.random(3);
    let want = evaluate(e, &x);
    let x: Vec<Tensor> = x.into_iter().flatten().collect();
    let have = interp::run(program, &x).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert!(have == want, "{text}\nkernel {have:?}\neval {want:?}");
}

/// The plain kernel is well formed and computes in the order of the reference, so the bits are equal.
#[test]
fn interpreted_kernels_equal_evaluation() {
    for (text, e) in all() {
        if let Some(kernel) = kernel(&e) {
            compare(text, &e, &program(&e, kernel, None));
        }
    }
}

/// Where the order of accesses allows it, the result may overwrite the operand.
#[test]
fn results_may_overwrite_operands_that_are_read_before() {
    let mut shared = 0;
    for (text, e) in all() {
        let types = e.types();
        let fits = |i: &usize| types[*i].is_some_and(|ty| ty.bytes() == e.results[0].bytes());
        for i in (0..types.len()).filter(fits) {
            let Some(kernel) = kernel(&e) else { continue };
            let parameter = types[..i].iter().flatten().count() as u32;
            let result = Buf(types.iter().flatten().count() as u32);
            if e.results.len() == 1 && overlap::distance(&kernel, &[Buf(parameter)], result) == Some(0) {
                compare(text, &e, &program(&e, kernel, Some(i)));
                shared += 1;
            }
        }
    }
    assert!(shared > 50);
}

/// How often a block executes `sum = sum + a * b`.
fn products(block: &[Stmt]) -> u64 {
    let trip = |f: &For| {
        let constant = |i: &Index| i.as_constant().expect("plain kernels have constant bounds");
        (constant(&f.hi) - constant(&f.lo)) as u64
    };
    let is_product = |e: &Expr| match e {
        Expr::Binary(Binary::Add, _, b) => matches!(**b, Expr::Binary(Binary::Mul, ..)),
        _ => false,
    };
    block
        .iter()
        .map(|s| match s {
            Stmt::For(f) => trip(f) * products(&f.body),
            Stmt::Set(_, e) => u64::from(is_product(e)),
            _ => 0,
        })
        .sum()
}

#[test]
fn stated_macs_are_those_of_the_kernel() {
    for (text, e) in all() {
        let Some(kernel) = kernel(&e) else { continue };
        assert_eq!(e.op.op().macs(&e.attrs, &e.types(), &e.results), products(&kernel.body), "{text}");
    }
}
