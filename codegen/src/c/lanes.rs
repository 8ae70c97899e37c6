//! Vectors: GNU vector types, and a function for each operation on them that is used.
//!
//! A function uses the target's spelling where there is one; otherwise it is a loop that prints the
//! scalar operation for each lane, so vectors have no meaning of their own here. Masks are bit sets:
//! up to 16 lanes share 16 bits (which is also how MVE holds them), more have one bit each.

use super::body::{Body, Text, prec};
use super::expr::address;
use super::unit::{Support, Unit, ty_name, unsigned_name};
use tinyc_core::loops::{Binary, Expr, Load, Local, Reduce, Scalar, Ty};

/// Bits of a lane in a mask.
fn mask_bits(lanes: u16) -> u16 {
    if lanes <= 16 { 16 / lanes } else { 1 }
}

/// Integer that holds a mask.
fn mask_scalar(lanes: u16) -> Scalar {
    match lanes {
        0..=16 => Scalar::I16,
        17..=32 => Scalar::I32,
        _ => Scalar::I64,
    }
}

pub fn name(e: &Expr) -> String {
    let of = |e: &Expr| e.ty().to_string();
    match e {
        Expr::Unary(op, a) => format!("{op:?}_{}", of(a)).to_lowercase(),
        Expr::Binary(op, a, _) => format!("{op:?}_{}", of(a)).to_lowercase(),
        Expr::Compare(op, a, _) => format!("{op:?}_{}", of(a)).to_lowercase(),
        Expr::Cast(op, ty, a) => format!("{op:?}_{}_{ty}", of(a)).to_lowercase(),
        Expr::Reduce(op, a) => format!("reduce_{op:?}_{}", of(a)).to_lowercase(),
        Expr::Select(..) => format!("select_{}", of(e)),
        Expr::Splat(..) => format!("splat_{}", of(e)),
        Expr::Lane(n, a) => format!("lane{n}_{}", of(a)),
        _ => format!("lanes_{}", of(e)),
    }
}

/// The operation with its operands replaced by locals `0..`.
fn operation_of(e: &Expr) -> Expr {
    let l = |i: u32, e: &Expr| Box::new(Expr::Local(Local { id: i, ty: e.ty() }));
    match e {
        Expr::Unary(op, a) => Expr::Unary(*op, l(0, a)),
        Expr::Binary(op, a, b) => Expr::Binary(*op, l(0, a), l(1, b)),
        Expr::Compare(op, a, b) => Expr::Compare(*op, l(0, a), l(1, b)),
        Expr::Cast(op, ty, a) => Expr::Cast(*op, *ty, l(0, a)),
        Expr::Reduce(op, a) => Expr::Reduce(*op, l(0, a)),
        Expr::Select(c, a, b) => Expr::Select(l(0, c), l(1, a), l(2, b)),
        Expr::Splat(n, a) => Expr::Splat(*n, l(0, a)),
        Expr::Lane(n, a) => Expr::Lane(*n, l(0, a)),
        Expr::Lanes(v) => Expr::Lanes(v.iter().enumerate().map(|(i, e)| *l(i as u32, e)).collect()),
        Expr::Const(..) | Expr::Local(_) | Expr::Index(..) | Expr::Load(_) | Expr::Call(..) => e.clone(),
    }
}

