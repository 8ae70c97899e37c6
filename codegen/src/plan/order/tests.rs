//! Orders against an independent count of the bytes in use, and against all orders where that is
//! possible.

use super::*;
use std::collections::HashMap;
use tinyc_core::random::Random;

fn buffer(size: usize) -> Buffer {
    Buffer { size, ..Buffer::default() }
}

fn node(reads: &[usize], writes: &[usize]) -> Node {
    Node { reads: reads.to_vec(), writes: writes.to_vec(), ..Node::default() }
}

fn touches(p: &Problem, node: usize, buffer: usize) -> bool {
    p.nodes[node].reads.contains(&buffer) || p.nodes[node].writes.contains(&buffer)
}

fn can_run(p: &Problem, done: u32, i: usize) -> bool {
    let ran = |j: usize| done >> j & 1 == 1;
    let waits = |j: usize| j != i && p.nodes[j].writes.iter().any(|w| p.nodes[i].reads.contains(w));
    !ran(i) && (0..p.nodes.len()).all(|j| ran(j) || !waits(j))
}

/// Bytes in use while node `i` runs after those of `done`. Written from the definitions, each time
/// anew; shares nothing with the search.
fn in_use(p: &Problem, done: u32, i: usize) -> usize {
    let ran = |j: usize| done >> j & 1 == 1;
    let n = p.nodes.len();
    let started = |b: usize| p.buffers[b].at_start || (0..n).any(|j| ran(j) && touches(p, j, b));
    let needed_later = |b: usize| p.buffers[b].at_end || (0..n).any(|j| !ran(j) && j != i && touches(p, j, b));
    let mut sum = p.nodes[i].scratch;
    for b in 0..p.buffers.len() {
        if touches(p, i, b) || started(b) && needed_later(b) {
            sum += p.buffers[b].size;
        }
    }
    let mut shared: Vec<usize> = Vec::new();
    for &Reuse { written: w, read: r, saved } in &p.nodes[i].reuses {
        let possible = !started(w) && needed_later(w) && started(r) && !needed_later(r);
        if possible && !shared.contains(&w) && !shared.contains(&r) {
            shared.extend([w, r]);
            sum -= saved;
        }
    }
    sum
}

fn peak_of(p: &Problem, order: &[usize]) -> usize {
    let mut done = 0;
    let mut peak = Dag::new(p).outside();
    for &i in order {
        assert!(can_run(p, done, i), "{i} runs too early in {order:?}");
        peak = peak.max(in_use(p, done, i));
        done |= 1 << i;
    }
    assert_eq!(done.count_ones() as usize, p.nodes.len());
    peak
}

/// The least peak of all orders.
fn exhaust(p: &Problem) -> usize {
    fn best(p: &Problem, done: u32, known: &mut HashMap<u32, usize>) -> usize {
        if let Some(&k) = known.get(&done) {
            return k;
        }
        let next: Vec<usize> = (0..p.nodes.len()).filter(|&i| can_run(p, done, i)).collect();
        let through = |i: usize, known: &mut _| in_use(p, done, i).max(best(p, done | 1 << i, known));
        let least = next.into_iter().map(|i| through(i, known)).min().unwrap_or(0);
        known.insert(done, least);
        least
    }
    Dag::new(p).outside().max(best(p, 0, &mut HashMap::new()))
}

/// Nodes of one or two results that read some earlier ones, now and then with scratch, reuse, several
/// writers of one buffer, inputs and outputs inside the arena, and buffers outside of it.
fn random(r: &mut Random, n: usize) -> Problem {
    let mut p = Problem::default();
    for _ in 0..1 + r.below(2) {
        p.buffers.push(Buffer { size: r.below(40), at_start: true, at_end: r.below(8) == 0 });
    }
    let inputs = p.buffers.len();
    let sizes = [0, 4, 8, 8, 16, 16, 24, 40, 100];
    for _ in 0..n {
        let count = p.buffers.len();
        let reads: Vec<usize> = (0..1 + r.below(3)).map(|_| count - 1 - r.below(count.min(5))).collect();
        let mut new = node(&reads, &[]);
        for _ in 0..1 + r.below(8) / 7 {
            let id = p.buffers.len();
            p.buffers.push(Buffer { size: sizes[r.below(sizes.len())], at_start: false, at_end: r.below(10) == 0 });
            new.writes.push(id);
            for &b in reads.iter().filter(|_| new.writes.len() == 1) {
                let least = p.buffers[b].size.min(p.buffers[id].size);
                if r.below(2) == 0 {
                    let saved = if r.below(2) == 0 { least } else { least / 2 };
                    new.reuses.push(Reuse { written: id, read: b, saved });
                }
            }
        }
        new.reuses.sort_by_key(|r| Reverse(r.saved));
        // Another writer of a buffer that nothing reads yet, as a part of a concatenation.
        let last = p.buffers.len() - new.writes.len();
        if r.below(8) == 0 && last > inputs && !reads.contains(&(last - 1)) {
            let read = p.nodes.iter().any(|n| n.reads.contains(&(last - 1)));
            if !read {
                new.writes.push(last - 1);
            }
        }
        if r.below(6) == 0 {
            new.scratch = r.below(30);
        }
        p.nodes.push(new);
    }
    p
}

