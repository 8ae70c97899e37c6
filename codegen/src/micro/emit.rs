//! Allocated blocks as lines of Thumb-2 assembly (unified syntax), with the frame around them.

use super::allocate::Allocated;
use super::inst::{ARGUMENTS, Block, Inst, Op, Place, Reg, Slot, Trips, modified_immediate};
use super::{Code, Part, Times};
use std::collections::BTreeSet;

pub fn emit(a: &Allocated) -> Code {
    let frame = Frame::of(a);
    let mut e = Emit { a, frame, lines: Vec::new(), part: Part::default() };
    let mut parts = Vec::new();
    e.enter();
    let mut outside = std::mem::take(&mut e.part);
    for b in &a.blocks {
        e.block(b);
        let part = std::mem::take(&mut e.part);
        match &b.turn {
            None => outside.add(&part),
            Some(t) => {
                let times = match t.trips {
                    Trips::Constant(n) => Times::Constant(n),
                    Trips::Parameter(_, parameter, more) => Times::Parameter(parameter as usize, more),
                };
                parts.push((times, part));
            }
        }
    }
    e.leave();
    outside.add(&e.part);
    parts.push((Times::Constant(1), outside));
    let unaligned = a.blocks.iter().flat_map(|b| &b.body).filter_map(Inst::place).any(|p| !p.aligned);
    Code { stack: 4 * e.frame.words, unaligned, lines: e.lines, parts }
}

/// What is pushed at entry: arguments and own words in the lowest registers, then what has to be saved.
struct Frame {
    /// Words below the saved registers. They take the names of r0 on.
    low: u32,
    saved: Vec<u8>,
    /// First of the arguments that are pushed.
    first: u32,
    words: usize,
}

impl Frame {
    fn of(a: &Allocated) -> Frame {
        let used: BTreeSet<u8> = a.registers.values().copied().collect();
        let mut saved: Vec<u8> = used.into_iter().filter(|r| (4..=11).contains(r) || *r == 14).collect();
        if !saved.is_empty() && !saved.contains(&14) {
            saved.push(14);
        }
        let first = a.pushed.first().copied().unwrap_or(ARGUMENTS);
        // Own words are below the arguments.
        let low = a.own + (ARGUMENTS - first);
        Frame { low, first, words: low as usize + saved.len(), saved }
    }
}

struct Emit<'a> {
    a: &'a Allocated,
    frame: Frame,
    lines: Vec<String>,
    part: Part,
}

fn name(machine: u8) -> String {
    if machine == 14 { "lr".into() } else { format!("r{machine}") }
}

fn list(registers: impl Iterator<Item = u8>) -> String {
    registers.map(name).collect::<Vec<_>>().join(", ")
}