impl Body<'_, '_> {
    /// An expression of which some part is a vector.
    pub fn vector(&mut self, e: &Expr) -> Text {
        let primary = |text: String| Text::of(text, prec::PRIMARY, e.ty().scalar.bits());
        match e {
            Expr::Local(l) => primary(self.local(*l)),
            Expr::Const(c, lanes) => self.vector(&Expr::Splat(*lanes, Box::new(Expr::Const(*c, 1)))),
            Expr::Load(l) => self.load_vector(l),
            Expr::Call(f, args) => {
                let args: Vec<String> = args.iter().map(|a| self.value(a)).collect();
                let name = self.unit.support(Support::Library(*f));
                primary(format!("{name}({})", args.join(", ")))
            }
            Expr::Lane(n, a) if a.ty().scalar != Scalar::I1 => {
                primary(format!("{}[{n}]", self.expr(a).at_least(prec::PRIMARY)))
            }
            Expr::Binary(op @ (Binary::Add | Binary::Sub | Binary::Mul | Binary::Div), a, b)
                if e.ty().scalar.is_float() =>
            {
                let (operator, p) = match op {
                    Binary::Add => ("+", prec::ADD),
                    Binary::Sub => ("-", prec::ADD),
                    Binary::Mul => ("*", prec::MUL),
                    _ => ("/", prec::MUL),
                };
                let (a, b) = (self.expr(a).at_least(p), self.expr(b).at_least(p + 1));
                Text::new(format!("{a} {operator} {b}"), p)
            }
            _ => {
                let args: Vec<String> = e.children().into_iter().map(|c| self.value(c)).collect();
                let name = self.unit.support(Support::Vector(Box::new(operation_of(e))));
                primary(format!("{name}({})", args.join(", ")))
            }
        }
    }

    fn load_vector(&mut self, l: &Load) -> Text {
        let (index, conditions) = self.access(&l.access);
        let mask = l.mask.as_ref().map(|m| self.expr(m).text);
        let address = address(&self.buffer(l.access.buffer).name, &index.text);
        let read = match mask {
            Some(m) => format!("{}({address}, {m})", self.unit.support(Support::LoadMasked(l.ty))),
            None => format!("{}({address})", self.unit.support(Support::Load(l.ty))),
        };
        match &l.otherwise {
            Some(o) if !conditions.is_empty() => {
                let o = self.expr(o).at_least(prec::CONDITION);
                Text::new(format!("({}) ? {read} : {o}", conditions.join(" && ")), prec::CONDITION)
            }
            _ => Text::new(read, prec::PRIMARY),
        }
    }
}

/// Puts the target's spelling before the portable statements, if it has one.
fn spelled(unit: &mut Unit<'_>, key: &str, void: bool, portable: &str) -> String {
    let Some((_, text)) = unit.target.vectors.iter().find(|(k, _)| *k == key) else {
        return portable.to_owned();
    };
    unit.uses_target = true;
    let result = if void { "" } else { "return " };
    format!("#if {}_USE_TARGET\n    {result}{text};\n#else\n{portable}#endif\n", unit.upper)
}

pub fn vector_type(unit: &mut Unit<'_>, name: &str, ty: Ty) -> String {
    if ty.scalar == Scalar::I1 {
        return format!("typedef {} {name};\n", unsigned_name(mask_scalar(ty.lanes)));
    }
    unit.wide_vectors |= is_wide(&ty);
    let gnu = format!("typedef {} {name} __attribute__((vector_size({})));\n", ty_name(ty.scalar), ty.bytes());
    match unit.target.vectors.iter().find(|(k, _)| *k == ty.to_string()) {
        None => gnu,
        Some((_, own)) => {
            unit.uses_target = true;
            format!("#if {}_USE_TARGET\ntypedef {own} {name};\n#else\n{gnu}#endif\n", unit.upper)
        }
    }
}

/// The integers that a comparison of two such vectors gives.
fn bits_of(ty: Ty) -> Option<Ty> {
    let scalar = match ty.scalar {
        Scalar::F32 => Scalar::I32,
        Scalar::F64 => Scalar::I64,
        Scalar::I1 => return None,
        s => s,
    };
    (ty.lanes > 1).then_some(ty.with(scalar))
}

/// Text that reads lane `i` of an operand.
fn lane(name: &str, ty: Ty, i: &str) -> String {
    match ty {
        Ty { lanes: 1, .. } => name.to_owned(),
        Ty { scalar: Scalar::I1, lanes } => {
            let shift = match mask_bits(lanes) {
                1 => i.to_owned(),
                k => format!("({k} * {i})"),
            };
            let bit = format!("({name} >> {shift} & 1)");
            if lanes > 16 { format!("(int32_t){bit}") } else { bit }
        }
        _ => format!("{name}[{i}]"),
    }
}

