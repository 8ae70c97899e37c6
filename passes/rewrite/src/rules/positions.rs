//! Positions that a slice takes of each axis, and where they are in what the slice is moved over.

use crate::rule::Match;
use tinyc_core::attrs::Attrs;
use tinyc_core::types::Shape;

/// First position, distance of the positions, and their number, for each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Positions {
    pub axes: Vec<(i64, i64, i64)>,
}

impl Positions {
    /// Those of the attributes of a slice.
    pub fn of(m: &Match<'_>, name: &str) -> Positions {
        let s = m.attrs(name);
        let lists = s.ints("starts").iter().zip(s.ints("steps")).zip(s.ints("extents"));
        Positions { axes: lists.map(|((&start, &step), &n)| (start, step, n)).collect() }
    }

    /// Everything.
    pub fn all(shape: &[usize]) -> Positions {
        Positions { axes: shape.iter().map(|&n| (0, 1, n as i64)).collect() }
    }

    pub fn attrs(&self) -> Attrs {
        let s = Attrs::new().with_ints("starts", self.axes.iter().map(|a| a.0));
        let s = s.with_ints("steps", self.axes.iter().map(|a| a.1));
        s.with_ints("extents", self.axes.iter().map(|a| a.2))
    }

    pub fn is_all(&self, shape: &[usize]) -> bool {
        self.axes.iter().zip(shape).all(|(a, &n)| a.0 == 0 && a.2 == n as i64 && (a.1 == 1 || n <= 1))
    }

    /// An axis, which counts from the end when negative.
    pub fn axis(&self, axis: i64) -> Option<usize> {
        let d = if axis < 0 { axis + self.axes.len() as i64 } else { axis };
        usize::try_from(d).ok().filter(|d| *d < self.axes.len())
    }

    /// Lowest and highest position along an axis, if there is one.
    pub fn ends(&self, axis: usize) -> Option<(i64, i64)> {
        let (start, step, n) = self.axes[axis];
        let last = start + (n - 1) * step;
        (n > 0).then_some((start.min(last), start.max(last)))
    }

    pub fn moved(mut self, axis: usize, by: i64) -> Positions {
        self.axes[axis].0 += by;
        self
    }

    /// The positions of these in what `inner` has taken.
    pub fn within(&self, inner: &Positions) -> Option<Positions> {
        let one = |(s, t): (&(i64, i64, i64), &(i64, i64, i64))| match s.2 {
            0 => Some((0, 1, 0)),
            // The distance of one position to the next one does not matter.
            1 => Some((t.0 + s.0 * t.1, 1, 1)),
            n => Some((t.0 + s.0 * t.1, s.1.checked_mul(t.1)?, n)),
        };
        Some(Positions { axes: self.axes.iter().zip(&inner.axes).map(one).collect::<Option<_>>()? })
    }

    /// These and then `next` along an axis, if together they are at equal distances.
    pub fn joined(&self, next: &Positions, axis: usize) -> Option<Positions> {
        let others = |p: &Positions| -> Vec<_> { p.axes.iter().copied().enumerate().filter(|a| a.0 != axis).collect() };
        let ((a, step_a, n_a), (b, step_b, n_b)) = (self.axes[axis], next.axes[axis]);
        let step = if n_a > 1 { step_a } else { b - a };
        let follows = n_a > 0 && n_b > 0 && b == a + n_a * step && (n_b == 1 || step_b == step) && step != 0;
        let mut joined = self.clone();
        joined.axes[axis] = (a, step, n_a + n_b);
        (follows && others(self) == others(next)).then_some(joined)
    }

    /// Those of an operand of this shape that is broadcast to what is sliced.
    pub fn of_operand(&self, operand: &[usize]) -> Option<Positions> {
        let added = self.axes.len().checked_sub(operand.len())?;
        let axes = operand.iter().zip(&self.axes[added..]);
        Some(Positions { axes: axes.map(|(&n, &a)| if n == 1 && a.2 > 0 { (0, 1, 1) } else { a }).collect() })
    }

    /// The positions in `x` of these in its reshape to `y`.
    pub fn through_reshape(&self, y: &[usize], x: &Shape) -> Option<Positions> {
        if self.axes.iter().any(|a| a.2 == 0) {
            return None;
        }
        let mut axes = vec![(0, 1, 1); x.rank()];
        let (mut i, mut j) = (0, 0);
        while i < y.len() || j < x.rank() {
            // The next axes of both with the same number of elements.
            let (first_i, first_j) = (i, j);
            let (mut of_y, mut of_x) = (1, 1);
            loop {
                if i < y.len() && (of_y < of_x || i == first_i) {
                    of_y *= y[i];
                    i += 1;
                } else if j < x.rank() && (of_x < of_y || j == first_j) {
                    of_x *= x[j];
                    j += 1;
                } else {
                    break;
                }
            }
            if of_x != of_y || of_x == 0 {
                return None;
            }
            self.through_group(first_i..i, y, first_j..j, x, &mut axes)?;
        }
        Some(Positions { axes })
    }

    /// For axes of `y` and of `x` with the same elements.
    fn through_group(
        &self,
        of_y: std::ops::Range<usize>,
        y: &[usize],
        of_x: std::ops::Range<usize>,
        x: &[usize],
        axes: &mut [(i64, i64, i64)],
    ) -> Option<()> {
        let several = |range: std::ops::Range<usize>, shape: &[usize]| -> Vec<usize> {
            range.filter(|&d| shape[d] > 1).collect()
        };
        let (from, to) = (several(of_y, y), several(of_x, x));
        let (Some((&i, inner_y)), Some((&j, inner_x))) = (from.split_first(), to.split_first()) else {
            return Some(());
        };
        if inner_y.is_empty() && inner_x.is_empty() {
            axes[j] = self.axes[i];
            return Some(());
        }
        // A block: consecutive positions of the first axis, and all of the others.
        let size = |inner: &[usize], shape: &[usize]| inner.iter().map(|&d| shape[d] as i64).product::<i64>();
        let (block_y, block_x) = (size(inner_y, y), size(inner_x, x));
        let whole = inner_y.iter().all(|&d| self.axes[d] == (0, 1, y[d] as i64));
        let (start, step, n) = self.axes[i];
        let (start, n) = (start * block_y, n * block_y);
        if !whole || step != 1 || start % block_x != 0 || n % block_x != 0 {
            return None;
        }
        axes[j] = (start / block_x, 1, n / block_x);
        inner_x.iter().for_each(|&d| axes[d] = (0, 1, x[d] as i64));
        Some(())
    }
}
