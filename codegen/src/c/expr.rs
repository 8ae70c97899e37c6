//! Scalar expressions as C text without undefined behaviour: what may overflow is computed unsigned.

use super::body::{Body, Text, assignable, is_vector, prec};
use super::number;
use super::range::{fits, raw};
use super::unit::{Support, ty_name, unsigned_name};
use tinyc_core::loops::{Binary, Cast, Compare, Const, Expr, Load, Scalar, Unary};

/// Text of an integer as its unsigned type, computed in at least 32 bits.
fn as_unsigned(text: &Text, s: Scalar) -> Text {
    let bits = s.bits().max(32);
    if text.unsigned && text.bits == bits {
        return text.clone();
    }
    if text.bits == 0
        && let Ok(v) = text.text.parse::<u32>()
    {
        return Text::unsigned(format!("{v}u"), prec::PRIMARY, bits);
    }
    Text::unsigned(format!("({}){}", wide_unsigned(s), text.at_least(prec::UNARY)), prec::UNARY, bits)
}

fn wide_unsigned(s: Scalar) -> &'static str {
    if s == Scalar::I64 { "uint64_t" } else { "uint32_t" }
}

/// Text of an integer as a signed value of at least its width.
fn as_signed(text: &Text, s: Scalar) -> Text {
    if text.unsigned { cast(s, text) } else { text.clone() }
}

fn cast(s: Scalar, text: &Text) -> Text {
    Text::of(format!("({}){}", ty_name(s), text.at_least(prec::UNARY)), prec::UNARY, s.bits())
}

/// Zero-extends within the width of the type.
fn zero_extended(text: &Text, s: Scalar) -> Text {
    match s {
        Scalar::I1 => text.clone(),
        Scalar::I8 | Scalar::I16 => {
            Text::of(format!("({}){}", unsigned_name(s), text.at_least(prec::UNARY)), prec::UNARY, 32)
        }
        s => as_unsigned(text, s),
    }
}

fn call(name: &str, args: &[String]) -> String {
    format!("{name}({})", args.join(", "))
}

impl Body<'_, '_> {
    pub fn expr(&mut self, e: &Expr) -> Text {
        if is_vector(e) {
            return self.vector(e);
        }
        let ty = e.ty();
        let s = ty.scalar;
        match e {
            Expr::Const(c, _) => self.constant(*c),
            Expr::Local(l) => {
                let text = self.local(*l);
                Text::of(text, prec::PRIMARY, s.bits())
            }
            Expr::Index(i, s) => {
                let text = self.index(i);
                let text = Text { bits: self.index_type.bits(), ..text };
                let (lo, hi) = self.index_range(i);
                let narrow = !fits((lo.into(), hi.into()), *s);
                let widen = s.bits() > text.bits;
                if narrow || widen { cast(*s, &text) } else { text }
            }
            Expr::Load(l) => self.load(l),
            Expr::Unary(op, a) => self.unary(*op, a),
            Expr::Binary(op, a, b) => self.binary(*op, a, b),
            Expr::Compare(op, a, b) => self.compare(*op, a, b),
            Expr::Select(c, a, b) => {
                let c = self.condition(c).at_least(prec::OR);
                let (a, b) = (self.expr(a), self.expr(b));
                let (a, b) = (as_signed(&a, s), as_signed(&b, s));
                let bits = if s.bits() <= 32 { 32 } else { s.bits() };
                let text = format!("{c} ? {} : {}", a.at_least(prec::OR), b.at_least(prec::CONDITION));
                Text::of(text, prec::CONDITION, bits)
            }
            Expr::Cast(c, ty, a) => self.cast(*c, ty.scalar, a),
            Expr::Call(f, args) => {
                let args: Vec<String> = args.iter().map(|a| self.value(a)).collect();
                let name = self.unit.support(Support::Library(*f));
                Text::of(call(&name, &args), prec::PRIMARY, s.bits())
            }
            Expr::Splat(_, a) | Expr::Lane(_, a) | Expr::Reduce(_, a) => self.expr(a),
            Expr::Lanes(v) => self.expr(&v[0]),
        }
    }

