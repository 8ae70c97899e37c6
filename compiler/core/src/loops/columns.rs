//! Evaluates an expression over many elements at once: what elementwise operators run on.
//!
//! The expression becomes a tape of typed loops over columns of [`CHUNK`] elements, so intermediate
//! values stay in cache and the loops vectorize. Scalar meaning comes from `semantics`, so the bits
//! are those of the interpreter. Knows no memory: expressions with loads, indices or vectors do not
//! belong here.

use super::ir::{Const, Expr};
use super::semantics::{self, Fn1, Fn2, OnBits, Value, Visit1, Visit2};
use super::ty::Scalar;

const CHUNK: usize = 512;

/// One value an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    I1(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Calls `$body` with `$v` bound to the vector, whatever its type.
macro_rules! each {
    ($column:expr, $v:ident => $body:expr) => {
        match $column {
            Column::I1($v) => $body,
            Column::I8($v) => $body,
            Column::I16($v) => $body,
            Column::I32($v) => $body,
            Column::I64($v) => $body,
            Column::F32($v) => $body,
            Column::F64($v) => $body,
        }
    };
}

impl Column {
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with_capacity(scalar: Scalar, n: usize) -> Column {
        match scalar {
            Scalar::I1 => Column::I1(Vec::with_capacity(n)),
            Scalar::I8 => Column::I8(Vec::with_capacity(n)),
            Scalar::I16 => Column::I16(Vec::with_capacity(n)),
            Scalar::I32 => Column::I32(Vec::with_capacity(n)),
            Scalar::I64 => Column::I64(Vec::with_capacity(n)),
            Scalar::F32 => Column::F32(Vec::with_capacity(n)),
            Scalar::F64 => Column::F64(Vec::with_capacity(n)),
        }
    }

    /// Replaces the contents by part of another column of the type.
    fn copy_part(&mut self, from: &Column, start: usize, n: usize) {
        each!(self, v => {
            v.clear();
            v.extend_from_slice(&slice(from)[start..start + n]);
        });
    }

    fn append(&mut self, from: &Column, n: usize) {
        each!(self, v => v.extend_from_slice(&slice(from)[..n]));
    }

    fn repeat(c: Const, n: usize) -> Column {
        let mut column = Column::with_capacity(c.scalar, n);
        each!(&mut column, v => v.resize(n, Value::of_bits(c.bits)));
        column
    }
}

const TYPED: &str = "operands have the types that the expression says";

fn slice<T: Value>(c: &Column) -> &[T] {
    T::slice(c).expect(TYPED)
}

/// A register of the tape.
type Reg = usize;

enum Instr {
    Input(usize, Reg),
    Fn1(fn(&Column, &mut Column), Reg, Reg),
    Fn2(fn(&Column, &Column, &mut Column), [Reg; 2], Reg),
    Select([Reg; 3], Reg),
}

/// Whether operations on the type get loops of their own, which vectorize. The others share one loop
/// a pair of types around a function on bits: hundreds of loops that networks do not need would take
/// most of the time to compile this crate.
const fn is_hot(s: Scalar) -> bool {
    matches!(s, Scalar::F32 | Scalar::I32)
}

struct OnColumns;

impl Visit1 for OnColumns {
    type Out = fn(&Column, &mut Column);
    fn visit<F: Fn1>(self) -> Self::Out {
        #[inline(never)]
        fn cold<A: Value, R: Value>(f: fn(u64) -> u64, a: &[A], out: &mut Vec<R>) {
            out.extend(a.iter().map(|a| R::of_bits(f(a.bits()))));
        }
        |a, out| {
            let (a, out) = (slice::<F::In>(a), F::Out::vec(out).expect(TYPED));
            out.clear();
            if const { is_hot(F::In::SCALAR) || is_hot(F::Out::SCALAR) } {
                out.extend(a.iter().map(|&a| F::apply(a)));
            } else {
                cold(Visit1::visit::<F>(OnBits), a, out);
            }
        }
    }
}