/// Statement that writes lane `i` of the result.
fn set_lane(unit: &mut Unit<'_>, ty: Ty, i: &str, value: &str) -> String {
    if ty.scalar != Scalar::I1 {
        return format!("r[{i}] = {value};");
    }
    let bits = mask_bits(ty.lanes);
    let t = unit.ty(ty);
    let (wide, suffix) = if ty.lanes > 32 { ("uint64_t", "ull") } else { ("uint32_t", "u") };
    let all = (1u32 << bits) - 1;
    format!("r = ({t})(r | ({wide})({value}) * {all}{suffix} << ({bits} * {i}));")
}

/// An operation on vectors whose operands are locals.
pub fn operation(unit: &mut Unit<'_>, name: &str, e: &Expr) -> String {
    let operands: Vec<Ty> = e.children().into_iter().map(Expr::ty).collect();
    let result = e.ty();
    let letters: Vec<String> = (0..operands.len()).map(|i| format!("v{i}")).collect();
    let letters: Vec<&str> = match operands.len() {
        0..=3 => ["a", "b", "c"][..operands.len()].to_vec(),
        _ => letters.iter().map(String::as_str).collect(),
    };
    let params: Vec<String> = operands.iter().zip(&letters).map(|(t, n)| format!("{} {n}", unit.ty(*t))).collect();
    let result_ty = unit.ty(result);
    let zero = if result.scalar == Scalar::I1 { "0" } else { "{0}" };
    let mut text = String::new();
    match e {
        Expr::Lanes(_) => {
            text += &format!("    {result_ty} r = {zero};\n");
            for (i, letter) in letters.iter().enumerate() {
                text += &format!("    {}\n", set_lane(unit, result, &i.to_string(), letter));
            }
            text += "    return r;\n";
        }
        // Comparisons of vectors have all bits of a lane; compilers make two instructions of this, or one.
        Expr::Binary(op @ (Binary::Min | Binary::Max), a, _) if bits_of(a.ty()).is_some() => {
            let bits = bits_of(a.ty()).map(|t| unit.ty(t)).unwrap_or_default();
            let condition = if *op == Binary::Max { "a < b" } else { "b < a" };
            text += &format!("    const {bits} m = {condition};\n");
            text += &format!("    return ({result_ty})((({bits})b & m) | (({bits})a & ~m));\n");
        }
        Expr::Splat(n, _) => {
            let all = vec!["a"; usize::from(*n)].join(", ");
            text += &format!("    return ({result_ty}){{{all}}};\n");
        }
        Expr::Lane(n, _) => {
            text += &format!("    return {};\n", lane("a", operands[0], &n.to_string()));
        }
        Expr::Reduce(op, a) => {
            let s = result.scalar;
            let mut body = Body::new(unit);
            body.define(0, "r", None);
            body.define(1, "a[i]", None);
            let op = match op {
                Reduce::Add => Binary::Add,
                Reduce::Min => Binary::Min,
                Reduce::Max => Binary::Max,
            };
            let step = body.value(&Expr::binary(op, scalar(0, s), scalar(1, s)));
            text += &format!("    {result_ty} r = a[0];\n");
            text += &format!("    for (int32_t i = 1; i < {}; i++) {{\n        r = {step};\n    }}\n", a.ty().lanes);
            text += "    return r;\n";
        }
        _ => {
            let mut body = Body::new(unit);
            for (i, ty) in operands.iter().enumerate() {
                body.define(i as u32, lane(letters[i], *ty, "i"), None);
            }
            let value = body.value(&of_lane(e));
            let set = set_lane(unit, result, "i", &value);
            text += &format!("    {result_ty} r = {zero};\n");
            text += &format!("    for (int32_t i = 0; i < {}; i++) {{\n        {set}\n    }}\n", result.lanes);
            text += "    return r;\n";
        }
    }
    let text = spelled(unit, &self::name(e), false, &text);
    let inline = inline(unit, operands.iter().chain([&result]));
    format!("{inline} {result_ty} {name}({})\n{{\n{text}}}\n", params.join(", "))
}

