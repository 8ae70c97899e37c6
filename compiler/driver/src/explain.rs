//! `tinyc explain`: the table of diagnostic codes.

use crate::cli::ExplainArgs;
use crate::console::Console;
use crate::exit::Failure;
use crate::table;
use tinyc_core::diag::{CODES, Code};

pub fn run(args: &ExplainArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let Some(id) = &args.code else {
        let rows = CODES.iter().map(|c| vec![c.id.to_owned(), c.title.to_owned()]);
        return console.print(&table::text(&["code", "meaning"], rows));
    };
    match Code::find(id) {
        Some(c) => console.print(&format!("{}: {}\n\n{}\n", c.id, c.title, wrap(c.explanation, 88))),
        None => Err(Failure::usage(format!("there is no code {id}")).help("`tinyc explain` lists all codes")),
    }
}

/// Breaks lines at spaces after at most `width` characters.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        if column > 0 && column + 1 + word.len() > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}
