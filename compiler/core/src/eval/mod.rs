//! Reference evaluation of graphs.
//!
//! Deterministic: the same bits on every machine (no fused multiply-add, fixed summation order), so
//! constants folded through it are the same everywhere.

pub mod column;
mod constant;
pub mod conv;
pub mod conv_transpose;
pub mod gemm;
mod number;
mod run;

pub use constant::{Constants, constant};
pub use number::{Number, in_f32, slice};
pub use run::Evaluator;
