//! How far a network's outputs are from those of another one, and from what is right.

/// The position of the largest element; of equal ones the first.
pub fn largest(v: &[f64]) -> usize {
    (0..v.len()).rev().max_by(|&a, &b| v[a].total_cmp(&v[b])).unwrap_or(0)
}

/// Whether the element at `label` is among the `k` largest; of equal ones those in front are larger.
pub fn is_among_largest(v: &[f64], label: usize, k: usize) -> bool {
    let before = |i: usize| v[i] > v[label] || v[i] == v[label] && i < label;
    label < v.len() && (0..v.len()).filter(|&i| before(i)).count() < k
}

/// Sums over pairs of elements: of a reference, and of what differs from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    pub elements: u64,
    /// Squares of the reference.
    pub signal: f64,
    /// Squares of differences.
    pub squares: f64,
    /// Magnitudes of differences.
    pub magnitudes: f64,
    pub largest: f64,
}

impl Noise {
    pub fn see(&mut self, reference: &[f64], got: &[f64]) {
        for (r, g) in reference.iter().zip(got) {
            let d = (g - r).abs();
            self.elements += 1;
            self.signal += r * r;
            self.squares += d * d;
            self.magnitudes += d;
            self.largest = self.largest.max(d);
        }
    }

    pub fn merge(&mut self, other: Noise) {
        self.elements += other.elements;
        self.signal += other.signal;
        self.squares += other.squares;
        self.magnitudes += other.magnitudes;
        self.largest = self.largest.max(other.largest);
    }

    /// Mean of squared differences.
    pub fn mse(&self) -> f64 {
        self.squares / self.elements.max(1) as f64
    }

    /// Mean of magnitudes of differences.
    pub fn mean(&self) -> f64 {
        self.magnitudes / self.elements.max(1) as f64
    }

    /// Signal to quantization noise in decibels; `None` where nothing differs.
    pub fn sqnr(&self) -> Option<f64> {
        (self.squares > 0.0).then(|| 10.0 * (self.signal / self.squares).log10())
    }
}

/// Samples that only one of two classifiers gets right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discordant {
    pub first: u64,
    pub second: u64,
}

impl Discordant {
    pub fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Discordant {
        pairs.fold(Discordant::default(), |d, (first, second)| Discordant {
            first: d.first + u64::from(first && !second),
            second: d.second + u64::from(second && !first),
        })
    }

    /// The probability of a split as uneven as this, or more, where both are equally good: McNemar's test, exact.
    pub fn p(&self) -> f64 {
        let (n, least) = (self.first + self.second, self.first.min(self.second));
        let (mut term, mut sum) = (-(n as f64) * std::f64::consts::LN_2, 0.0);
        for i in 0..=least {
            sum += term.exp();
            term += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
        }
        (2.0 * sum).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_is_that_of_mcnemar() {
        let p = |first, second| Discordant { first, second }.p();
        assert_eq!(p(0, 0), 1.0);
        assert!((p(0, 5) - 0.0625).abs() < 1e-12 && (p(5, 0) - 0.0625).abs() < 1e-12);
        // 2 * (1 + 10 + 45) / 1024
        assert!((p(2, 8) - 0.109375).abs() < 1e-12);
        assert_eq!(p(7, 7), 1.0);
        assert!(p(100, 900) < 1e-100 && p(5000, 5000) == 1.0);
        let d = Discordant::of([(true, true), (true, false), (false, true), (true, false)].into_iter());
        assert_eq!(d, Discordant { first: 2, second: 1 });
    }

    #[test]
    fn ties_go_to_the_first() {
        let v = [1.0, 3.0, 3.0, 0.0];
        assert_eq!(largest(&v), 1);
        assert!(is_among_largest(&v, 1, 1) && !is_among_largest(&v, 2, 1) && is_among_largest(&v, 2, 2));
        assert!(!is_among_largest(&v, 4, 5));
    }

    #[test]
    fn noise_is_relative_to_the_signal() {
        let mut n = Noise::default();
        n.see(&[10.0, 0.0], &[9.0, 0.0]);
        assert_eq!((n.mse(), n.mean(), n.largest, n.sqnr()), (0.5, 0.5, 1.0, Some(20.0)));
        assert_eq!(Noise::default().sqnr(), None);
    }
}
