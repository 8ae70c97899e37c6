//! Views of the same memory under another shape.

use super::{Axis, View};

/// An axis without padding or ring.
fn axis(extent: usize, stride: i64) -> Axis {
    Axis { extent, before: 0, inner: extent, stride, ring: None }
}

impl View {
    /// Whether each axis reaches memory by a stride alone.
    fn is_strided(&self) -> bool {
        self.map.is_none() && self.axes.iter().all(|a| !a.is_padded() && a.ring.is_none())
    }

    /// The same elements, in row-major order, under another shape; `None` where strides cannot say
    /// that. Groups of axes with equal products are matched, and within a group the axes must follow
    /// each other in memory.
    pub fn reshaped(&self, shape: &[usize]) -> Option<View> {
        if !self.is_strided() || shape.iter().product::<usize>() != self.shape().iter().product() {
            return None;
        }
        if shape.contains(&0) {
            return Some(View { axes: shape.iter().map(|&n| axis(n, 0)).collect(), ..self.clone() });
        }
        let old: Vec<&Axis> = self.axes.iter().filter(|a| a.extent != 1).collect();
        let (mut o, mut axes) = (0, Vec::with_capacity(shape.len()));
        let mut n = 0;
        while n < shape.len() {
            if shape[n] == 1 {
                axes.push(axis(1, 0));
                n += 1;
                continue;
            }
            let (o0, n0) = (o, n);
            let (mut have, mut want) = (old[o].extent, shape[n]);
            while have != want {
                if have < want {
                    o += 1;
                    have *= old[o].extent;
                } else {
                    n += 1;
                    want *= shape[n];
                }
            }
            let follows = |w: &[&Axis]| w[0].stride == w[1].stride * w[1].extent as i64;
            if !old[o0..=o].windows(2).all(follows) {
                return None;
            }
            let mut inside: usize = want;
            for &extent in &shape[n0..=n] {
                inside /= extent;
                axes.push(axis(extent, old[o].stride * inside as i64));
            }
            (o, n) = (o + 1, n + 1);
        }
        Some(View { axes, ..self.clone() })
    }

    /// Axes `first` and the next one as one; `None` unless they follow each other in memory.
    pub fn merged(&self, first: usize) -> Option<View> {
        let (outer, inner) = (&self.axes[first], &self.axes[first + 1]);
        let follows = inner.extent == 1 || outer.extent == 1 || outer.stride == inner.stride * inner.extent as i64;
        if !self.is_strided() || !follows {
            return None;
        }
        let mut v = self.clone();
        let stride = if inner.extent == 1 { outer.stride } else { inner.stride };
        v.axes[first] = axis(outer.extent * inner.extent, stride);
        v.axes.remove(first + 1);
        Some(v)
    }
}
