//! `resize`: interpolation along axes to other extents. How coordinates become taps is in `taps`.

use super::taps::{self, Taps};
use super::{index, require};
use crate::attrs::{AttrSpec, Attrs};
use crate::diag::{Code, OpError};
use crate::eval::{in_f32, slice};
use crate::graph::NodeId;
use crate::loops::{Expr, Index, Lower, View};
use crate::onnx::{NodeReader, NodeWriter, Value, Written};
use crate::op::{Facts, Op, OpId, Types, once, onnx, onnx_until};
use crate::tensor::{Data, Tensor};
use crate::types::{DType, Shape, TensorType};

static FACTS: Facts = Facts {
    name: "resize",
    doc: "`y[i_0, ...] = sum over k of w_0[i_0, k_0] * ... * x[p_0[i_0, k_0], ...]`: along each axis the coordinate of `i` in `x` \
          follows from `coordinates`, and `mode` decides which positions `p` near it count with which weights `w`. \
          ONNX Resize, Upsample.",
    operands: &[once("x")],
    attrs: &[
        AttrSpec::ints("extents", "extents of the result"),
        AttrSpec::floats("scales", "positions of `y` to one of `x`, one an axis"),
        AttrSpec::word("mode", taps::MODES, "nearest takes the words of `rounding`; linear has 2 taps, cubic 4"),
        AttrSpec::word("coordinates", taps::COORDINATES, "from a position of `y` to its coordinate in `x`"),
        AttrSpec::word("rounding", taps::ROUNDINGS, "which position is nearest to a coordinate"),
        AttrSpec::float("cubic", "the coefficient `a` of cubic convolution (Keys 1981)"),
        AttrSpec::bool("exclude_outside", "taps outside of `x` have no weight, else the nearest element counts"),
        AttrSpec::bool("antialias", "where `y` is smaller, the taps are wider by as much"),
        AttrSpec::floats(
            "region",
            "tf_crop_and_resize: first and last coordinate, as parts of `x`, all first ones before",
        ),
        AttrSpec::float("outside", "tf_crop_and_resize: value where the coordinate is outside of `x`"),
    ],
    imports: &[
        onnx_until("Resize", 10, 10, read_upsample),
        onnx("Resize", 11, read).written(write),
        onnx_until("Upsample", 7, 9, read_upsample),
    ],
    examples: &[
        "resize f32[1,2,3,4] {extents: [1,2,6,8], scales: [1.0,1.0,2.0,2.0], mode: nearest, coordinates: asymmetric, rounding: floor, cubic: -0.75, exclude_outside: false, antialias: false, region: [], outside: 0.0} -> f32[1,2,6,8]",
        "resize i8[1,1,5,7] {extents: [1,1,3,9], scales: [1.0,1.0,0.6,1.2857143], mode: nearest, coordinates: half_pixel, rounding: round_prefer_floor, cubic: -0.75, exclude_outside: false, antialias: false, region: [], outside: 0.0} -> i8[1,1,3,9]",
        "resize f32[1,2,3,4] {extents: [1,2,6,6], scales: [1.0,1.0,2.0,1.5], mode: linear, coordinates: half_pixel, rounding: round_prefer_floor, cubic: -0.75, exclude_outside: false, antialias: false, region: [], outside: 0.0} -> f32[1,2,6,6]",
        "resize f32[1,1,6,5] {extents: [1,1,4,5], scales: [1.0,1.0,0.6666667,1.0], mode: linear, coordinates: align_corners, rounding: round_prefer_floor, cubic: -0.75, exclude_outside: false, antialias: true, region: [], outside: 0.0} -> f32[1,1,4,5]",
        "resize f32[1,1,4,4] {extents: [1,1,8,7], scales: [1.0,1.0,2.0,1.75], mode: cubic, coordinates: half_pixel, rounding: round_prefer_floor, cubic: -0.5, exclude_outside: true, antialias: false, region: [], outside: 0.0} -> f32[1,1,8,7]",
        "resize f32[1,1,4,4] {extents: [1,1,3,3], scales: [1.0,1.0,0.75,0.75], mode: linear, coordinates: tf_crop_and_resize, rounding: round_prefer_floor, cubic: -0.75, exclude_outside: false, antialias: false, region: [0.0,0.0,0.4,0.6,1.0,1.0,1.2,1.7], outside: 10.0} -> f32[1,1,3,3]",
    ],
};

pub struct Resize;
pub static OP: Resize = Resize;

