//! Making, typing and rebuilding expressions.

use super::index::{Index, IndexVar};
use super::ir::{Access, Binary, Cast, Compare, Const, Dim, Expr, Load, Local, Unary};
use super::ty::{Scalar, Ty};

impl Const {
    pub fn int(scalar: Scalar, v: i64) -> Const {
        debug_assert!(!scalar.is_float());
        let mask = if scalar.bits() == 64 { u64::MAX } else { (1 << scalar.bits()) - 1 };
        Const { scalar, bits: v as u64 & mask }
    }

    pub fn f32(v: f32) -> Const {
        Const { scalar: Scalar::F32, bits: u64::from(v.to_bits()) }
    }

    pub fn f64(v: f64) -> Const {
        Const { scalar: Scalar::F64, bits: v.to_bits() }
    }

    /// The value as a signed integer, when it is one.
    pub fn as_int(self) -> Option<i64> {
        let shift = 64 - self.scalar.bits();
        (!self.scalar.is_float()).then_some(((self.bits << shift) as i64) >> shift)
    }

    /// The value, when it is a float.
    pub fn as_float(self) -> Option<f64> {
        match self.scalar {
            Scalar::F32 => Some(f64::from(f32::from_bits(self.bits as u32))),
            Scalar::F64 => Some(f64::from_bits(self.bits)),
            _ => None,
        }
    }
}

impl Local {
    /// In a view's [`Map`](super::view::Map): the value read or to be written.
    pub const HOLE: u32 = u32::MAX;
}

impl Expr {
    pub fn int(scalar: Scalar, v: i64) -> Expr {
        Expr::Const(Const::int(scalar, v), 1)
    }

    pub fn f32(v: f32) -> Expr {
        Expr::Const(Const::f32(v), 1)
    }

    pub fn f64(v: f64) -> Expr {
        Expr::Const(Const::f64(v), 1)
    }

    /// `v` as a constant of the scalar type (rounded, or truncated for integers).
    pub fn number(scalar: Scalar, v: f64) -> Expr {
        match scalar {
            Scalar::F32 => Expr::f32(v as f32),
            Scalar::F64 => Expr::f64(v),
            int => Expr::int(int, v as i64),
        }
    }

    pub fn ty(&self) -> Ty {
        match self {
            Expr::Const(c, lanes) => Ty::vector(c.scalar, *lanes),
            Expr::Local(l) => l.ty,
            Expr::Index(_, s) => Ty::one(*s),
            Expr::Load(l) => l.ty,
            Expr::Unary(_, a) | Expr::Binary(_, a, _) | Expr::Select(_, a, _) => a.ty(),
            Expr::Compare(_, a, _) => a.ty().with(Scalar::I1),
            Expr::Cast(_, ty, _) => *ty,
            Expr::Splat(n, a) => Ty::vector(a.ty().scalar, *n),
            Expr::Lanes(v) => Ty::vector(v.first().map_or(Scalar::I1, |e| e.ty().scalar), v.len() as u16),
            Expr::Lane(_, a) | Expr::Reduce(_, a) => Ty::one(a.ty().scalar),
            Expr::Call(f, args) => f.result(args),
        }
    }

    pub fn binary(op: Binary, a: Expr, b: Expr) -> Expr {
        debug_assert_eq!(a.ty(), b.ty(), "{op:?}");
        Expr::Binary(op, Box::new(a), Box::new(b))
    }

    pub fn compare(op: Compare, a: Expr, b: Expr) -> Expr {
        debug_assert_eq!(a.ty(), b.ty(), "{op:?}");
        Expr::Compare(op, Box::new(a), Box::new(b))
    }

    pub fn select(self, then: Expr, otherwise: Expr) -> Expr {
        debug_assert_eq!(then.ty(), otherwise.ty());
        Expr::Select(Box::new(self), Box::new(then), Box::new(otherwise))
    }

    pub fn cast(self, cast: Cast, ty: impl Into<Ty>) -> Expr {
        let ty = ty.into();
        if self.ty() == ty { self } else { Expr::Cast(cast, ty, Box::new(self)) }
    }

    pub fn unary(self, op: Unary) -> Expr {
        Expr::Unary(op, Box::new(self))
    }

    pub fn min(self, b: Expr) -> Expr {
        Expr::binary(Binary::Min, self, b)
    }

    pub fn max(self, b: Expr) -> Expr {
        Expr::binary(Binary::Max, self, b)
    }

    pub fn lt(self, b: Expr) -> Expr {
        Expr::compare(Compare::Lt, self, b)
    }

    pub fn le(self, b: Expr) -> Expr {
        Expr::compare(Compare::Le, self, b)
    }

    pub fn equal(self, b: Expr) -> Expr {
        Expr::compare(Compare::Eq, self, b)
    }

