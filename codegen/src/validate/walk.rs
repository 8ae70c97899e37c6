//! Running one step over tagged memory.
//!
//! The work is limited by a count of accesses: a model of a few bytes can describe a network that
//! would be walked for hours. Accesses that are done at once count as one.

use super::code::{Node, compile, values};
use super::memory::Memory;
use super::site::{Site, Spot};
use super::sum::Range;
use std::collections::BTreeSet;
use tinyc_core::loops::{Program, Step};

/// More problems in one step say nothing new.
const MAX_PROBLEMS: usize = 8;

/// What a walk found.
pub enum Found {
    Nothing,
    Problems(Vec<String>),
    /// The step has more accesses than were left.
    TooMuch,
}

/// Runs a step with at most `left` accesses, which are taken off.
pub fn step(program: &Program, step: &Step, memory: &mut Memory, left: &mut u64) -> Found {
    let (nodes, vars) = match compile(program, step) {
        Ok(c) => c,
        Err(m) => return Found::Problems(vec![m]),
    };
    let mut written = BTreeSet::new();
    stored(&nodes, &mut written);
    let fixed: Vec<String> = written
        .iter()
        .filter(|&&b| memory.is_fixed(b))
        .map(|&b| format!("%{} is an input or a constant and is written", program.buffers[b].name))
        .collect();
    if !fixed.is_empty() {
        return Found::Problems(fixed);
    }
    let nodes = unproven(nodes, &|site| proven(program, memory, &written, site));
    let mut walk = Walk {
        program,
        memory,
        env: vec![0; vars],
        ranges: vec![(0, 0); vars],
        problems: Vec::new(),
        blamed: BTreeSet::new(),
        left,
    };
    walk.run(&nodes);
    match (walk.problems, *left) {
        (problems, _) if !problems.is_empty() => Found::Problems(problems),
        (_, 0) => Found::TooMuch,
        _ => Found::Nothing,
    }
}

fn stored(nodes: &[Node], written: &mut BTreeSet<usize>) {
    for n in nodes {
        match n {
            Node::For { body, .. } => stored(body, written),
            Node::Load(_) => {}
            Node::Store(site) => {
                written.insert(site.buffer);
            }
        }
    }
}

/// Whether a load can be seen to be right without running it: all that it may read is there when the
/// step begins, and the step writes none of it.
fn proven(program: &Program, memory: &Memory, written: &BTreeSet<usize>, site: &Site) -> bool {
    let Some((at, n)) = site.hull(program) else { return false };
    !written.iter().any(|&b| b == site.buffer || memory.overlap(b, site.buffer))
        && memory.first_wrong(site.buffer, at, at, n).is_none()
}

/// The nodes without proven loads and loops that are empty without them; stores that are then next to
/// each other, in time and in memory, are one.
fn unproven(nodes: Vec<Node>, proven: &dyn Fn(&Site) -> bool) -> Vec<Node> {
    let mut left = Vec::new();
    for n in nodes {
        match n {
            Node::Load(site) if proven(&site) => {}
            Node::For { var, lo, hi, step, body, stores } => {
                let body = unproven(body, proven);
                if !body.is_empty() {
                    left.push(Node::For { var, lo, hi, step, body, stores });
                }
            }
            Node::Store(site) => {
                let before = match left.last_mut() {
                    Some(Node::Store(before)) => Some(before),
                    _ => None,
                };
                if !before.is_some_and(|b| b.join(&site)) {
                    left.push(Node::Store(site));
                }
            }
            n => left.push(n),
        }
    }
    left
}

struct Walk<'a> {
    program: &'a Program,
    memory: &'a mut Memory,
    /// Value of each variable of the loops that are being run.
    env: Vec<i64>,
    /// The same as intervals; of the loops inside of them, those of the turns looked at last.
    ranges: Vec<Range>,
    problems: Vec<String>,
    /// Sites, by address, that have a problem already.
    blamed: BTreeSet<*const Site>,
    left: &'a mut u64,
}

