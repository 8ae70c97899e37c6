//! Blocked matrix product. Every element is one sum over `k` in ascending order, so the result has
//! the bits of the obvious triple loop on every machine.

use super::number::Number;

/// A matrix in memory: element `(i, j)` at `i * row + j * column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    pub data: &'a [T],
    pub row: usize,
    pub column: usize,
}

impl<T: Copy> Matrix<'_, T> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> T {
        self.data[i * self.row + j * self.column]
    }
}

/// Rows and columns of the block that stays in registers (baseline x86-64 has 16 of 4 lanes).
const ROWS: usize = 4;
pub const COLUMNS: usize = 8;

/// `m`, `n`, `k`, `a`, `b` and `c` of `c[m,n] += a[m,k] * b[k,n]`, `c` dense.
pub type Product<T> = fn(usize, usize, usize, Matrix<'_, T>, Matrix<'_, T>, &mut [T]);

/// The triple loop that [`gemm`] is compared with.
pub fn naive<T: Number>(m: usize, n: usize, k: usize, a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T]) {
    for i in 0..m {
        for j in 0..n {
            c[i * n + j] = (0..k).fold(c[i * n + j], |sum, p| sum.mac(a.at(i, p), b.at(p, j)));
        }
    }
}

/// `c[m,n] += a[m,k] * b[k,n]`, `c` dense.
pub fn gemm<T: Number>(m: usize, n: usize, k: usize, a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T]) {
    if m < ROWS {
        for i in 0..m {
            row(k, |j| a.at(i, j), b, &mut c[i * n..(i + 1) * n]);
        }
        return;
    }
    let packed = Packed::new(m, k, a);
    let mut panel = vec![T::ZERO; k * COLUMNS];
    for j0 in (0..n).step_by(COLUMNS) {
        let width = COLUMNS.min(n - j0);
        for (p, line) in panel.as_chunks_mut::<COLUMNS>().0.iter_mut().enumerate() {
            for (j, v) in line[..width].iter_mut().enumerate() {
                *v = b.at(p, j0 + j);
            }
        }
        packed.times(&panel, width, &mut c[j0..], n);
    }
}

/// One row of a product: several columns at a time, or all of them where they lie side by side.
fn row<T: Number>(k: usize, a: impl Fn(usize) -> T, b: Matrix<'_, T>, c: &mut [T]) {
    if b.column == 1 {
        for p in 0..k {
            let a = a(p);
            for (c, &b) in c.iter_mut().zip(&b.data[p * b.row..]) {
                *c = c.mac(a, b);
            }
        }
        return;
    }
    for (block, c) in c.chunks_mut(COLUMNS).enumerate() {
        let j0 = block * COLUMNS;
        if b.row == 1 && c.len() == COLUMNS {
            let lines: [&[T]; COLUMNS] = std::array::from_fn(|j| &b.data[(j0 + j) * b.column..][..k]);
            let mut sums: [T; COLUMNS] = std::array::from_fn(|j| c[j]);
            for p in 0..k {
                let a = a(p);
                for (s, line) in sums.iter_mut().zip(&lines) {
                    *s = s.mac(a, line[p]);
                }
            }
            c.copy_from_slice(&sums);
        } else {
            for (j, c) in c.iter_mut().enumerate() {
                *c = (0..k).fold(*c, |s, p| s.mac(a(p), b.at(p, j0 + j)));
            }
        }
    }
}

/// The left matrix of a product in the order in which blocks read it.
pub struct Packed<T> {
    m: usize,
    k: usize,
    /// For each block of rows, for each `k`, one element a row; rows beyond the last are zero.
    data: Vec<[T; ROWS]>,
}

impl<T: Number> Packed<T> {
    pub fn new(m: usize, k: usize, a: Matrix<'_, T>) -> Packed<T> {
        let mut data = Vec::with_capacity(m.div_ceil(ROWS) * k);
        for i0 in (0..m).step_by(ROWS) {
            data.extend((0..k).map(|p| std::array::from_fn(|i| if i0 + i < m { a.at(i0 + i, p) } else { T::ZERO })));
        }
        Packed { m, k, data }
    }

    /// `c[.., ..width] += self * panel`, where `panel` holds [`COLUMNS`] columns row by row and `c`
    /// has rows of `stride` elements.
    pub fn times(&self, panel: &[T], width: usize, c: &mut [T], stride: usize) {
        let (panel, _) = panel.as_chunks::<COLUMNS>();
        for i0 in (0..self.m).step_by(ROWS) {
            let rows = ROWS.min(self.m - i0);
            let a = &self.data[i0 / ROWS * self.k..][..self.k];
            let mut block = [[T::ZERO; COLUMNS]; ROWS];
            for (i, line) in block[..rows].iter_mut().enumerate() {
                line[..width].copy_from_slice(&c[(i0 + i) * stride..][..width]);
            }
            let block = multiply(a, panel, block);
            for (i, line) in block[..rows].iter().enumerate() {
                c[(i0 + i) * stride..][..width].copy_from_slice(&line[..width]);
            }
        }
    }
}

#[inline(always)]
fn multiply<T: Number>(a: &[[T; ROWS]], b: &[[T; COLUMNS]], mut c: [[T; COLUMNS]; ROWS]) -> [[T; COLUMNS]; ROWS] {
    for (a, b) in a.iter().zip(b) {
        // Extents are constant, so these need no iterators, which builds without inlining would call.
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                c[i][j] = c[i][j].mac(a[i], b[j]);
            }
        }
    }
    c
}
