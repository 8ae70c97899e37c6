//! Arm instructions by their portable meaning (Arm Architecture Reference Manual, Armv7-M and
//! Armv8.1-M). Packed values are i32, the first half or byte in the low bits.

use super::super::ir::{Cast, Expr, Reduce};
use super::super::ty::{Scalar, Ty};
use super::{Define, Definition};

fn int(v: i64) -> Expr {
    Expr::int(Scalar::I32, v)
}

fn low16(x: Expr) -> Expr {
    x.cast(Cast::Trunc, Ty::I16).cast(Cast::SExt, Ty::I32)
}

fn high16(x: Expr) -> Expr {
    x >> int(16)
}

fn pack(low: Expr, high: Expr) -> Expr {
    (low & int(0xffff)) | (high << int(16))
}

/// Byte `i` with its sign.
fn byte(x: &Expr, i: i64) -> Expr {
    (x.clone() << int(24 - 8 * i)) >> int(24)
}

/// `smlad(x, y, a)`: dual 16-bit multiply-accumulate.
pub fn smlad() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let (x, y, a) = (d.param(0), d.param(1), d.param(2));
    let result = a + low16(x.clone()) * low16(y.clone()) + high16(x) * high16(y);
    d.finish(result)
}

/// `smlabb(x, y, a)`: the low halves multiplied, and the sum.
pub fn smlabb() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let result = d.param(2) + low16(d.param(0)) * low16(d.param(1));
    d.finish(result)
}

/// `smlatt(x, y, a)`: the high halves multiplied, and the sum.
pub fn smlatt() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let result = d.param(2) + high16(d.param(0)) * high16(d.param(1));
    d.finish(result)
}

/// `smlabt(x, y, a)`: the low half of `x` times the high half of `y`, and the sum.
pub fn smlabt() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let result = d.param(2) + low16(d.param(0)) * high16(d.param(1));
    d.finish(result)
}

/// `sxtb16(x)`: bytes 0 and 2 as halves.
pub fn sxtb16() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let x = d.param(0);
    let result = pack(byte(&x, 0), byte(&x, 2));
    d.finish(result)
}

/// `sxtb16_ror8(x)`: bytes 1 and 3 as halves.
pub fn sxtb16_ror8() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let x = d.param(0);
    let result = pack(byte(&x, 1), byte(&x, 3));
    d.finish(result)
}

/// `uxtb16(x)`: bytes 0 and 2 as halves, without signs.
pub fn uxtb16() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let result = d.param(0) & int(0x00ff_00ff);
    d.finish(result)
}

/// `uxtb16_ror8(x)`: bytes 1 and 3 as halves, without signs.
pub fn uxtb16_ror8() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let result = (d.param(0) >> int(8)) & int(0x00ff_00ff);
    d.finish(result)
}

/// `smmlar(x, y, a)`: the high half of the product, rounded to nearest (ties up), and the sum.
pub fn smmlar() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32, Ty::I32]);
    let wide = |i| d.param(i).cast(Cast::SExt, Ty::I64);
    let product = wide(0) * wide(1) + Expr::int(Scalar::I64, 1 << 31);
    let high = (product >> Expr::int(Scalar::I64, 32)).cast(Cast::Trunc, Ty::I32);
    let result = d.param(2) + high;
    d.finish(result)
}

/// `ssat8(x)`: the nearest 8-bit number.
pub fn ssat8() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let result = d.param(0).max(int(-128)).min(int(127));
    d.finish(result)
}

/// `ssat16(x)`: the nearest 16-bit number.
pub fn ssat16() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let result = d.param(0).max(int(-32768)).min(int(32767));
    d.finish(result)
}

/// `usat8(x)`: the nearest 8-bit number without a sign.
pub fn usat8() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let result = d.param(0).max(int(0)).min(int(255));
    d.finish(result)
}

/// `pkhbt(x, y)`: the low half of `x`, then the low half of `y`.
pub fn pkhbt() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32]);
    let result = pack(d.param(0), d.param(1));
    d.finish(result)
}

/// `pkhtb(x, y)`: the high half of `y`, then the high half of `x`.
pub fn pkhtb() -> Definition {
    let d = Define::new(&[Ty::I32, Ty::I32]);
    let result = pack(high16(d.param(1)), high16(d.param(0)));
    d.finish(result)
}

/// `vctp8(n)`: the first `n` of 16 lanes; `n` is unsigned.
pub fn vctp8() -> Definition {
    let d = Define::new(&[Ty::I32]);
    let lane = |i| Expr::compare(super::super::ir::Compare::ULt, int(i), d.param(0));
    let result = Expr::Lanes((0..16).map(lane).collect());
    d.finish(result)
}

/// `vmladava_i8x16(a, x, y)`: `a` and the sum of the products of the lanes.
pub fn vmladava_i8x16() -> Definition {
    let v = Ty::vector(Scalar::I8, 16);
    let d = Define::new(&[Ty::I32, v, v]);
    let wide = |i| d.param(i).cast(Cast::SExt, Ty::vector(Scalar::I32, 16));
    let result = d.param(0) + Expr::Reduce(Reduce::Add, Box::new(wide(1) * wide(2)));
    d.finish(result)
}

#[cfg(test)]
mod tests {
    use super::super::super::interp;
    use super::super::super::{Access, Buf, Dim, FnId, Index, Load, Lower, Mode, Stmt, Store};
    use super::super::Library;
    use super::*;