impl Visit2 for OnColumns {
    type Out = fn(&Column, &Column, &mut Column);
    fn visit<F: Fn2>(self) -> Self::Out {
        #[inline(never)]
        fn cold<A: Value, R: Value>(f: fn(u64, u64) -> u64, a: &[A], b: &[A], out: &mut Vec<R>) {
            out.extend(a.iter().zip(b).map(|(a, b)| R::of_bits(f(a.bits(), b.bits()))));
        }
        |a, b, out| {
            let (a, b, out) = (slice::<F::In>(a), slice(b), F::Out::vec(out).expect(TYPED));
            out.clear();
            if const { is_hot(F::In::SCALAR) } {
                out.extend(a.iter().zip(b).map(|(&a, &b)| F::apply(a, b)));
            } else {
                cold(Visit2::visit::<F>(OnBits), a, b, out);
            }
        }
    }
}

fn select(c: &Column, a: &Column, b: &Column, out: &mut Column) {
    fn go<T: Value>(c: &[bool], a: &[T], b: &[T], out: &mut Vec<T>) {
        out.clear();
        out.extend(c.iter().zip(a.iter().zip(b)).map(|(&c, (&a, &b))| if c { a } else { b }));
    }
    each!(out, out => go(slice(c), slice(a), slice(b), out));
}

#[derive(Default)]
struct Tape {
    registers: Vec<Column>,
    instrs: Vec<Instr>,
}

const DEFINED: &str = "the operation is defined for the type";

impl Tape {
    fn register(&mut self, scalar: Scalar) -> Reg {
        self.registers.push(Column::with_capacity(scalar, CHUNK));
        self.registers.len() - 1
    }

    /// Appends the code of an expression; locals are the given registers.
    fn compile(&mut self, e: &Expr, locals: &[Reg]) -> Reg {
        debug_assert_eq!(e.ty().lanes, 1, "columns hold scalars");
        let scalar = e.ty().scalar;
        match e {
            Expr::Const(c, _) => {
                self.registers.push(Column::repeat(*c, CHUNK));
                self.registers.len() - 1
            }
            Expr::Local(l) => locals[l.id as usize],
            Expr::Unary(op, a) => {
                let f = semantics::unary(*op, scalar, OnColumns).expect(DEFINED);
                self.fn1(f, a, scalar, locals)
            }
            Expr::Cast(op, _, a) => {
                let f = semantics::cast(*op, a.ty().scalar, scalar, OnColumns).expect(DEFINED);
                self.fn1(f, a, scalar, locals)
            }
            Expr::Binary(op, a, b) => {
                let f = semantics::binary(*op, scalar, OnColumns).expect(DEFINED);
                self.fn2(f, [a, b], scalar, locals)
            }
            Expr::Compare(op, a, b) => {
                let f = semantics::compare(*op, a.ty().scalar, OnColumns).expect(DEFINED);
                self.fn2(f, [a, b], scalar, locals)
            }
            Expr::Select(c, a, b) => {
                let from = [c, a, b].map(|e| self.compile(e, locals));
                let to = self.register(scalar);
                self.instrs.push(Instr::Select(from, to));
                to
            }
            Expr::Call(f, args) => {
                let definition = f.definition();
                let mut inner: Vec<Reg> = args.iter().map(|a| self.compile(a, locals)).collect();
                for (_, value) in &definition.lets {
                    let r = self.compile(value, &inner);
                    inner.push(r);
                }
                self.compile(&definition.result, &inner)
            }
            Expr::Index(..) | Expr::Load(_) | Expr::Splat(..) | Expr::Lanes(_) | Expr::Lane(..) | Expr::Reduce(..) => {
                unreachable!("columns know neither memory nor vectors")
            }
        }
    }

    fn fn1(&mut self, f: fn(&Column, &mut Column), a: &Expr, out: Scalar, locals: &[Reg]) -> Reg {
        let a = self.compile(a, locals);
        let to = self.register(out);
        self.instrs.push(Instr::Fn1(f, a, to));
        to
    }

    fn fn2(&mut self, f: fn(&Column, &Column, &mut Column), from: [&Expr; 2], out: Scalar, locals: &[Reg]) -> Reg {
        let from = from.map(|e| self.compile(e, locals));
        let to = self.register(out);
        self.instrs.push(Instr::Fn2(f, from, to));
        to
    }

    fn run(&mut self, inputs: &[Column], start: usize, n: usize) {
        for instr in &self.instrs {
            let r = &mut self.registers;
            let (Instr::Input(_, to) | Instr::Fn1(.., to) | Instr::Fn2(.., to) | Instr::Select(_, to)) = instr;
            let mut out = std::mem::replace(&mut r[*to], Column::I1(Vec::new()));
            match instr {
                Instr::Input(i, _) => out.copy_part(&inputs[*i], start, n),
                Instr::Fn1(f, a, _) => f(&r[*a], &mut out),
                Instr::Fn2(f, [a, b], _) => f(&r[*a], &r[*b], &mut out),
                Instr::Select([c, a, b], _) => select(&r[*c], &r[*a], &r[*b], &mut out),
            }
            r[*to] = out;
        }
    }
}

