//! Static bounds of indices: by intervals, and exactly, point by point, where intervals do not do.

use super::super::index::{Index, IndexVar};
use super::super::ir::{Access, For};

/// Smallest and largest value.
pub type Interval = (i64, i64);

/// Points that the exact proof may visit for one access.
const MAX_POINTS: u64 = 1 << 22;

/// What has to hold for the values of index variables.
type Holds<'h> = &'h dyn Fn(&dyn Fn(IndexVar) -> i64) -> bool;

/// The loops around a statement and the integer parameters of the function.
#[derive(Default)]
pub struct Scope<'a> {
    /// By index variable; `None` outside of its loop.
    pub intervals: Vec<Option<Interval>>,
    /// Outermost first.
    pub loops: Vec<&'a For>,
    pub params: usize,
}

impl<'a> Scope<'a> {
    pub fn range(&self, i: &Index) -> Interval {
        i.range(&|v| self.intervals.get(v.0 as usize).copied().flatten().unwrap_or((0, 0)))
    }

    /// Values of a loop's variable; `None` when there are none.
    pub fn interval(&self, f: &For) -> Option<Interval> {
        let (lo, hi) = (self.range(&f.lo), self.range(&f.hi));
        let mut last = hi.1 - 1;
        if lo.0 == lo.1 {
            last = lo.0 + (last - lo.0).div_euclid(f.step) * f.step;
        }
        (lo.0 <= last).then_some((lo.0, last))
    }

    /// Whether the index lies in `0..bound` wherever it is evaluated.
    pub fn within(&self, i: &Index, bound: i64) -> bool {
        let (lo, hi) = self.range(i);
        (lo >= 0 && hi < bound)
            || (!i.depends_on_data() && self.at_all_points(&|v| (0..bound).contains(&i.eval(v, &mut |_| 0))))
    }

    /// Elements that an access reaches, or the fault that it may leave `0..=last`.
    pub fn reaches(&self, a: &Access, last: i64) -> Result<(), Interval> {
        let Some((lo, hi)) = self.flat(a) else { return Ok(()) };
        if lo >= 0 && hi <= last {
            return Ok(());
        }
        let inside = |v: &dyn Fn(IndexVar) -> i64| {
            let at = |i: &Index| i.eval(v, &mut |_| 0);
            let outside = a.dims.iter().any(|d| d.bound.is_some_and(|b| !(0..b).contains(&at(&d.index))));
            outside || (0..=last).contains(&at(&a.flat()))
        };
        let data = a.dims.iter().any(|d| d.index.depends_on_data());
        if !data && self.at_all_points(&inside) { Ok(()) } else { Err((lo, hi)) }
    }

    /// Interval of the element; `None` when a guard never holds.
    fn flat(&self, a: &Access) -> Option<Interval> {
        let mut plain = Index::constant(a.offset);
        let mut sum = (0, 0);
        for d in &a.dims {
            if d.bound.is_none() && d.ring.is_none() {
                plain = plain + d.index.clone() * d.stride;
                continue;
            }
            let (mut lo, mut hi) = self.range(&d.index);
            if let Some(b) = d.bound {
                (lo, hi) = (lo.max(0), hi.min(b - 1));
                if lo > hi {
                    return None;
                }
            }
            if let Some(m) = d.ring
                && (lo < 0 || hi >= m)
            {
                (lo, hi) = (0, m - 1);
            }
            let (x, y) = (lo * d.stride, hi * d.stride);
            sum = (sum.0 + x.min(y), sum.1 + x.max(y));
        }
        let (lo, hi) = self.range(&plain);
        Some((lo + sum.0, hi + sum.1))
    }

    /// Whether `holds` at every point of the loops; false when there are too many to tell.
    fn at_all_points(&self, holds: Holds<'_>) -> bool {
        let mut values = vec![0; self.intervals.len()];
        let mut left = MAX_POINTS;
        self.params_from(0, &mut values, &mut left, holds)
    }

    fn params_from(&self, p: usize, values: &mut [i64], left: &mut u64, holds: Holds<'_>) -> bool {
        if p == self.params {
            return self.loops_from(0, values, left, holds);
        }
        let (lo, hi) = self.intervals[p].unwrap_or((0, 0));
        (lo..=hi).all(|v| {
            values[p] = v;
            self.params_from(p + 1, values, left, holds)
        })
    }

    fn loops_from(&self, depth: usize, values: &mut [i64], left: &mut u64, holds: Holds<'_>) -> bool {
        let Some(f) = self.loops.get(depth) else {
            *left = left.saturating_sub(1);
            return *left > 0 && holds(&|v| values.get(v.0 as usize).copied().unwrap_or(0));
        };
        let bound = |i: &Index, values: &[i64]| i.eval(&|v| values[v.0 as usize], &mut |_| 0);
        let (mut at, hi) = (bound(&f.lo, values), bound(&f.hi, values));
        while at < hi {
            values[f.var.0 as usize] = at;
            if !self.loops_from(depth + 1, values, left, holds) {
                return false;
            }
            at += f.step;
        }
        true
    }
}
