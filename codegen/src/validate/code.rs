//! A step as loops, loads and stores of program buffers: calls inlined, arithmetic left out.

use super::site::{DimSum, Site};
use super::sum::{Range, Sum};
use std::cell::Cell;
use std::collections::HashMap;
use tinyc_core::loops::{Access, Arg, Atom, CallArg, Expr, FnId, Function, Index, IndexVar, Load, Program, Step, Stmt};

/// Calls nest at most this deep; the loop IR has no recursion.
const MAX_DEPTH: usize = 16;

/// Loop bounds beyond this are no counts of anything in memory.
const MAX_BOUND: i64 = 1 << 40;

pub enum Node {
    For {
        var: usize,
        lo: Sum,
        hi: Sum,
        step: i64,
        body: Vec<Node>,
        /// Whether there is a store in it.
        stores: bool,
    },
    Load(Site),
    Store(Site),
}

impl Node {
    fn stores(&self) -> bool {
        match self {
            Node::For { stores, .. } => *stores,
            Node::Load(_) => false,
            Node::Store(_) => true,
        }
    }
}

/// Interval of the values of a loop's variable, for intervals of its bounds; it is empty, last below
/// first, if the loop never runs.
pub fn values(lo: Range, hi: Range, step: i64) -> Range {
    match lo.0 == lo.1 && lo.0 < hi.1 {
        true => (lo.0, lo.0 + (hi.1 - 1 - lo.0) / step * step),
        false => (lo.0, hi.1 - 1),
    }
}

/// The nodes of a step and the number of their variables.
pub fn compile(program: &Program, step: &Step) -> Result<(Vec<Node>, usize), String> {
    let mut c = Compiler { program, ranges: Vec::new() };
    let mut frame = Frame { buffers: Vec::new(), vars: HashMap::new() };
    let f = function(program, step.function)?;
    for arg in &step.args {
        match arg {
            Arg::Buffer(b) => {
                let len = f.buffers[frame.buffers.len()].len as i64;
                frame.buffers.push(Reached { buffer: b.0 as usize, base: Sum::default(), len });
            }
            Arg::Index(i) => {
                let var = IndexVar(frame.vars.len() as u32);
                frame.vars.insert(var, Sum::constant(*i));
            }
        }
    }
    let mut nodes = Vec::new();
    c.block(&f.body, &mut frame, 0, &mut nodes)?;
    Ok((nodes, c.ranges.len()))
}

fn function(program: &Program, id: FnId) -> Result<&Function, String> {
    program.functions.get(id.0 as usize).ok_or_else(|| format!("there is no function {}", id.0))
}

/// A buffer parameter as it is bound.
struct Reached {
    buffer: usize,
    base: Sum,
    len: i64,
}

struct Frame {
    buffers: Vec<Reached>,
    vars: HashMap<IndexVar, Sum>,
}

impl Frame {
    fn sum(&self, index: &Index) -> Result<Sum, String> {
        let missing = Cell::new(false);
        let sum = Sum::of(index, &|v| {
            self.vars.get(&v).cloned().unwrap_or_else(|| {
                missing.set(true);
                Sum::default()
            })
        });
        if missing.get() { Err("an index is used outside of its loop".into()) } else { Ok(sum) }
    }
}

struct Compiler<'a> {
    program: &'a Program,
    /// Of each variable.
    ranges: Vec<Range>,
}