/// How functions of these types are declared. gcc copies functions for constant operands, and warns
/// where a copy returns a vector for which the machine has no register, at no line where that can be
/// turned off; what is always inlined is not copied.
fn inline<'a>(unit: &Unit<'_>, mut types: impl Iterator<Item = &'a Ty>) -> String {
    match types.any(is_wide) {
        true => format!("static {}_INLINE", unit.upper),
        false => "static inline".to_owned(),
    }
}

/// Not every machine that compiles the code has registers for it. Masks are integers.
fn is_wide(ty: &Ty) -> bool {
    ty.scalar != Scalar::I1 && ty.bytes() > 16
}

fn scalar(id: u32, s: Scalar) -> Expr {
    Expr::Local(Local { id, ty: Ty::one(s) })
}

/// The operation for one lane.
fn of_lane(e: &Expr) -> Expr {
    let narrow = |e: Expr| match e {
        Expr::Local(l) => scalar(l.id, l.ty.scalar),
        Expr::Cast(c, ty, a) => Expr::Cast(c, Ty::one(ty.scalar), a),
        Expr::Splat(_, a) => *a,
        e => e,
    };
    e.rebuild(&|_| None, &narrow)
}

/// Loads and stores at any address.
pub fn memory(unit: &mut Unit<'_>, name: &str, what: &Support, ty: Ty) -> String {
    let t = unit.ty(ty);
    let key = super::support::name(what);
    let bytes = ty.scalar.bytes();
    let inline = inline(unit, [&ty].into_iter());
    match what {
        Support::Load(_) => {
            let portable = format!("    {t} x;\n{}    return x;\n", copy("&x", "p", &t));
            let text = spelled(unit, &key, false, &portable);
            format!("{inline} {t} {name}(const void *p)\n{{\n{text}}}\n")
        }
        Support::Store(_) => {
            let text = spelled(unit, &key, true, &copy("p", "&x", &t));
            format!("{inline} void {name}(void *p, {t} x)\n{{\n{text}}}\n")
        }
        _ => {
            let mask = Ty::vector(Scalar::I1, ty.lanes);
            let mask_ty = unit.ty(mask);
            let bit = lane("m", mask, "i");
            let loads = matches!(what, Support::LoadMasked(_));
            let element = if loads { Support::Load(Ty::one(ty.scalar)) } else { Support::Store(Ty::one(ty.scalar)) };
            let element = unit.support(element);
            let constant = if loads { "const " } else { "" };
            let at = format!("({constant}unsigned char *)p + {bytes} * i");
            let step = if loads { format!("r[i] = {element}({at});") } else { format!("{element}({at}, x[i]);") };
            let each = format!(
                "    for (int32_t i = 0; i < {}; i++) {{\n        if ({bit} != 0) {{\n            {step}\n        }}\n    }}\n",
                ty.lanes
            );
            if loads {
                let portable = format!("    {t} r = {{0}};\n{each}    return r;\n");
                let text = spelled(unit, &key, false, &portable);
                format!("{inline} {t} {name}(const void *p, {mask_ty} m)\n{{\n{text}}}\n")
            } else {
                let text = spelled(unit, &key, true, &each);
                format!("{inline} void {name}(void *p, {t} x, {mask_ty} m)\n{{\n{text}}}\n")
            }
        }
    }
}

/// Copies the bytes of a `ty`; compilers make it one instruction where the address allows.
fn copy(to: &str, from: &str, ty: &str) -> String {
    format!(
        "#if defined(__GNUC__)\n    __builtin_memcpy({to}, {from}, sizeof({ty}));\n#else\n    \
         for (size_t i = 0; i < sizeof({ty}); i++) {{\n        \
         ((unsigned char *){to})[i] = ((const unsigned char *){from})[i];\n    }}\n#endif\n"
    )
}
