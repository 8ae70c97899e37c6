//! Ranges of what moves, picks and repeats elements, and of extremes of them.

use super::transfer::Operand;
use super::{Range, Ranges};
use tinyc_core::attrs::Attrs;
use tinyc_core::ops::window::{self, Window};
use tinyc_core::types::TensorType;

type Operands<'a> = [Option<Operand<'a>>];

/// The ranges of the operand, told apart where `channel` says which one an index of `axis` comes from.
fn picked(x: &Operand<'_>, axis: usize, n: usize, channel: impl Fn(usize) -> usize) -> Ranges {
    let each =
        if x.ranges.by_channel() { (0..n).map(|i| x.ranges.at(channel(i))).collect() } else { vec![x.ranges.all()] };
    Ranges::new(axis, each)
}

/// The axis of `y` that runs over the channels of `x`, and how many of its indices, or how many
/// channels, belong together: `(axis, indices a channel, channels an index)`. `None` where a reshape
/// mixes channels.
pub fn reshaped(x: &[usize], axis: usize, y: &[usize]) -> Option<(usize, usize, usize)> {
    let before: usize = x.get(..axis)?.iter().product();
    let n = *x.get(axis)?;
    let mut candidates = (0..y.len()).filter(|&a| y[..a].iter().product::<usize>() == before);
    // Where extents of 1 leave a choice, the axis that is as long as that of x.
    let a = candidates.clone().find(|&a| y[a] == n).or_else(|| candidates.next_back())?;
    match (n, y[a]) {
        (0, _) | (_, 0) => None,
        (n, m) if m % n == 0 => Some((a, m / n, 1)),
        (n, m) if n % m == 0 => Some((a, 1, n / m)),
        _ => None,
    }
}

pub fn reshape(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let Some((axis, indices, channels)) = reshaped(&x.ty.shape, x.ranges.axis(), &y.shape) else {
        return Some(Ranges::whole(y, x.ranges.all()));
    };
    let n = y.shape[axis];
    if channels == 1 {
        return Some(picked(x, axis, n, |i| i / indices));
    }
    let group = |i: usize| (0..channels).map(|c| x.ranges.at(i * channels + c)).reduce(Range::hull);
    let each = if x.ranges.by_channel() { (0..n).filter_map(group).collect() } else { vec![x.ranges.all()] };
    Some(Ranges::new(axis, each))
}

pub fn transpose(attrs: &Attrs, x: &Operands<'_>) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let axis = attrs.extents("perm").iter().position(|&d| d == x.ranges.axis()).unwrap_or(0);
    Some(Ranges { axis, each: x.ranges.each.clone() })
}

pub fn concat(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let along = y.shape.axis(attrs.int("axis"))?;
    let x: Vec<&Operand<'_>> = x.iter().flatten().collect();
    let axis = x.iter().find(|x| x.constant.is_none()).or(x.first())?.ranges.axis();
    let columns = x.iter().map(|x| {
        let n = x.ty.shape.get(axis).copied().unwrap_or(1);
        let each = x.along(axis, n);
        if each.len() == n { each } else { vec![each[0]; n] }
    });
    if along == axis {
        return Some(Ranges::new(axis, columns.flatten().collect()));
    }
    let hull = |a: Vec<Range>, b: Vec<Range>| a.into_iter().zip(b).map(|(a, b)| a.hull(b)).collect();
    Some(Ranges::new(axis, columns.reduce(hull)?))
}

pub fn slice(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let axis = x.ranges.axis();
    let Some(&n) = y.shape.get(axis) else { return Some(Ranges::whole(y, x.ranges.all())) };
    let (start, step) = (attrs.ints("starts")[axis], attrs.ints("steps")[axis]);
    Some(picked(x, axis, n, |i| (start + i as i64 * step) as usize))
}

/// Added elements are the value, or elements of the operand.
pub fn pad(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let value = x.get(1).copied().flatten().map_or(Range::point(0.0), |v| v.ranges.all());
    let x = x.first()?.as_ref()?;
    let (before, after) = (attrs.ints("before"), attrs.ints("after"));
    let axis = x.ranges.axis();
    let constant = attrs.word("mode") == "constant";
    let adds = |d: usize| before[d] > 0 || after[d] > 0;
    let along = before.get(axis).copied().unwrap_or(0);
    if !constant && before.get(axis).is_some_and(|_| adds(axis)) {
        return Some(Ranges::whole(y, x.ranges.all()));
    }
    let elsewhere = constant && (0..before.len()).any(|d| d != axis && adds(d));
    let n = y.shape.get(axis).copied().unwrap_or(1);
    let m = x.ty.shape.get(axis).copied().unwrap_or(1);
    let at = |i: usize| match usize::try_from(i as i64 - along).ok().filter(|&c| c < m) {
        Some(c) if elsewhere => x.ranges.at(c).hull(value),
        Some(c) => x.ranges.at(c),
        None => value,
    };
    Some(Ranges::new(axis, (0..n).map(at).collect()))
}

pub fn expand(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let axis = x.ranges.axis() + y.shape.rank() - x.ty.shape.rank();
    Some(picked(x, axis, y.shape.get(axis).copied().unwrap_or(1), |i| i))
}

pub fn tile(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let axis = x.ranges.axis();
    let n = x.ty.shape.get(axis).copied().unwrap_or(1).max(1);
    Some(picked(x, axis, y.shape.get(axis).copied().unwrap_or(1), |i| i % n))
}

/// Elements of the operand; along an axis that keeps its extent, those of the same index.
pub fn nearest(x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let axis = x.ranges.axis();
    let (n, m) = (x.ty.shape.get(axis)?, y.shape.get(axis)?);
    Some(if n == m { picked(x, axis, *m, |i| i) } else { Ranges::whole(y, x.ranges.all()) })
}

/// Whether some window has no tap inside of the input.
pub fn is_all_padding(windows: &[Window]) -> bool {
    let outside = |w: &Window| (0..w.output).any(|o| (0..w.kernel).all(|k| w.input_at(o, k).is_none()));
    windows.iter().any(outside)
}

/// An element of a window that holds some; comparisons skip NaNs.
pub fn max_pool(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    let windows = window::windows("max_pool", x.ty, attrs.ints("kernel"), attrs, attrs.bool("ceil")).ok()?;
    if x.ranges.all().nan || is_all_padding(&windows) {
        return None;
    }
    Some(match x.ranges.axis() {
        axis @ 0..2 => picked(x, axis, y.shape[axis], |c| c),
        _ => Ranges::whole(y, x.ranges.all()),
    })
}

/// Where the axis of the channels goes when others are reduced, `None` when it is itself.
pub fn kept_axis(attrs: &Attrs, x: &TensorType, axis: usize) -> Option<usize> {
    let reduced: Vec<usize> = attrs.ints("axes").iter().filter_map(|&a| x.shape.axis(a)).collect();
    let before = if attrs.bool("keep") { 0 } else { (0..axis).filter(|d| reduced.contains(d)).count() };
    (!reduced.contains(&axis)).then_some(axis - before)
}

/// An element of those that are reduced, if there are any; comparisons skip NaNs.
pub fn extreme(attrs: &Attrs, x: &Operands<'_>, y: &TensorType) -> Option<Ranges> {
    let x = x.first()?.as_ref()?;
    if x.ranges.all().nan || x.ty.elements() == 0 {
        return None;
    }
    Some(match kept_axis(attrs, x.ty, x.ranges.axis()) {
        Some(axis) => Ranges { axis, each: x.ranges.each.clone() },
        None => Ranges::whole(y, x.ranges.all()),
    })
}
