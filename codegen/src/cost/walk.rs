//! The cycles of a function: what its statements take, times how often they run.
//!
//! Statements are charged as a compiler makes them. A value that does not change in a loop is computed
//! before it, a value that was loaded is not loaded again, and an address that a loop moves takes one
//! addition each turn. Neither registers that run out nor vectors that a compiler makes of scalar loops
//! are in it. Nothing is measured, and nothing but the function and the target's table decides.

use super::estimate::Estimate;
use super::{assembly, trips};
use std::collections::{BTreeMap, HashMap, HashSet};
use tinyc_core::loops::{
    Access, Atom, Binary, Buf, CallArg, Expr, FnId, For, Function, Index, IndexVar, Load, Mode, Scalar, Stmt, Store,
};

/// Cycles of one call with these parameters.
pub fn function(estimate: &mut Estimate<'_>, f: &Function, params: &[i64]) -> f64 {
    let mut walk = Walk::new(estimate, Some(f));
    walk.params = params.iter().enumerate().map(|(i, &p)| (IndexVar(i as u32), p)).collect();
    walk.charge(0, walk.estimate.table.call);
    walk.settable(&f.body);
    walk.block(&f.body);
    walk.cycles
}

/// Bytes that one call loads from the buffers of which `constants` is true, as often as it loads them.
pub fn loaded(estimate: &mut Estimate<'_>, f: &Function, params: &[i64], constants: &[bool]) -> f64 {
    let mut walk = Walk::new(estimate, Some(f));
    walk.params = params.iter().enumerate().map(|(i, &p)| (IndexVar(i as u32), p)).collect();
    walk.constants = Some(constants.to_vec());
    walk.settable(&f.body);
    walk.block(&f.body);
    walk.loaded
}

/// Cycles of an expression over locals that are at hand.
pub fn expression(estimate: &mut Estimate<'_>, e: &Expr) -> f64 {
    let mut walk = Walk::new(estimate, None);
    walk.value(e);
    walk.cycles
}

/// What an address register holds: addresses that differ by less than a load reaches share one.
#[derive(PartialEq, Eq, Hash)]
struct Address {
    buffer: Buf,
    /// The index but its constant.
    terms: Vec<(Atom, i64)>,
    /// The constant in units of what a load reaches.
    part: i64,
}

/// A loop that is open, or the function itself.
struct Level<'f> {
    /// How often its body runs.
    runs: f64,
    range: (i64, i64),
    /// Values and indices that its body has.
    values: Vec<&'f Expr>,
    indices: HashSet<Atom>,
    addresses: HashSet<Address>,
}

impl Level<'_> {
    fn new(runs: f64, range: (i64, i64)) -> Self {
        Level { runs, range, values: Vec::new(), indices: HashSet::new(), addresses: HashSet::new() }
    }
}

struct Walk<'w, 'a, 'f> {
    estimate: &'w mut Estimate<'a>,
    function: Option<&'f Function>,
    params: BTreeMap<IndexVar, i64>,
    /// The function, then the open loops.
    levels: Vec<Level<'f>>,
    loops: Vec<&'f For>,
    /// In which level a variable changes.
    vars: HashMap<IndexVar, usize>,
    /// In which level a local has its value; nothing for those that are set again.
    locals: HashMap<u32, usize>,
    settable: HashSet<u32>,
    /// Loads that need not be done again, and their level.
    values: HashMap<&'f Expr, usize>,
    cycles: f64,
    /// Where bytes of constants are counted: which buffers hold them.
    constants: Option<Vec<bool>>,
    loaded: f64,
}

impl<'w, 'a, 'f> Walk<'w, 'a, 'f> {
    fn new(estimate: &'w mut Estimate<'a>, function: Option<&'f Function>) -> Self {
        Walk {
            estimate,
            function,
            params: BTreeMap::new(),
            levels: vec![Level::new(1.0, (0, 0))],
            loops: Vec::new(),
            vars: HashMap::new(),
            locals: HashMap::new(),
            settable: HashSet::new(),
            values: HashMap::new(),
            cycles: 0.0,
            constants: None,
            loaded: 0.0,
        }
    }

    fn here(&self) -> usize {
        self.levels.len() - 1
    }

    /// Something that is done in a level, at most as often as what needs it.
    fn charge(&mut self, level: usize, cycles: f64) {
        self.cycles += self.runs(level) * cycles;
    }

    fn runs(&self, level: usize) -> f64 {
        self.levels[level..].iter().map(|l| l.runs).fold(f64::INFINITY, f64::min)
    }

    fn settable(&mut self, block: &[Stmt]) {
        for s in block {
            match s {
                Stmt::Set(l, _) => drop(self.settable.insert(l.id)),
                Stmt::For(l) => self.settable(&l.body),
                Stmt::Let(..) | Stmt::Store(_) | Stmt::Call(..) => {}
            }
        }
    }

