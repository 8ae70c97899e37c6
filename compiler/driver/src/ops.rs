//! `tinyc ops`: the supported operators.

use crate::cli::OpsArgs;
use crate::console::Console;
use crate::exit::Failure;
use crate::table;
use tinyc_core::op::OpId;

pub fn run(args: &OpsArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let wanted = |text: &str| {
        let text = text.to_lowercase();
        args.filter.as_ref().is_none_or(|f| text.contains(&f.to_lowercase()))
    };
    let mut rows = Vec::new();
    for id in OpId::ALL {
        let op = id.op();
        let onnx: Vec<String> = op
            .imports()
            .iter()
            .map(|i| {
                let domain = if i.domain.is_empty() { String::new() } else { format!("{}.", i.domain) };
                let until = if i.until == i64::MAX { String::new() } else { i.until.to_string() };
                format!("{domain}{} {}..{until}", i.op_type, i.since)
            })
            .collect();
        let onnx = onnx.join(", ");
        if wanted(op.name()) || wanted(&onnx) {
            rows.push(vec![op.name().to_owned(), onnx, op.doc().to_owned()]);
        }
    }
    rows.sort();
    if rows.is_empty() {
        return Err(Failure::usage("no operator has such a name").help("`tinyc ops` lists all"));
    }
    console.print(&table::text(&["operator", "ONNX (opsets)", "meaning"], rows))
}