impl Op for Resize {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn infer(&self, attrs: &Attrs, x: &Types<'_>) -> Result<Vec<TensorType>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        require::one_an_axis("resize", "extents", attrs.ints("extents"), x)?;
        let (scales, region) = (attrs.floats("scales"), attrs.floats("region"));
        require::one_an_axis("resize", "scales", &scales, x)?;
        let bad = |m: String| Err(OpError::new(Code::BadWindow, format!("resize: {m}")));
        if attrs.word("coordinates") == "tf_crop_and_resize" && region.len() != 2 * x.shape.rank() {
            return bad(format!("region has {} values, but {} are needed for {x}", region.len(), 2 * x.shape.rank()));
        }
        if let Some(v) = scales.iter().chain(&region).find(|v| !v.is_finite()) {
            return bad(format!("{v} is no scale or region"));
        }
        if let Some(v) = scales.iter().find(|v| **v < taps::SMALLEST_SCALE) {
            return bad(format!("the scale {v} is not positive, or too small"));
        }
        if attrs.ints("extents").iter().any(|&n| !(0..=i64::from(i32::MAX)).contains(&n)) || x.elements() == 0 {
            return bad(format!("{x} cannot become {:?}", attrs.ints("extents")));
        }
        let y = TensorType::new(x.dtype, attrs.extents("extents"));
        // Tables have an entry for each position, so these must be in bounds before any is made.
        if y.shape.iter().any(|&n| n > crate::types::MAX_TENSOR_BYTES / 8) {
            return bad(format!("{y} is too large"));
        }
        if attrs.word("mode") != "nearest" {
            require::dtype("resize", "x", x, require::f32_or_narrower)?;
        }
        Ok(vec![y])
    }

    fn eval(&self, attrs: &Attrs, x: &[Option<&Tensor>]) -> Result<Vec<Tensor>, OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axes = taps::taps(attrs, x.shape());
        if let Some(along) = axes.iter().map(Taps::picks).collect::<Option<Vec<_>>>() {
            return Ok(vec![index::pick(x, &along, &outside(attrs, x.dtype()))]);
        }
        in_f32(&[Some(x)], |x| {
            let [Some(x)] = x else { unreachable!("one operand") };
            let shape: Shape = axes.iter().map(|a| a.positions.len()).collect::<Vec<_>>().into();
            let (xs, outside) = (slice::<f32>(x), attrs.float("outside"));
            let mut y = vec![0f32; shape.elements()];
            for k in Shape::new(axes.iter().map(Taps::count).collect::<Vec<_>>()).coordinates() {
                let along: Vec<Vec<_>> =
                    axes.iter().zip(&k).map(|(a, &k)| a.positions.iter().map(|p| p[k]).collect()).collect();
                let weights = axes.iter().zip(&k).fold(vec![1f32], |all, (a, &k)| {
                    let weighted = |w: f32| a.weights.iter().map(move |v| if a.is_pick() { w } else { w * v[k] });
                    all.into_iter().flat_map(weighted).collect()
                });
                let positions = index::positions(x.shape(), &along);
                for ((y, p), w) in y.iter_mut().zip(positions).zip(weights) {
                    *y += p.map_or(outside, |p| xs[p]) * w;
                }
            }
            Ok(vec![Tensor::of(shape, y)])
        })
    }

    fn lower(&self, l: &mut Lower, attrs: &Attrs, x: &[Option<View>], y: &[View]) -> Result<(), OpError> {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axes = taps::taps(attrs, &x.shape());
        // A position before the first one is padding.
        let (x, shift) = if axes.iter().any(Taps::leaves) {
            let value = Expr::number(x.scalar(), f64::from(attrs.float("outside")));
            (x.padded(&vec![1; axes.len()], &vec![0; axes.len()], value), 1)
        } else {
            (x.clone(), 0)
        };
        let counts: Vec<usize> = axes.iter().map(Taps::count).collect();
        let weighted = axes.iter().any(|a| !a.is_pick());
        l.nest(&y[0].shape(), |l, at| {
            let position = |k: &[Index]| -> Vec<Index> {
                axes.iter().zip(at).zip(k).map(|((a, i), k)| a.index(i, k) + shift).collect()
            };
            if !weighted {
                l.push(y[0].write(at, x.read(&position(&vec![Index::constant(0); axes.len()]))));
                return;
            }
            let sum = l.reduce("sum", Expr::f32(0.0), &counts, |_, k, sum| {
                let factors = axes.iter().zip(at).zip(k).filter(|((a, _), _)| !a.is_pick());
                let weight = factors.map(|((a, i), k)| a.weight(i, k)).reduce(|w, v| w * v);
                sum + x.read(&position(k)) * weight.expect("an axis has weights")
            });
            l.push(y[0].write(at, sum));
        });
        Ok(())
    }

    fn macs(&self, attrs: &Attrs, x: &Types<'_>, y: &[TensorType]) -> u64 {
        let [Some(x)] = x else { unreachable!("operand count is checked") };
        let axes = taps::taps(attrs, &x.shape);
        let taps: u64 = axes.iter().map(|a| a.count() as u64).product();
        if axes.iter().all(Taps::is_pick) { 0 } else { y[0].elements() as u64 * taps }
    }
}

