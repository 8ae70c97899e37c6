//! Weights and scales in fewer bits: weights less the middle of their channel, scales as multiples of a unit.

/// The rows of weights of channels, each less its middle, and the middle twice behind each: the weights of
/// the halves of the total. `None` where the differences need more than 8 bits, or halves more than 16.
pub fn centered(rows: &[i16], depth: usize) -> Option<Vec<i16>> {
    if depth * 64 > i16::MAX as usize {
        return None;
    }
    let mut out = Vec::with_capacity(rows.len() / depth * (depth + 2));
    for row in rows.chunks_exact(depth) {
        let (lo, hi) = (row.iter().min()?, row.iter().max()?);
        let middle = (lo + hi + 1) / 2;
        let bytes = [lo - middle, hi - middle, middle].iter().all(|v| i8::try_from(*v).is_ok());
        bytes.then(|| out.extend(row.iter().map(|w| w - middle).chain([middle; 2])))?;
    }
    Some(out)
}

/// The largest power of two that all scales are multiples of, if these multiples have 16 bits.
pub fn unit(scales: &[i32]) -> Option<i32> {
    let bits = scales.iter().filter(|s| **s != 0).map(|s| s.trailing_zeros()).min()?.min(16);
    scales.iter().all(|s| i16::try_from(s >> bits).is_ok()).then_some(1 << bits)
}
