//! Interpolation along one axis: which positions count for a coordinate, and with which weights.
//!
//! Formulas of the ONNX operator Resize and its reference implementation; cubic convolution after
//! Keys, "Cubic convolution interpolation for digital image processing" (1981). All in f64, weights
//! rounded to f32 at the end.

use crate::attrs::Attrs;
use crate::loops::{Cast, Expr, Index, Scalar, Ty};
use std::sync::Arc;

pub const MODES: &[&str] = &["nearest", "linear", "cubic"];
pub const ROUNDINGS: &[&str] = &["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];
pub const COORDINATES: &[&str] = &[
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
];

/// Smaller ones would make as many taps as there are elements, and more.
pub const SMALLEST_SCALE: f32 = 1e-3;

/// Taps of each position of the result; each has as many.
pub struct Taps {
    /// Positions in `x`; `None` outside of it.
    pub positions: Vec<Vec<Option<usize>>>,
    pub weights: Vec<Vec<f32>>,
}

/// For each axis of `x`.
pub fn taps(attrs: &Attrs, x: &[usize]) -> Vec<Taps> {
    let (scales, region) = (attrs.floats("scales"), attrs.floats("region"));
    let part = |d: usize| match region.get(x.len() + d) {
        Some(&end) => (f64::from(region[d]), f64::from(end)),
        None => (0.0, 1.0),
    };
    let lists = x.iter().zip(attrs.extents("extents")).zip(&scales).enumerate();
    lists.map(|(d, ((&n, extent), &scale))| axis(attrs, n, extent, f64::from(scale), part(d))).collect()
}

fn axis(attrs: &Attrs, n: usize, extent: usize, scale: f64, region: (f64, f64)) -> Taps {
    let coordinates = attrs.word("coordinates");
    if n == extent && scale == 1.0 && coordinates != "tf_crop_and_resize" {
        let positions = (0..n).map(|i| vec![Some(i)]).collect();
        return Taps { positions, weights: vec![vec![1.0]; n] };
    }
    let (mut positions, mut weights) = (Vec::with_capacity(extent), Vec::with_capacity(extent));
    for i in 0..extent {
        let x = coordinate(coordinates, i as f64, n as f64, extent as f64, scale, region);
        let outside = coordinates == "tf_crop_and_resize" && !(0.0..=n as f64 - 1.0).contains(&x);
        let x = if outside { 0.0 } else { x };
        // The ratio is in (0, 1]: a coordinate on a position is seen from the one before it.
        let base = x.ceil() - 1.0;
        let mut w = coefficients(attrs, x - base, scale);
        let first = base as i64 - (w.len() as i64 / 2 - 1);
        let at = |k: usize| first + k as i64;
        let inside = |p: i64| (0..n as i64).contains(&p);
        if attrs.bool("exclude_outside") {
            w.iter_mut().enumerate().filter(|(k, _)| !inside(at(*k))).for_each(|(_, w)| *w = 0.0);
            normalize(&mut w);
        }
        let position = |k: usize| (!outside).then(|| at(k).clamp(0, n as i64 - 1) as usize);
        positions.push((0..w.len()).map(position).collect());
        weights.push(w.into_iter().map(|w| w as f32).collect());
    }
    Taps { positions, weights }.simplified()
}

/// The coordinate in `x`, of `n` positions, of position `i` of the result.
fn coordinate(coordinates: &str, i: f64, n: f64, extent: f64, scale: f64, region: (f64, f64)) -> f64 {
    let scaled = scale * n;
    match coordinates {
        "align_corners" if scaled == 1.0 => 0.0,
        "align_corners" => i * (n - 1.0) / (scaled - 1.0),
        "asymmetric" => i / scale,
        "tf_half_pixel_for_nn" => (i + 0.5) / scale,
        "pytorch_half_pixel" if scaled == 1.0 => -0.5,
        "half_pixel_symmetric" => n / 2.0 * (1.0 - extent / scaled) + (i + 0.5) / scale - 0.5,
        "tf_crop_and_resize" => {
            let (start, end) = region;
            let length = (end - start) * (n - 1.0);
            start * (n - 1.0) + if scaled == 1.0 { length / 2.0 } else { i * length / (scaled - 1.0) }
        }
        _ => (i + 0.5) / scale - 0.5,
    }
}

/// Weights of the positions around a coordinate, which lies `ratio` behind the last one of their first
/// half.
fn coefficients(attrs: &Attrs, ratio: f64, scale: f64) -> Vec<f64> {
    let a = f64::from(attrs.float("cubic"));
    let (radius, kernel): (f64, &dyn Fn(f64) -> f64) = match attrs.word("mode") {
        "nearest" => {
            let second = match attrs.word("rounding") {
                _ if ratio == 1.0 => true,
                "round_prefer_floor" => ratio > 0.5,
                "round_prefer_ceil" => ratio >= 0.5,
                rounding => rounding == "ceil",
            };
            return if second { vec![0.0, 1.0] } else { vec![1.0, 0.0] };
        }
        "linear" => (1.0, &|x: f64| (1.0 - x).clamp(0.0, 1.0)),
        _ => (2.0, &|x: f64| match x {
            x if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            x if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            _ => 0.0,
        }),
    };
    let stretch = if attrs.bool("antialias") { scale.min(1.0) } else { 1.0 };
    let half = (radius / stretch).ceil() as i64;
    let mut weights: Vec<f64> = (1 - half..=half).map(|i| kernel((stretch * (i as f64 - ratio)).abs())).collect();
    if stretch < 1.0 {
        normalize(&mut weights);
    }
    weights
}

/// Makes the sum 1, unless it is 0.
fn normalize(weights: &mut [f64]) {
    let sum: f64 = weights.iter().sum();
    if sum != 0.0 {
        weights.iter_mut().for_each(|w| *w /= sum);
    }
}

impl Taps {
    /// One tap where no position needs more.
    fn simplified(self) -> Taps {
        let single = |w: &Vec<f32>| {
            let k = w.iter().position(|&w| w != 0.0)?;
            (w[k] == 1.0 && w.iter().filter(|&&w| w != 0.0).count() == 1).then_some(k)
        };
        match self.weights.iter().map(single).collect::<Option<Vec<_>>>() {
            Some(k) => Taps {
                positions: self.positions.iter().zip(k).map(|(p, k)| vec![p[k]]).collect(),
                weights: vec![vec![1.0]; self.weights.len()],
            },
            None => self,
        }
    }

    pub fn count(&self) -> usize {
        self.positions.first().map_or(1, Vec::len)
    }

    /// Whether each position of the result is one of `x`.
    pub fn is_pick(&self) -> bool {
        self.count() == 1
    }

    /// These positions, if each result is one element.
    pub fn picks(&self) -> Option<Vec<Option<usize>>> {
        self.is_pick().then(|| self.positions.iter().map(|p| p[0]).collect())
    }

    /// Whether some position lies outside of `x`.
    pub fn leaves(&self) -> bool {
        self.positions.iter().flatten().any(Option::is_none)
    }

    /// The position in `x` of tap `k` for position `i`, -1 when it is outside.
    pub fn index(&self, i: &Index, k: &Index) -> Index {
        let table: Vec<i64> = self.positions.iter().flatten().map(|p| p.map_or(-1, |p| p as i64)).collect();
        if self.is_pick() {
            // Whole factors need no table.
            let fits = |f: &dyn Fn(i64) -> i64| table.iter().enumerate().all(|(i, &p)| f(i as i64) == p);
            let times = table.iter().take_while(|&&p| p == 0).count().max(1) as i64;
            if fits(&|i| i.div_euclid(times)) {
                return i.clone().floor_div(times);
            }
            let step = table.get(1).map_or(0, |p| p - table[0]);
            if fits(&|i| table[0] + i * step) {
                return i.clone() * step + table[0];
            }
        }
        let entries: Arc<[i32]> = table.iter().map(|&p| p as i32).collect();
        Index::lookup(entries, self.entry(i, k))
    }

    /// The weight of tap `k` for position `i`.
    pub fn weight(&self, i: &Index, k: &Index) -> Expr {
        let bits: Arc<[i32]> = self.weights.iter().flatten().map(|w| w.to_bits() as i32).collect();
        Expr::Index(Index::lookup(bits, self.entry(i, k)), Scalar::I32).cast(Cast::Bits, Ty::F32)
    }

    fn entry(&self, i: &Index, k: &Index) -> Index {
        i.clone() * self.count() as i64 + k.clone()
    }
}