    fn constant(&mut self, c: Const) -> Text {
        let text = number::literal(self.unit, c);
        let prec = if text.starts_with('-') || text.starts_with("(double)") { prec::UNARY } else { prec::PRIMARY };
        Text::of(text, prec, if c.scalar == Scalar::I64 { 64 } else { 0 })
    }

    /// A truth value that is only tested.
    fn condition(&mut self, e: &Expr) -> Text {
        let text = self.expr(e);
        // Relations are fine where a condition is wanted; bit operations get parentheses.
        if text.prec < prec::EQUAL { Text::new(format!("({})", text.text), prec::PRIMARY) } else { text }
    }

    fn load(&mut self, l: &Load) -> Text {
        let (index, conditions) = self.access(&l.access);
        let buffer = self.buffer(l.access.buffer);
        let s = l.ty.scalar;
        let read = if buffer.elem == s {
            Text::of(format!("{}[{}]", buffer.name, index.text), prec::PRIMARY, s.bits())
        } else {
            let name = self.unit.support(Support::Load(l.ty));
            Text::of(format!("{name}({})", address(&buffer.name, &index.text)), prec::PRIMARY, s.bits())
        };
        match &l.otherwise {
            Some(o) if !conditions.is_empty() => {
                let o = self.expr(o);
                let o = as_signed(&o, s).at_least(prec::CONDITION);
                let text = format!("({}) ? {} : {o}", conditions.join(" && "), read.text);
                Text::of(text, prec::CONDITION, s.bits().max(32))
            }
            _ => read,
        }
    }

    fn unary(&mut self, op: Unary, a: &Expr) -> Text {
        let s = a.ty().scalar;
        let range = self.range(a);
        let text = self.expr(a);
        match op {
            Unary::Not if s == Scalar::I1 => Text::of(format!("!{}", text.at_least(prec::PRIMARY)), prec::UNARY, 32),
            Unary::Not => Text {
                text: format!("~{}", text.at_least(prec::PRIMARY)),
                prec: prec::UNARY,
                bits: text.bits.max(32),
                ..text
            },
            Unary::Neg if s.is_float() => Text::new(format!("-{}", text.at_least(prec::PRIMARY)), prec::UNARY),
            Unary::Neg if fits((-range.1, -range.0), s) => {
                let text = as_signed(&text, s);
                Text::of(format!("-{}", text.at_least(prec::PRIMARY)), prec::UNARY, s.bits().max(32))
            }
            Unary::Neg if s.bits() < 32 => {
                let text = Text::of(format!("-{}", text.at_least(prec::PRIMARY)), prec::UNARY, 32);
                cast(s, &text)
            }
            Unary::Neg => {
                let text = as_unsigned(&text, s);
                Text::unsigned(format!("0u - {}", text.at_least(prec::MUL)), prec::ADD, s.bits())
            }
        }
    }

    pub fn binary(&mut self, op: Binary, a: &Expr, b: &Expr) -> Text {
        let s = a.ty().scalar;
        match s {
            Scalar::I1 => self.binary_truth(op, a, b),
            s if s.is_float() => self.binary_float(op, a, b),
            s => self.binary_int(op, a, b, s),
        }
    }

    /// Truth values have only these operations.
    fn binary_truth(&mut self, op: Binary, a: &Expr, b: &Expr) -> Text {
        let (operator, p) = match op {
            Binary::And => ("&", prec::AND),
            Binary::Or => ("|", prec::OR),
            _ => ("^", prec::XOR),
        };
        let (a, b) = (self.expr(a).at_least(prec::UNARY), self.expr(b).at_least(prec::UNARY));
        Text::new(format!("{a} {operator} {b}"), p)
    }

