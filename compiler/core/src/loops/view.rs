//! Views: how a kernel sees an operand or result.
//!
//! A view gives a logical shape to elements of a buffer: strides, offset, rings, padding, sub-byte
//! packing, and an elementwise map applied to what is read or before it is written. Operators read
//! and write only through views and know none of these.

use super::index::{Index, IndexVar};
use super::ir::{Access, Binary, Buf, Cast, Dim, Expr, Load, Local, Stmt, Store};
use super::ty::{Scalar, Ty};
use crate::types::{DType, Shape};

/// One logical axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Logical extent, padding included.
    pub extent: usize,
    /// Coordinates below this, or from `before + inner` on, are padding.
    pub before: usize,
    pub inner: usize,
    /// In elements of the buffer (of the packed type, if it is packed).
    pub stride: i64,
    /// Only this many positions exist; coordinates wrap around.
    pub ring: Option<usize>,
}

impl Axis {
    fn is_padded(&self) -> bool {
        self.extent != self.inner
    }
}

/// Several elements in a byte, the first in the low bits, two's complement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Packing {
    #[default]
    None,
    I4,
    I2,
}

/// An elementwise function of the value ([`Local::HOLE`]) and the coordinates
/// ([`IndexVar::coordinate`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    pub body: Expr,
}

impl Map {
    /// The placeholder for the value.
    pub fn hole(ty: impl Into<Ty>) -> Expr {
        Expr::Local(Local { id: Local::HOLE, ty: ty.into() })
    }

