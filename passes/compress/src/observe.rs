//! Observers: from the elements that a value had in calibration to the range that its integers stand for.
//!
//! What they collect is exact in any order of elements: smallest and largest element, and counts.

use std::fmt;
use std::str::FromStr;

/// How the range of an activation follows from what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Observer {
    /// All that was seen.
    MinMax,
    /// All but the outermost elements, a part of 1 / 20000 on each side.
    #[default]
    Percentile,
    /// The range with the least squared error of rounding and clipping.
    Mse,
    /// The range whose integers lose the least information (Kullback-Leibler divergence).
    Entropy,
}

impl FromStr for Observer {
    type Err = String;

    fn from_str(name: &str) -> Result<Observer, String> {
        let all = [Observer::MinMax, Observer::Percentile, Observer::Mse, Observer::Entropy];
        all.into_iter().find(|o| o.to_string() == name).ok_or_else(|| format!("there is no observer {name:?}"))
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Observer::MinMax => "minmax",
            Observer::Percentile => "percentile",
            Observer::Mse => "mse",
            Observer::Entropy => "entropy",
        })
    }
}

const BINS: usize = 2048;

/// Of the elements that lie outside of the range by percentile, on each side.
const TAIL: f64 = 0.5e-4;

/// Smallest and largest element; zero is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extremes {
    pub lo: f32,
    pub hi: f32,
    /// An element was no number, or infinite.
    pub overflowed: bool,
}

impl Extremes {
    pub fn see(&mut self, elements: &[f32]) {
        for &v in elements {
            self.lo = self.lo.min(v);
            self.hi = self.hi.max(v);
            self.overflowed |= !v.is_finite();
        }
    }

    pub fn merge(self, other: Extremes) -> Extremes {
        let overflowed = self.overflowed || other.overflowed;
        Extremes { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi), overflowed }
    }
}

/// How many elements lie in each of equal parts of a range that holds all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    lo: f64,
    width: f64,
    counts: Vec<u64>,
    /// Elements that are zero, which no scale rounds; in no bin.
    zeros: u64,
}

impl Histogram {
    pub fn over(range: Extremes) -> Histogram {
        let (lo, hi) = (f64::from(range.lo), f64::from(range.hi));
        Histogram { lo, width: ((hi - lo) / BINS as f64).max(f64::MIN_POSITIVE), counts: vec![0; BINS], zeros: 0 }
    }

    pub fn see(&mut self, elements: &[f32]) {
        for &v in elements {
            if v == 0.0 {
                self.zeros += 1;
            } else {
                let bin = ((f64::from(v) - self.lo) / self.width) as usize;
                self.counts[bin.min(BINS - 1)] += 1;
            }
        }
    }

