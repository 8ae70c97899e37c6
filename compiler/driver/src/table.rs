//! Aligned tables for terminals.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table under a rule, without frame; columns whose header begins with `#` are right-aligned, and
/// the `#` is not shown.
pub fn text(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers.iter().map(|h| h.trim_start_matches('#')));
    for (i, h) in headers.iter().enumerate() {
        if h.starts_with('#')
            && let Some(column) = table.column_mut(i)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    let lines: Vec<String> = table.lines().map(|l| l.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}