    fn block(&mut self, block: &'f [Stmt]) {
        for s in block {
            match s {
                Stmt::Let(l, e) | Stmt::Set(l, e) => {
                    let level = self.value(e);
                    if !self.settable.contains(&l.id) {
                        self.locals.insert(l.id, level);
                    } else if matches!(e, Expr::Const(..) | Expr::Local(_)) {
                        let moved = self.estimate.table.add * self.estimate.parts(l.ty);
                        self.charge(self.here(), moved);
                    }
                }
                Stmt::Store(s) => self.store(s),
                Stmt::For(l) => self.repeat(l),
                Stmt::Call(f, args) => self.call(*f, args),
            }
        }
    }

    fn repeat(&mut self, l: &'f For) {
        self.index(&l.lo);
        self.index(&l.hi);
        let turns = trips::mean(l, &self.loops, &self.params);
        let range = (self.range(&l.lo).0, self.range(&l.hi).1 - 1);
        let runs = self.levels[self.here()].runs * turns;
        // The index begins, and where nothing may run there is the test that finds it out.
        let test = if l.lo.as_constant().and(l.hi.as_constant()).is_some() { 1.0 } else { 3.0 };
        self.charge(self.here(), test * self.estimate.table.add);
        if runs <= 0.0 {
            return;
        }
        self.levels.push(Level::new(runs, range));
        self.loops.push(l);
        self.vars.insert(l.var, self.here());
        if !trips::is_unrolled(l) {
            self.charge(self.here(), self.estimate.table.turn);
        }
        self.block(&l.body);
        self.loops.pop();
        for e in self.levels.pop().into_iter().flat_map(|l| l.values) {
            self.values.remove(e);
        }
    }

    fn call(&mut self, f: FnId, args: &'f [CallArg]) {
        let mut params = Vec::new();
        for a in args {
            let (CallArg::Buffer(_, i) | CallArg::Index(i)) = a;
            self.index(i);
            if let CallArg::Index(i) = a {
                let (lo, hi) = self.range(i);
                params.push((lo + hi) / 2);
            }
        }
        let functions = self.estimate.functions;
        if let Some(constants) = &self.constants {
            let buffer = |a: &CallArg| match a {
                CallArg::Buffer(b, _) => Some(constants[b.0 as usize]),
                CallArg::Index(_) => None,
            };
            let passed: Vec<bool> = args.iter().filter_map(buffer).collect();
            let bytes = loaded(self.estimate, &functions[f.0 as usize], &params, &passed);
            self.loaded += self.runs(self.here()) * bytes;
            return;
        }
        let cycles = match self.estimate.assembly(f) {
            Some(code) => assembly::call(&code, args.len(), &params, self.estimate.table),
            None => function(self.estimate, &functions[f.0 as usize], &params),
        };
        self.charge(self.here(), cycles);
    }

    fn store(&mut self, s: &'f Store) {
        self.value(&s.value);
        if let Some(mask) = &s.mask {
            self.value(mask);
        }
        let ty = s.value.ty();
        self.address(&s.access);
        let cycles = self.estimate.access(self.estimate.table.store, ty);
        self.charge(self.here(), cycles);
    }

    fn load(&mut self, e: &'f Expr, l: &'f Load) -> usize {
        if let Some(&level) = self.values.get(e) {
            return level;
        }
        let buffer = self.function.map(|f| &f.buffers[l.access.buffer.0 as usize]);
        let constant = buffer.is_some_and(|b| b.mode == Mode::Read);
        let mut level = self.address(&l.access);
        for e in l.otherwise.iter().chain(&l.mask) {
            level = level.max(self.value(e));
        }
        if !constant {
            level = self.here();
        }
        let cycles = self.estimate.access(self.estimate.table.load, l.ty);
        self.charge(level, cycles);
        if self.constants.as_ref().is_some_and(|c| c[l.access.buffer.0 as usize]) {
            self.loaded += self.runs(level) * l.ty.bytes() as f64;
        }
        let known = !l.access.dims.iter().any(|d| d.index.depends_on_data());
        if constant && known && l.mask.is_none() {
            self.values.insert(e, level);
            self.levels[level].values.push(e);
        }
        level
    }

    fn range(&self, i: &Index) -> (i64, i64) {
        i.range(&|v| match self.vars.get(&v) {
            Some(&level) => self.levels.get(level).map_or((0, 0), |l| l.range),
            None => self.params.get(&v).map_or((0, 0), |&p| (p, p)),
        })
    }