fn outside(attrs: &Attrs, dtype: DType) -> Tensor {
    Tensor::new(Shape::scalar(), Data::F32(vec![attrs.float("outside")])).expect("a scalar has one element").cast(dtype)
}

/// One of the words that an attribute may be.
fn word(
    n: &mut NodeReader<'_>,
    name: &str,
    words: &'static [&'static str],
    default: &'static str,
) -> Result<&'static str, OpError> {
    let Some(given) = n.string(name)? else { return Ok(default) };
    words.iter().find(|w| **w == given).copied().ok_or_else(|| {
        OpError::new(
            Code::BadAttribute,
            format!("resize: {name} is {given:?}, but must be one of {}", words.join(", ")),
        )
    })
}

fn floats(n: &mut NodeReader<'_>, i: usize) -> Result<Option<Vec<f32>>, OpError> {
    let values = n.constant(i)?.map(|t| t.to_f64s().into_iter().map(|v| v as f32).collect::<Vec<_>>());
    Ok(values.filter(|v| !v.is_empty()))
}

/// The largest extent that does not exceed the scaled one.
fn scaled(extent: usize, scale: f32) -> i64 {
    (extent as f32 * scale).floor() as i64
}

/// Scales and extents of axes that are to become as large as `sizes`; `None` for an unknown policy.
fn fitted(before: &[usize], sizes: &[i64], policy: &str) -> Option<Vec<(f32, i64)>> {
    let ratios = before.iter().zip(sizes).map(|(&n, &size)| size as f32 / n.max(1) as f32);
    let common = match policy {
        "stretch" => None,
        "not_larger" => ratios.clone().reduce(f32::min),
        "not_smaller" => ratios.clone().reduce(f32::max),
        _ => return None,
    };
    let one = |(ratio, (&n, &size)): (f32, (&usize, &i64))| match common {
        None => (ratio, size),
        Some(s) => (s, (s * n as f32 + 0.5).floor() as i64),
    };
    Some(ratios.zip(before.iter().zip(sizes)).map(one).collect())
}

/// ONNX Upsample, and Resize of opset 10, whose only coordinates are asymmetric.
fn read_upsample(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let scales = if n.opset() < 9 { n.floats("scales")? } else { floats(n, 1)? };
    let scales = scales.ok_or_else(|| OpError::new(Code::Arity, "resize: scales are missing"))?;
    require::one_an_axis("resize", "scales", &scales, &x)?;
    let mode = word(n, "mode", taps::MODES, "nearest")?;
    let extents: Vec<i64> = x.shape.iter().zip(&scales).map(|(&n, &s)| scaled(n, s)).collect();
    let x = n.required(0)?;
    let attrs = Attrs::new()
        .with_ints("extents", extents)
        .with_floats("scales", scales)
        .with_word("mode", mode)
        .with_word("coordinates", "asymmetric")
        .with_word("rounding", "floor")
        .with_float("cubic", -0.75)
        .with_bool("exclude_outside", false)
        .with_bool("antialias", false)
        .with_floats("region", [])
        .with_float("outside", 0.0);
    Ok(vec![n.emit(OpId::resize, attrs, &[Some(x)])?])
}

