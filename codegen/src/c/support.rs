//! Support functions: what an expression needs that C operators do not do, or not without undefined
//! behaviour. Each is emitted only where it is used.

use super::body::Body;
use super::lanes;
use super::unit::{Support, Unit, ty_name, unsigned_name};
use crate::targets::Spelling;
use tinyc_core::loops::{Library, Scalar};

/// The name behind the model's prefix.
pub fn name(what: &Support) -> String {
    match what {
        Support::Infinity => "INF".to_owned(),
        Support::Nan => "NAN".to_owned(),
        Support::Min(s) => format!("min_{s}"),
        Support::Max(s) => format!("max_{s}"),
        Support::UMin(s) => format!("umin_{s}"),
        Support::UMax(s) => format!("umax_{s}"),
        Support::Div(s) => format!("div_{s}"),
        Support::UDiv(s) => format!("udiv_{s}"),
        Support::Rem(s) => format!("rem_{s}"),
        Support::URem(s) => format!("urem_{s}"),
        Support::FloorDiv(s) => format!("floor_div_{s}"),
        Support::FloorMod(s) => format!("floor_mod_{s}"),
        Support::Clamp(s) => format!("clamp_{s}"),
        Support::FromFloat(from, to, true) => format!("{to}_from_{from}"),
        Support::FromFloat(from, to, false) => format!("u{}_from_{from}", &to.name()[1..]),
        Support::Bits(from, to) => format!("{to}_of_{from}_bits"),
        Support::Load(ty) => format!("load_{ty}"),
        Support::Store(ty) => format!("store_{ty}"),
        Support::LoadMasked(ty) => format!("load_masked_{ty}"),
        Support::StoreMasked(ty) => format!("store_masked_{ty}"),
        Support::VectorType(ty) => ty.to_string(),
        Support::Vector(e) => lanes::name(e),
        Support::Library(f) => f.name().to_owned(),
    }
}

/// The definition.
pub fn code(unit: &mut Unit<'_>, name: &str, what: &Support) -> String {
    match what {
        Support::Infinity => constant(name, "__builtin_inff()", "((float)(1e300 * 1e300))"),
        Support::Nan => constant(name, "__builtin_nanf(\"\")", "((float)(1e300 * 1e300 * 0.0))"),
        Support::Min(s) => binary(name, *s, "b < a ? b : a"),
        Support::Max(s) => binary(name, *s, "a < b ? b : a"),
        Support::UMin(s) => binary(name, *s, &unsigned("(U)b < (U)a ? b : a", *s)),
        Support::UMax(s) => binary(name, *s, &unsigned("(U)a < (U)b ? b : a", *s)),
        // The quotient of the smallest number and -1 wraps.
        Support::Div(s) => binary(name, *s, &unsigned("(T)(b == 0 ? 0 : b == -1 ? (T)(0u - (U)a) : a / b)", *s)),
        Support::Rem(s) => binary(name, *s, &unsigned("(T)(b == 0 || b == -1 ? 0 : a % b)", *s)),
        Support::UDiv(s) => binary(name, *s, &unsigned("(T)(b == 0 ? 0 : (U)a / (U)b)", *s)),
        Support::URem(s) => binary(name, *s, &unsigned("(T)(b == 0 ? 0 : (U)a % (U)b)", *s)),
        Support::FloorDiv(s) => binary(name, *s, "a / b - (a % b < 0 ? 1 : 0)"),
        Support::FloorMod(s) => binary(name, *s, "a % b + (a % b < 0 ? b : 0)"),
        Support::Clamp(s) => {
            let x = if *s == Scalar::I64 { "(int32_t)x" } else { "x" };
            format!(
                "static inline int32_t {name}({} x, int32_t limit)\n{{\n    \
                 return x < 0 ? 0 : x > limit ? limit : {x};\n}}\n",
                ty_name(*s)
            )
        }
        Support::FromFloat(from, to, signed) => from_float(name, *from, *to, *signed),
        Support::Bits(from, to) => {
            let (from, to) = (ty_name(*from), ty_name(*to));
            format!(
                "static inline {to} {name}({from} x)\n{{\n    union {{\n        {from} from;\n        {to} to;\n    \
                 }} bits;\n    bits.from = x;\n    return bits.to;\n}}\n"
            )
        }
        Support::Load(ty) | Support::Store(ty) | Support::LoadMasked(ty) | Support::StoreMasked(ty) => {
            lanes::memory(unit, name, what, *ty)
        }
        Support::VectorType(ty) => lanes::vector_type(unit, name, *ty),
        Support::Vector(e) => lanes::operation(unit, name, e),
        Support::Library(f) => library(unit, name, *f),
    }
}

