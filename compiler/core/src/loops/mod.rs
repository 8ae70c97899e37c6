//! The loop IR: what every kernel is written in, and all that the printers know.
//!
//! A [`Program`] is buffers, functions and the steps that call them. Functions are loops over static
//! bounds around typed scalar and vector expressions; memory is reached only through [`Access`],
//! which keeps one index a dimension so that bounds, rings and guards stay visible to the validator.
//! `library` holds functions with a portable meaning (mathematics, target instructions); `view`
//! and `build` are how operators write loops. Knows no operator and no target.

pub mod build;
pub mod check;
pub mod columns;
mod expr;
pub mod index;
mod inline;
pub mod interp;
pub mod ir;
pub mod library;
pub mod overlap;
pub mod print;
pub mod program;
mod semantics;
pub mod ty;
pub mod view;

pub use build::Lower;
pub use index::{Atom, Index, IndexVar, product};
pub use inline::inlined;
pub use ir::*;
pub use library::Library;
pub use program::*;
pub use ty::{Scalar, Ty};
pub use view::{Map, Packing, View};
