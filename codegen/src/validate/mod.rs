//! The proof that a program never reads or writes a byte that it should not.
//!
//! Shares nothing with the planner. It runs the program's control flow once, without data, over a
//! memory in which every byte carries the tag of its writer: the buffer and the logical byte of that
//! buffer. A load must find the tags of exactly what it asks for; what was overwritten in place,
//! overlapped by another slot, not written yet, or dropped from a ring buffer has another tag. Control
//! flow and addresses do not depend on input data, so one run speaks for all; the few indices that
//! data decide are clamped, and stand for every index in their bounds.
//!
//! Masks are not looked into: a masked load must find all of its lanes, and a masked store may have
//! left each of its lanes alone.
//!
//! `code` turns a step into loops, loads and stores over flat index sums; `site` says where each of
//! those goes; `memory` holds the tags; `walk` runs the steps. Loads are proven at once, by interval, for
//! all of the step where nothing that it writes shares memory with them, and else for every loop that
//! stores nothing; the walk visits only what is left, and the stores.

mod code;
mod memory;
mod site;
mod sum;
#[cfg(test)]
mod tests;
mod walk;

use memory::Memory;
use tinyc_core::diag::{Code, Diagnostic, Report};
use tinyc_core::loops::{Arg, Buffer, Place, Port, Program};
use walk::Found;

/// Arena and outputs of a program may take this many bytes.
const MAX_BYTES: usize = 64 << 20;

/// Accesses that are walked at most, where those done at once are one. Networks for microcontrollers
/// have up to two million. Each makes two runs of tags more at most, of some 20 bytes.
const MAX_ACCESSES: u64 = 1 << 24;

/// Validates a program; the errors name step, buffer and element.
pub fn validate(program: &Program) -> Result<(), Report> {
    within(program, MAX_ACCESSES)
}

fn within(program: &Program, max_accesses: u64) -> Result<(), Report> {
    let outputs = program.outputs.iter().map(|p| p.ty.bytes());
    let bytes = outputs.fold(program.arena_bytes, usize::saturating_add);
    if bytes > MAX_BYTES {
        let message = format!("arena and outputs take {bytes} bytes, more than the {MAX_BYTES} that can be proven");
        return Err(Diagnostic::error(Code::TooLarge, message).into());
    }
    let mut problems = layout(program);
    if problems.is_empty() {
        let mut memory = Memory::new(program);
        let mut left = max_accesses;
        for (i, step) in program.steps.iter().enumerate() {
            match walk::step(program, step, &mut memory, &mut left) {
                Found::Nothing => {}
                Found::Problems(found) => {
                    let name = step_name(program, i);
                    problems.extend(found.into_iter().map(|m| format!("{name}: {m}")));
                    // What follows reads what this step left wrong.
                    break;
                }
                Found::TooMuch => {
                    let message = format!(
                        "{}: the network accesses its memory more than the {max_accesses} times that can be proven",
                        step_name(program, i)
                    );
                    return Err(Diagnostic::error(Code::TooLarge, message).into());
                }
            }
        }
        if problems.is_empty() {
            problems = unfinished(program, &memory);
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Report {
            diagnostics: problems.into_iter().map(|m| Diagnostic::error(Code::PlanRejected, m)).collect(),
        }),
    }
}

/// `step 3 (conv_1, from "conv1")`
fn step_name(program: &Program, i: usize) -> String {
    let step = &program.steps[i];
    let function = program.functions.get(step.function.0 as usize).map_or("?", |f| &f.name);
    match step.origins.first() {
        Some(origin) => format!("step {i} ({function}, from {origin:?})"),
        None => format!("step {i} ({function})"),
    }
}

/// What is wrong before anything runs: buffers outside of their memory or unaligned, arguments that
/// are none.
fn layout(program: &Program) -> Vec<String> {
    let mut problems = Vec::new();
    if !program.arena_align.is_power_of_two() {
        problems.push(format!("the arena's alignment {} is no power of two", program.arena_align));
        return problems;
    }
    for b in &program.buffers {
        if let Err(m) = place(program, b) {
            problems.push(format!("buffer %{}: {m}", b.name));
        }
    }
    for (kind, ports) in [("input", &program.inputs), ("output", &program.outputs)] {
        for (i, port) in ports.iter().enumerate() {
            if let Err(m) = port_place(program, kind, i, port) {
                problems.push(format!("{kind} {i} ({:?}): {m}", port.name));
            }
        }
    }
    for i in 0..program.steps.len() {
        if let Err(m) = arguments(program, i) {
            problems.push(format!("{}: {m}", step_name(program, i)));
        }
    }
    problems
}

