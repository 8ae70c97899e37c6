//! The map between real numbers and integers of 8 bits.

/// `q` stands for `scale * (q - zero)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub scale: f32,
    pub zero: i8,
}

/// Ranges below this are taken as no range: products of their scales would leave the normal floats.
const LEAST: f64 = 1e-15;

/// The scale of a value that is zero in all samples: nothing is known of what else it could be.
const OF_ZERO: f32 = 1.0 / 128.0;

/// Weights of 8 bits lie in -127..127.
pub const WEIGHT_LIMIT: f64 = 127.0;

impl Scale {
    /// For numbers from `lo` to `hi` and zero, which an integer stands for exactly, so that padding is exact. `None`
    /// where both are zero.
    pub fn of_range(lo: f64, hi: f64) -> Option<Scale> {
        let (lo, hi) = (lo.min(0.0), hi.max(0.0));
        if hi - lo < LEAST {
            return None;
        }
        let scale = ((hi - lo) / 255.0) as f32;
        let zero = (-128.0 - lo / f64::from(scale)).round_ties_even().clamp(-128.0, 127.0);
        Some(Scale { scale, zero: zero as i8 })
    }

    /// Where nothing but zeros has been seen.
    pub fn of_zeros() -> Scale {
        Scale { scale: OF_ZERO, zero: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_an_integer_and_the_ends_have() {
        for (lo, hi) in [(-1.0, 3.0), (0.0, 6.0), (-7.5, 0.0), (2.0, 5.0), (-5.0, -2.0), (-1e-9, 1e9)] {
            let s = Scale::of_range(lo, hi).unwrap();
            let q = |v: f64| (v / f64::from(s.scale)).round_ties_even() + f64::from(s.zero);
            assert_eq!(q(0.0), f64::from(s.zero));
            assert!(q(lo.min(0.0)) >= -129.0 && q(hi.max(0.0)) <= 128.0, "{lo}..{hi}: {s:?}");
        }
        assert_eq!(Scale::of_range(0.0, 0.0), None);
        assert_eq!(Scale::of_range(0.0, 2.55), Some(Scale { scale: 0.01, zero: -128 }));
    }
}
