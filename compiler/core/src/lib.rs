//! Data and meaning of the tinyc compiler: graph, operators, ONNX reader, evaluation, loop IR.
//!
//! Does no I/O: bytes of external tensors come through a resolver that the caller passes in.
//! `docs/architecture.md` describes the parts and their invariants.

pub mod attrs;
pub mod cost;
pub mod diag;
pub mod eval;
pub mod exec;
pub mod graph;
pub mod loops;
pub mod onnx;
pub mod op;
pub mod ops;
pub mod random;
pub mod tensor;
pub mod text;
pub mod types;
pub mod verify;
