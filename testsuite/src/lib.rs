//! What the tests and benchmarks of tinyc share.

pub mod case;
pub mod cc;
pub mod dags;
pub mod onnx_text;