    fn binary_float(&mut self, op: Binary, a: &Expr, b: &Expr) -> Text {
        let s = a.ty().scalar;
        let (x, y) = (self.expr(a), self.expr(b));
        let operator = match op {
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Mul => "*",
            Binary::Div => "/",
            Binary::Max => return self.helper(Support::Max(s), &x.text, &y.text, s),
            _ => return self.helper(Support::Min(s), &x.text, &y.text, s),
        };
        let p = if matches!(op, Binary::Add | Binary::Sub) { prec::ADD } else { prec::MUL };
        Text::new(format!("{} {operator} {}", x.at_least(p), y.at_least(p + 1)), p)
    }

    fn helper(&mut self, what: Support, a: &str, b: &str, s: Scalar) -> Text {
        let name = self.unit.support(what);
        Text::of(format!("{name}({a}, {b})"), prec::PRIMARY, s.bits())
    }

    fn binary_int(&mut self, op: Binary, a: &Expr, b: &Expr, s: Scalar) -> Text {
        let (ra, rb) = (self.range(a), self.range(b));
        let (x, y) = (self.expr(a), self.expr(b));
        let wide = s.bits().max(32);
        let signed = |t: &Text| as_signed(t, s);
        match op {
            Binary::Add | Binary::Sub | Binary::Mul => {
                let (operator, p) = match op {
                    Binary::Add => ("+", prec::ADD),
                    Binary::Sub => ("-", prec::ADD),
                    _ => ("*", prec::MUL),
                };
                let exact = raw(op, ra, rb).is_some_and(|r| fits(r, s));
                let plain = exact && !x.unsigned && !y.unsigned;
                if plain || s.bits() < 32 {
                    // Narrow operands are promoted to int, where the operation cannot overflow.
                    let (x, y) = (widened(&x, s), widened(&y, s));
                    let text = Text::of(format!("{} {operator} {}", x.at_least(p), y.at_least(p + 1)), p, wide);
                    return if exact { text } else { cast(s, &text) };
                }
                let (x, y) = (as_unsigned(&x, s), as_unsigned(&y, s));
                Text::unsigned(format!("{} {operator} {}", x.at_least(p), y.at_least(p + 1)), p, wide)
            }
            Binary::And | Binary::Or | Binary::Xor => {
                let (operator, p) = match op {
                    Binary::And => ("&", prec::AND),
                    Binary::Or => ("|", prec::OR),
                    _ => ("^", prec::XOR),
                };
                let unsigned = x.unsigned || y.unsigned;
                let (x, y) = if unsigned { (as_unsigned(&x, s), as_unsigned(&y, s)) } else { (x, y) };
                let text = format!("{} {operator} {}", x.at_least(prec::UNARY), y.at_least(prec::UNARY));
                Text { text, prec: p, unsigned, bits: wide }
            }
            Binary::Shl | Binary::Shr | Binary::UShr => {
                let amount = self.amount(b, &y, s);
                match op {
                    Binary::Shl => {
                        let text = format!("{} << {amount}", as_unsigned(&x, s).at_least(prec::UNARY));
                        let text = Text::unsigned(text, prec::SHIFT, wide);
                        if s.bits() < 32 { cast(s, &text) } else { text }
                    }
                    Binary::Shr => {
                        let x = widened(&signed(&x), s);
                        Text::of(format!("{} >> {amount}", x.at_least(prec::UNARY)), prec::SHIFT, wide)
                    }
                    _ => {
                        let text = format!("{} >> {amount}", zero_extended(&x, s).at_least(prec::UNARY));
                        if s.bits() < 32 {
                            cast(s, &Text::of(text, prec::SHIFT, 32))
                        } else {
                            Text::unsigned(text, prec::SHIFT, wide)
                        }
                    }
                }
            }
            Binary::Div | Binary::Rem if (rb.0 > 0) && s.bits() >= 8 => {
                let (x, y) = (widened(&signed(&x), s), signed(&y));
                let operator = if op == Binary::Div { "/" } else { "%" };
                let text = format!("{} {operator} {}", x.at_least(prec::MUL), y.at_least(prec::UNARY));
                Text::of(text, prec::MUL, wide)
            }
            _ => {
                let what = match op {
                    Binary::Min => Support::Min(s),
                    Binary::Max => Support::Max(s),
                    Binary::UMin => Support::UMin(s),
                    Binary::UMax => Support::UMax(s),
                    Binary::Div => Support::Div(s),
                    Binary::UDiv => Support::UDiv(s),
                    Binary::Rem => Support::Rem(s),
                    _ => Support::URem(s),
                };
                self.helper(what, &assignable(s, &x), &assignable(s, &y), s)
            }
        }
    }

