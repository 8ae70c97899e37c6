//! Constants as rules compute with them: numbers along one axis, and matrices. Sums and products are
//! taken in f64 and rounded once.

use super::floats;
use crate::rule::Match;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

/// The numbers of a constant that varies along one axis at most of what it is broadcast to.
#[derive(Clone, Debug, PartialEq)]
pub enum Along {
    Nothing(f64),
    Axis(usize, Vec<f64>),
}

impl Along {
    /// Of the constant `name`, broadcast to `shape` without making it larger. Floats only.
    pub fn of(m: &Match<'_>, name: &str, shape: &[usize]) -> Option<Along> {
        let t = m.constant(name).filter(|t| t.dtype().is_float())?;
        let missing = shape.len().checked_sub(t.shape().rank())?;
        if t.shape().iter().zip(&shape[missing..]).any(|(&n, &extent)| n != 1 && n != extent) {
            return None;
        }
        if let Some(number) = m.number(name) {
            return Some(Along::Nothing(number));
        }
        let mut varying = t.shape().iter().enumerate().filter(|(_, n)| **n != 1);
        match (varying.next(), varying.next()) {
            (Some((d, _)), None) => Some(Along::Axis(missing + d, t.to_f64s())),
            _ => None,
        }
    }

    /// A number for each index of `axis`, if they vary along no other axis.
    pub fn on(&self, axis: usize, extent: usize) -> Option<Vec<f64>> {
        match self {
            Along::Nothing(v) => Some(vec![*v; extent]),
            Along::Axis(d, numbers) => (*d == axis && numbers.len() == extent).then(|| numbers.clone()),
        }
    }

    /// Whether they are the same at all indices of `axis`.
    pub fn is_constant_on(&self, axis: usize) -> bool {
        !matches!(self, Along::Axis(d, _) if *d == axis)
    }

    /// On axis `d` of a shape, what was on axis `axes[d]` before.
    pub fn permuted(&self, axes: &[usize]) -> Option<Along> {
        Some(match self {
            Along::Nothing(v) => Along::Nothing(*v),
            Along::Axis(axis, numbers) => Along::Axis(axes.iter().position(|d| d == axis)?, numbers.clone()),
        })
    }

    /// The numbers of the same elements under another shape: the axis stays one, or becomes the inner
    /// part of one that repeats it, or the outer part.
    pub fn reshaped(&self, from: &[usize], to: &[usize]) -> Option<Along> {
        let Along::Axis(axis, numbers) = self else { return Some(self.clone()) };
        let stride = |shape: &[usize], d: usize| shape[d + 1..].iter().product::<usize>();
        let (n, step) = (numbers.len(), stride(from, *axis));
        (0..to.len()).find_map(|d| {
            let (extent, stride) = (to[d], stride(to, d));
            let covers = stride > 0 && step.is_multiple_of(stride) && (stride * extent).is_multiple_of(step * n);
            covers.then(|| {
                let repeated = (0..extent).map(|i| numbers[i * stride / step % n]).collect();
                Along::Axis(d, repeated)
            })
        })
    }

    /// A constant that is broadcast to a shape of this rank from its last axis on.
    pub fn tensor(&self, dtype: DType, rank: usize) -> Tensor {
        match self {
            Along::Nothing(v) => floats(dtype, &[], vec![*v]),
            Along::Axis(d, numbers) => {
                let mut shape = vec![1; rank - d];
                shape[0] = numbers.len();
                floats(dtype, &shape, numbers.clone())
            }
        }
    }
}

/// A matrix by rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub numbers: Vec<f64>,
}

impl Matrix {
    /// Of a tensor of two axes, or its transpose.
    pub fn of(t: &Tensor, transposed: bool) -> Option<Matrix> {
        let &[rows, columns] = &**t.shape() else { return None };
        let matrix = Matrix { rows, columns, numbers: t.to_f64s() };
        Some(if transposed { matrix.transposed() } else { matrix })
    }

    /// One row.
    pub fn row(numbers: Vec<f64>) -> Matrix {
        Matrix { rows: 1, columns: numbers.len(), numbers }
    }

    pub fn transposed(&self) -> Matrix {
        let element = |i: usize| self.numbers[i % self.rows * self.columns + i / self.rows];
        let numbers = (0..self.numbers.len()).map(element).collect();
        Matrix { rows: self.columns, columns: self.rows, numbers }
    }

    /// The product, summed in the order of the inner axis.
    pub fn times(&self, other: &Matrix) -> Matrix {
        let mut numbers = vec![0.0; self.rows * other.columns];
        for i in 0..self.rows {
            let sums = &mut numbers[i * other.columns..][..other.columns];
            for k in 0..self.columns {
                let factor = self.numbers[i * self.columns + k];
                let row = &other.numbers[k * other.columns..][..other.columns];
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += factor * v);
            }
        }
        Matrix { rows: self.rows, columns: other.columns, numbers }
    }

    pub fn scaled(mut self, factor: f64) -> Matrix {
        self.numbers.iter_mut().for_each(|v| *v *= factor);
        self
    }

    /// Each row times its number.
    pub fn scaled_rows(mut self, factors: &[f64]) -> Matrix {
        let columns = self.columns.max(1);
        self.numbers.iter_mut().enumerate().for_each(|(i, v)| *v *= factors[i / columns]);
        self
    }

    /// Each column times its number.
    pub fn scaled_columns(mut self, factors: &[f64]) -> Matrix {
        let columns = self.columns.max(1);
        self.numbers.iter_mut().enumerate().for_each(|(i, v)| *v *= factors[i % columns]);
        self
    }

    /// As a tensor of two axes, or the transpose.
    pub fn tensor(&self, dtype: DType, transposed: bool) -> Tensor {
        let matrix = if transposed { &self.transposed() } else { self };
        floats(dtype, &[matrix.rows, matrix.columns], matrix.numbers.clone())
    }

    /// As a tensor of one axis.
    pub fn vector(&self, dtype: DType) -> Tensor {
        floats(dtype, &[self.numbers.len()], self.numbers.clone())
    }
}

/// How many multiplications a rule may take for one constant.
pub const WORK: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::{Along, Matrix};

    #[test]
    fn numbers_along_an_axis_keep_their_elements_under_another_shape() {
        let three = Along::Axis(1, vec![1.0, 2.0, 3.0]);
        assert_eq!(three.reshaped(&[2, 3, 4], &[2, 3, 2, 2]), Some(three.clone()));
        assert_eq!(three.reshaped(&[2, 3, 4], &[1, 2, 3, 4]), Some(Along::Axis(2, vec![1.0, 2.0, 3.0])));
        assert_eq!(three.reshaped(&[2, 3], &[6]), Some(Along::Axis(0, vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0])));
        let spread = Along::Axis(1, vec![1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(three.reshaped(&[1, 3, 2], &[1, 6]), Some(spread));
        assert_eq!(three.reshaped(&[1, 3, 4], &[2, 6]), None);
    }

    #[test]
    fn products_of_matrices() {
        let a = Matrix { rows: 2, columns: 3, numbers: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let b = a.transposed();
        assert_eq!(b.numbers, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(a.times(&b).numbers, [14.0, 32.0, 32.0, 77.0]);
        assert_eq!(
            a.scaled_rows(&[1.0, 10.0]).scaled_columns(&[0.0, 1.0, 1.0]).numbers,
            [0.0, 2.0, 3.0, 0.0, 50.0, 60.0]
        );
    }
}
