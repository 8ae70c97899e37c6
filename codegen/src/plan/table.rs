//! The plan as a table, for `--emit plan`.

use super::{Plan, SlotPlace};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan @{}", self.name)?;
        writeln!(f, "step  op  reads -> writes  live")?;
        let live = self.live();
        for (t, step) in self.steps.iter().enumerate() {
            let list = |buffers: &mut dyn Iterator<Item = usize>| {
                buffers.map(|b| format!("%{}", self.buffers[b].name)).collect::<Vec<_>>().join(", ")
            };
            let reads = list(&mut step.reads.iter().flatten().copied());
            let writes = list(&mut step.writes.iter().copied());
            let types: Vec<String> = step.writes.iter().map(|&b| self.buffers[b].ty.to_string()).collect();
            writeln!(f, "{t:4}  {}  {reads} -> {writes} : {}  {}", step.op, types.join(", "), live[t])?;
        }
        writeln!(f, "buffer  place  bytes  steps")?;
        for b in &self.buffers {
            let s = &self.slots[b.slot];
            let place = match s.place {
                SlotPlace::Input(i) => format!("input {i}"),
                SlotPlace::Output(i) => format!("output {i}"),
                SlotPlace::Const(_) => "constant".to_owned(),
                SlotPlace::Arena(offset) => format!("arena {offset}..{}", offset + s.bytes),
            };
            writeln!(f, "%{} : {}  {place}  {}  {}..={}", b.name, b.ty, s.bytes, s.first, s.last)?;
        }
        writeln!(
            f,
            "arena {} bytes (live tensors {}), align {}",
            self.arena_bytes,
            self.lower_bound(),
            self.arena_align
        )?;
        writeln!(f, "order: {}", self.order)?;
        writeln!(f, "offsets: {}", self.offsets)?;
        writeln!(
            f,
            "inputs {}, outputs {}, context {}",
            self.input_bytes(),
            self.output_bytes(),
            self.context_bytes()
        )?;
        writeln!(f, "RAM {}, constants {}", self.ram(), self.constant_bytes())
    }
}