    fn access(b: Buf) -> Access {
        Access {
            buffer: b,
            offset: 0,
            dims: vec![Dim { index: Index::constant(0), stride: 1, ring: None, bound: None }],
        }
    }

    /// Calls the function on little-endian bytes of its arguments; masks come back as bytes.
    fn call(f: Library, args: &[Vec<u8>]) -> Vec<u8> {
        let d = f.definition();
        let mut l = Lower::new(f.name());
        let mut loads = Vec::new();
        for (i, ty) in d.params.iter().enumerate() {
            let b = l.buffer(format!("x{i}"), ty.scalar, ty.lanes.into(), Mode::Read);
            loads.push(Expr::Load(Box::new(Load { access: access(b), ty: *ty, otherwise: None, mask: None })));
        }
        let mut value = f.call(loads);
        if value.ty().scalar == Scalar::I1 {
            value = value.clone().cast(Cast::ZExt, value.ty().with(Scalar::I8));
        }
        let ty = value.ty();
        let y = l.buffer("y", ty.scalar, ty.lanes.into(), Mode::Write);
        l.push(Stmt::Store(Store { access: access(y), value, mask: None }));
        let mut buffers = args.to_vec();
        buffers.push(vec![0; ty.bytes()]);
        interp::call(&[l.finish()], FnId(0), &mut buffers, &[]).unwrap();
        buffers.pop().unwrap()
    }

    fn word(f: Library, args: &[i32]) -> i32 {
        let args: Vec<Vec<u8>> = args.iter().map(|v| v.to_le_bytes().to_vec()).collect();
        i32::from_le_bytes(call(f, &args).try_into().unwrap())
    }

    const EDGES: [i32; 12] =
        [0, 1, -1, 127, -128, 0x7fff, 0x8000, -0x8001, 0x7f80_807f, i32::MAX, i32::MIN, 0x1234_89ab];

    fn halves(x: i32) -> (i32, i32) {
        (i32::from(x as i16), x >> 16)
    }

    #[test]
    fn dual_products() {
        for x in EDGES {
            for y in EDGES {
                let ((x0, x1), (y0, y1)) = (halves(x), halves(y));
                for a in EDGES {
                    let sum = i64::from(x0) * i64::from(y0) + i64::from(x1) * i64::from(y1) + i64::from(a);
                    assert_eq!(word(Library::Smlad, &[x, y, a]), sum as i32);
                    assert_eq!(word(Library::Smlabb, &[x, y, a]), a.wrapping_add(x0 * y0));
                    assert_eq!(word(Library::Smlatt, &[x, y, a]), a.wrapping_add(x1 * y1));
                    assert_eq!(word(Library::Smlabt, &[x, y, a]), a.wrapping_add(x0 * y1));
                    let exact = (i128::from(a) << 32) + i128::from(x) * i128::from(y) + (1 << 31);
                    assert_eq!(word(Library::Smmlar, &[x, y, a]), (exact >> 32) as i32, "{x} {y} {a}");
                }
            }
        }
    }

    #[test]
    fn extraction_and_packing() {
        for x in EDGES {
            let b = x.to_le_bytes().map(|b| i32::from(b as i8));
            let pack = |lo: i32, hi: i32| (lo & 0xffff) | hi << 16;
            assert_eq!(word(Library::Sxtb16, &[x]), pack(b[0], b[2]));
            assert_eq!(word(Library::Sxtb16Ror8, &[x]), pack(b[1], b[3]));
            let b = x.to_le_bytes().map(i32::from);
            assert_eq!(word(Library::Uxtb16, &[x]), pack(b[0], b[2]));
            assert_eq!(word(Library::Uxtb16Ror8, &[x]), pack(b[1], b[3]));
            assert_eq!(word(Library::Usat8, &[x]), x.clamp(0, 255));
            assert_eq!(word(Library::Ssat8, &[x]), x.clamp(-128, 127));
            assert_eq!(word(Library::Ssat16, &[x]), x.clamp(-32768, 32767));
            for y in EDGES {
                assert_eq!(word(Library::Pkhbt, &[x, y]), pack(x, y));
                assert_eq!(word(Library::Pkhtb, &[x, y]), (x & !0xffff) | ((y >> 16) & 0xffff));
            }
        }
    }

    #[test]
    fn lanes_and_their_products() {
        for n in [0, 1, 7, 15, 16, 17, -1, i32::MIN] {
            let mask = call(Library::Vctp8, &[n.to_le_bytes().to_vec()]);
            let want: Vec<u8> = (0..16u32).map(|i| u8::from(i < n as u32)).collect();
            assert_eq!(mask, want, "{n}");
        }
        let x: Vec<i8> = (0..16).map(|i| [-128, 127, -1, 5][i % 4]).collect();
        let y: Vec<i8> = (0..16).map(|i| (i as i8).wrapping_mul(37)).collect();
        let sum: i32 = x.iter().zip(&y).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        for a in EDGES {
            let bytes = |v: &[i8]| v.iter().map(|b| *b as u8).collect::<Vec<u8>>();
            let got = call(Library::VmladavaI8x16, &[a.to_le_bytes().to_vec(), bytes(&x), bytes(&y)]);
            assert_eq!(i32::from_le_bytes(got.try_into().unwrap()), a.wrapping_add(sum));
        }
    }
}
