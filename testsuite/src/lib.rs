//! What the tests and benchmarks of tinyc share.

pub mod case;
pub mod onnx_text;
