//! Interpreter of programs and functions: what tests hold every kernel and every plan against.
//!
//! Buffers are bytes, little-endian; buffers in the arena alias by their offsets, so a plan that
//! shares memory is executed as planned. Out-of-bounds accesses, reads of bytes that nothing has
//! written, and ill-formed functions are errors, never panics. Functions are compiled to a register
//! machine first (`compile`), which runs them (`run`); scalar meaning comes from `semantics`.

mod code;
mod compile;
mod expr;
mod run;

use super::ir::{FnId, Function, Mode};
use super::program::{Arg, BufferId, Place, Program};
use crate::tensor::{Data, Tensor};
use run::{Machine, Region};
use std::collections::BTreeMap;
use std::fmt;

/// What went wrong, and in which function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterpError {
    pub function: String,
    pub message: String,
}

impl fmt::Display for InterpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.message)
    }
}

impl std::error::Error for InterpError {}

/// Calls one function with buffers of bytes. What [`Mode::Write`] buffers hold before does not count:
/// reading it is an error.
pub fn call(functions: &[Function], f: FnId, buffers: &mut [Vec<u8>], indices: &[i64]) -> Result<(), InterpError> {
    let error = |name: &str, message: String| Err(InterpError { function: name.into(), message });
    let Some(function) = functions.get(f.0 as usize) else {
        return error("", format!("no function {}", f.0));
    };
    if buffers.len() != function.buffers.len() || indices.len() != function.index_params as usize {
        return error(&function.name, format!("called with {} buffers, {} indices", buffers.len(), indices.len()));
    }
    let regions: Vec<Region> = buffers
        .iter_mut()
        .zip(&function.buffers)
        .map(|(bytes, b)| {
            let bytes = std::mem::take(bytes);
            let written = (b.mode == Mode::Write).then(|| vec![false; bytes.len()]);
            Region { bytes, written, writable: b.mode != Mode::Read }
        })
        .collect();
    let places: Vec<_> =
        regions.iter().enumerate().map(|(region, r)| run::Place { region, offset: 0, bytes: r.bytes.len() }).collect();
    let mut machine = Machine::new(functions, regions);
    let done = machine.call(f.0 as usize, &places, indices, 0);
    for (bytes, region) in buffers.iter_mut().zip(machine.regions) {
        *bytes = region.bytes;
    }
    done
}

/// Runs all steps of a program; inputs and outputs are in the order of its ports.
pub fn run(program: &Program, inputs: &[Tensor]) -> Result<Vec<Tensor>, InterpError> {
    let error = |message: String| InterpError { function: program.name.clone(), message };
    let (places, regions) = place(program).map_err(error)?;
    let mut machine = Machine::new(&program.functions, regions);
    if inputs.len() != program.inputs.len() {
        return Err(error(format!("{} inputs given, {} needed", inputs.len(), program.inputs.len())));
    }
    let of = |b: BufferId| places.get(b.0 as usize).copied().ok_or_else(|| error(format!("no buffer {}", b.0)));
    for (port, input) in program.inputs.iter().zip(inputs) {
        let bytes = input.data().to_le_bytes();
        let p = of(port.buffer)?;
        if input.ty() != port.ty || bytes.len() != p.bytes {
            return Err(error(format!("input {} is {}, given {}", port.name, port.ty, input.ty())));
        }
        let region = &mut machine.regions[p.region];
        region.bytes[p.offset..p.offset + p.bytes].copy_from_slice(&bytes);
        if let Some(w) = &mut region.written {
            w[p.offset..p.offset + p.bytes].fill(true);
        }
    }
    for (i, step) in program.steps.iter().enumerate() {
        let f = step.function.0 as usize;
        let Some(function) = program.functions.get(f) else {
            return Err(error(format!("step {i} calls function {f}")));
        };
        let (mut buffers, mut indices) = (Vec::new(), Vec::new());
        for arg in &step.args {
            match arg {
                Arg::Buffer(b) => {
                    let elem = program.buffers.get(b.0 as usize).map(|b| b.elem);
                    if function.buffers.get(buffers.len()).map(|b| b.elem) != elem {
                        return Err(error(format!(
                            "step {i}: argument {} of {} has another type",
                            buffers.len(),
                            function.name
                        )));
                    }
                    buffers.push(of(*b)?);
                }
                Arg::Index(v) => indices.push(*v),
            }
        }
        if buffers.len() != function.buffers.len() || indices.len() != function.index_params as usize {
            return Err(error(format!("step {i} calls {} with {} arguments", function.name, step.args.len())));
        }
        machine.call(f, &buffers, &indices, 0)?;
    }
    program
        .outputs
        .iter()
        .map(|port| {
            let p = of(port.buffer)?;
            let region = &machine.regions[p.region];
            let range = p.offset..p.offset + p.bytes;
            if region.written.as_ref().is_some_and(|w| w[range.clone()].contains(&false)) {
                return Err(error(format!("output {} is not written in full", port.name)));
            }
            Data::from_le_bytes(port.ty.dtype, &region.bytes[range])
                .and_then(|data| Tensor::new(port.ty.shape.clone(), data))
                .ok_or_else(|| error(format!("output {} has no {}", port.name, port.ty)))
        })
        .collect()
}

/// Regions of memory, and where each buffer lies in them.
fn place(program: &Program) -> Result<(Vec<run::Place>, Vec<Region>), String> {
    let unwritten = |n: usize, writable| Region { bytes: vec![0; n], written: Some(vec![false; n]), writable };
    let mut regions = vec![unwritten(program.arena_bytes, true)];
    let mut ports: BTreeMap<(bool, usize), usize> = BTreeMap::new();
    let mut places = Vec::new();
    for b in &program.buffers {
        let bytes = b.len.checked_mul(b.elem.bytes()).ok_or_else(|| format!("{} is too large", b.name))?;
        let (region, offset) = match &b.place {
            Place::Arena(offset) if offset.checked_add(bytes).is_some_and(|end| end <= program.arena_bytes) => {
                (0, *offset)
            }
            Place::Arena(offset) => return Err(format!("{} at {offset} leaves the arena", b.name)),
            Place::Const(t) => {
                let data = t.data().to_le_bytes();
                if data.len() != bytes {
                    return Err(format!("{} has {} bytes of data, {bytes} needed", b.name, data.len()));
                }
                regions.push(Region { bytes: data, written: None, writable: false });
                (regions.len() - 1, 0)
            }
            Place::Input(i) | Place::Output(i) => {
                let writable = matches!(b.place, Place::Output(_));
                let region = *ports.entry((writable, *i)).or_insert_with(|| {
                    regions.push(unwritten(0, writable));
                    regions.len() - 1
                });
                // Several buffers may name one port, e.g. under several types.
                let r = &mut regions[region];
                let n = r.bytes.len().max(bytes);
                *r = unwritten(n, writable);
                (region, 0)
            }
        };
        places.push(run::Place { region, offset, bytes });
    }
    Ok((places, regions))
}

#[cfg(test)]
mod tests;
