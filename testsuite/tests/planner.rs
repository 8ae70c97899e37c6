//! The planner's searches on 200 irregular networks.

use std::collections::HashMap;
use tinyc_codegen::plan::order::{self, Problem};
use tinyc_codegen::plan::{Proof, offsets};
use tinyc_testsuite::dags::{lifetimes, network};

const NETWORKS: u64 = 200;

/// One buffer after the other at the lowest free place, in the sequence given.
fn first_fit(buffers: &[offsets::Buffer]) -> usize {
    let mut placed: Vec<(offsets::Buffer, usize)> = Vec::new();
    for b in buffers {
        let meets = |o: &&(offsets::Buffer, usize)| o.0.first <= b.last && b.first <= o.0.last;
        let mut taken: Vec<(usize, usize)> = placed.iter().filter(meets).map(|(o, at)| (*at, at + o.size)).collect();
        taken.sort_unstable();
        let mut at = 0;
        for (begin, end) in taken {
            if at + b.size <= begin {
                break;
            }
            at = at.max(end.next_multiple_of(b.align));
        }
        placed.push((*b, at));
    }
    placed.iter().map(|(b, at)| at + b.size).max().unwrap_or(0)
}

/// The better of first fit by time and by size, in the order in which the network was written.
fn baseline(p: &Problem) -> usize {
    let own: Vec<usize> = (0..p.nodes.len()).collect();
    let mut buffers = lifetimes(p, &own);
    buffers.sort_by_key(|b| b.first);
    let by_time = first_fit(&buffers);
    buffers.sort_by_key(|b| std::cmp::Reverse(b.size));
    by_time.min(first_fit(&buffers))
}

#[track_caller]
fn assert_apart(buffers: &[offsets::Buffer], offsets: &[usize]) {
    for (i, a) in buffers.iter().enumerate() {
        assert_eq!(offsets[i] % a.align, 0);
        for (j, b) in buffers.iter().enumerate().skip(i + 1) {
            let together = a.first <= b.last && b.first <= a.last;
            let apart = offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i];
            assert!(!together || apart, "{a:?} at {} and {b:?} at {}", offsets[i], offsets[j]);
        }
    }
}

/// The least peak over all orders; `None` if there are too many nodes to try.
fn exhaust(p: &Problem) -> Option<usize> {
    fn best(p: &Problem, before: &[u64], done: u64, known: &mut HashMap<u64, usize>) -> usize {
        if let Some(&k) = known.get(&done) {
            return k;
        }
        let n = p.nodes.len();
        let mut least = if done.count_ones() as usize == n { 0 } else { usize::MAX };
        for i in (0..n).filter(|&i| done >> i & 1 == 0 && before[i] & !done == 0) {
            let rest = best(p, before, done | 1 << i, known);
            least = least.min(in_use(p, done, i).max(rest));
        }
        known.insert(done, least);
        least
    }
    if p.nodes.len() > 20 {
        return None;
    }
    let writes = |w: usize, b: usize| p.nodes[w].writes.contains(&b);
    let before: Vec<u64> = (0..p.nodes.len())
        .map(|i| (0..i).filter(|&w| p.nodes[i].reads.iter().any(|&b| writes(w, b))).map(|w| 1u64 << w).sum())
        .collect();
    Some(best(p, &before, 0, &mut HashMap::new()))
}

/// Bytes in use while node `i` runs after those in `done`, from the definitions.
fn in_use(p: &Problem, done: u64, i: usize) -> usize {
    let touch = |n: usize, b: usize| p.nodes[n].reads.contains(&b) || p.nodes[n].writes.contains(&b);
    let (mut sum, mut ends, mut new) = (p.nodes[i].scratch, Vec::new(), Vec::new());
    for (b, buffer) in p.buffers.iter().enumerate() {
        let (mut begun, mut needed) = (buffer.at_start, buffer.at_end);
        for n in (0..p.nodes.len()).filter(|&n| n != i && touch(n, b)) {
            begun |= done >> n & 1 == 1;
            needed |= done >> n & 1 == 0;
        }
        if touch(i, b) || begun && needed {
            sum += buffer.size;
        }
        if begun && !needed {
            ends.push(b);
        }
        if !begun && needed {
            new.push(b);
        }
    }
    let shared = p.nodes[i].reuses.iter().find(|r| new.contains(&r.written) && ends.contains(&r.read));
    sum - shared.map_or(0, |r| r.saved)
}

#[test]
fn never_worse_than_first_fit_and_best_where_all_orders_can_be_tried() {
    let (mut better, mut exhausted, mut proven) = (0, 0, 0);
    for i in 0..NETWORKS {
        let (family, p) = network(i);
        let o = order::order(&p, order::STATES);
        let buffers = lifetimes(&p, &o.nodes);
        let placed = offsets::place(&buffers, &[], offsets::NODES);
        assert_apart(&buffers, &placed.offsets);
        assert!(o.bound <= o.peak && o.peak <= placed.bytes);
        let baseline = baseline(&p);
        assert!(placed.bytes <= baseline, "network {i} ({family:?}): {} > {baseline}", placed.bytes);
        better += usize::from(placed.bytes < baseline);
        proven += usize::from(o.proof == Proof::Optimal && placed.bytes == o.peak);
        if let Some(least) = exhaust(&p) {
            assert_eq!((o.peak, o.bound), (least, least), "network {i} ({family:?})");
            exhausted += 1;
        }
    }
    println!("of {NETWORKS}: {better} better than first fit, {exhausted} exhausted, {proven} arenas proven optimal");
    assert!(better > 50 && exhausted >= 40 && proven > 150, "{better} {exhausted} {proven}");
}
