//! Where a load or store goes: one element for each point of the walk, intervals of them for many.
//!
//! Knows indices as sums, and buffers by their length; not what memory holds.

use super::sum::{Range, Sum};
use tinyc_core::loops::Program;

/// A load or store in the program text, or several stores that write bytes one behind the other.
pub struct Site {
    /// Of the program.
    pub buffer: usize,
    /// Size of its element in bytes.
    pub elem: i64,
    /// Bytes accessed.
    pub bytes: i64,
    /// First element of the parameter through which it is reached, and how many that may touch.
    pub(super) base: Sum,
    pub(super) len: i64,
    pub(super) offset: i64,
    pub(super) dims: Vec<DimSum>,
    /// Where it is one unguarded affine sum, that sum, in elements of the buffer.
    pub(super) flat: Option<Sum>,
    /// Some lanes may be left out.
    pub partial: bool,
    /// Interval of the first element accessed, within the parameter and within the buffer; `None`
    /// when the guards never hold.
    pub(super) reach: Option<(Range, Range)>,
}

pub(super) struct DimSum {
    pub index: Sum,
    pub stride: i64,
    pub ring: Option<i64>,
    pub bound: Option<i64>,
    pub depends_on_data: bool,
}

/// The element of the buffer that a site accesses at some point of the walk.
pub enum Spot {
    /// A guard does not hold.
    Nowhere,
    /// Within the parameter, within the buffer, and as a logical element of the buffer.
    At { inner: i64, element: i64, logical: i64 },
    /// Data decide: one of these, each being its own logical element unless a ring is in the way.
    Among { inner: Range, elements: Range, ring: bool },
}

impl Site {
    pub fn spot(&self, env: &[i64]) -> Spot {
        if let Some(flat) = &self.flat {
            let element = flat.eval(env);
            return Spot::At { inner: element - self.base.eval(env), element, logical: element };
        }
        let point = |v: usize| (env[v], env[v]);
        if self.dims.iter().any(|d| d.depends_on_data) {
            return match self.reach(&point) {
                None => Spot::Nowhere,
                Some((inner, elements)) => Spot::Among { inner, elements, ring: self.is_ring() },
            };
        }
        let (mut inner, mut logical) = (self.offset, self.offset);
        for d in &self.dims {
            let i = d.index.eval(env);
            if d.bound.is_some_and(|b| !(0..b).contains(&i)) {
                return Spot::Nowhere;
            }
            logical += i * d.stride;
            inner += d.ring.map_or(i, |r| i.rem_euclid(r)) * d.stride;
        }
        let base = self.base.eval(env);
        Spot::At { inner, element: base + inner, logical: base + logical }
    }

    /// Where the accesses of a loop over `var` with this step lie one behind the other: the first
    /// one's logical element, within the buffer and within the parameter.
    pub fn run(&self, var: usize, step: i64, env: &[i64]) -> Option<(i64, i64)> {
        let flat = self.flat.as_ref().filter(|_| !self.partial)?;
        let adjacent = flat.slope(var)? * step * self.elem == self.bytes && self.base.slope(var)? == 0;
        adjacent.then(|| {
            let element = flat.eval(env);
            (element, element - self.base.eval(env))
        })
    }

    /// Adds a store that is run right after this one to it, if it writes the bytes right behind.
    pub fn join(&mut self, next: &Site) -> bool {
        let (Some(flat), Some(next_flat)) = (&self.flat, &next.flat) else { return false };
        let mut end = flat.clone();
        end.constant += self.bytes / self.elem;
        let behind = end == *next_flat && self.bytes % self.elem == 0;
        let alike = self.buffer == next.buffer && self.base == next.base && self.len == next.len;
        let joins = behind && alike && !self.partial && !next.partial;
        if joins {
            self.bytes += next.bytes;
        }
        joins
    }

    /// Intervals of the first element accessed, within the parameter and within the buffer, for
    /// variables in intervals; `None` when the guards never hold.
    pub(super) fn reach(&self, env: &dyn Fn(usize) -> Range) -> Option<(Range, Range)> {
        let mut sum = (self.offset, self.offset);
        for d in &self.dims {
            let (mut lo, mut hi) = d.index.range(env);
            if let Some(b) = d.bound {
                (lo, hi) = (lo.max(0), hi.min(b - 1));
                if lo > hi {
                    return None;
                }
            }
            if let Some(r) = d.ring {
                (lo, hi) = if lo.div_euclid(r) == hi.div_euclid(r) {
                    (lo.rem_euclid(r), hi.rem_euclid(r))
                } else {
                    (0, r - 1)
                };
            }
            let (a, b) = (d.stride.saturating_mul(lo), d.stride.saturating_mul(hi));
            sum = (sum.0.saturating_add(a.min(b)), sum.1.saturating_add(a.max(b)));
        }
        let base = self.base.range(env);
        Some((sum, (sum.0.saturating_add(base.0), sum.1.saturating_add(base.1))))
    }

    /// Whether accesses whose first elements lie in these intervals stay inside of parameter and buffer.
    pub fn inside(&self, inner: Range, elements: Range, program: &Program) -> bool {
        let fits = |(lo, hi): Range, len: i64| lo >= 0 && hi <= len && hi * self.elem + self.bytes <= len * self.elem;
        fits(inner, self.len) && fits(elements, program.buffers[self.buffer].len as i64)
    }

    /// First byte and number of bytes of the least run of the buffer that holds all that the site
    /// accesses in the whole step; see [`Site::hull_in`].
    pub fn hull(&self, program: &Program) -> Option<(usize, usize)> {
        self.hull_of(self.reach, program)
    }

    /// The same for variables in intervals. `None` where an access may lie outside, or a ring is in the
    /// way, so that elements are no logical elements.
    pub fn hull_in(&self, env: &dyn Fn(usize) -> Range, program: &Program) -> Option<(usize, usize)> {
        self.hull_of(self.reach(env), program)
    }

    fn hull_of(&self, reach: Option<(Range, Range)>, program: &Program) -> Option<(usize, usize)> {
        let Some((inner, elements)) = reach else { return Some((0, 0)) };
        let (lo, hi) = elements;
        (!self.is_ring() && self.inside(inner, elements, program))
            .then(|| ((lo * self.elem) as usize, ((hi - lo) * self.elem + self.bytes) as usize))
    }

    fn is_ring(&self) -> bool {
        self.dims.iter().any(|d| d.ring.is_some())
    }
}
