//! Solutions against all solutions, on small random problems.

use super::{Choice, Price, Problem, solve};
use tinyc_core::random::Random;

fn price(cycles: u64) -> Price {
    Price { cycles, ..Price::default() }
}

fn random(seed: u64, acyclic: bool) -> Problem {
    let mut r = Random::new(seed);
    let n = 3 + r.below(5);
    let class = |c: usize, r: &mut Random| {
        let choices = 1 + r.below(3);
        (0..choices)
            .map(|tag| {
                let below = if acyclic { c } else { n };
                let mut needs: Vec<usize> =
                    (0..r.below(3)).filter(|_| below > 0).map(|_| r.below(below.max(1))).collect();
                needs.sort_unstable();
                needs.dedup();
                Choice { price: price(r.below(6) as u64), needs, tag }
            })
            .collect()
    };
    let classes = (0..n).map(|c| class(c, &mut r)).collect();
    Problem { classes, roots: vec![n - 1] }
}

/// The least cost over all assignments that contain no cycle.
fn least(p: &Problem) -> Option<u64> {
    let mut best = None;
    let mut at = vec![0; p.classes.len()];
    loop {
        if let Some(cost) = cost(p, &at) {
            best = Some(best.map_or(cost, |b: u64| b.min(cost)));
        }
        let Some(c) = (0..at.len()).find(|&c| at[c] + 1 < p.classes[c].len()) else { return best };
        at[..c].fill(0);
        at[c] += 1;
    }
}

fn cost(p: &Problem, at: &[usize]) -> Option<u64> {
    fn visit(p: &Problem, at: &[usize], c: usize, state: &mut [u8]) -> Option<u64> {
        match state[c] {
            1 => return None,
            2 => return Some(0),
            _ => state[c] = 1,
        }
        let choice = &p.classes[c][at[c]];
        let mut sum = choice.price.cycles;
        for &n in &choice.needs {
            sum += visit(p, at, n, state)?;
        }
        state[c] = 2;
        Some(sum)
    }
    let mut state = vec![0; p.classes.len()];
    p.roots.iter().map(|&r| visit(p, at, r, &mut state)).sum()
}

#[test]
fn solutions_are_the_best_of_all() {
    let mut solved = 0;
    for seed in 0..3000 {
        let p = random(seed, seed % 2 == 0);
        let found = solve(&p, 100_000);
        assert_eq!(found.as_ref().map(|s| s.price.cycles), least(&p), "seed {seed}: {p:?}");
        let Some(found) = found else { continue };
        solved += 1;
        assert!(found.is_proven());
        // What is chosen is what it says it costs, and ends.
        let at: Vec<usize> = found.chosen.iter().map(|c| c.unwrap_or(0)).collect();
        assert_eq!(cost(&p, &at), Some(found.price.cycles), "seed {seed}");
    }
    assert!(solved > 1500, "{solved}");
}

#[test]
fn a_limit_leaves_a_solution_and_a_bound() {
    let mut open = 0;
    for seed in 0..300 {
        let p = random(seed, true);
        let (Some(best), Some(cut)) = (solve(&p, 100_000), solve(&p, 1)) else { continue };
        assert!(cut.price >= best.price && cut.bound <= best.price, "seed {seed}");
        open += usize::from(!cut.is_proven());
    }
    assert!(open > 0);
}