    /// The level in which an address has its last part.
    fn address(&mut self, a: &'f Access) -> usize {
        let add = self.estimate.table.add;
        for d in &a.dims {
            if let Some(bound) = d.bound {
                let (lo, hi) = self.range(&d.index);
                let tests = f64::from(u8::from(lo < 0) + u8::from(hi >= bound));
                let level = self.index(&d.index);
                self.charge(level, tests * 2.0 * add);
            }
        }
        let bytes = self.function.map_or(1, |f| f.buffers[a.buffer.0 as usize].elem.bytes()) as i64;
        let flat = a.flat();
        let mut terms: Vec<(usize, (Atom, i64))> = Vec::new();
        for (atom, k) in flat.terms() {
            terms.push((self.atom(atom), (atom.clone(), *k)));
        }
        let part = (flat.offset() * bytes).div_euclid(self.estimate.table.reach);
        terms.sort_by_key(|t| t.0);
        for end in 1..=terms.len() {
            let level = terms[end - 1].0;
            let last = terms.get(end).is_none_or(|t| t.0 > level);
            if last && level > 0 {
                let terms = terms[..end].iter().map(|t| t.1.clone()).collect();
                if self.levels[level].addresses.insert(Address { buffer: a.buffer, terms, part }) {
                    self.charge(level, self.estimate.table.step);
                }
            }
        }
        terms.last().map_or(0, |t| t.0)
    }

    /// The level in which the value of an index is known.
    fn index(&mut self, i: &Index) -> usize {
        let level = i.terms().iter().map(|(a, _)| self.atom(a)).max().unwrap_or(0);
        self.charge(level, i.terms().len().saturating_sub(1) as f64 * self.estimate.table.add);
        level
    }

    fn atom(&mut self, atom: &Atom) -> usize {
        if let Atom::Var(v) = atom {
            return self.vars.get(v).copied().unwrap_or(0);
        }
        if let Some(level) = self.levels.iter().position(|l| l.indices.contains(atom)) {
            return level;
        }
        let t = self.estimate.table;
        let level = match atom {
            Atom::Data(e, _) => self.data(e),
            _ => atom.parts().map(|i| self.index(i)).max().unwrap_or(0),
        };
        let cycles = match atom {
            Atom::Var(_) => 0.0,
            Atom::Div(_, d) | Atom::Mod(_, d) if d.count_ones() == 1 => t.add,
            // A multiplication by the reciprocal, and back.
            Atom::Div(..) => t.mul + 2.0 * t.add,
            Atom::Mod(..) => 2.0 * t.mul + 3.0 * t.add,
            Atom::Min(..) | Atom::Max(..) => 3.0 * t.add,
            Atom::Product(..) => t.mul,
            Atom::Table(..) => t.load + t.add,
            Atom::Data(..) => 6.0 * t.add,
        };
        self.charge(level, cycles);
        self.levels[level].indices.insert(atom.clone());
        level
    }

    /// Cycles of a value in an index; it is computed where it is used.
    fn data(&mut self, e: &Expr) -> usize {
        let cycles = expression(self.estimate, e);
        self.charge(self.here(), cycles);
        self.here()
    }

    /// Charges for an expression; the level in which its value is known.
    fn value(&mut self, e: &'f Expr) -> usize {
        match e {
            Expr::Const(..) => return 0,
            Expr::Local(l) if self.settable.contains(&l.id) => return self.here(),
            Expr::Local(l) => return self.locals.get(&l.id).copied().unwrap_or(0),
            Expr::Index(i, _) => return self.index(i),
            Expr::Load(l) => return self.load(e, l),
            _ => {}
        }
        if let Some((sum, x, y)) = product_added(e) {
            let level = [sum, x, y].into_iter().map(|e| self.value(e)).max().unwrap_or(0);
            let s = e.ty().scalar;
            let one = if s.is_float() { self.estimate.floats(s).mac } else { self.estimate.table.mac };
            let cycles = one * self.estimate.parts(e.ty());
            self.charge(level, cycles);
            return level;
        }
        let level = e.children().into_iter().map(|e| self.value(e)).max().unwrap_or(0);
        let cycles = self.estimate.operation(e);
        self.charge(level, cycles);
        level
    }
}

/// Sum and factors of `sum + x * y` in floats or integers of 32 bits.
fn product_added(e: &Expr) -> Option<(&Expr, &Expr, &Expr)> {
    let Expr::Binary(op @ (Binary::Add | Binary::Sub), a, b) = e else { return None };
    match (&**a, &**b) {
        _ if !e.ty().scalar.is_float() && e.ty().scalar != Scalar::I32 => None,
        (sum, Expr::Binary(Binary::Mul, x, y)) => Some((sum, x, y)),
        (Expr::Binary(Binary::Mul, x, y), sum) if *op == Binary::Add => Some((sum, x, y)),
        _ => None,
    }
}