fn place(program: &Program, b: &Buffer) -> Result<(), String> {
    let bytes = b.len.checked_mul(b.elem.bytes()).ok_or("its size overflows")?;
    let room = |kind: &str, ports: &[Port], i: usize| match ports.get(i).map(|p| p.ty.bytes()) {
        Some(n) if bytes <= n => Ok(()),
        Some(n) => Err(format!("{bytes} bytes do not fit into the {n} bytes of {kind} {i}")),
        None => Err(format!("there is no {kind} {i}")),
    };
    match &b.place {
        Place::Input(i) => room("input", &program.inputs, *i),
        Place::Output(i) => room("output", &program.outputs, *i),
        Place::Const(t) if t.ty().bytes() == bytes => Ok(()),
        Place::Const(t) => Err(format!("{bytes} bytes, but its constant has {}", t.ty().bytes())),
        Place::Arena(offset) => {
            let end = offset.checked_add(bytes).ok_or("its end overflows")?;
            if end > program.arena_bytes {
                return Err(format!("bytes {offset}..{end} leave the arena of {} bytes", program.arena_bytes));
            }
            let align = b.elem.bytes();
            if !offset.is_multiple_of(align) || !program.arena_align.is_multiple_of(align) {
                let arena = program.arena_align;
                return Err(format!("offset {offset} in an arena aligned to {arena} is not aligned to {align} bytes"));
            }
            Ok(())
        }
    }
}

fn port_place(program: &Program, kind: &str, i: usize, port: &Port) -> Result<(), String> {
    let b = program.buffers.get(port.buffer.0 as usize).ok_or("there is no such buffer")?;
    if b.bytes() != port.ty.bytes() {
        return Err(format!("%{} has {} bytes, {} has {}", b.name, b.bytes(), port.ty, port.ty.bytes()));
    }
    match b.place {
        Place::Arena(_) => Ok(()),
        Place::Input(j) if kind == "input" && i == j => Ok(()),
        Place::Output(j) if kind == "output" && i == j => Ok(()),
        _ => Err(format!("%{} lies in other memory", b.name)),
    }
}

fn arguments(program: &Program, i: usize) -> Result<(), String> {
    let step = &program.steps[i];
    let f = program.functions.get(step.function.0 as usize).ok_or("there is no such function")?;
    let wanted = f.buffers.len() + f.index_params as usize;
    if step.args.len() != wanted {
        return Err(format!("{} arguments for {wanted} parameters", step.args.len()));
    }
    for (n, arg) in step.args.iter().enumerate() {
        match (arg, f.buffers.get(n)) {
            (Arg::Index(_), None) => {}
            (Arg::Buffer(b), Some(p)) => {
                let b = program.buffers.get(b.0 as usize).ok_or_else(|| format!("argument {n} is no buffer"))?;
                if b.elem != p.elem || b.len < p.len {
                    return Err(format!(
                        "%{} has {} elements of {}, its parameter {} needs {} of {}",
                        b.name, b.len, b.elem, p.name, p.len, p.elem
                    ));
                }
            }
            _ => return Err(format!("argument {n} is of the wrong kind")),
        }
    }
    Ok(())
}

/// Outputs that are not wholly written at the end.
fn unfinished(program: &Program, memory: &Memory) -> Vec<String> {
    let outputs = program.outputs.iter().enumerate();
    outputs
        .filter_map(|(i, port)| {
            let b = port.buffer.0 as usize;
            let bytes = program.buffers[b].bytes();
            let at = memory.first_wrong(b, 0, 0, bytes)?;
            Some(format!("output {i} ({:?}): at the end, {}", port.name, memory.describe(program, b, at, at)))
        })
        .collect()
}
