//! Reading ONNX models into graphs, and writing graphs as ONNX models.
//!
//! `proto` mirrors the protocol buffer schema, `tensor` and `types` read what is stored in it, `import`
//! drives: it keeps names (`scope`), brings nodes into order (`order`), expands local functions (`function`) and lets each
//! operator read its node (`node`). ONNX operators that need no operator of the graph are in
//! `structural`, all others beside the operators themselves. The way back is `export`, which lets each operator
//! write its node through `writer`.

mod attribute;
mod export;
#[cfg(test)]
mod export_tests;
mod function;
mod import;
#[cfg(test)]
mod import_tests;
mod node;
mod order;
pub mod proto;
mod scope;
mod structural;
mod tensor;
#[cfg(test)]
mod tensor_tests;
mod types;
mod writer;

pub use export::{EXPORT_OPSET, export};
pub use import::{ImportOptions, Imported, NEWEST_OPSET, OLDEST_OPSET, import, imports};
pub use node::{NodeReader, Value};
pub use tensor::{MAX_MADE_BYTES, element_number, element_type, element_type_number, read_tensor, read_tensor_proto};
pub use writer::{NodeWriter, Written};
