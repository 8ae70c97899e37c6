//! Reductions: choices that cannot end or cannot be best go, and classes that every solution needs are
//! found.

use super::bits::Bits;
use super::{Choice, Price, Problem};

#[derive(Clone, Debug)]
pub struct Reduced {
    /// Classes that no root leads to have no choices.
    pub problem: Problem,
    /// Every solution has these.
    pub must: Bits,
    /// By class, the classes that come with it in every solution, itself included.
    pub with: Vec<Bits>,
    /// By class, the number of its strongly connected component.
    pub component: Vec<usize>,
    /// By component, whether it has more than one class.
    pub cyclic: Vec<bool>,
}

/// Repeated while it removes choices, at most so often.
const ROUNDS: usize = 8;

/// `None` when a root has no form that ends.
pub fn reduce(problem: &Problem) -> Option<Reduced> {
    let mut p = problem.clone();
    remove_endless(&mut p);
    remove_unreachable(&mut p);
    if p.roots.iter().any(|&r| p.classes[r].is_empty()) {
        return None;
    }
    let mut reduced = None;
    for _ in 0..ROUNDS {
        let (component, cyclic) = components(&p);
        let with = companions(&p);
        let mut must = Bits::none(p.classes.len());
        p.roots.iter().for_each(|&r| must.add(&with[r]));
        let before = count(&p);
        let mut next = p.clone();
        remove_dominated(&mut next, &must, |c| cyclic[component[c]]);
        reduced = Some(Reduced { problem: p, must, with, component, cyclic });
        if count(&next) == before {
            break;
        }
        remove_unreachable(&mut next);
        p = next;
    }
    reduced
}

fn count(p: &Problem) -> usize {
    p.classes.iter().map(Vec::len).sum()
}

/// Choices that need themselves, however far down.
fn remove_endless(p: &mut Problem) {
    let mut ends = vec![false; p.classes.len()];
    loop {
        let mut changed = false;
        for c in 0..p.classes.len() {
            let now = p.classes[c].iter().any(|choice| choice.needs.iter().all(|&n| ends[n]));
            changed |= now && !ends[c];
            ends[c] |= now;
        }
        if !changed {
            break;
        }
    }
    for (c, choices) in p.classes.iter_mut().enumerate() {
        choices.retain(|choice| choice.needs.iter().all(|&n| ends[n] && n != c));
    }
}

fn remove_unreachable(p: &mut Problem) {
    let mut seen = vec![false; p.classes.len()];
    let mut stack = p.roots.clone();
    while let Some(c) = stack.pop() {
        if !std::mem::replace(&mut seen[c], true) {
            stack.extend(p.classes[c].iter().flat_map(|choice| &choice.needs));
        }
    }
    p.classes.iter_mut().zip(seen).filter(|(_, seen)| !seen).for_each(|(choices, _)| choices.clear());
}

/// A choice goes when another one costs no more and needs nothing beside what it needs, or what is there
/// in any case. The latter may close a cycle, so it counts outside of cycles only.
fn remove_dominated(p: &mut Problem, must: &Bits, on_cycle: impl Fn(usize) -> bool) {
    for (c, choices) in p.classes.iter_mut().enumerate() {
        let free = |n: usize| !on_cycle(c) && must.has(n);
        let mut order: Vec<usize> = (0..choices.len()).collect();
        order.sort_by_key(|&i| (choices[i].price, choices[i].needs.len(), i));
        let mut kept: Vec<usize> = Vec::new();
        for i in order {
            let dominated = |&k: &usize| {
                choices[k].price <= choices[i].price
                    && choices[k].needs.iter().all(|n| free(*n) || choices[i].needs.contains(n))
            };
            if !kept.iter().any(dominated) {
                kept.push(i);
            }
        }
        kept.sort_unstable();
        let mut position = 0;
        choices.retain(|_| {
            position += 1;
            kept.binary_search(&(position - 1)).is_ok()
        });
    }
}

/// For each class those that every form of it leads to: the greatest solution of
/// `with(c) = {c} + intersection over choices of the union over needs of with(n)`.
fn companions(p: &Problem) -> Vec<Bits> {
    let n = p.classes.len();
    let mut all = Bits::none(n);
    (0..n).for_each(|c| all.insert(c));
    let mut with: Vec<Bits> = (0..n).map(|_| all.clone()).collect();
    let order = postorder(p);
    loop {
        let mut changed = false;
        for &c in &order {
            let mut common = all.clone();
            for choice in &p.classes[c] {
                let mut union = Bits::none(n);
                choice.needs.iter().for_each(|&n| union.add(&with[n]));
                common.keep(&union);
            }
            common.insert(c);
            if common != with[c] {
                with[c] = common;
                changed = true;
            }
        }
        if !changed {
            return with;
        }
    }
}

/// Classes that roots lead to, needs first where there is no cycle.
fn postorder(p: &Problem) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = vec![false; p.classes.len()];
    for &root in &p.roots {
        let mut stack = vec![(root, false)];
        while let Some((c, done)) = stack.pop() {
            if done {
                order.push(c);
            } else if !std::mem::replace(&mut seen[c], true) {
                stack.push((c, true));
                let needs = p.classes[c].iter().flat_map(|choice: &Choice| &choice.needs);
                stack.extend(needs.filter(|n| !seen[**n]).map(|&n| (n, false)));
            }
        }
    }
    order
}

/// Strongly connected components of "a choice of one needs the other" (Kosaraju and Sharir, 1981).
fn components(p: &Problem) -> (Vec<usize>, Vec<bool>) {
    let n = p.classes.len();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (c, choices) in p.classes.iter().enumerate() {
        choices.iter().flat_map(|choice| &choice.needs).for_each(|&need| readers[need].push(c));
    }
    let mut component = vec![usize::MAX; n];
    let mut sizes: Vec<usize> = Vec::new();
    for &start in postorder(p).iter().rev() {
        if component[start] != usize::MAX {
            continue;
        }
        sizes.push(0);
        let number = sizes.len() - 1;
        let mut stack = vec![start];
        while let Some(c) = stack.pop() {
            if component[c] == usize::MAX {
                component[c] = number;
                sizes[number] += 1;
                stack.extend(&readers[c]);
            }
        }
    }
    for c in component.iter_mut().filter(|c| **c == usize::MAX) {
        *c = sizes.len();
        sizes.push(1);
    }
    (component, sizes.into_iter().map(|s| s > 1).collect())
}

/// The cheapest choice of a class, needs left out.
pub fn least(choices: &[Choice]) -> Price {
    choices.iter().map(|c| c.price).min().unwrap_or_default()
}
