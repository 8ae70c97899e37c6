//! A step as loops, loads and stores of program buffers: calls inlined, arithmetic left out.

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

/// A load or store in the program text, or several stores that write bytes one behind the other.
pub struct Site {
    /// Of the program.
    pub buffer: usize,
    /// Size of its element in bytes.
    pub elem: i64,
    /// Bytes accessed.
    pub bytes: i64,
    /// First element of the parameter through which it is reached, and how many that may touch.
    base: Sum,
    len: i64,
    offset: i64,
    dims: Vec<DimSum>,
    /// Where it is one unguarded affine sum, that sum, in elements of the buffer.
    flat: Option<Sum>,
    /// Some lanes may be left out.
    pub partial: bool,
    /// Interval of the first element accessed, within the parameter and within the buffer; `None`
    /// when the guards never hold.
    reach: Option<(Range, Range)>,
}

struct DimSum {
    index: Sum,
    stride: i64,
    ring: Option<i64>,
    bound: Option<i64>,
    depends_on_data: bool,
}

/// The element of the buffer that a site accesses at some point of the walk.
pub enum Spot {
    /// A guard does not hold.
    Nowhere,
    /// Within the parameter, within the buffer, and as a logical element of the buffer.
    At { inner: i64, element: i64, logical: i64 },
    /// Data decide: one of these, each being its own logical element unless a ring is in the way.
    Among { inner: Range, elements: Range, ring: bool },
}

impl Site {
    pub fn spot(&self, env: &[i64]) -> Spot {
        if let Some(flat) = &self.flat {
            let element = flat.eval(env);
            return Spot::At { inner: element - self.base.eval(env), element, logical: element };
        }
        let point = |v: usize| (env[v], env[v]);
        if self.dims.iter().any(|d| d.depends_on_data) {
            return match self.reach(&point) {
                None => Spot::Nowhere,
                Some((inner, elements)) => Spot::Among { inner, elements, ring: self.is_ring() },
            };
        }
        let (mut inner, mut logical) = (self.offset, self.offset);
        for d in &self.dims {
            let i = d.index.eval(env);
            if d.bound.is_some_and(|b| !(0..b).contains(&i)) {
                return Spot::Nowhere;
            }
            logical += i * d.stride;
            inner += d.ring.map_or(i, |r| i.rem_euclid(r)) * d.stride;
        }
        let base = self.base.eval(env);
        Spot::At { inner, element: base + inner, logical: base + logical }
    }

    /// Where the accesses of a loop over `var` with this step lie one behind the other: the first
    /// one's logical element, within the buffer and within the parameter.
    pub fn run(&self, var: usize, step: i64, env: &[i64]) -> Option<(i64, i64)> {
        let flat = self.flat.as_ref().filter(|_| !self.partial)?;
        let adjacent = flat.slope(var)? * step * self.elem == self.bytes && self.base.slope(var)? == 0;
        adjacent.then(|| {
            let element = flat.eval(env);
            (element, element - self.base.eval(env))
        })
    }

    /// Adds a store that is run right after this one to it, if it writes the bytes right behind.
    pub fn join(&mut self, next: &Site) -> bool {
        let (Some(flat), Some(next_flat)) = (&self.flat, &next.flat) else { return false };
        let mut end = flat.clone();
        end.constant += self.bytes / self.elem;
        let behind = end == *next_flat && self.bytes % self.elem == 0;
        let alike = self.buffer == next.buffer && self.base == next.base && self.len == next.len;
        let joins = behind && alike && !self.partial && !next.partial;
        if joins {
            self.bytes += next.bytes;
        }
        joins
    }

    /// Intervals of the first element accessed, within the parameter and within the buffer, for
    /// variables in intervals; `None` when the guards never hold.
    fn reach(&self, env: &dyn Fn(usize) -> Range) -> Option<(Range, Range)> {
        let mut sum = (self.offset, self.offset);
        for d in &self.dims {
            let (mut lo, mut hi) = d.index.range(env);
            if let Some(b) = d.bound {
                (lo, hi) = (lo.max(0), hi.min(b - 1));
                if lo > hi {
                    return None;
                }
            }
            if let Some(r) = d.ring {
                (lo, hi) = if lo.div_euclid(r) == hi.div_euclid(r) {
                    (lo.rem_euclid(r), hi.rem_euclid(r))
                } else {
                    (0, r - 1)
                };
            }
            let (a, b) = (d.stride.saturating_mul(lo), d.stride.saturating_mul(hi));
            sum = (sum.0.saturating_add(a.min(b)), sum.1.saturating_add(a.max(b)));
        }
        let base = self.base.range(env);
        Some((sum, (sum.0.saturating_add(base.0), sum.1.saturating_add(base.1))))
    }

    /// Whether accesses whose first elements lie in these intervals stay inside of parameter and buffer.
    pub fn inside(&self, inner: Range, elements: Range, program: &Program) -> bool {
        let fits = |(lo, hi): Range, len: i64| lo >= 0 && hi <= len && hi * self.elem + self.bytes <= len * self.elem;
        fits(inner, self.len) && fits(elements, program.buffers[self.buffer].len as i64)
    }

    /// First byte and number of bytes of the least run of the buffer that holds all that the site
    /// accesses in the whole step; see [`Site::hull_in`].
    pub fn hull(&self, program: &Program) -> Option<(usize, usize)> {
        self.hull_of(self.reach, program)
    }

    /// The same for variables in intervals. `None` where an access may lie outside, or a ring is in the
    /// way, so that elements are no logical elements.
    pub fn hull_in(&self, env: &dyn Fn(usize) -> Range, program: &Program) -> Option<(usize, usize)> {
        self.hull_of(self.reach(env), program)
    }

    fn hull_of(&self, reach: Option<(Range, Range)>, program: &Program) -> Option<(usize, usize)> {
        let Some((inner, elements)) = reach else { return Some((0, 0)) };
        let (lo, hi) = elements;
        (!self.is_ring() && self.inside(inner, elements, program))
            .then(|| ((lo * self.elem) as usize, ((hi - lo) * self.elem + self.bytes) as usize))
    }

    fn is_ring(&self) -> bool {
        self.dims.iter().any(|d| d.ring.is_some())
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
                Atom::Min(a, b) | Atom::Max(a, b) => {
                    self.data_loads(a, frame, out)?;
                    self.data_loads(b, frame, out)?;
                }
                Atom::Data(e, _) => self.loads(e, frame, out)?,
            }
        }
        Ok(())
    }
}