fn constant(name: &str, builtin: &str, portable: &str) -> String {
    format!("#if defined(__GNUC__)\n#define {name} {builtin}\n#else\n#define {name} {portable}\n#endif\n")
}

fn binary(name: &str, s: Scalar, result: &str) -> String {
    let t = ty_name(s);
    format!("static inline {t} {name}({t} a, {t} b)\n{{\n    return {result};\n}}\n")
}

/// `T` and `U` stand for the signed and the unsigned type.
fn unsigned(text: &str, s: Scalar) -> String {
    text.replace("(U)", &format!("({})", unsigned_name(s))).replace("(T)", &format!("({})", ty_name(s)))
}

/// Truncates, saturates, and makes zero of a NaN.
fn from_float(name: &str, from: Scalar, to: Scalar, signed: bool) -> String {
    let (f, t) = (ty_name(from), ty_name(to));
    let bits = to.bits() as i32;
    let suffix = if from == Scalar::F32 { "f" } else { "" };
    let literal = |v: f64| if from == Scalar::F32 { format!("{:?}f", v as f32) } else { format!("{v:?}{suffix}") };
    if signed {
        let (lo, hi) = (-(2f64.powi(bits - 1)), 2f64.powi(bits - 1));
        // The first number below the range that the type has; or the least of the range itself, where
        // truncation gives the same.
        let below = if bits < 64 && literal(lo - 1.0) != literal(lo) { lo - 1.0 } else { lo };
        let (min, max) = match to {
            Scalar::I8 => ("INT8_MIN", "INT8_MAX"),
            Scalar::I16 => ("INT16_MIN", "INT16_MAX"),
            Scalar::I64 => ("INT64_MIN", "INT64_MAX"),
            _ => ("INT32_MIN", "INT32_MAX"),
        };
        return format!(
            "static inline {t} {name}({f} x)\n{{\n    if (x >= {}) {{\n        return {max};\n    }}\n    \
             if (x <= {}) {{\n        return {min};\n    }}\n    return x == x ? ({t})x : 0;\n}}\n",
            literal(hi),
            literal(below)
        );
    }
    let u = unsigned_name(to);
    let max = match to {
        Scalar::I8 => "UINT8_MAX",
        Scalar::I16 => "UINT16_MAX",
        Scalar::I64 => "UINT64_MAX",
        _ => "UINT32_MAX",
    };
    format!(
        "static inline {t} {name}({f} x)\n{{\n    if (x >= {}) {{\n        return ({t}){max};\n    }}\n    \
         return x > {} ? ({t})({u})x : 0;\n}}\n",
        literal(2f64.powi(bits)),
        literal(-1.0),
    )
}

/// A library function: the target's spelling where it can be used, else its meaning.
pub fn library(unit: &mut Unit<'_>, name: &str, f: Library) -> String {
    let definition = f.definition();
    let result = definition.result.ty();
    let result_ty = unit.ty(result);
    let params: Vec<String> = definition.params.iter().map(|t| unit.ty(*t)).collect();
    let letters = ["a", "b", "c", "d", "e"];
    let list: Vec<String> = params.iter().zip(letters).map(|(t, n)| format!("{t} {n}")).collect();
    let head = format!("static inline {result_ty} {name}({})\n{{\n", list.join(", "));

    let mut body = Body::new(unit);
    for (i, letter) in letters.iter().enumerate().take(definition.params.len()) {
        let letter = body.names.declare(letter);
        body.define(i as u32, letter, None);
    }
    for (i, (wanted, value)) in definition.lets.iter().enumerate() {
        let ty = body.unit.ty(value.ty());
        let text = body.value(value);
        let local = body.names.declare(wanted);
        body.line(&format!("const {ty} {local} = {text};"));
        let range = (value.ty().lanes == 1 && !value.ty().scalar.is_float()).then(|| body.range(value));
        body.define((definition.params.len() + i) as u32, local, range);
    }
    let value = body.value(&definition.result);
    body.line(&format!("return {value};"));
    let portable = body.out;

    let Some(spelling) = unit.target.spelling(f) else {
        return format!("{head}{portable}}}\n");
    };
    unit.uses_target = true;
    let special = match spelling {
        Spelling::Expr(e) | Spelling::Both(e, _) => format!("    return {e};\n"),
        Spelling::Asm(a) => {
            let inputs: Vec<String> = letters.iter().take(params.len()).map(|n| format!("\"r\"({n})")).collect();
            let operands = format!("\"{a}\" : \"=r\"(r) : {}", inputs.join(", "));
            format!("    {result_ty} r;\n    __asm__({operands});\n    return r;\n")
        }
    };
    format!("{head}#if {}_USE_TARGET\n{special}#else\n{portable}#endif\n}}\n", unit.upper)
}