impl Emit<'_> {
    fn line(&mut self, text: String) {
        self.lines.push(text);
        self.part.other += 1;
    }

    fn memory(&mut self, text: String, load: bool, registers: usize) {
        self.lines.push(text);
        self.part.more += registers - 1;
        *(if load { &mut self.part.loads } else { &mut self.part.stores }) += 1;
    }

    fn reg(&self, r: Reg) -> String {
        name(self.a.registers.get(&r).copied().unwrap_or_default())
    }

    /// Own words that one push cannot reserve, as registers below r4 hold the pushed arguments' names.
    fn beyond(&self) -> u32 {
        self.frame.low.saturating_sub(ARGUMENTS)
    }

    fn enter(&mut self) {
        let low = self.frame.low - self.beyond();
        let pushed = (ARGUMENTS - low..ARGUMENTS).map(|r| r as u8).chain(self.frame.saved.iter().copied());
        let pushed: Vec<u8> = pushed.collect();
        if !pushed.is_empty() {
            let n = pushed.len();
            self.memory(format!("push {{{}}}", list(pushed.into_iter())), false, n);
        }
        if self.beyond() > 0 {
            self.line(format!("sub sp, #{}", 4 * self.beyond()));
        }
    }

    fn leave(&mut self) {
        let saved = self.frame.saved.clone();
        if saved.is_empty() {
            if self.frame.low > 0 {
                self.line(format!("add sp, #{}", 4 * self.frame.low));
            }
            self.part.turns += 1;
            return self.lines.push("bx lr".into());
        }
        if self.beyond() > 0 {
            self.line(format!("add sp, #{}", 4 * self.beyond()));
        }
        // The words below go to registers that no caller relies on.
        let low = self.frame.low - self.beyond();
        let back = (ARGUMENTS - low..ARGUMENTS).map(|r| r as u8).chain(saved.iter().map(|&r| r + u8::from(r == 14)));
        let names: Vec<String> = back.map(|r| if r == 15 { "pc".into() } else { name(r) }).collect();
        let n = names.len();
        self.memory(format!("pop {{{}}}", names.join(", ")), true, n);
        self.part.turns += 1;
    }

    fn slot(&self, s: Slot) -> u32 {
        let word = match s {
            Slot::Own(k) => k,
            Slot::Argument(i) if i < ARGUMENTS => self.a.own + i - self.frame.first,
            Slot::Argument(i) => self.frame.words as u32 + i - ARGUMENTS,
        };
        4 * word
    }

    fn block(&mut self, b: &Block) {
        if b.turn.is_some() {
            self.lines.push("0:".into());
        }
        for i in b.body.iter().chain(&b.tail).filter(|i| !self.a.is_void(i)) {
            self.inst(i);
        }
        if let Some(t) = &b.turn {
            self.lines.push(format!("cmp {}, {}", self.reg(t.pointers[0].reg), self.reg(t.end_read)));
            self.lines.push("bne 0b".into());
            self.part.turns += 1;
            if matches!(t.trips, Trips::Parameter(..)) {
                self.lines.push("1:".into());
            }
        }
    }

    fn inst(&mut self, i: &Inst) {
        let out: Vec<String> = i.out.iter().map(|r| self.reg(*r)).collect();
        let uses: Vec<String> = i.uses.iter().map(|r| self.reg(*r)).collect();
        match &i.op {
            Op::Move => self.line(format!("mov {}, {}", out[0], uses[0])),
            Op::Const(v) => self.constant(&out[0], *v),
            Op::Plain(text) => {
                let operands = out.iter().chain(&uses).enumerate();
                let text = operands.fold(text.clone(), |t, (k, r)| t.replace(&format!("%{k}"), r));
                self.line(text);
            }
            Op::Choose(condition) => {
                let (d, a, b) = (&out[0], &uses[0], &uses[1]);
                self.line(format!("cmp {a}, {b}"));
                let other = if *condition == "gt" { "le" } else { "ge" };
                match (d == a, d == b) {
                    (true, _) => {
                        self.line(format!("it {condition}"));
                        self.line(format!("mov{condition} {d}, {b}"));
                    }
                    (_, true) => {
                        self.line(format!("it {other}"));
                        self.line(format!("mov{other} {d}, {a}"));
                    }
                    _ => {
                        self.line(format!("ite {condition}"));
                        self.line(format!("mov{condition} {d}, {b}"));
                        self.line(format!("mov{other} {d}, {a}"));
                    }
                }
            }
            Op::Load(p) => self.memory(access("ldr", p, &out, &uses[0]), true, out.len()),
            Op::Store(p) => self.memory(access("str", p, &uses[1..], &uses[0]), false, uses.len() - 1),
            Op::Reload(s) => self.memory(format!("ldr {}, [sp, #{}]", out[0], self.slot(*s)), true, 1),
            Op::Spill(s) => self.memory(format!("str {}, [sp, #{}]", uses[0], self.slot(*s)), false, 1),
            Op::Guard => {
                self.line(format!("cmp {}, #0", uses[0]));
                self.line("ble 1f".into());
            }
        }
    }

    fn constant(&mut self, d: &str, v: i32) {
        let (low, high) = (v as u32 & 0xffff, v as u32 >> 16);
        if modified_immediate(v) {
            self.line(format!("mov {d}, #{v}"));
        } else if modified_immediate(!v) {
            self.line(format!("mvn {d}, #{}", !v));
        } else {
            self.line(format!("movw {d}, #{low}"));
            if high != 0 {
                self.line(format!("movt {d}, #{high}"));
            }
        }
    }
}

fn access(name: &str, p: &Place, registers: &[String], base: &str) -> String {
    let dual = if registers.len() == 2 { "d" } else { p.width.suffix() };
    let at = match (p.offset, p.bump) {
        (0, 0) => format!("[{base}]"),
        (offset, 0) => format!("[{base}, #{offset}]"),
        (_, bump) => format!("[{base}], #{bump}"),
    };
    format!("{name}{dual} {}, {at}", registers.join(", "))
}
