//! Reading ONNX models into graphs.
//!
//! `node` is what operators see of an ONNX node.

mod node;

pub use node::{NodeReader, Value};
