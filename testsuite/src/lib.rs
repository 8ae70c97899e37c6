//! What the tests and benchmarks of tinyc share.

pub mod case;
pub mod cc;
pub mod chain;
pub mod command;
pub mod dags;
pub mod device;
pub mod graphs;
pub mod int8;
pub mod measure;
pub mod onnx_text;
pub mod optimized;
pub mod pruned;
pub mod python;
pub mod shared;
pub mod wild;
