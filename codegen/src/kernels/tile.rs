//! Tiles: how many pixels and channels a schedule holds in registers at once.

use crate::select::Schedules;
use crate::targets::Target;

/// What a target has, and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Lanes of the widest vector; 1 without vectors.
    pub lanes: usize,
    /// Registers that hold such a vector or a float.
    pub registers: usize,
    /// It has micro-kernels.
    pub micro: bool,
    /// Cycles that a byte of constants is worth.
    pub byte: f64,
    /// Functions are shaped so that one does for layers of many sizes.
    pub compact: bool,
}

/// What a byte of constants is worth where nobody says: half of the weights' bytes go for a tenth more cycles,
/// but in layers of many hundreds of pixels.
const BYTE: f64 = 40.0;

impl Machine {
    pub fn of(target: &Target, schedules: Schedules) -> Machine {
        let byte = match schedules {
            Schedules::Fast | Schedules::Plain => BYTE,
            Schedules::Fastest => 0.0,
            Schedules::Smallest => f64::INFINITY,
        };
        let compact = schedules == Schedules::Smallest;
        Machine { lanes: target.float_lanes, registers: target.float_registers, micro: target.micro, byte, compact }
    }
}

/// Channels `start..start + count * vectors * lanes`, in blocks of `vectors` vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub start: usize,
    pub lanes: usize,
    /// Vectors of a block.
    pub vectors: usize,
    /// Blocks.
    pub count: usize,
}

impl Segment {
    /// Channels of a block.
    pub fn width(&self) -> usize {
        self.lanes * self.vectors
    }
}

/// Cuts channels into blocks of `vectors` of the widest vectors, then what is left of those, then
/// narrower ones, so that no lane is wasted.
pub fn segments(channels: usize, lanes: usize, vectors: usize) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut lanes = lanes;
    while start < channels {
        let left = (channels - start) / lanes;
        for vectors in [vectors.min(left), left.checked_rem(vectors).unwrap_or(0)] {
            let count = ((channels - start) / lanes).checked_div(vectors).unwrap_or(0);
            if count > 0 {
                segments.push(Segment { start, lanes, vectors, count });
                start += count * vectors * lanes;
            }
        }
        lanes /= 2;
    }
    segments
}

/// Pixels and vectors of channels of a tile of a product. Registers hold a sum for each of both, one
/// vector of weights for each channel, and the pixels' elements (broadcast from memory where there are
/// lanes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    pub pixels: usize,
    pub vectors: usize,
}

/// The tile that takes the fewest instructions for `pixels` in a row and `channels`.
pub fn tile(machine: Machine, pixels: usize, channels: usize) -> Tile {
    let vectors_needed = channels.div_ceil(machine.lanes);
    let mut best = (f64::INFINITY, Tile { pixels: 1, vectors: 1 });
    for vectors in 1..=vectors_needed.min(8) {
        for p in 1..=pixels.min(16) {
            let elements = if machine.lanes > 1 { 1 } else { p };
            if p * vectors + vectors + elements + 1 > machine.registers {
                break;
            }
            let tiles = (vectors_needed / vectors) * (pixels / p);
            // What is left over runs vector by vector and pixel by pixel.
            let left = vectors_needed * pixels - tiles * vectors * p;
            // Loads and products of a tile, and the loop around them.
            let instructions = |p: usize, v: usize| (p * v) as f64 + 0.5 * (p + v) as f64 + 1.5;
            let cost = tiles as f64 * instructions(p, vectors) + left as f64 * instructions(1, 1);
            if cost < best.0 {
                best = (cost, Tile { pixels: p, vectors });
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_all_channels_once() {
        for (channels, lanes, vectors) in [(64, 16, 2), (10, 16, 2), (17, 4, 3), (3, 1, 4), (23, 8, 2), (1, 16, 8)] {
            let mut next = 0;
            for s in segments(channels, lanes, vectors) {
                assert_eq!(s.start, next);
                next += s.width() * s.count;
            }
            assert_eq!(next, channels);
        }
    }

    #[test]
    fn tiles_fit_the_registers() {
        let m4 = Machine { lanes: 1, registers: 32, micro: true, byte: 1.0, compact: false };
        let t = tile(m4, 100, 64);
        assert!(t.pixels * t.vectors + t.pixels + t.vectors < 32 && t.pixels * t.vectors >= 16, "{t:?}");
        assert_eq!(tile(Machine { lanes: 16, ..m4 }, 1, 128).vectors, 8);
    }
}
