//! What holds at all call sites of a function: which functions are reached and are the same, which
//! values integer parameters take, and which buffers may share memory.

use super::api::port_type;
use super::index::loop_range;
use crate::micro;
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::loops::{Arg, Buf, CallArg, FnId, Function, Index, IndexVar, Mode, Place, Port, Program, Stmt};

/// Facts about one function.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Places that call it.
    pub calls: usize,
    /// Range of each integer parameter.
    pub params: Vec<(i64, i64)>,
    /// What the address of each buffer is a multiple of, in bytes.
    align: Vec<i64>,
    /// Pairs of buffers that share memory at some call site.
    shared: BTreeSet<(u32, u32)>,
    modes: Vec<Mode>,
}

impl Facts {
    fn new(f: &Function) -> Facts {
        // An empty interval until the first call site is seen.
        let params = vec![(i64::MAX, i64::MIN); f.index_params as usize];
        // All divide zero.
        let align = vec![0; f.buffers.len()];
        Facts { calls: 0, params, align, shared: BTreeSet::new(), modes: f.buffers.iter().map(|b| b.mode).collect() }
    }

    /// What micro-kernels have to know of their buffers.
    pub fn sites(&self) -> Vec<micro::Site> {
        let site = |(i, align): (usize, &i64)| micro::Site {
            align: usize::try_from(*align).unwrap_or(1).max(1),
            disjoint: self.is_disjoint(i as u32),
        };
        self.align.iter().enumerate().map(site).collect()
    }

    fn aligned(&mut self, buffer: usize, to: impl IntoIterator<Item = i64>) {
        self.align[buffer] = to.into_iter().fold(self.align[buffer], divisor);
    }

    /// Whether what the buffer's pointer reaches is reached through no other one, or only read.
    pub fn is_disjoint(&self, buffer: u32) -> bool {
        let written = |b: u32| self.modes[b as usize] != Mode::Read;
        !self.shared.iter().any(|&(a, b)| (a == buffer || b == buffer) && (written(a) || written(b)))
    }

    fn share(&mut self, a: u32, b: u32) {
        self.shared.insert((a.min(b), a.max(b)));
    }

    fn shares(&self, a: u32, b: u32) -> bool {
        self.shared.contains(&(a.min(b), a.max(b)))
    }

    fn widen(&mut self, param: usize, r: (i64, i64)) {
        let p = &mut self.params[param];
        *p = (p.0.min(r.0), p.1.max(r.1));
    }
}

/// Functions that steps reach, callees first, and for each function the equal one that stands for it.
pub fn reached(program: &Program) -> (Vec<FnId>, BTreeMap<FnId, FnId>) {
    let mut walk = Merge { program, order: Vec::new(), same: BTreeMap::new(), seen: BTreeMap::new() };
    for step in &program.steps {
        walk.visit(step.function);
    }
    (walk.order, walk.same)
}

/// A function and all that it calls.
pub fn run_by(program: &Program, f: FnId) -> BTreeSet<FnId> {
    let (mut run, mut open) = (BTreeSet::new(), vec![f]);
    while let Some(id) = open.pop() {
        if run.insert(id) {
            calls(&program.functions[id.0 as usize].body, &mut open);
        }
    }
    run
}

struct Merge<'a> {
    program: &'a Program,
    order: Vec<FnId>,
    same: BTreeMap<FnId, FnId>,
    /// Functions without their names.
    seen: BTreeMap<Function, FnId>,
}

impl Merge<'_> {
    fn visit(&mut self, id: FnId) {
        if self.same.contains_key(&id) {
            return;
        }
        let mut f = self.program.functions[id.0 as usize].clone();
        let mut callees = Vec::new();
        calls(&f.body, &mut callees);
        for c in callees {
            self.visit(c);
        }
        rename_calls(&mut f.body, &self.same);
        f.name.clear();
        f.index_names.iter_mut().for_each(String::clear);
        f.local_names.iter_mut().for_each(String::clear);
        f.buffers.iter_mut().for_each(|b| b.name.clear());
        let first = *self.seen.entry(f).or_insert(id);
        if first == id {
            self.order.push(id);
        }
        self.same.insert(id, first);
    }
}

fn calls(block: &[Stmt], out: &mut Vec<FnId>) {
    for s in block {
        match s {
            Stmt::For(f) => calls(&f.body, out),
            Stmt::Call(id, _) => out.push(*id),
            _ => {}
        }
    }
}

fn rename_calls(block: &mut [Stmt], same: &BTreeMap<FnId, FnId>) {
    for s in block {
        match s {
            Stmt::For(f) => rename_calls(&mut f.body, same),
            Stmt::Call(id, _) => *id = same.get(id).copied().unwrap_or(*id),
            _ => {}
        }
    }
}

/// Greatest common divisor.
fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { divisor(b, a % b) }
}