/// The expression's value for every element; local `i` reads `inputs[i]`, and all inputs are of one
/// length.
///
/// # Panics
/// When the expression holds loads, indices or vectors, or is ill typed.
pub fn eval(expr: &Expr, inputs: &[Column]) -> Column {
    let (mut tape, result) = tape(expr, inputs);
    whole(&mut tape, result, expr, inputs)
}

/// `step` applied to the running value (local 0, `init` at first) and each of `inputs` (local 1) in turn,
/// all of one type and length.
///
/// # Panics
/// As [`eval`].
pub fn fold(step: &Expr, init: Column, inputs: impl Iterator<Item = Column>) -> Column {
    let mut operands = [init.clone(), init];
    let (mut tape, result) = tape(step, &operands);
    for input in inputs {
        operands[1] = input;
        operands[0] = whole(&mut tape, result, step, &operands);
    }
    let [value, _] = operands;
    value
}

/// The code of an expression whose locals are `inputs`.
fn tape(expr: &Expr, inputs: &[Column]) -> (Tape, Reg) {
    let mut tape = Tape::default();
    let locals: Vec<Reg> = inputs
        .iter()
        .enumerate()
        .map(|(i, input)| {
            let scalar = each!(input, v => scalar_of(v));
            let r = tape.register(scalar);
            tape.instrs.push(Instr::Input(i, r));
            r
        })
        .collect();
    let result = tape.compile(expr, &locals);
    (tape, result)
}

/// Runs a tape over all elements.
fn whole(tape: &mut Tape, result: Reg, expr: &Expr, inputs: &[Column]) -> Column {
    let total = inputs.first().map_or(0, Column::len);
    let mut out = Column::with_capacity(expr.ty().scalar, total);
    for start in (0..total).step_by(CHUNK) {
        let n = CHUNK.min(total - start);
        tape.run(inputs, start, n);
        out.append(&tape.registers[result], n);
    }
    out
}

fn scalar_of<T: Value>(_: &[T]) -> Scalar {
    T::SCALAR
}

#[cfg(test)]
mod tests {
    use super::super::ir::{Cast, Local};
    use super::super::library::Library;
    use super::super::ty::Ty;
    use super::*;

    fn local(id: u32, ty: Ty) -> Expr {
        Expr::Local(Local { id, ty })
    }

    #[test]
    fn evaluates_over_several_chunks_and_a_rest() {
        let x: Vec<f32> = (0..1300).map(|i| i as f32 - 600.0).collect();
        let e = local(0, Ty::F32).max(Expr::f32(0.0)) * Expr::f32(2.0) + local(1, Ty::F32);
        let y = eval(&e, &[Column::F32(x.clone()), Column::F32(vec![0.5; 1300])]);
        assert_eq!(y, Column::F32(x.iter().map(|x| x.max(0.0) * 2.0 + 0.5).collect()));
        assert!(eval(&e, &[Column::F32(vec![]), Column::F32(vec![])]).is_empty());
    }

    #[test]
    fn mixes_types() {
        let x = local(0, Ty::I8);
        let wide = x.clone().cast(Cast::SExt, Ty::I32) * Expr::int(Scalar::I32, 1000);
        let e = x.lt(Expr::int(Scalar::I8, 0)).select(Expr::int(Scalar::I32, -1), wide);
        assert_eq!(eval(&e, &[Column::I8(vec![-5, 0, 7])]), Column::I32(vec![-1, 0, 7000]));
    }

    #[test]
    fn a_constant_fills_the_column() {
        assert_eq!(eval(&Expr::f32(3.0), &[Column::I8(vec![0; 3])]), Column::F32(vec![3.0; 3]));
    }

    #[test]
    fn calls_the_library() {
        let e = Library::Smlad.call([local(0, Ty::I32), local(0, Ty::I32), local(1, Ty::I32)]);
        let y = eval(&e, &[Column::I32(vec![0x0003_fffe, 5]), Column::I32(vec![10, 0])]);
        assert_eq!(y, Column::I32(vec![10 + 9 + 4, 25]));
    }
}
