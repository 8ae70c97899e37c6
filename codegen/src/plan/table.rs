//! The plan as tables, for `--emit plan`: steps with the arena in use at each, buffers, totals.

use super::{Plan, SlotPlace};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan @{}\n", self.name)?;
        table(f, &["step", "op", "reads", "writes", "type", "arena", "RAM"], &self.step_rows())?;
        writeln!(f)?;
        table(f, &["buffer", "type", "place", "offset", "bytes", "from", "to"], &self.buffer_rows())?;
        if !self.overlaps.is_empty() {
            writeln!(f)?;
            table(f, &["result", "over operand", "begins below by", "step"], &self.overlap_rows())?;
        }
        let (arena, live) = (self.arena_bytes, self.lower_bound());
        writeln!(f, "\narena {arena} bytes, aligned to {}; live tensors at most {live}", self.arena_align)?;
        writeln!(f, "order: {}\noffsets: {}", self.order, self.offsets)?;
        let (inputs, outputs, context) = (self.input_bytes(), self.output_bytes(), self.context_bytes());
        writeln!(f, "RAM {} = arena {arena} + inputs {inputs} + outputs {outputs} + context {context}", self.ram())?;
        writeln!(f, "constants {}", self.constant_bytes())
    }
}

impl Plan {
    fn step_rows(&self) -> Vec<Vec<String>> {
        let outside = self.ram() - self.arena_bytes;
        let list = |buffers: &mut dyn Iterator<Item = usize>| {
            buffers.map(|b| format!("%{}", self.buffers[b].name)).collect::<Vec<_>>().join(" ")
        };
        let rows = self.steps.iter().zip(self.live()).enumerate().map(|(t, (step, live))| {
            let types: Vec<String> = step.writes.iter().map(|&b| self.buffers[b].ty.to_string()).collect();
            vec![
                t.to_string(),
                step.op.to_owned(),
                list(&mut step.reads.iter().copied()),
                list(&mut step.writes.iter().copied()),
                types.join(" "),
                live.to_string(),
                (outside + live).to_string(),
            ]
        });
        rows.collect()
    }

    /// Which slot may overlap which, by the first buffers made for them; distances in bytes.
    fn overlap_rows(&self) -> Vec<Vec<String>> {
        let name = |slot: usize, end: &dyn Fn(&[&str]) -> Option<String>| {
            let names: Vec<&str> = self.buffers.iter().filter(|b| b.slot == slot).map(|b| b.name.as_str()).collect();
            end(&names).map_or(String::new(), |n| format!("%{n}"))
        };
        let first = |n: &[&str]| n.first().map(|n| n.to_string());
        let last = |n: &[&str]| n.last().map(|n| n.to_string());
        let rows = self
            .overlaps
            .iter()
            .map(|o| vec![name(o.lower, &first), name(o.upper, &last), o.distance.to_string(), o.step.to_string()]);
        rows.collect()
    }

    fn buffer_rows(&self) -> Vec<Vec<String>> {
        let rows = self.buffers.iter().map(|b| {
            let s = &self.slots[b.slot];
            let (place, offset) = match s.place {
                SlotPlace::Input(i) => (format!("input {i}"), 0),
                SlotPlace::Output(i) => (format!("output {i}"), 0),
                SlotPlace::Const(_) => ("constant".to_owned(), 0),
                SlotPlace::Arena(offset) => ("arena".to_owned(), offset),
            };
            vec![
                format!("%{}", b.name),
                b.ty.to_string(),
                place,
                offset.to_string(),
                s.bytes.to_string(),
                s.first.to_string(),
                s.last.to_string(),
            ]
        });
        rows.collect()
    }
}

/// Columns as wide as their entries, numbers to the right.
fn table(f: &mut fmt::Formatter<'_>, head: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).chain([head[c].len()]).max().unwrap_or(0);
    let number = |c: usize| rows.iter().all(|r| r[c].bytes().all(|b| b.is_ascii_digit()));
    let columns: Vec<(usize, bool)> = (0..head.len()).map(|c| (width(c), number(c))).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&columns).map(|(text, &(width, number))| match number {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(f, "{}", line(&mut head.iter().copied()))?;
    rows.iter().try_for_each(|r| writeln!(f, "{}", line(&mut r.iter().map(String::as_str))))
}
