//! The register machine: memory, bounds, and the loop over instructions.

use super::super::ir::{Function, Mode};
use super::InterpError;
use super::code::{Affine, Code, Instr, Reg};
use super::compile::compile;

/// Calls may nest this deep.
const MAX_DEPTH: usize = 32;

/// A piece of memory; buffers lie in it at offsets and may overlap.
#[derive(Debug)]
pub struct Region {
    pub bytes: Vec<u8>,
    /// Which bytes have a value; `None` when all have.
    pub written: Option<Vec<bool>>,
    pub writable: bool,
}

/// Where a buffer of a function lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub region: usize,
    pub offset: usize,
    pub bytes: usize,
}

pub struct Machine<'a> {
    functions: &'a [Function],
    codes: Vec<Option<Code>>,
    pub regions: Vec<Region>,
}

impl<'a> Machine<'a> {
    pub fn new(functions: &'a [Function], regions: Vec<Region>) -> Machine<'a> {
        Machine { functions, codes: functions.iter().map(|_| None).collect(), regions }
    }

    /// Runs a function. The number of places and indices is that of its parameters.
    pub fn call(&mut self, f: usize, places: &[Place], indices: &[i64], depth: usize) -> Result<(), InterpError> {
        let function = &self.functions[f];
        let error = |message: String| InterpError { function: function.name.clone(), message };
        if depth > MAX_DEPTH {
            return Err(error("calls nest too deep".into()));
        }
        for (p, b) in places.iter().zip(&function.buffers) {
            if b.len.checked_mul(b.elem.bytes()).is_none_or(|need| need > p.bytes) {
                return Err(error(format!("{} needs {} x {}, has {} bytes", b.name, b.len, b.elem, p.bytes)));
            }
            if b.mode != Mode::Read && !self.regions[p.region].writable {
                return Err(error(format!("{} is written, but its place is not writable", b.name)));
            }
        }
        // Taken out while it runs; a recursive call compiles it again and runs into MAX_DEPTH.
        let code = match self.codes[f].take() {
            Some(code) => code,
            None => compile(self.functions, function).map_err(error)?,
        };
        let mut registers = code.registers.clone();
        for (r, i) in registers.iter_mut().zip(indices) {
            *r = *i as u64;
        }
        let places: Vec<Place> =
            places.iter().zip(&function.buffers).map(|(p, b)| Place { bytes: b.len * b.elem.bytes(), ..*p }).collect();
        let mut frame = Frame { function, places, registers };
        let done = self.exec(&code, &mut frame, depth);
        self.codes[f] = Some(code);
        done
    }

    fn exec(&mut self, code: &Code, frame: &mut Frame<'_>, depth: usize) -> Result<(), InterpError> {
        let mut pc = 0;
        while let Some(instr) = code.instrs.get(pc) {
            pc += 1;
            let r = &mut frame.registers;
            match instr {
                Instr::Fn2 { f, to, a, b, lanes } => {
                    for i in 0..*lanes {
                        r[to + i] = f(r[a + i], r[b + i]);
                    }
                }
                Instr::Fn1 { f, to, a, lanes } => {
                    for i in 0..*lanes {
                        r[to + i] = f(r[a + i]);
                    }
                }
                Instr::Copy { to, from, lanes: 1 } => r[*to] = r[*from],
                Instr::Copy { to, from, lanes } => r.copy_within(*from..from + lanes, *to),
                Instr::Load { to, buffer, index, width, lanes, mask } => {
                    let index = frame.index(index);
                    let n = frame.lanes_reached(*lanes, *mask);
                    let (region, at) = self.reach(frame, *buffer, index, n * width)?;
                    let region = &self.regions[region];
                    for i in 0..*lanes {
                        let r = &mut frame.registers;
                        r[to + i] = 0;
                        if mask.is_some_and(|m| r[m + i] == 0) {
                            continue;
                        }
                        let at = at + i * width;
                        if region.written.as_ref().is_some_and(|w| w[at..at + width].contains(&false)) {
                            return Err(frame.error(*buffer, index, "is read before it is written"));
                        }
                        frame.registers[to + i] = read(&region.bytes[at..at + width]);
                    }
                }
                Instr::Store { from, buffer, index, width, lanes, mask } => {
                    let index = frame.index(index);
                    let n = frame.lanes_reached(*lanes, *mask);
                    let (region, at) = self.reach(frame, *buffer, index, n * width)?;
                    let region = &mut self.regions[region];
                    let r = &frame.registers;
                    for i in 0..*lanes {
                        if mask.is_some_and(|m| r[m + i] == 0) {
                            continue;
                        }
                        let at = at + i * width;
                        region.bytes[at..at + width].copy_from_slice(&r[from + i].to_le_bytes()[..*width]);
                        if let Some(w) = &mut region.written {
                            w[at..at + width].fill(true);
                        }
                    }
                }
                Instr::Next { var, hi, step, body } => {
                    r[*var] = (r[*var] as i64).saturating_add(*step) as u64;
                    if (r[*var] as i64) < r[*hi] as i64 {
                        pc = *body;
                    }
                }
                Instr::Enter { var, hi, exit } => {
                    if r[*var] as i64 >= r[*hi] as i64 {
                        pc = *exit;
                    }
                }
                Instr::Outside { index, bound, target } => {
                    if !(0..*bound).contains(&frame.index(index)) {
                        pc = *target;
                    }
                }
                Instr::Jump { target } => pc = *target,
                Instr::Index { to, index } => frame.registers[*to] = frame.index(index) as u64,
                Instr::Select { to, c, per_lane, a, b, lanes } => {
                    for i in 0..*lanes {
                        let c = r[c + if *per_lane { i } else { 0 }];
                        r[to + i] = if c != 0 { r[a + i] } else { r[b + i] };
                    }
                }
                Instr::Splat { to, a, lanes } => {
                    let v = r[*a];
                    r[*to..to + lanes].fill(v);
                }
                Instr::Rebytes { to, a, from, into } => {
                    let lanes = &r[*a..a + usize::from(from.lanes)];
                    let bytes: Vec<u8> =
                        lanes.iter().flat_map(|v| v.to_le_bytes().into_iter().take(from.scalar.bytes())).collect();
                    for (i, b) in bytes.chunks(into.scalar.bytes()).enumerate() {
                        r[to + i] = read(b);
                    }
                }
                Instr::Div { to, a, by } => r[*to] = (r[*a] as i64).div_euclid(*by) as u64,
                Instr::Mod { to, a, by } => r[*to] = (r[*a] as i64).rem_euclid(*by) as u64,
                Instr::Product { to, a, b } => r[*to] = (r[*a] as i64).wrapping_mul(r[*b] as i64) as u64,
                Instr::Min { to, a, b } => r[*to] = (r[*a] as i64).min(r[*b] as i64) as u64,
                Instr::Max { to, a, b } => r[*to] = (r[*a] as i64).max(r[*b] as i64) as u64,
                Instr::Clamp { to, a, bound } => r[*to] = (r[*a] as i64).clamp(0, bound - 1) as u64,
                Instr::Table { to, table, at } => {
                    let i = r[*at] as i64;
                    let Some(v) = usize::try_from(i).ok().and_then(|i| table.get(i)) else {
                        let message = format!("entry {i} of a table of {}", table.len());
                        return Err(InterpError { function: frame.function.name.clone(), message });
                    };
                    r[*to] = i64::from(*v) as u64;
                }
                Instr::Call { function, buffers, indices } => {
                    let mut places = Vec::with_capacity(buffers.len());
                    for (b, at) in buffers {
                        let at = frame.registers[*at] as i64;
                        let p = frame.places[*b];
                        // One past the end is a place of no elements.
                        let skip = usize::try_from(at).ok().and_then(|i| i.checked_mul(frame.elem(*b)));
                        match skip.filter(|&s| s <= p.bytes) {
                            Some(s) => places.push(Place { offset: p.offset + s, bytes: p.bytes - s, ..p }),
                            None => return Err(frame.error(*b, at, "is out of bounds")),
                        }
                    }
                    let indices: Vec<i64> = indices.iter().map(|&i| frame.registers[i] as i64).collect();
                    self.call(*function, &places, &indices, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Region and byte address of `bytes` bytes from an element on.
    #[inline]
    fn reach(&self, frame: &Frame<'_>, buffer: usize, index: i64, bytes: usize) -> Result<(usize, usize), InterpError> {
        let p = &frame.places[buffer];
        let start = usize::try_from(index).ok().and_then(|i| i.checked_mul(frame.elem(buffer)));
        match start {
            Some(start) if bytes <= p.bytes && start <= p.bytes - bytes => Ok((p.region, p.offset + start)),
            // All lanes are masked off.
            _ if bytes == 0 => Ok((p.region, p.offset)),
            _ => Err(frame.error(buffer, index, "is out of bounds")),
        }
    }
}

struct Frame<'a> {
    function: &'a Function,
    places: Vec<Place>,
    registers: Vec<u64>,
}

impl Frame<'_> {
    #[inline]
    fn index(&self, i: &Affine) -> i64 {
        i.terms.iter().fold(i.constant, |sum, &(r, k)| sum.wrapping_add(k.wrapping_mul(self.registers[r] as i64)))
    }

    /// Lanes up to the last one that the mask lets through.
    #[inline]
    fn lanes_reached(&self, lanes: usize, mask: Option<Reg>) -> usize {
        match mask {
            None => lanes,
            Some(m) => self.registers[m..m + lanes].iter().rposition(|&on| on != 0).map_or(0, |last| last + 1),
        }
    }

    fn elem(&self, buffer: usize) -> usize {
        self.function.buffers[buffer].elem.bytes()
    }

    #[cold]
    fn error(&self, buffer: usize, index: i64, what: &str) -> InterpError {
        let b = &self.function.buffers[buffer];
        let message = format!("element {index} of {} ({} x {}) {what}", b.name, b.len, b.elem);
        InterpError { function: self.function.name.clone(), message }
    }
}

#[inline]
fn read(bytes: &[u8]) -> u64 {
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("scalars have 1, 2, 4 or 8 bytes"),
    }
}
