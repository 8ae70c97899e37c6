//! What single operations take on a target: its table, applied to the types at hand.

use super::{assembly, walk};
use crate::micro::Code;
use crate::targets::{Cycles, Floats, Target};
use std::collections::HashMap;
use std::rc::Rc;
use tinyc_core::loops::{Binary, Cast, Expr, FnId, Function, Library, Scalar, Ty};

/// Estimates for a target.
pub struct Estimate<'a> {
    target: &'a Target,
    pub table: &'a Cycles,
    /// Those that others call.
    pub functions: &'a [Function],
    library: HashMap<Library, f64>,
    /// Assembly of those functions that were asked for.
    assembly: HashMap<FnId, Option<Rc<Code>>>,
}

impl<'a> Estimate<'a> {
    pub fn new(target: &'a Target, table: &'a Cycles, functions: &'a [Function]) -> Estimate<'a> {
        Estimate { target, table, functions, library: HashMap::new(), assembly: HashMap::new() }
    }

    /// The assembly of a function that others call.
    pub fn assembly(&mut self, id: FnId) -> Option<Rc<Code>> {
        let (functions, target) = (self.functions, self.target);
        let made = || assembly::of(&functions[id.0 as usize], target).map(Rc::new);
        self.assembly.entry(id).or_insert_with(made).clone()
    }

    /// Loading a value from an address at hand.
    pub fn load(&self, ty: Ty) -> f64 {
        self.access(self.table.load, ty)
    }

    /// A load or store that takes so much for a word or a vector.
    pub fn access(&self, cycles: f64, ty: Ty) -> f64 {
        match ty.scalar {
            Scalar::F64 | Scalar::I64 if ty.lanes == 1 => cycles * self.table.wide,
            _ => cycles * self.parts(ty),
        }
    }

    /// Vectors that hold the type.
    pub fn parts(&self, ty: Ty) -> f64 {
        match self.table.vector {
            0 => f64::from(ty.lanes),
            _ if ty.lanes == 1 => 1.0,
            n => ty.bytes().div_ceil(n) as f64,
        }
    }

    /// Printers make the definitions inline.
    fn library(&mut self, f: Library) -> f64 {
        if self.target.spelling(f).is_some() {
            return self.table.add;
        }
        if let Some(&cycles) = self.library.get(&f) {
            return cycles;
        }
        let definition = f.definition();
        let values = definition.lets.iter().map(|(_, e)| e).chain([&definition.result]);
        let cycles = values.map(|e| walk::expression(self, e)).sum::<f64>();
        self.library.insert(f, cycles);
        cycles
    }

    pub fn floats(&self, s: Scalar) -> &'a Floats {
        if s == Scalar::F64 { &self.table.double } else { &self.table.single }
    }

    /// The operation alone, its operands at hand.
    pub fn operation(&mut self, e: &Expr) -> f64 {
        let t = self.table;
        let operand = e.children().first().map_or(e.ty(), |e| e.ty());
        let parts = self.parts(e.ty()).max(self.parts(operand));
        let int = |s: Scalar, cycles: f64| if s == Scalar::I64 { cycles * t.wide } else { cycles };
        let s = operand.scalar;
        let one = match e {
            Expr::Const(..) | Expr::Local(_) | Expr::Index(..) | Expr::Load(_) => 0.0,
            Expr::Unary(..) if s.is_float() => self.floats(s).add,
            Expr::Unary(..) => int(s, t.add),
            Expr::Binary(op, ..) if s.is_float() => match op {
                Binary::Mul => self.floats(s).mul,
                Binary::Div => self.floats(s).div,
                Binary::Min | Binary::Max => self.floats(s).minimum,
                _ => self.floats(s).add,
            },
            Expr::Binary(op, a, b) => match op {
                Binary::Mul if is_narrow(a) && is_narrow(b) => t.long,
                Binary::Mul => int(s, t.mul),
                Binary::Shl | Binary::Shr | Binary::UShr if s == Scalar::I64 && is_half(b) => 0.0,
                Binary::Div | Binary::UDiv | Binary::Rem | Binary::URem => int(s, t.div),
                Binary::Min | Binary::UMin | Binary::Max | Binary::UMax => int(s, 3.0 * t.add),
                _ => int(s, t.add),
            },
            Expr::Compare(..) if s.is_float() => self.floats(s).compare,
            Expr::Compare(..) => int(s, t.add),
            Expr::Select(..) if e.ty().scalar.is_float() => self.floats(e.ty().scalar).select,
            Expr::Select(..) => int(e.ty().scalar, 2.0 * t.add),
            Expr::Cast(Cast::FpToSi | Cast::FpToUi, ..) => self.floats(s).convert,
            Expr::Cast(Cast::SiToFp | Cast::UiToFp, ty, _) => self.floats(ty.scalar).convert,
            Expr::Cast(Cast::FpCast, ..) => t.double.convert,
            Expr::Cast(Cast::SExt | Cast::ZExt, ty, x) if is_load(x) && ty.scalar != Scalar::I64 => t.widen,
            // What a product of 64 bits reads.
            Expr::Cast(Cast::SExt | Cast::ZExt, ty, _) if ty.scalar == Scalar::I64 => 0.0,
            // A half of a pair of registers.
            Expr::Cast(Cast::Trunc, ..) if s == Scalar::I64 => 0.0,
            Expr::Cast(..) => t.add,
            // Loads and products take a scalar for all lanes.
            Expr::Splat(..) => 0.0,
            Expr::Lanes(v) => return v.len() as f64 * t.add,
            Expr::Lane(..) => return t.add,
            Expr::Reduce(..) => return f64::from(operand.lanes) * self.floats(s).add,
            Expr::Call(f, _) => return self.library(*f),
        };
        one * parts
    }
}

fn is_load(e: &Expr) -> bool {
    matches!(e, Expr::Load(_))
}

/// A number of 64 bits that was one of 32.
fn is_narrow(e: &Expr) -> bool {
    matches!(e, Expr::Cast(Cast::SExt | Cast::ZExt, Ty { scalar: Scalar::I64, .. }, _))
}

/// By 32 bits or more: what is left is in one of two registers.
fn is_half(e: &Expr) -> bool {
    matches!(e, Expr::Const(c, _) if c.bits >= 32)
}
