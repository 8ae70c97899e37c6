//! Operators over windows, as parts of random networks: convolutions, transposed ones and pools.

use super::{LARGEST, Net};
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::NodeId;
use tinyc_core::op::OpId;
use tinyc_core::random::Random;

impl Net {
    fn windows(&mut self, axes: usize, kernel: &[i64]) -> Attrs {
        let strides: Vec<i64> = (0..axes).map(|_| 1 + self.below(6) / 3 * (1 + self.below(3))).collect();
        let dilations: Vec<i64> = (0..axes).map(|_| 1 + self.below(5) / 4 * (1 + self.below(2))).collect();
        let wide = self.r.below(6) == 0;
        let pad = |r: &mut Random, k: i64| r.below(if wide { k as usize + 3 } else { k as usize }) as i64;
        let pads: Vec<i64> = kernel.iter().chain(kernel).map(|&k| pad(&mut self.r, k)).collect();
        Attrs::new().with_ints("strides", strides).with_ints("dilations", dilations).with_ints("pads", pads)
    }

    fn kernel(&mut self, axes: usize) -> Vec<i64> {
        let point = self.r.below(4) == 0;
        (0..axes).map(|_| if point { 1 } else { [1, 2, 3, 3, 4, 5, 11][self.r.below(7)] }).collect()
    }

    pub(super) fn conv(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let shape = self.shape(x);
        let axes = shape.len().checked_sub(2).filter(|&n| n > 0)?;
        let kernel = self.kernel(axes);
        let channels = shape[1];
        let outputs = [1, 2, 4, 7, 16, 19, 33][self.r.below(7)];
        if self.r.below(5) == 0 {
            return self.conv_transpose(x, largest, &kernel);
        }
        let (groups, outputs) = match self.r.below(4) {
            0 => (channels, channels),
            1 => (channels, 2 * channels),
            _ => (1, outputs),
        };
        let w =
            [&[outputs, channels.checked_div(groups)?][..], &kernel.iter().map(|&k| k as usize).collect::<Vec<_>>()];
        let (w, attrs) = (self.constant(&w.concat()), self.windows(axes, &kernel));
        let mut operands = vec![x, w];
        if self.flag() {
            operands.push(self.constant(&[outputs]));
        }
        let taps = (kernel.iter().product::<i64>() * channels as i64) as f64;
        let largest = largest * 2.0 * taps + 2.0;
        let y = self.op(OpId::conv, attrs.with_int("group", groups as i64), &operands).filter(|_| largest < LARGEST);
        self.push(y, largest)
    }

    fn conv_transpose(&mut self, x: NodeId, largest: f64, kernel: &[i64]) -> Option<()> {
        let channels = self.shape(x)[1];
        let groups = if self.r.below(3) == 0 { channels.max(1) } else { 1 };
        let outputs = [1, 2, 5][self.r.below(3)];
        let w = [&[channels, outputs][..], &kernel.iter().map(|&k| k as usize).collect::<Vec<_>>()].concat();
        let (w, attrs) = (self.constant(&w), self.windows(kernel.len(), kernel));
        let more: Vec<i64> = kernel.iter().map(|_| self.below(3)).collect();
        let mut operands = vec![x, w];
        if self.flag() {
            operands.push(self.constant(&[outputs * groups]));
        }
        let attrs = attrs.with_ints("output_padding", more).with_int("group", groups as i64);
        let largest = largest * 2.0 * (kernel.iter().product::<i64>() * channels as i64) as f64 + 2.0;
        let y = self.op(OpId::conv_transpose, attrs, &operands).filter(|_| largest < LARGEST);
        self.push(y, largest)
    }

    pub(super) fn pool(&mut self, x: NodeId, largest: f64) -> Option<()> {
        let axes = self.shape(x).len().checked_sub(2).filter(|&n| n > 0)?;
        let kernel = self.kernel(axes);
        let ceil = self.r.below(3) == 0;
        let attrs = self.windows(axes, &kernel).with_ints("kernel", kernel).with_bool("ceil", ceil);
        if self.flag() {
            // Windows of padding alone are lower than all numbers.
            let y = self.op(OpId::max_pool, attrs, &[x])?;
            let lowest = self.number(-2.0);
            let y = self.op(OpId::max, Attrs::new(), &[y, lowest]);
            return self.push(y, largest.max(2.0));
        }
        let counted = self.flag();
        let y = self.op(OpId::average_pool, attrs.with_bool("count_padding", counted), &[x])?;
        if self.flag() {
            let y = self.op(OpId::floor, Attrs::new(), &[y]);
            return self.push(y, largest);
        }
        self.push(Some(y), f64::INFINITY)
    }
}
