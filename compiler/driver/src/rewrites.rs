//! What the optimizer says of its work: rules that fired, rules refused, limits reached.

use crate::console::Console;
use tinyc_core::diag::{Code, Diagnostic};
use tinyc_rewrite::optimize::Outcome;

/// Warns of rules that were refused and of limits; with `explain`, tells which rules fired and where.
pub fn tell(outcomes: &[Outcome], explain: bool, console: &mut Console<'_>) {
    let mut told = Vec::new();
    for refused in outcomes.iter().flat_map(|o| &o.rejected) {
        // Another run of the optimizer comes to the same place again.
        if told.contains(&refused) {
            continue;
        }
        told.push(refused);
        let message = format!("rule {} is not applied: {}", refused.rule, refused.reason);
        let at = format!("at node {}", names(&refused.origins));
        console.report(&Diagnostic::warning(Code::RuleRefused, message).note(at).into());
    }
    let stopped: usize = outcomes.iter().map(|o| o.stopped).sum();
    if stopped > 0 {
        console.verbose(|| format!("{stopped} regions reached a limit before every rule was done; --effort raises it"));
    }
    if !explain {
        return;
    }
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|o| o.changed) {
        text += &format!("rewritten: {} -> {}\n", outcome.before, outcome.after);
        for f in &outcome.fired {
            let (before, after) = (f.before.whole_cycles(), f.after.whole_cycles());
            text += &format!("  {} at {}: {before} -> {after} cycles\n", f.rule, names(&f.origins));
        }
    }
    console.say(if text.is_empty() { "no rule fired" } else { text.trim_end() });
}

/// Names of ONNX nodes, as a message gives them.
fn names(origins: &[String]) -> String {
    match origins {
        [] => "a value of the rules' own".to_owned(),
        names => names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", "),
    }
}
