//! The text form of graphs: `print` and `parse`, each the other's inverse.
//!
//! ```text
//! graph @kws {
//!   %input_1 = input : f32[1,49,10,1] ; "input_1"
//!   %conv_w = const data(0) : f32[64,1,10,4] ; as "conv.w"
//!   %shift = const [1.0,-0.5] : f32[2]
//!   %conv.1 = conv %input_1, %conv_w, _ {strides: [2,2]} : f32[1,64,25,5] ; "conv1", "bn1"
//!   %part = get 0 %split.2 : f32[1]
//!   output %conv.1 ; "scores"
//! }
//! ```
//!
//! One statement a line; `#` begins a remark that is not kept; `_` is an absent operand. The quoted
//! names after `;` are the ONNX name of an input or output, or else the ONNX nodes that the node came
//! from. A `%name` without a dot is also the node's value name, unless `as` gives another; a name
//! with a dot is made of the operator and a number and stands for a node whose value has no name.
//! Constants of more than [`INLINE`] elements live in a table beside the text. Types of operators may
//! be left out; `const random(SEED)` stands for arbitrary contents. Both are for texts written by hand
//! and are never printed.

mod build;
mod lex;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use build::{parse, parse_unchecked};
pub use print::{INLINE, Text, names, print};
