//! Running one step over tagged memory.

use super::code::{Node, Site, Spot, compile};
use super::memory::Memory;
use std::collections::BTreeSet;
use tinyc_core::loops::{Program, Step};

/// More problems in one step say nothing new.
const MAX_PROBLEMS: usize = 8;

/// Runs a step; what is wrong with it, nothing when all is well.
pub fn step(program: &Program, step: &Step, memory: &mut Memory) -> Vec<String> {
    let (nodes, vars) = match compile(program, step) {
        Ok(c) => c,
        Err(m) => return vec![m],
    };
    let mut written = BTreeSet::new();
    stored(&nodes, &mut written);
    let fixed: Vec<String> = written
        .iter()
        .filter(|&&b| memory.is_fixed(b))
        .map(|&b| format!("%{} is an input or a constant and is written", program.buffers[b].name))
        .collect();
    if !fixed.is_empty() {
        return fixed;
    }
    let nodes = unproven(nodes, &|site| proven(program, memory, &written, site));
    let mut walk = Walk { program, memory, env: vec![0; vars], problems: Vec::new(), blamed: BTreeSet::new() };
    walk.run(&nodes);
    walk.problems
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
    if site.never_happens() {
        return true;
    }
    let Some((lo, hi)) = site.proven_reach(program) else { return false };
    let (at, n) = ((lo * site.elem) as usize, ((hi - lo) * site.elem + site.bytes) as usize);
    !written.iter().any(|&b| b == site.buffer || memory.overlap(b, site.buffer))
        && memory.first_wrong(site.buffer, at, at, n).is_none()
}

/// The nodes without proven loads and loops that are empty without them.
fn unproven(nodes: Vec<Node>, proven: &dyn Fn(&Site) -> bool) -> Vec<Node> {
    let mut left = Vec::new();
    for n in nodes {
        match n {
            Node::Load(site) if proven(&site) => {}
            Node::For { var, lo, hi, step, body } => {
                let body = unproven(body, proven);
                if !body.is_empty() {
                    left.push(Node::For { var, lo, hi, step, body });
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
    env: Vec<i64>,
    problems: Vec<String>,
    /// Sites, by address, that have a problem already.
    blamed: BTreeSet<*const Site>,
}

impl Walk<'_> {
    fn run(&mut self, nodes: &[Node]) {
        for n in nodes {
            match n {
                Node::For { var, lo, hi, step, body } => {
                    let (mut i, hi) = (lo.eval(&self.env), hi.eval(&self.env));
                    while i < hi {
                        if self.problems.len() >= MAX_PROBLEMS {
                            return;
                        }
                        self.env[*var] = i;
                        self.run(body);
                        i += step;
                    }
                }
                Node::Load(site) => self.access(site, false),
                Node::Store(site) => self.access(site, true),
            }
        }
    }

    fn access(&mut self, site: &Site, store: bool) {
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
