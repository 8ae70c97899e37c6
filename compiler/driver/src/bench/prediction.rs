//! How near the estimate of instructions comes to those counted.

use serde::Serialize;

#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Prediction {
    pub instructions: u64,
    /// Of the whole network, as all errors a share of the instructions counted, negative where too few were
    /// predicted.
    pub error: f64,
    /// Of the layers, without signs, each weighted with its instructions.
    pub mean_error: f64,
    /// The layer with the largest error, of those that are not [`SMALL`].
    pub worst_layer: Option<usize>,
    pub worst_error: Option<f64>,
}

/// Layers with a smaller share of all instructions: some loads of arguments are as much as their work.
pub const SMALL: f64 = 0.01;

/// Of one layer; nothing where nothing was executed.
pub fn error(predicted: f64, counted: u64) -> Option<f64> {
    (counted > 0).then(|| predicted / counted as f64 - 1.0)
}

impl Prediction {
    /// From both figures of each layer.
    pub fn of(predicted: &[f64], counted: &[u64]) -> Prediction {
        let (p, c): (f64, u64) = (predicted.iter().sum(), counted.iter().sum());
        let pairs = || predicted.iter().zip(counted);
        let apart: f64 = pairs().map(|(p, &c)| (p - c as f64).abs()).sum();
        let large = |c: u64| c as f64 >= SMALL * counted.iter().sum::<u64>() as f64;
        let errors = pairs().enumerate().filter(|(_, (_, c))| large(**c));
        let errors = errors.filter_map(|(i, (p, c))| Some((i, error(*p, *c)?)));
        let worst = errors.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
        Prediction {
            instructions: p.round() as u64,
            error: error(p, c).unwrap_or(0.0),
            mean_error: if c > 0 { apart / c as f64 } else { 0.0 },
            worst_layer: worst.map(|w| w.0),
            worst_error: worst.map(|w| w.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_shares_of_what_was_counted() {
        let p = Prediction::of(&[1_100.0, 1_800.0, 40.0], &[1_000, 2_000, 20]);
        assert_eq!((p.instructions, p.worst_layer), (2_940, Some(0)));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(p.error, -80.0 / 3_020.0) && near(p.mean_error, 320.0 / 3_020.0), "{p:?}");
        assert!(p.worst_error.is_some_and(|e| near(e, 0.1)), "{p:?}");
        assert_eq!(Prediction::of(&[], &[]).worst_layer, None);
    }
}