    /// The direct subexpressions, those of index arithmetic left out.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Const(..) | Expr::Local(_) | Expr::Index(..) => vec![],
            Expr::Load(l) => l.otherwise.iter().chain(&l.mask).collect(),
            Expr::Unary(_, a) | Expr::Cast(_, _, a) | Expr::Splat(_, a) | Expr::Lane(_, a) | Expr::Reduce(_, a) => {
                vec![a]
            }
            Expr::Binary(_, a, b) | Expr::Compare(_, a, b) => vec![a, b],
            Expr::Select(c, a, b) => vec![c, a, b],
            Expr::Lanes(v) | Expr::Call(_, v) => v.iter().collect(),
        }
    }

    /// Rebuilds the expression bottom-up: children first, then `f` on each node.
    pub fn rebuild(&self, var: &dyn Fn(IndexVar) -> Option<Index>, f: &dyn Fn(Expr) -> Expr) -> Expr {
        let r = |e: &Expr| e.rebuild(var, f);
        let index = |i: &Index| i.substitute(var, &r);
        f(match self {
            Expr::Index(i, s) => Expr::Index(index(i), *s),
            Expr::Load(l) => Expr::Load(Box::new(Load {
                access: l.access.rebuild(&index),
                ty: l.ty,
                otherwise: l.otherwise.as_ref().map(r),
                mask: l.mask.as_ref().map(r),
            })),
            _ => self.with_operands(&mut |e| r(e)),
        })
    }

    /// The same operation on other subexpressions; of loads and indices, which have more than those, itself.
    pub fn with_operands(&self, f: &mut dyn FnMut(&Expr) -> Expr) -> Expr {
        let mut b = |e: &Expr| Box::new(f(e));
        match self {
            Expr::Const(..) | Expr::Local(_) | Expr::Index(..) | Expr::Load(_) => self.clone(),
            Expr::Unary(op, a) => Expr::Unary(*op, b(a)),
            Expr::Binary(op, x, y) => Expr::Binary(*op, b(x), b(y)),
            Expr::Compare(op, x, y) => Expr::Compare(*op, b(x), b(y)),
            Expr::Select(c, x, y) => Expr::Select(b(c), b(x), b(y)),
            Expr::Cast(c, ty, a) => Expr::Cast(*c, *ty, b(a)),
            Expr::Splat(n, a) => Expr::Splat(*n, b(a)),
            Expr::Lanes(v) => Expr::Lanes(v.iter().map(f).collect()),
            Expr::Lane(n, a) => Expr::Lane(*n, b(a)),
            Expr::Reduce(op, a) => Expr::Reduce(*op, b(a)),
            Expr::Call(g, args) => Expr::Call(*g, args.iter().map(f).collect()),
        }
    }
}

impl Expr {
    /// The expression for `lanes` elements at once. It reads nothing but locals and constants; local
    /// `i` becomes `operands[i]`, a vector, or a scalar if `lanes` is 1.
    pub fn vectorized(&self, lanes: u16, operands: &[Expr]) -> Expr {
        let v = |e: &Expr| e.vectorized(lanes, operands);
        let b = |e: &Expr| Box::new(v(e));
        match self {
            Expr::Local(l) => operands[l.id as usize].clone(),
            _ if lanes == 1 => self.rebuild(&|_| None, &|e| match e {
                Expr::Local(l) => operands[l.id as usize].clone(),
                e => e,
            }),
            Expr::Const(c, _) => Expr::Const(*c, lanes),
            Expr::Unary(op, a) => Expr::Unary(*op, b(a)),
            Expr::Binary(op, x, y) => Expr::Binary(*op, b(x), b(y)),
            Expr::Compare(op, x, y) => Expr::Compare(*op, b(x), b(y)),
            Expr::Select(c, x, y) => Expr::Select(b(c), b(x), b(y)),
            Expr::Cast(c, ty, a) => Expr::Cast(*c, Ty::vector(ty.scalar, lanes), b(a)),
            // Functions of scalars: lane by lane.
            Expr::Call(..) => Expr::Lanes((0..lanes).map(|i| self.of_lane(i, operands)).collect()),
            Expr::Index(..) | Expr::Load(_) | Expr::Splat(..) | Expr::Lanes(_) | Expr::Lane(..) | Expr::Reduce(..) => {
                unreachable!("values of elements are made of locals, constants and arithmetic")
            }
        }
    }

    fn of_lane(&self, lane: u16, operands: &[Expr]) -> Expr {
        self.rebuild(&|_| None, &|e| match e {
            Expr::Local(l) => Expr::Lane(lane, Box::new(operands[l.id as usize].clone())),
            e => e,
        })
    }

    /// The same scalar in each of `lanes`.
    pub fn splat(self, lanes: u16) -> Expr {
        match self {
            e if lanes == 1 => e,
            Expr::Const(c, 1) => Expr::Const(c, lanes),
            e => Expr::Splat(lanes, Box::new(e)),
        }
    }
}

impl Access {
    fn rebuild(&self, index: &dyn Fn(&Index) -> Index) -> Access {
        let dims = self.dims.iter().map(|d| Dim { index: index(&d.index), ..d.clone() }).collect();
        Access { dims, ..self.clone() }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:ident) => {
        impl std::ops::$trait for Expr {
            type Output = Expr;
            fn $method(self, b: Expr) -> Expr {
                Expr::binary(Binary::$op, self, b)
            }
        }
    };
}

operator!(Add, add, Add);
operator!(Sub, sub, Sub);
operator!(Mul, mul, Mul);
operator!(Div, div, Div);
operator!(BitAnd, bitand, And);
operator!(BitOr, bitor, Or);
operator!(BitXor, bitxor, Xor);
operator!(Shl, shl, Shl);
operator!(Shr, shr, Shr);

impl std::ops::Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.unary(Unary::Neg)
    }
}

impl From<Local> for Expr {
    fn from(l: Local) -> Expr {
        Expr::Local(l)
    }
}