    fn apply(&self, value: &Expr, at: &[Index]) -> Expr {
        let var = |v: IndexVar| (0..at.len()).find(|&d| v == IndexVar::coordinate(d)).map(|d| at[d].clone());
        self.body.rebuild(&var, &|e| match e {
            Expr::Local(l) if l.id == Local::HOLE => value.clone(),
            e => e,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub buffer: Buf,
    /// What the elements mean; their loop type is [`View::scalar`].
    pub dtype: DType,
    pub axes: Vec<Axis>,
    /// In elements.
    pub offset: i64,
    /// What padding reads as.
    pub pad: Option<Expr>,
    pub packing: Packing,
    pub map: Option<Map>,
}

impl View {
    /// Dense and row-major. `None` for element types that loops cannot hold.
    pub fn dense(buffer: Buf, dtype: DType, shape: &[usize]) -> Option<View> {
        Scalar::of(dtype)?;
        let strides = Shape::new(shape).strides();
        let axes = shape
            .iter()
            .zip(strides)
            .map(|(&extent, s)| Axis { extent, before: 0, inner: extent, stride: s as i64, ring: None })
            .collect();
        Some(View { buffer, dtype, axes, offset: 0, pad: None, packing: Packing::None, map: None })
    }

    pub fn scalar(&self) -> Scalar {
        Scalar::of(self.dtype).expect("checked when the view was made")
    }

    pub fn ty(&self) -> Ty {
        Ty::one(self.scalar())
    }

    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|a| a.extent).collect()
    }

    pub fn rank(&self) -> usize {
        self.axes.len()
    }

    /// Axes in another order: axis `d` of the result is axis `order[d]`.
    pub fn permuted(&self, order: &[usize]) -> View {
        View { axes: order.iter().map(|&d| self.axes[d].clone()).collect(), ..self.clone() }
    }

    /// The view under a shape that it broadcasts to, aligned at the last axis (NumPy).
    pub fn broadcast(&self, shape: &[usize]) -> View {
        let skip = shape.len() - self.rank();
        let axes = shape
            .iter()
            .enumerate()
            .map(|(d, &extent)| match d.checked_sub(skip).map(|d| &self.axes[d]) {
                Some(a) if a.extent == extent => a.clone(),
                _ => Axis { extent, before: 0, inner: extent, stride: 0, ring: None },
            })
            .collect();
        View { axes, ..self.clone() }
    }

    /// Adds padding that reads as `value`.
    pub fn padded(&self, before: &[usize], after: &[usize], value: Expr) -> View {
        debug_assert!(self.pad.is_none(), "a view has one pad value");
        let axes = self
            .axes
            .iter()
            .zip(before.iter().zip(after))
            .map(|(a, (&b, &e))| Axis { extent: a.extent + b + e, before: b, ..a.clone() })
            .collect();
        View { axes, pad: Some(value), ..self.clone() }
    }

    /// Elements `start`, `start + step`, ... of an axis without padding or ring; `step` may be negative.
    pub fn sliced(&self, axis: usize, start: usize, step: i64, count: usize) -> View {
        let mut v = self.clone();
        let a = &mut v.axes[axis];
        debug_assert!(!a.is_padded() && a.ring.is_none());
        v.offset += start as i64 * a.stride;
        *a = Axis { extent: count, before: 0, inner: count, stride: a.stride * step, ring: None };
        v
    }

    /// Keeps only `positions` of an axis; coordinates wrap around.
    pub fn ringed(&self, axis: usize, positions: usize) -> View {
        let mut v = self.clone();
        v.axes[axis].ring = Some(positions);
        v
    }

    /// Inserts an axis of extent 1.
    pub fn unsqueezed(&self, axis: usize) -> View {
        let mut v = self.clone();
        v.axes.insert(axis, Axis { extent: 1, before: 0, inner: 1, stride: 0, ring: None });
        v
    }

    /// Applies `map` after reading, or before writing; a second map applies to the first one's value
    /// when reading and the other way round when writing.
    pub fn mapped(&self, map: Map) -> View {
        View { map: Some(map), ..self.clone() }
    }

    fn access(&self, at: &[Index]) -> Access {
        debug_assert_eq!(at.len(), self.rank());
        let dims = self
            .axes
            .iter()
            .zip(at)
            .filter(|(a, _)| a.stride != 0 || a.is_padded())
            .map(|(a, i)| Dim {
                index: i.clone() - a.before as i64,
                stride: a.stride,
                ring: a.ring.map(|r| r as i64),
                bound: a.is_padded().then_some(a.inner as i64),
            })
            .collect();
        Access { buffer: self.buffer, offset: self.offset, dims }
    }

    fn load(&self, access: Access, ty: Ty, mask: Option<Expr>) -> Expr {
        let otherwise = access.is_guarded().then(|| {
            let pad = self.pad.clone().unwrap_or_else(|| Expr::number(self.scalar(), 0.0));
            if ty.lanes == 1 { pad } else { Expr::Splat(ty.lanes, Box::new(pad)) }
        });
        Expr::Load(Box::new(Load { access, ty, otherwise, mask }))
    }

    /// The value at the coordinates.
    pub fn read(&self, at: &[Index]) -> Expr {
        let value = match self.packing {
            Packing::None => self.load(self.access(at), self.ty(), None),
            Packing::I4 => self.read_packed(at, 4),
            Packing::I2 => self.read_packed(at, 2),
        };
        match &self.map {
            Some(m) => m.apply(&value, at),
            None => value,
        }
    }

    /// Loads the byte that holds the element and sign-extends its `bits`.
    fn read_packed(&self, at: &[Index], bits: i64) -> Expr {
        debug_assert!(self.scalar() == Scalar::I8 && !self.axes.iter().any(|a| a.is_padded() || a.ring.is_some()));
        let per_byte = 8 / bits;
        let element = self.access(at).flat();
        let byte = Dim { index: element.clone().floor_div(per_byte), stride: 1, ring: None, bound: None };
        let access = Access { buffer: self.buffer, offset: 0, dims: vec![byte] };
        let raw = self.load(access, Ty::I8, None).cast(Cast::SExt, Ty::I32);
        let position = Expr::Index(element.modulo(per_byte), Scalar::I32);
        let up = Expr::int(Scalar::I32, 32 - bits) - position * Expr::int(Scalar::I32, bits);
        let value = Expr::binary(Binary::Shr, raw << up, Expr::int(Scalar::I32, 32 - bits));
        value.cast(Cast::Trunc, Ty::I8)
    }

    /// `lanes` consecutive values along the last axis, which must be dense. Lanes outside of `mask`
    /// read as zero.
    pub fn read_lanes(&self, at: &[Index], lanes: u16, mask: Option<Expr>) -> Expr {
        debug_assert!(self.packing == Packing::None && self.axes.last().is_some_and(|a| a.stride == 1));
        let value = self.load(self.access(at), Ty::vector(self.scalar(), lanes), mask);
        match &self.map {
            Some(m) => m.apply(&value, at),
            None => value,
        }
    }

    /// Writes `value` at the coordinates.
    pub fn write(&self, at: &[Index], value: Expr) -> Stmt {
        self.store(at, value, None)
    }

    /// Writes consecutive lanes along the last axis.
    pub fn write_lanes(&self, at: &[Index], value: Expr, mask: Option<Expr>) -> Stmt {
        debug_assert!(self.axes.last().is_some_and(|a| a.stride == 1));
        self.store(at, value, mask)
    }

    fn store(&self, at: &[Index], value: Expr, mask: Option<Expr>) -> Stmt {
        debug_assert_eq!(self.packing, Packing::None, "packed results are not written");
        let value = match &self.map {
            Some(m) => m.apply(&value, at),
            None => value,
        };
        Stmt::Store(Store { access: self.access(at), value, mask })
    }

    /// `lanes` neighbours along an axis as one vector; a scalar if `lanes` is 1. One load where the axis
    /// is dense, else a load for each lane.
    pub fn read_vector(&self, at: &[Index], axis: usize, lanes: u16) -> Expr {
        if lanes == 1 {
            return self.read(at);
        }
        match self.axes[axis].stride {
            0 => self.read(at).splat(lanes),
            1 if self.is_plain(axis) => self.load(self.access(at), Ty::vector(self.scalar(), lanes), None),
            _ => Expr::Lanes((0..lanes).map(|i| self.read(&shifted(at, axis, i))).collect()),
        }
    }

    /// Writes neighbours along an axis, as many as `value` has lanes; `value` should be cheap to repeat.
    pub fn write_vector(&self, at: &[Index], axis: usize, value: Expr) -> Vec<Stmt> {
        let lanes = value.ty().lanes;
        if lanes == 1 {
            return vec![self.write(at, value)];
        }
        match self.axes[axis].stride {
            1 if self.is_plain(axis) => vec![self.store(at, value, None)],
            _ => {
                let lane = |i| self.write(&shifted(at, axis, i), Expr::Lane(i, Box::new(value.clone())));
                (0..lanes).map(lane).collect()
            }
        }
    }

    /// Neighbours along the axis are neighbours in memory, and nothing happens on the way.
    fn is_plain(&self, axis: usize) -> bool {
        let a = &self.axes[axis];
        self.packing == Packing::None && self.map.is_none() && !a.is_padded() && a.ring.is_none()
    }

    /// Merges neighbouring axes wherever all views (of one shape) step through them as through one.
    pub fn coalesce(views: &mut [View]) {
        let Some(rank) = views.first().map(View::rank) else { return };
        for d in (1..rank).rev() {
            let fits = views.iter().all(|v| {
                let (outer, inner) = (&v.axes[d - 1], &v.axes[d]);
                let plain = |a: &Axis| !a.is_padded() && a.ring.is_none();
                v.map.is_none()
                    && plain(outer)
                    && plain(inner)
                    && (outer.stride == inner.stride * inner.extent as i64 || outer.extent == 1)
            });
            if fits {
                for v in views.iter_mut() {
                    let inner = v.axes.remove(d);
                    let outer = &mut v.axes[d - 1];
                    outer.extent *= inner.extent;
                    outer.inner = outer.extent;
                    outer.stride = inner.stride;
                }
            }
        }
    }
}

/// Coordinates with `by` added along an axis.
fn shifted(at: &[Index], axis: usize, by: u16) -> Vec<Index> {
    let mut at = at.to_vec();
    at[axis] = at[axis].clone() + i64::from(by);
    at
}

mod reshape;
#[cfg(test)]
mod tests;