/// ONNX Resize from opset 11 on: either scales or sizes; opset 18 takes axes.
fn read(n: &mut NodeReader<'_>) -> Result<Vec<NodeId>, OpError> {
    let x = n.ty(0)?;
    let rank = x.shape.rank();
    let axes = n.ints("axes")?.unwrap_or_else(|| (0..rank as i64).collect());
    require::axes("resize", &x, &axes)?;
    let axes = axes.iter().map(|&a| require::axis("resize", &x, a)).collect::<Result<Vec<_>, _>>()?;
    let policy = n.string("keep_aspect_ratio_policy")?.unwrap_or_else(|| "stretch".to_owned());
    let count = |what: &str, have: usize, want: usize| {
        let message = format!("resize: {have} {what} are given, but {want} are needed for {x}");
        if have == want { Ok(()) } else { Err(OpError::new(Code::BadWindow, message)) }
    };
    let mut scales = vec![1f32; rank];
    let mut extents: Vec<i64> = x.shape.iter().map(|&n| n as i64).collect();
    match (floats(n, 2)?, n.constant_ints(3)?.filter(|v| !v.is_empty())) {
        (Some(given), None) => {
            count("scales", given.len(), axes.len())?;
            for (&d, s) in axes.iter().zip(given) {
                (scales[d], extents[d]) = (s, scaled(x.shape[d], s));
            }
        }
        (None, Some(sizes)) => {
            count("sizes", sizes.len(), axes.len())?;
            let before: Vec<usize> = axes.iter().map(|&d| x.shape[d]).collect();
            let Some(fitted) = fitted(&before, &sizes, &policy) else {
                let message = format!("resize: keep_aspect_ratio_policy is {policy:?}");
                return Err(OpError::new(Code::BadAttribute, message));
            };
            for (&d, fitted) in axes.iter().zip(fitted) {
                (scales[d], extents[d]) = fitted;
            }
        }
        _ => return Err(OpError::new(Code::Arity, "resize: either scales or sizes must be given")),
    }
    let coordinates = word(n, "coordinate_transformation_mode", taps::COORDINATES, "half_pixel")?;
    let mut region = Vec::new();
    if coordinates == "tf_crop_and_resize" {
        let given = floats(n, 1)?.unwrap_or_default();
        count("numbers of the region", given.len(), 2 * axes.len())?;
        region = [vec![0.0; rank], vec![1.0; rank]].concat();
        for (i, &d) in axes.iter().enumerate() {
            (region[d], region[rank + d]) = (given[i], given[axes.len() + i]);
        }
    }
    let attrs = Attrs::new()
        .with_ints("extents", extents)
        .with_floats("scales", scales)
        .with_word("mode", word(n, "mode", taps::MODES, "nearest")?)
        .with_word("coordinates", coordinates)
        .with_word("rounding", word(n, "nearest_mode", taps::ROUNDINGS, "round_prefer_floor")?)
        .with_float("cubic", n.float("cubic_coeff_a")?.unwrap_or(-0.75))
        .with_bool("exclude_outside", n.int("exclude_outside")?.unwrap_or(0) != 0)
        .with_bool("antialias", n.int("antialias")?.unwrap_or(0) != 0)
        .with_floats("region", region)
        .with_float("outside", n.float("extrapolation_value")?.unwrap_or(0.0));
    let x = n.required(0)?;
    Ok(vec![n.emit(OpId::resize, attrs, &[Some(x)])?])
}

/// ONNX takes scales, or sizes with a policy, and computes the others from them.
fn write(w: &mut NodeWriter<'_>) -> Result<Vec<Written>, OpError> {
    let (x, attrs) = (w.x().clone(), w.attrs().clone());
    let want: Vec<(f32, i64)> = attrs.floats("scales").into_iter().zip(attrs.ints("extents").to_vec()).collect();
    let same: Vec<(f32, i64)> = x.shape.iter().map(|&n| (1.0, n as i64)).collect();
    let changed: Vec<usize> = (0..want.len()).filter(|&d| want[d] != same[d]).collect();
    let region = attrs.floats("region");
    // A region has numbers for each axis that is listed.
    let axes = if region.is_empty() && !changed.is_empty() { changed } else { (0..want.len()).collect() };
    let want: Vec<(f32, i64)> = axes.iter().map(|&d| want[d]).collect();
    let (before, sizes): (Vec<usize>, Vec<i64>) = axes.iter().zip(&want).map(|(&d, w)| (x.shape[d], w.1)).unzip();
    let by_scales = before.iter().zip(&want).all(|(&n, w)| scaled(n, w.0) == w.1);
    let policies = ["stretch", "not_larger", "not_smaller"];
    let policy = policies.into_iter().find(|p| fitted(&before, &sizes, p).as_ref() == Some(&want));
    let (scales, sizes, policy) = match policy {
        policy if by_scales && policy != Some("stretch") => {
            let scales = want.iter().map(|w| w.0).collect();
            (Some(w.constant(&Tensor::of::<f32>([axes.len()], scales))), None, "stretch")
        }
        Some(policy) => (None, Some(w.ints(sizes)), policy),
        None => {
            let message = format!("resize: scales and extents {want:?} of {before:?} follow from no operand of Resize");
            return Err(OpError::new(Code::NoOnnx, message));
        }
    };
    let roi = (!region.is_empty()).then(|| w.constant(&Tensor::of::<f32>([region.len()], region)));
    let word = |name: &str| Value::Str(attrs.word(name).to_owned());
    let flag = |name: &str| Value::Int(i64::from(attrs.bool(name)));
    let mut attributes = vec![
        ("axes", Value::Ints(axes.iter().map(|&d| d as i64).collect())),
        ("mode", word("mode")),
        ("coordinate_transformation_mode", word("coordinates")),
        ("nearest_mode", word("rounding")),
        ("cubic_coeff_a", Value::Float(attrs.float("cubic"))),
        ("exclude_outside", flag("exclude_outside")),
        ("antialias", flag("antialias")),
        ("extrapolation_value", Value::Float(attrs.float("outside"))),
    ];
    if sizes.is_some() {
        attributes.push(("keep_aspect_ratio_policy", Value::Str(policy.to_owned())));
    }
    let x = w.operand(0);
    Ok(vec![w.emit("Resize", &[x, roi, scales, sizes], attributes)])
}
