//! The form of operators' examples, from which tests are derived.
//!
//! `conv f32[1,2,5,5], f32[3,2,3,3], _ {strides: [1,1]} -> f32[1,3,3,3]` is an operator of the text
//! form with types in place of operands. ` in lo..hi` behind a type gives the range that random
//! elements are drawn from; without it floats lie in -2..2, integers in -100..100 or what of that
//! their type holds.

use crate::types::DType;

/// An example as a graph in the text form, and the ranges of its operands.
pub fn as_graph(example: &str) -> (String, Vec<Option<(f64, f64)>>) {
    let (call, result) = example.split_once(" -> ").expect("an example has a result");
    let (call, attrs) = call.split_once(" {").map_or((call, String::new()), |(c, a)| (c, format!(" {{{a}")));
    let (op, operands) = call.split_once(' ').expect("an example has operands");
    let mut text = String::from("graph @example {\n");
    let (mut names, mut ranges) = (Vec::new(), Vec::new());
    for (i, operand) in operands.split(", ").enumerate() {
        let (ty, range) = operand.split_once(" in ").map_or((operand, None), |(t, r)| (t, Some(r)));
        if ty == "_" {
            names.push("_".into());
            ranges.push(None);
            continue;
        }
        text += &format!("%x{i} = input : {ty}\n");
        names.push(format!("%x{i}"));
        let element =
            DType::from_name(ty.split('[').next().unwrap_or(ty)).expect("an operand begins with its element type");
        ranges.push(Some(match range.map(|r| r.split_once("..").expect("a range is lo..hi")) {
            Some((lo, hi)) => (number(lo), number(hi)),
            None if element.is_float() => (-2.0, 2.0),
            None if element.is_signed_int() => (-100.0, 100.0),
            None => (0.0, 100.0),
        }));
    }
    text += &format!(
        "%y = {op} {}{attrs} : {result}\noutput %{}\n}}",
        names.join(", "),
        if result.starts_with('(') { "x0" } else { "y" }
    );
    (text, ranges)
}

fn number(text: &str) -> f64 {
    text.parse().expect("the ends of a range are numbers")
}