    pub fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.zeros += other.zeros;
    }

    fn hi(&self) -> f64 {
        self.lo + self.width * BINS as f64
    }

    fn middle(&self, bin: usize) -> f64 {
        self.lo + (bin as f64 + 0.5) * self.width
    }

    /// The range that the observer takes.
    pub fn range(&self, observer: Observer) -> (f64, f64) {
        match observer {
            Observer::MinMax => (self.lo, self.hi()),
            Observer::Percentile => self.percentile(),
            Observer::Mse => self.search(|lo, hi| self.squared_error(lo, hi)),
            Observer::Entropy => self.search(|lo, hi| self.divergence(lo, hi)),
        }
    }

    fn percentile(&self) -> (f64, f64) {
        let total: u64 = self.counts.iter().sum::<u64>() + self.zeros;
        let outside = (total as f64 * TAIL) as u64;
        // The first bin, from one side, with which more elements have been seen than may lie outside.
        let first = |bins: Vec<usize>| {
            let mut seen = 0;
            bins.into_iter().find(|b| {
                seen += self.counts[*b];
                seen > outside
            })
        };
        let lo = first((0..BINS).collect()).map_or(self.lo, |b| self.lo + b as f64 * self.width);
        let hi = first((0..BINS).rev().collect()).map_or(self.hi(), |b| self.lo + (b + 1) as f64 * self.width);
        (lo.min(0.0), hi.max(0.0))
    }

    /// The least of `cost` over ranges that are parts of the whole: both ends together first, then each by itself.
    fn search(&self, cost: impl Fn(f64, f64) -> f64) -> (f64, f64) {
        const PARTS: usize = 64;
        let (lo, hi) = (self.lo.min(0.0), self.hi().max(0.0));
        let part = |i: usize| i as f64 / PARTS as f64;
        let least = |ranges: &mut dyn Iterator<Item = (f64, f64)>| {
            let mut best = (f64::INFINITY, (lo, hi));
            for (lo, hi) in ranges {
                let cost = cost(lo, hi);
                if cost < best.0 {
                    best = (cost, (lo, hi));
                }
            }
            best.1
        };
        let both = least(&mut (4..=PARTS).rev().map(|i| (lo * part(i), hi * part(i))));
        let upper = least(&mut (4..=PARTS).rev().map(|i| (both.0, hi * part(i))));
        least(&mut (4..=PARTS).rev().map(|i| (lo * part(i), upper.1)))
    }

    /// Of rounding, whose error is spread evenly, and of clipping.
    fn squared_error(&self, lo: f64, hi: f64) -> f64 {
        let step = (hi - lo) / 255.0;
        let error = |(bin, &n): (usize, &u64)| {
            let v = self.middle(bin);
            let clipped = v - v.clamp(lo, hi);
            n as f64 * (clipped * clipped).max(step * step / 12.0)
        };
        self.counts.iter().enumerate().map(error).sum()
    }

    /// Of what integers make of the elements from the elements, both within the range.
    fn divergence(&self, lo: f64, hi: f64) -> f64 {
        let level = |v: f64| (((v.clamp(lo, hi) - lo) / (hi - lo) * 255.0).round_ties_even() as usize).min(255);
        let inside = |v: f64| v >= lo && v <= hi;
        let (mut sums, mut bins) = ([0f64; 256], [0u32; 256]);
        let mut given = vec![0f64; BINS];
        let nearest = |v: f64| (((v.clamp(lo, hi) - self.lo) / self.width) as usize).min(BINS - 1);
        for (bin, &n) in self.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let v = self.middle(bin);
            given[nearest(v)] += n as f64;
            if inside(v) {
                sums[level(v)] += n as f64;
                bins[level(v)] += 1;
            }
        }
        let (p, q) = (given.iter().sum::<f64>(), sums.iter().sum::<f64>());
        let part = |(bin, &n): (usize, &f64)| {
            if n == 0.0 {
                return 0.0;
            }
            let at = level(self.middle(bin));
            let made = if bins[at] == 0 { 0.0 } else { sums[at] / f64::from(bins[at]) / q };
            n / p * (n / p / made.max(1e-12)).ln()
        };
        if q == 0.0 { f64::INFINITY } else { given.iter().enumerate().map(part).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::random::Random;

    /// Numbers of a bell curve, and one far out.
    fn outlier() -> Histogram {
        let mut random = Random::new(1);
        let mut elements: Vec<f32> = (0..400_000).map(|_| (0..12).map(|_| random.signed() * 0.5).sum()).collect();
        elements.push(12.0);
        let mut extremes = Extremes::default();
        extremes.see(&elements);
        let mut histogram = Histogram::over(extremes);
        histogram.see(&elements);
        histogram
    }

    #[test]
    fn all_but_minmax_leave_an_outlier_out() {
        let h = outlier();
        assert!((h.range(Observer::MinMax).1 - 12.0).abs() < 1e-6);
        for observer in [Observer::Percentile, Observer::Mse, Observer::Entropy] {
            let (lo, hi) = h.range(observer);
            assert!((2.0..8.0).contains(&hi) && (-6.0..-2.0).contains(&lo), "{observer}: {lo}..{hi}");
        }
    }

    #[test]
    fn merging_is_seeing_all() {
        let range = Extremes { lo: -1.0, hi: 2.0, overflowed: false };
        let (mut all, mut first, mut second) = (Histogram::over(range), Histogram::over(range), Histogram::over(range));
        all.see(&[-1.0, 0.0, 2.0, 0.5]);
        first.see(&[2.0, 0.5]);
        second.see(&[0.0, -1.0]);
        first.merge(&second);
        assert_eq!(first, all);
    }
}
