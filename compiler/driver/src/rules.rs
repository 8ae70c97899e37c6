//! `tinyc rules`: the rules by which networks are rewritten.

use crate::cli::RulesArgs;
use crate::console::Console;
use crate::exit::Failure;
use crate::table;
use tinyc_core::diag::Code;
use tinyc_rewrite::{example, rules};

pub fn run(args: &RulesArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let filter = args.filter.as_deref().unwrap_or_default();
    if let Some(rule) = rules::all().find(|r| r.name == filter) {
        let mut text = format!("{}\n\n{} {}\n\n{}\n=> {}\n", rule.name, rule.doc, rule.accuracy, rule.from, rule.to);
        for e in rule.examples {
            let shown = example::shown(rule, e).map_err(|e| Failure::new(Code::Internal, e))?;
            text += &format!("\nFor example\n{shown}");
        }
        return console.print(&text);
    }
    let named = rules::all().filter(|r| r.name.contains(filter));
    let rows: Vec<_> = named.map(|r| vec![r.name.to_owned(), r.accuracy.to_string(), r.doc.to_owned()]).collect();
    if rows.is_empty() {
        return Err(Failure::usage("no rule has such a name").help("`tinyc rules` lists all"));
    }
    console.print(&table::text(&["rule", "accuracy", "equality"], rows))
}