    /// A shift amount in `0..width`.
    fn amount(&mut self, b: &Expr, text: &Text, s: Scalar) -> String {
        let mask = i128::from(s.bits() - 1);
        let (lo, hi) = self.range(b);
        if lo == hi {
            return (lo & mask).to_string();
        }
        if lo >= 0 && hi <= mask {
            return text.at_least(prec::UNARY);
        }
        format!("({} & {mask})", as_signed(text, s).at_least(prec::UNARY))
    }

    fn compare(&mut self, op: Compare, a: &Expr, b: &Expr) -> Text {
        let s = a.ty().scalar;
        let (x, y) = (self.expr(a), self.expr(b));
        let (x, y) = match op {
            _ if s.is_float() => (x, y),
            Compare::ULt | Compare::ULe => (zero_extended(&x, s), zero_extended(&y, s)),
            _ => (as_signed(&x, s), as_signed(&y, s)),
        };
        let (operator, p) = match op {
            Compare::Eq => ("==", prec::EQUAL),
            Compare::Ne => ("!=", prec::EQUAL),
            Compare::Lt | Compare::ULt => ("<", prec::RELATION),
            Compare::Le | Compare::ULe => ("<=", prec::RELATION),
        };
        Text::new(format!("{} {operator} {}", x.at_least(prec::ADD), y.at_least(prec::ADD)), p)
    }

    fn cast(&mut self, c: Cast, to: Scalar, a: &Expr) -> Text {
        let from = a.ty().scalar;
        let range = self.range(a);
        let text = self.expr(a);
        match c {
            Cast::Trunc if to == Scalar::I1 => {
                Text::new(format!("{} & 1", as_signed(&text, from).at_least(prec::UNARY)), prec::AND)
            }
            Cast::Trunc => cast(to, &text),
            Cast::SExt if from == Scalar::I1 => {
                let text = Text::of(format!("-{}", text.at_least(prec::PRIMARY)), prec::UNARY, 32);
                if to == Scalar::I64 { cast(to, &text) } else { text }
            }
            Cast::ZExt if range.0 < 0 => {
                let text = zero_extended(&text, from);
                match to {
                    // Unsigned narrow types promote to int.
                    Scalar::I16 | Scalar::I32 if !text.unsigned => text,
                    to => cast(to, &text),
                }
            }
            Cast::SExt | Cast::ZExt => {
                let text = as_signed(&text, from);
                if to == Scalar::I64 { cast(to, &text) } else { text }
            }
            Cast::SiToFp => cast(to, &as_signed(&text, from)),
            Cast::UiToFp => cast(to, &zero_extended(&text, from)),
            Cast::FpCast => cast(to, &text),
            Cast::FpToSi | Cast::FpToUi => {
                let name = self.unit.support(Support::FromFloat(from, to, c == Cast::FpToSi));
                Text::of(format!("{name}({})", text.text), prec::PRIMARY, to.bits())
            }
            Cast::Bits if from == to => text,
            Cast::Bits => {
                let name = self.unit.support(Support::Bits(from, to));
                Text::of(format!("{name}({})", assignable(from, &text)), prec::PRIMARY, to.bits())
            }
        }
    }
}

/// Signed text whose C type is wide enough for arithmetic of the type.
fn widened(text: &Text, s: Scalar) -> Text {
    let text = as_signed(text, s);
    if s == Scalar::I64 && text.bits != 64 && text.bits != 0 { cast(s, &text) } else { text }
}

/// The address of an element.
pub fn address(buffer: &str, index: &str) -> String {
    if index == "0" { buffer.to_owned() } else { format!("&{buffer}[{index}]") }
}
