//! Compilers may contract a product and a sum to one operation with one rounding. What quantization
//! computes stays the same to the bit: on a core that has the operation, compiled to use it.

#![allow(clippy::unwrap_used, clippy::panic)]

use tinyc_codegen::c::{self, Options};
use tinyc_codegen::select::Schedules;
use tinyc_codegen::{Io, generate};
use tinyc_core::eval::Evaluator;
use tinyc_core::exec::Exec;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_testsuite::cc;

/// Bytes and 16-bit integers to floats, each followed by a sum in the same step; and a product to bytes.
const GRAPH: &str = "graph @contracted {
  %x = input : u8[1,4,50]
  %w = input : i16[1,4,50]
  %b = input : f32[1,4,50]
  %s = const [0.0123456, 0.3456789, 0.0070707, 0.0999999] : f32[4,1]
  %z = const [3, 128, 77, 255] : u8[4,1]
  %t = const [0.0173205] : f32[]
  %q = dequantize %x, %s, %z : f32[1,4,50]
  %p = add %q, %b : f32[1,4,50]
  %h = dequantize %w, %s : f32[1,4,50]
  %g = sub %b, %h : f32[1,4,50]
  %m = mul %b, %b : f32[1,4,50]
  %y = quantize %m, %t {to: i8} : i8[1,4,50]
  output %p
  output %g
  output %y
}";

#[test]
fn quantization_is_the_same_with_contraction() {
    let board = cc::device("cortex-m4");
    if !cc::available(board) {
        return;
    }
    let graph = text::parse(GRAPH, &[]).unwrap_or_else(|e| panic!("{e}"));
    let inputs: Vec<Tensor> =
        graph.inputs().iter().zip(1..).map(|(&id, seed)| Tensor::random(graph.node(id).tensor(), seed)).collect();
    let want = Evaluator.compile(&graph).unwrap().run(&inputs).unwrap();
    let target = board.target();
    let program = generate(&graph, target, Io::Caller, Schedules::Fast).unwrap().program;
    assert_eq!(program.steps.len(), 3, "sums run behind what is dequantized, and what is quantized behind the product");
    let options = Options {
        target,
        io: Io::Caller,
        hook: false,
        selftest: None,
        header_name: "model.h".to_owned(),
        weights: c::Weights::Arrays,
        model_hash: String::new(),
        input_ranges: Default::default(),
        scales: Default::default(),
        share: false,
    };
    let emitted = c::print(&program, &options);
    let flags = ["-std=gnu99", "-O3", "-ffp-contract=fast"];
    let folder = cc::Folder::new();
    cc::compile(&folder, target.compiler, &[target.c_flags, &flags, &["-S"]].concat(), &emitted).unwrap();
    let assembly = std::fs::read_to_string(folder.path().join(tinyc::device::OBJECT)).unwrap();
    assert!(assembly.contains("vfma") || assembly.contains("vfnms"), "nothing is contracted:\n{assembly}");
    let main = cc::main_source(&program, &options, &program.name, &inputs);
    let lines = cc::on_device(board, &flags, &emitted, &main).unwrap_or_else(|e| panic!("{e}"));
    let have = cc::tensors(&program, &lines).unwrap();
    for (w, h) in want.iter().zip(&have) {
        assert!(w == h, "{h:?}\ninstead of\n{w:?}");
    }
}