impl Compiler<'_> {
    fn block(&mut self, body: &[Stmt], frame: &mut Frame, depth: usize, out: &mut Vec<Node>) -> Result<(), String> {
        for s in body {
            match s {
                Stmt::Let(_, e) | Stmt::Set(_, e) => self.loads(e, frame, out)?,
                Stmt::Store(s) => {
                    self.loads(&s.value, frame, out)?;
                    if let Some(m) = &s.mask {
                        self.loads(m, frame, out)?;
                    }
                    self.index_loads(&s.access, frame, out)?;
                    out.push(Node::Store(self.site(&s.access, s.value.ty().bytes(), s.mask.is_some(), frame)?));
                }
                Stmt::For(f) => {
                    let (lo, hi) = (frame.sum(&f.lo)?, frame.sum(&f.hi)?);
                    if lo.depends_on_data() || hi.depends_on_data() || f.step <= 0 {
                        return Err("a loop's bounds depend on data, or its step is not positive".into());
                    }
                    let env = |v: usize| self.ranges[v];
                    let (from, to) = (lo.range(&env), hi.range(&env));
                    if from.0 < -MAX_BOUND || to.1 > MAX_BOUND {
                        return Err("a loop's bounds are not known".into());
                    }
                    if from.0 >= to.1 {
                        continue;
                    }
                    let var = self.ranges.len();
                    self.ranges.push(values(from, to, f.step));
                    let shadowed = frame.vars.insert(f.var, Sum::var(var));
                    let mut body = Vec::new();
                    self.block(&f.body, frame, depth, &mut body)?;
                    match shadowed {
                        Some(s) => frame.vars.insert(f.var, s),
                        None => frame.vars.remove(&f.var),
                    };
                    let stores = body.iter().any(Node::stores);
                    out.push(Node::For { var, lo, hi, step: f.step, body, stores });
                }
                Stmt::Call(id, args) => self.call(*id, args, frame, depth, out)?,
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        id: FnId,
        args: &[CallArg],
        frame: &Frame,
        depth: usize,
        out: &mut Vec<Node>,
    ) -> Result<(), String> {
        let f = function(self.program, id)?;
        if depth == MAX_DEPTH {
            return Err(format!("calls nest deeper than {MAX_DEPTH}"));
        }
        let mut inner = Frame { buffers: Vec::new(), vars: HashMap::new() };
        for arg in args {
            match arg {
                CallArg::Buffer(b, at) => {
                    let outer = frame.buffers.get(b.0 as usize).ok_or("an argument is no buffer")?;
                    let parameter = f.buffers.get(inner.buffers.len()).ok_or("a call has too many buffers")?;
                    if parameter.elem != self.program.buffers[outer.buffer].elem {
                        return Err(format!("parameter {} of {} has another element type", parameter.name, f.name));
                    }
                    let mut base = outer.base.clone();
                    base.add(&frame.sum(at)?, 1);
                    inner.buffers.push(Reached { buffer: outer.buffer, base, len: parameter.len as i64 });
                }
                CallArg::Index(i) => {
                    inner.vars.insert(IndexVar(inner.vars.len() as u32), frame.sum(i)?);
                }
            }
        }
        self.block(&f.body, &mut inner, depth + 1, out)
    }

    fn site(&self, access: &Access, bytes: usize, partial: bool, frame: &Frame) -> Result<Site, String> {
        let at = frame.buffers.get(access.buffer.0 as usize).ok_or("an access to no buffer")?;
        let mut dims = Vec::new();
        let mut flat = at.base.clone();
        flat.constant += access.offset;
        for d in &access.dims {
            let index = frame.sum(&d.index)?;
            flat.add(&index, d.stride);
            let depends_on_data = index.depends_on_data();
            dims.push(DimSum { index, stride: d.stride, ring: d.ring, bound: d.bound, depends_on_data });
        }
        let plain = access.dims.iter().all(|d| d.ring.is_none() && d.bound.is_none());
        let mut site = Site {
            buffer: at.buffer,
            elem: self.program.buffers[at.buffer].elem.bytes() as i64,
            bytes: bytes as i64,
            base: at.base.clone(),
            len: at.len,
            offset: access.offset,
            dims,
            flat: (plain && !flat.depends_on_data()).then_some(flat),
            partial,
            reach: None,
        };
        site.reach = site.reach(&|v| self.ranges[v]);
        Ok(site)
    }

    fn load(&self, load: &Load, frame: &Frame, out: &mut Vec<Node>) -> Result<(), String> {
        for e in load.otherwise.iter().chain(&load.mask) {
            self.loads(e, frame, out)?;
        }
        self.index_loads(&load.access, frame, out)?;
        out.push(Node::Load(self.site(&load.access, load.ty.bytes(), load.mask.is_some(), frame)?));
        Ok(())
    }

    /// The loads of an expression, in the order they run.
    fn loads(&self, e: &Expr, frame: &Frame, out: &mut Vec<Node>) -> Result<(), String> {
        match e {
            Expr::Const(..) | Expr::Local(_) => Ok(()),
            Expr::Index(i, _) => self.data_loads(i, frame, out),
            Expr::Load(l) => self.load(l, frame, out),
            Expr::Unary(_, a) | Expr::Cast(_, _, a) | Expr::Splat(_, a) | Expr::Lane(_, a) | Expr::Reduce(_, a) => {
                self.loads(a, frame, out)
            }
            Expr::Binary(_, a, b) | Expr::Compare(_, a, b) => {
                self.loads(a, frame, out)?;
                self.loads(b, frame, out)
            }
            Expr::Select(c, a, b) => [c, a, b].into_iter().try_for_each(|e| self.loads(e, frame, out)),
            Expr::Lanes(v) | Expr::Call(_, v) => v.iter().try_for_each(|e| self.loads(e, frame, out)),
        }
    }

    fn index_loads(&self, access: &Access, frame: &Frame, out: &mut Vec<Node>) -> Result<(), String> {
        access.dims.iter().try_for_each(|d| self.data_loads(&d.index, frame, out))
    }

    /// The loads of expressions inside of an index.
    fn data_loads(&self, index: &Index, frame: &Frame, out: &mut Vec<Node>) -> Result<(), String> {
        for (atom, _) in index.terms() {
            match atom {
                Atom::Var(_) => {}
                Atom::Div(i, _) | Atom::Mod(i, _) | Atom::Table(_, i) => self.data_loads(i, frame, out)?,
                Atom::Min(a, b) | Atom::Max(a, b) | Atom::Product(a, b) => {
                    self.data_loads(a, frame, out)?;
                    self.data_loads(b, frame, out)?;
                }
                Atom::Data(e, _) => self.loads(e, frame, out)?,
            }
        }
        Ok(())
    }
}
