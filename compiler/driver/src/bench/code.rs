//! Bytes of code by layer.
//!
//! A function belongs to the first layer that runs it, so layers and what belongs to none of them add up to
//! the network's code. What a layer shares with earlier ones is told beside its own.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub struct LayerCode {
    /// Of functions that no earlier layer runs.
    pub own: usize,
    /// Of those that an earlier one runs, too.
    pub shared: usize,
}

/// By layer, from the functions that each runs and the bytes of each.
pub fn of_layers(run: &[BTreeSet<String>], bytes: &BTreeMap<&str, usize>) -> Vec<LayerCode> {
    let mut seen = BTreeSet::new();
    let mut layer = |functions: &BTreeSet<String>| {
        let of = |f: &String| bytes.get(f.as_str()).copied().unwrap_or(0);
        let all: usize = functions.iter().map(of).sum();
        let own = functions.iter().filter(|f| seen.insert((*f).clone())).map(of).sum();
        LayerCode { own, shared: all - own }
    };
    run.iter().map(&mut layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_count_where_they_are_run_first() {
        let run = [&["a", "b"][..], &["b", "c"], &["inlined"]];
        let run = run.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
        let bytes = BTreeMap::from([("", 100), ("a", 1), ("b", 10), ("c", 5)]);
        let layers = [(11, 0), (5, 10), (0, 0)].map(|(own, shared)| LayerCode { own, shared });
        assert_eq!(of_layers(&run, &bytes), layers);
    }
}
