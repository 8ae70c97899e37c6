//! How far two tensors are apart.

use tinyc_core::tensor::Tensor;

/// Largest difference between results and references, over all samples of one value.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    pub max: f64,
    /// Largest minus smallest reference value.
    pub range: f64,
    /// Integers must be equal.
    exact: bool,
}

impl Difference {
    /// Over pairs (result, reference). Where one is NaN and the other is not, the difference is
    /// infinite.
    pub fn over<'a>(pairs: impl Iterator<Item = (&'a Tensor, &'a Tensor)>) -> Difference {
        let (mut max, mut lo, mut hi, mut exact) = (0f64, f64::INFINITY, f64::NEG_INFINITY, true);
        for (got, want) in pairs {
            exact &= !want.dtype().is_float();
            for (g, w) in got.to_f64s().into_iter().zip(want.to_f64s()) {
                let d = if g == w || (g.is_nan() && w.is_nan()) { 0.0 } else { (g - w).abs() };
                max = max.max(if d.is_nan() { f64::INFINITY } else { d });
                lo = lo.min(w);
                hi = hi.max(w);
            }
        }
        Difference { max, range: (hi - lo).max(0.0), exact }
    }

    /// Difference relative to the range; to 1 where the references are all one value.
    pub fn relative(&self) -> f64 {
        if self.max == 0.0 { 0.0 } else { self.max / if self.range > 0.0 { self.range } else { 1.0 } }
    }

    pub fn within(&self, tolerance: f64) -> bool {
        if self.exact { self.max == 0.0 } else { self.relative() <= tolerance }
    }

    /// Difference, range, relative difference and verdict, for a table.
    pub fn cells(&self, ok: bool) -> Vec<String> {
        let verdict = if ok { "ok" } else { "DIFFERS" };
        vec![
            format!("{:.3e}", self.max),
            format!("{:.4}", self.range),
            format!("{:.2e}", self.relative()),
            verdict.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(got: Vec<f32>, want: Vec<f32>) -> Difference {
        let t = |v: Vec<f32>| Tensor::of([v.len()], v);
        Difference::over([(&t(got), &t(want))].into_iter())
    }

    #[test]
    fn is_relative_to_the_range() {
        let d = of(vec![0.0, 10.5], vec![0.0, 10.0]);
        assert_eq!((d.max, d.range, d.relative()), (0.5, 10.0, 0.05));
        assert!(d.within(0.05) && !d.within(0.049));
    }

    #[test]
    fn nan_matches_only_nan() {
        assert!(of(vec![f32::NAN, 1.0], vec![f32::NAN, 1.0]).within(0.0));
        assert!(!of(vec![f32::NAN, 1.0], vec![0.0, 1.0]).within(1e9));
        assert!(!of(vec![0.0, 1.0], vec![f32::NAN, 1.0]).within(1e9));
    }

    #[test]
    fn integers_must_be_equal() {
        let t = |v: Vec<i8>| Tensor::of([v.len()], v);
        assert!(!Difference::over([(&t(vec![1]), &t(vec![2]))].into_iter()).within(1e9));
    }
}