/// Facts about the functions in `order` (callees first); constants are aligned to `align` bytes.
pub fn facts(program: &Program, order: &[FnId], same: &BTreeMap<FnId, FnId>, align: usize) -> BTreeMap<FnId, Facts> {
    let mut facts: BTreeMap<FnId, Facts> =
        order.iter().map(|&id| (id, Facts::new(&program.functions[id.0 as usize]))).collect();
    for step in &program.steps {
        let callee = same[&step.function];
        let f = &program.functions[callee.0 as usize];
        let Some(of) = facts.get_mut(&callee) else { continue };
        of.calls += 1;
        let mut regions = Vec::new();
        let mut index = 0;
        for a in &step.args {
            match a {
                Arg::Index(v) => {
                    of.widen(index, (*v, *v));
                    index += 1;
                }
                Arg::Buffer(b) => {
                    let param = &f.buffers[regions.len()];
                    let buffer = &program.buffers[b.0 as usize];
                    let place = &buffer.place;
                    let port = |ports: &[Port], i: usize| port_type(ports[i].ty.dtype).1;
                    let at = match place {
                        Place::Arena(at) => [*at, program.arena_align],
                        Place::Input(i) => [0, port(&program.inputs, *i)],
                        Place::Output(i) => [0, port(&program.outputs, *i)],
                        Place::Const(_) => [0, align],
                    };
                    of.aligned(regions.len(), at.map(|n| n as i64));
                    regions.push(match place {
                        Place::Arena(at) => Region::Arena(*at, at + param.len.min(buffer.len) * param.elem.bytes()),
                        Place::Input(i) => Region::Input(*i),
                        Place::Output(i) => Region::Output(*i),
                        Place::Const(_) => Region::Const,
                    });
                }
            }
        }
        for (i, a) in regions.iter().enumerate() {
            for (j, b) in regions.iter().enumerate().take(i) {
                if a.overlaps(b) {
                    of.share(j as u32, i as u32);
                }
            }
        }
    }
    // Callers first.
    for &id in order.iter().rev() {
        let f = &program.functions[id.0 as usize];
        let own = facts[&id].clone();
        let mut ranges: BTreeMap<IndexVar, (i64, i64)> =
            own.params.iter().enumerate().map(|(i, r)| (IndexVar(i as u32), *r)).collect();
        nested(program, &f.body, &own, same, &mut ranges, &mut facts);
    }
    facts
}

enum Region {
    Arena(usize, usize),
    Input(usize),
    Output(usize),
    Const,
}

impl Region {
    fn overlaps(&self, other: &Region) -> bool {
        match (self, other) {
            // Compilers warn of equal pointers, even if nothing lies there.
            (Region::Arena(a, b), Region::Arena(c, d)) => (a < d && c < b) || a == c,
            (Region::Input(a), Region::Input(b)) | (Region::Output(a), Region::Output(b)) => a == b,
            // Constants are never written, and callers keep inputs and outputs apart.
            _ => false,
        }
    }
}

/// Carries facts of a caller into its callees.
fn nested(
    program: &Program,
    block: &[Stmt],
    caller: &Facts,
    same: &BTreeMap<FnId, FnId>,
    ranges: &mut BTreeMap<IndexVar, (i64, i64)>,
    facts: &mut BTreeMap<FnId, Facts>,
) {
    for s in block {
        match s {
            Stmt::For(l) => {
                let r = loop_range(&l.lo, &l.hi, &|v| ranges.get(&v).copied().unwrap_or_default());
                ranges.insert(l.var, r);
                nested(program, &l.body, caller, same, ranges, facts);
            }
            Stmt::Call(id, args) => {
                let callee = same[id];
                let f = &program.functions[callee.0 as usize];
                let Some(of) = facts.get_mut(&callee) else { continue };
                of.calls += 1;
                let range = |i: &Index| i.range(&|v| ranges.get(&v).copied().unwrap_or_default());
                let mut buffers: Vec<(Buf, i64, i64)> = Vec::new();
                let mut index = 0;
                for a in args {
                    match a {
                        CallArg::Index(i) => {
                            of.widen(index, range(i));
                            index += 1;
                        }
                        CallArg::Buffer(b, i) => {
                            let (lo, hi) = range(i);
                            let at = buffers.len();
                            let bytes = f.buffers[at].elem.bytes() as i64;
                            let distances = i.terms().iter().map(|t| t.1).chain([i.offset()]);
                            of.aligned(at, distances.map(|d| d * bytes).chain([caller.align[b.0 as usize]]));
                            buffers.push((*b, lo, hi + f.buffers[buffers.len()].len as i64));
                        }
                    }
                }
                for (i, (a, a0, a1)) in buffers.iter().enumerate() {
                    for (j, (b, b0, b1)) in buffers.iter().enumerate().take(i) {
                        let shared = if a == b { a0 < b1 && b0 < a1 } else { caller.shares(a.0, b.0) };
                        if shared {
                            of.share(j as u32, i as u32);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
