//! Parts of a problem that cannot influence each other: classes that every solution has are paid in any
//! case, so only the classes that a choice may need beside them, and cycles, tie choices together.

use super::reduce::Reduced;
use std::collections::BTreeMap;

/// Classes in which there is something to decide, in ascending order.
pub type Part = Vec<usize>;

pub fn parts(reduced: &Reduced) -> Vec<Part> {
    let classes = &reduced.problem.classes;
    let mut parent: Vec<usize> = (0..classes.len()).collect();
    fn root(parent: &mut [usize], mut c: usize) -> usize {
        while parent[c] != c {
            parent[c] = parent[parent[c]];
            c = parent[c];
        }
        c
    }
    let mut first_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (c, choices) in classes.iter().enumerate() {
        let mut ties: Vec<usize> = choices.iter().flat_map(|choice| &choice.needs).copied().collect();
        ties.retain(|&n| !reduced.must.has(n));
        if reduced.cyclic[reduced.component[c]] {
            ties.push(*first_of.entry(reduced.component[c]).or_insert(c));
        }
        for n in ties {
            let (a, b) = (root(&mut parent, c), root(&mut parent, n));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    for c in (0..classes.len()).filter(|&c| !classes[c].is_empty()) {
        parts.entry(root(&mut parent, c)).or_default().push(c);
    }
    parts.into_values().filter(|part| part.iter().any(|&c| classes[c].len() > 1)).collect()
}
