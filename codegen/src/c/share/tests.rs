//! Which functions become one, and that they compute what they did.

use super::*;
use tinyc_core::loops::{Binary, Buf, Buffer, BufferId, Cast, Lower, Mode, Place, Port, Scalar, Step, interp};
use tinyc_core::types::{DType, TensorType};

fn at(buffer: Buf, index: Index) -> Access {
    Access { buffer, offset: 0, dims: vec![Dim { index, stride: 1, ring: None, bound: None }] }
}

fn load(buffer: Buf, index: Index) -> Expr {
    Expr::Load(Box::new(Load { access: at(buffer, index), ty: Ty::I32, otherwise: None, mask: None }))
}

/// `y[i] = a row's sum + add`, for rows of so many columns.
fn row_sum(name: &str, columns: usize, add: i64) -> Function {
    let mut l = Lower::micro(name);
    let x = l.buffer("x", Scalar::I32, columns, Mode::Read);
    let y = l.buffer("y", Scalar::I32, 1, Mode::ReadWrite);
    let sum = l.variable("sum", Expr::int(Scalar::I32, add));
    l.repeat("k", 0usize, columns, |l, k| {
        let more = Expr::binary(Binary::Add, sum.into(), load(x, k));
        l.set(sum, more);
    });
    l.push(Stmt::Store(Store { access: at(y, 0usize.into()), value: sum.into(), mask: None }));
    l.finish()
}

fn rows(name: &str, sum: FnId, rows: usize, columns: usize) -> Function {
    let mut l = Lower::new(name);
    let x = l.buffer("x", Scalar::I32, 32, Mode::Read);
    let y = l.buffer("y", Scalar::I32, rows, Mode::ReadWrite);
    l.repeat("row", 0usize, rows, |l, r| {
        let args = vec![CallArg::Buffer(x, r.clone() * columns as i64), CallArg::Buffer(y, r)];
        l.push(Stmt::Call(sum, args));
    });
    l.finish()
}

/// Sums of the rows of `6 x 4` and of the same as `3 x 8`, and an unrelated step. There is room for the
/// largest of each buffer everywhere, so that what is merged can be interpreted.
fn program() -> Program {
    let mut other = Lower::new("other");
    let (x, y) = (other.buffer("x", Scalar::I32, 6, Mode::Read), other.buffer("y", Scalar::I32, 1, Mode::ReadWrite));
    let wide = load(x, 5usize.into()).cast(Cast::Trunc, Ty::I8).cast(Cast::SExt, Ty::I32);
    other.push(Stmt::Store(Store { access: at(y, 0usize.into()), value: wide, mask: None }));
    let functions = vec![
        row_sum("four", 4, 7),
        row_sum("eight", 8, -1),
        rows("six", FnId(0), 6, 4),
        rows("three", FnId(1), 3, 8),
        other.finish(),
    ];
    let buffer =
        |name: &str, len: usize, place| Buffer { name: name.into(), dtype: DType::I32, elem: Scalar::I32, len, place };
    let buffers = vec![
        buffer("x", 32, Place::Input(0)),
        buffer("a", 6, Place::Output(0)),
        buffer("b", 6, Place::Output(1)),
        buffer("c", 1, Place::Output(2)),
    ];
    let step = |function: u32, from: u32, to: u32| Step {
        function: FnId(function),
        args: vec![Arg::Buffer(BufferId(from)), Arg::Buffer(BufferId(to))],
        origins: vec![],
        comment: String::new(),
        macs: 0,
    };
    let port = |name: &str, len: usize, buffer: u32| Port {
        name: name.into(),
        ty: TensorType::new(DType::I32, [len]),
        buffer: BufferId(buffer),
    };
    Program {
        name: "rows".into(),
        functions,
        buffers,
        steps: vec![step(2, 0, 1), step(3, 0, 2), step(4, 1, 3)],
        inputs: vec![port("x", 32, 0)],
        outputs: vec![port("a", 6, 1), port("b", 6, 2), port("c", 1, 3)],
        arena_bytes: 0,
        arena_align: 8,
    }
}

fn passed_to(s: &Step) -> Vec<i64> {
    s.args.iter().filter_map(|a| if let Arg::Index(n) = a { Some(*n) } else { None }).collect()
}

#[test]
fn functions_that_differ_in_numbers_become_one() {
    let program = program();
    let shared = share(&program, Target::find("cortex-m4").unwrap());
    let functions: Vec<u32> = shared.steps.iter().map(|s| s.function.0).collect();
    assert_eq!(functions, [2, 2, 4]);
    let passed: Vec<Vec<i64>> = shared.steps.iter().map(passed_to).collect();
    // Rows and columns; what is added is 15 less two times the columns.
    assert_eq!(passed, [vec![6, 4], vec![3, 8], vec![]]);
    let run = |p: &Program, s: &Step| {
        let x: Vec<u8> = (0..128).map(|i| (i * 37 % 256) as u8).collect();
        let mut buffers = [x, vec![0; 24]];
        let numbers: Vec<i64> = passed_to(s);
        interp::call(&p.functions, s.function, &mut buffers, &numbers).unwrap();
        buffers
    };
    for (have, want) in shared.steps.iter().zip(&program.steps).take(2) {
        assert_eq!(run(&shared, have), run(&program, want));
    }
}

/// Two that are too small for the numbers that they would be passed stay two.
#[test]
fn what_would_grow_is_left_alone() {
    let mut program = program();
    let mut small = |f: usize, n: i64| {
        let mut l = Lower::new("small");
        let x = l.buffer("x", Scalar::I32, 24, Mode::Read);
        let y = l.buffer("y", Scalar::I32, 1, Mode::ReadWrite);
        let value = load(x, n.into());
        l.push(Stmt::Store(Store { access: at(y, 0usize.into()), value, mask: None }));
        program.functions[f] = l.finish();
    };
    small(2, 5);
    small(3, 9);
    let shared = share(&program, Target::find("cortex-m4").unwrap());
    assert_eq!(shared.steps, program.steps);
    assert_eq!(shared.functions[2..], program.functions[2..]);
}