impl Walk<'_> {
    fn run(&mut self, nodes: &[Node]) {
        for n in nodes {
            match n {
                Node::For { stores: false, .. } if self.right(n) => {}
                Node::For { var, lo, hi, step, body, .. } => {
                    let (mut i, hi) = (lo.eval(&self.env), hi.eval(&self.env));
                    if i < hi && self.run_at_once(body, *var, (i, hi, *step)) {
                        continue;
                    }
                    while i < hi {
                        if self.problems.len() >= MAX_PROBLEMS || *self.left == 0 {
                            return;
                        }
                        self.env[*var] = i;
                        self.ranges[*var] = (i, i);
                        self.run(body);
                        i += step;
                    }
                }
                Node::Load(site) => self.access(site, false),
                Node::Store(site) => self.access(site, true),
            }
        }
    }

    /// Whether all loads in loops without stores, which leave memory as it is, can be seen to be right:
    /// all between the first and the last byte that each may access is there.
    fn right(&mut self, n: &Node) -> bool {
        match n {
            Node::For { var, lo, hi, step, body, .. } => {
                let range = |v: usize| self.ranges[v];
                let (first, last) = values(lo.range(&range), hi.range(&range), *step);
                self.ranges[*var] = (first, last);
                first > last || body.iter().all(|n| self.right(n))
            }
            Node::Load(site) => {
                *self.left = self.left.saturating_sub(1);
                let hull = site.hull_in(&|v| self.ranges[v], self.program);
                hull.is_some_and(|(at, n)| self.memory.first_wrong(site.buffer, at, at, n).is_none())
            }
            Node::Store(_) => false,
        }
    }

    /// Does all accesses of a loop at once: stores to runs of bytes that do not meet, or loads of just
    /// the bytes that the one store then writes. False, with nothing done, where the loop is of another
    /// form or something is wrong in it.
    fn run_at_once(&mut self, body: &[Node], var: usize, (lo, hi, step): (i64, i64, i64)) -> bool {
        self.env[var] = lo;
        let count = (hi - lo - 1) / step + 1;
        let split = body.iter().take_while(|n| matches!(n, Node::Load(_))).count();
        let (loads, stores) = body.split_at(split);
        let mut written: Vec<(&Site, usize, usize)> = Vec::new();
        for n in stores {
            let Node::Store(site) = n else { return false };
            let Some((at, n)) = self.span(site, var, step, count) else { return false };
            if written.iter().any(|&(s, from, m)| self.memory.meet((s.buffer, from, m), (site.buffer, at, n))) {
                return false;
            }
            written.push((site, at, n));
        }
        for load in loads {
            let (Node::Load(load), [(store, at, n)]) = (load, &*written) else { return false };
            let fits = self.span(load, var, step, count).is_some_and(|(from, m)| {
                m == *n
                    && load.bytes == store.bytes
                    && self.memory.same_place((load.buffer, from), (store.buffer, *at))
                    && self.memory.first_wrong(load.buffer, from, from, m).is_none()
            });
            if !fits {
                return false;
            }
        }
        *self.left = self.left.saturating_sub(written.len() as u64);
        for (site, at, n) in written {
            self.memory.write(site.buffer, at, at, n);
        }
        true
    }

    /// First byte and number of bytes that a site accesses in a loop, one access behind the other and
    /// all inside of the buffer.
    fn span(&self, site: &Site, var: usize, step: i64, count: i64) -> Option<(usize, usize)> {
        let (first, inner) = site.run(var, step, &self.env)?;
        let bytes = count.saturating_mul(site.bytes);
        let last = (bytes - site.bytes) / site.elem;
        let inside =
            site.inside((inner, inner.saturating_add(last)), (first, first.saturating_add(last)), self.program);
        inside.then_some(((first * site.elem) as usize, bytes as usize))
    }

    fn access(&mut self, site: &Site, store: bool) {
        *self.left = self.left.saturating_sub(1);
        let verb = if store { "writes" } else { "reads" };
        let name = &self.program.buffers[site.buffer].name;
        let outside = |lo: i64, hi: i64| {
            let range = if lo == hi { format!("element {lo}") } else { format!("elements {lo}..={hi}") };
            let len = self.program.buffers[site.buffer].len;
            format!(
                "{verb} {} bytes at {range} of %{name}, outside of its {len} elements or of its parameter",
                site.bytes
            )
        };
        let problem = match site.spot(&self.env) {
            Spot::Nowhere => None,
            Spot::At { inner, element, logical } => {
                let end = (logical * site.elem).saturating_add(site.bytes);
                if !site.inside((inner, inner), (element, element), self.program) {
                    Some(outside(element, element))
                } else if logical < 0 || end > i64::from(u32::MAX) {
                    Some(format!("{verb} logical element {logical} of %{name}, which cannot be"))
                } else {
                    let (at, logical, n) =
                        ((element * site.elem) as usize, (logical * site.elem) as usize, site.bytes as usize);
                    self.touch(site, store, at, logical, n)
                }
            }
            Spot::Among { inner, elements, .. } if !site.inside(inner, elements, self.program) => {
                Some(outside(elements.0, elements.1))
            }
            Spot::Among { elements: (lo, hi), ring, .. } => {
                let (at, n) = ((lo * site.elem) as usize, ((hi - lo) * site.elem + site.bytes) as usize);
                if store {
                    self.memory.write_some(site.buffer, at, (!ring).then_some(at), n);
                    None
                } else if ring && !self.memory.is_fixed(site.buffer) {
                    Some(format!("reads some element of the ring in %{name}: which one is there cannot be shown"))
                } else {
                    self.touch(site, false, at, at, n)
                }
            }
        };
        if let Some(message) = problem
            && self.blamed.insert(site)
        {
            self.problems.push(message);
        }
    }

    /// Accesses bytes that are inside of the buffer.
    fn touch(&mut self, site: &Site, store: bool, at: usize, logical: usize, n: usize) -> Option<String> {
        if store && !site.partial {
            self.memory.write(site.buffer, at, logical, n);
            return None;
        }
        if store {
            self.memory.write_some(site.buffer, at, Some(logical), n);
            return None;
        }
        let wrong = self.memory.first_wrong(site.buffer, at, logical, n)?;
        let what = self.memory.describe(self.program, site.buffer, wrong, logical + (wrong - at));
        Some(format!("reads %{}, but {what}", self.program.buffers[site.buffer].name))
    }
}