#[track_caller]
fn checked(p: &Problem) -> Order {
    let o = order(p, STATES);
    let given: Vec<usize> = (0..p.nodes.len()).collect();
    assert_eq!(o.peak, peak_of(p, &o.nodes), "{p:?}");
    assert!(o.peak <= peak_of(p, &given));
    assert!(o.bound <= o.peak);
    o
}

#[test]
fn no_nodes_need_what_is_there_from_the_start() {
    assert_eq!(checked(&Problem::default()).peak, 0);
    let p = Problem { buffers: vec![Buffer { size: 7, at_start: true, at_end: false }], nodes: Vec::new() };
    assert_eq!((checked(&p).peak, checked(&p).proof), (7, Proof::Optimal));
}

#[test]
fn small_problems_equal_all_orders() {
    let mut r = Random::new(1);
    let mut better = 0;
    for _ in 0..2000 {
        let n = 2 + r.below(11);
        let p = random(&mut r, n);
        let o = checked(&p);
        let least = exhaust(&p);
        assert_eq!((o.peak, o.bound, o.proof), (least, least, Proof::Optimal), "{p:?}");
        better += usize::from(least < peak_of(&p, &(0..n).collect::<Vec<_>>()));
    }
    assert!(better > 300, "the order given was best for all but {better}");
}

#[test]
fn without_work_the_bound_is_honest() {
    let mut r = Random::new(2);
    let mut gaps = 0;
    for _ in 0..500 {
        let p = random(&mut r, 12);
        let o = order(&p, 0);
        let least = exhaust(&p);
        assert_eq!(o.peak, peak_of(&p, &o.nodes));
        assert!(o.bound <= least && least <= o.peak, "{} {least} {}", o.bound, o.peak);
        gaps += usize::from(o.proof != Proof::Optimal);
    }
    assert!(gaps > 0);
}

#[test]
fn branches_are_finished_one_after_the_other() {
    // Two branches, each first grows and then shrinks: 1 -> 100 -> 1, then both are joined.
    let p = Problem {
        buffers: [10, 100, 1, 100, 1, 1].map(buffer).to_vec(),
        nodes: vec![
            node(&[], &[0]),
            node(&[0], &[1]),
            node(&[0], &[3]),
            node(&[1], &[2]),
            node(&[3], &[4]),
            node(&[2, 4], &[5]),
        ],
    };
    let o = checked(&p);
    assert_eq!((o.peak, o.proof), (111, Proof::Optimal));
    assert_eq!(peak_of(&p, &[0, 1, 2, 3, 4, 5]), 210);
}

#[test]
fn reuse_counts_the_bytes_once() {
    let mut p = Problem {
        buffers: [64, 64, 64].map(buffer).to_vec(),
        nodes: vec![node(&[], &[0]), node(&[0], &[1]), node(&[0, 1], &[2])],
    };
    assert_eq!(checked(&p).peak, 192);
    let over = |read| Reuse { written: 2, read, saved: 64 };
    p.nodes[2].reuses = vec![over(0), over(1)];
    p.buffers[2].at_end = true;
    assert_eq!(checked(&p).peak, 128);
    assert_eq!(reuses(&p, &[0, 1, 2]), [over(0)]);
    // Read later, it cannot be written over.
    p.buffers[0].at_end = true;
    assert_eq!(reuses(&p, &[0, 1, 2]), [over(1)]);
}

#[test]
fn chains_need_no_states() {
    let n = 10_000;
    let mut r = Random::new(3);
    let p = Problem {
        buffers: (0..n).map(|_| buffer(1 + r.below(1000))).collect(),
        nodes: (0..n).map(|i| node(&(i.max(1) - 1..i).collect::<Vec<_>>(), &[i])).collect(),
    };
    let o = order(&p, STATES);
    assert_eq!((o.proof, o.states), (Proof::Optimal, 0));
    assert_eq!(o.nodes, (0..n).collect::<Vec<_>>());
}

#[test]
fn the_answer_is_the_same_each_time() {
    let p = random(&mut Random::new(4), 80);
    assert_eq!(order(&p, 2000), order(&p, 2000));
}
