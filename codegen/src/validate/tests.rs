//! Good programs pass; programs spoiled in one place are rejected, and the message says where.

use super::*;
use crate::Io;
use crate::select::Schedules;
use crate::targets::Target;
use tinyc_core::loops::{BufferId, Dim, Expr, FnId, For, Function, Index, Lower, Mode, Scalar, Step, Stmt, View};
use tinyc_core::text::parse;
use tinyc_core::types::{DType, TensorType};

fn program(text: &str, io: Io) -> Program {
    let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
    crate::generate(&graph, Target::find("generic").unwrap(), io, Schedules::Plain).unwrap().program
}

fn messages(p: &Program) -> Vec<String> {
    validate(p).err().map_or(vec![], |r| r.diagnostics.into_iter().map(|d| d.message).collect())
}

#[track_caller]
fn rejected(p: &Program, parts: &[&str]) {
    let messages = messages(p);
    let first = messages.first().map_or("accepted", String::as_str);
    assert!(parts.iter().all(|x| first.contains(x)), "{messages:#?}");
}

/// %a and %b are both alive at the last step.
const CROSS: &str = r#"graph @cross {
    %x = input : f32[2,3]
    %a = transpose %x {perm: [1,0]} ; "ta"
    %b = transpose %a {perm: [1,0]} ; "tb"
    %c = matmul %b, %a ; "mm"
    output %c
}"#;

fn buffer(p: &Program, name: &str) -> usize {
    p.buffers.iter().position(|b| b.name == name).unwrap()
}

fn set_place(p: &mut Program, name: &str, place: Place) {
    let b = buffer(p, name);
    p.buffers[b].place = place;
}

#[test]
fn planned_programs_pass() {
    for io in [Io::Caller, Io::Arena] {
        assert_eq!(messages(&program(CROSS, io)), [""; 0]);
    }
}

#[test]
fn overlapping_slots_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    set_place(&mut p, "a", Place::Arena(0));
    set_place(&mut p, "b", Place::Arena(8));
    rejected(
        &p,
        &["step 1 (transpose_2, from \"tb\")", "reads %a", "element 2 of %a is overwritten by element 0 of %b"],
    );
}

#[test]
fn unaligned_slots_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    set_place(&mut p, "a", Place::Arena(2));
    p.arena_bytes += 2;
    rejected(&p, &["buffer %a", "offset 2", "not aligned to 4"]);
}

#[test]
fn slots_outside_of_the_arena_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    p.arena_bytes -= 1;
    rejected(&p, &["leave the arena of 47 bytes"]);
}

#[test]
fn swapped_steps_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    p.steps.swap(0, 1);
    rejected(&p, &["step 0 (transpose_2, from \"tb\")", "element 0 of %a is not written"]);
}

#[test]
fn missing_steps_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    p.steps.pop();
    rejected(&p, &["output 0 (\"c\")", "element 0 of %c is not written"]);
}

#[test]
fn partly_written_outputs_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    let f = p.steps[2].function.0 as usize;
    let Stmt::For(outer) = &mut p.functions[f].body[0] else { panic!() };
    outer.hi = Index::constant(outer.hi.as_constant().unwrap() - 1);
    rejected(&p, &["output 0 (\"c\")", "element 2 of %c is not written"]);
}

#[test]
fn writes_to_inputs_and_constants_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    set_place(&mut p, "a", Place::Input(0));
    rejected(&p, &["step 0", "%a is an input or a constant"]);
    let t = tinyc_core::tensor::Tensor::zeros(&TensorType::new(DType::F32, [3, 2]));
    set_place(&mut p, "a", Place::Const(t.into()));
    rejected(&p, &["step 0", "%a is an input or a constant"]);
}

#[test]
fn wrong_arguments_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    p.steps[0].args.pop();
    rejected(&p, &["step 0", "1 arguments for 2 parameters"]);
    let mut p = program(CROSS, Io::Caller);
    p.steps[0].function = FnId(9);
    rejected(&p, &["step 0 (?", "no such function"]);
    let mut p = program(CROSS, Io::Caller);
    p.steps[2].args.swap(1, 2);
    p.steps[2].args[0] = p.steps[2].args[2];
    rejected(&p, &["step 2"]);
}

#[test]
fn accesses_outside_of_their_buffer_are_rejected() {
    let mut p = program(CROSS, Io::Caller);
    let f = p.steps[0].function.0 as usize;
    let Stmt::For(outer) = &mut p.functions[f].body[0] else { panic!() };
    outer.hi = Index::constant(4);
    rejected(&p, &["step 0", "outside of its 6 elements"]);
}

/// A program of one function over an input and an output of `n` floats and an arena.
struct Bench {
    l: Lower,
    buffers: Vec<Buffer>,
}

impl Bench {
    fn new() -> Bench {
        Bench { l: Lower::new("bench"), buffers: Vec::new() }
    }

    fn buffer(&mut self, name: &str, n: usize, place: Place) -> View {
        let mode = if matches!(place, Place::Input(_)) { Mode::Read } else { Mode::ReadWrite };
        let b = self.l.buffer(name, Scalar::F32, n, mode);
        self.buffers.push(Buffer { name: name.into(), dtype: DType::F32, elem: Scalar::F32, len: n, place });
        View::dense(b, DType::F32, &[n]).unwrap()
    }

    fn finish(self) -> Program {
        let port = |place: Place| {
            let b = self.buffers.iter().rposition(|b| b.place == place).unwrap();
            vec![Port {
                name: "p".into(),
                ty: TensorType::new(DType::F32, [self.buffers[b].len]),
                buffer: BufferId(b as u32),
            }]
        };
        let end = |b: &Buffer| if let Place::Arena(at) = b.place { at + b.bytes() } else { 0 };
        let args = (0..self.buffers.len()).map(|b| Arg::Buffer(BufferId(b as u32))).collect();
        Program {
            name: "bench".into(),
            functions: vec![self.l.finish()],
            steps: vec![Step { function: FnId(0), args, origins: vec![], comment: String::new(), macs: 0 }],
            inputs: port(Place::Input(0)),
            outputs: port(Place::Output(0)),
            arena_bytes: self.buffers.iter().map(end).max().unwrap(),
            arena_align: 4,
            buffers: self.buffers,
        }
    }
}

/// y[i] = t[i], t being x in memory that y takes over in the given order.
fn in_place(reverse: bool, shift: i64) -> Program {
    let mut b = Bench::new();
    let x = b.buffer("x", 8, Place::Input(0));
    let t = b.buffer("t", 8, Place::Arena(0));
    let u = b.buffer("u", 8 - shift as usize, Place::Arena(0));
    let y = b.buffer("y", 8, Place::Output(0));
    b.l.nest(&[8], |l, at| l.push(t.write(at, x.read(at))));
    b.l.nest(&[8 - shift as usize], |l, at| {
        let i = if reverse { Index::constant(7 - shift) - at[0].clone() } else { at[0].clone() };
        l.push(u.write(std::slice::from_ref(&i), t.read(&[i.clone() + shift])));
    });
    b.l.nest(&[8 - shift as usize], |l, at| l.push(y.write(at, u.read(at))));
    b.l.nest(&[shift as usize], |l, at| l.push(y.write(&[at[0].clone() + (8 - shift)], x.read(at))));
    b.finish()
}

#[test]
fn results_in_place_must_be_written_after_the_operand_is_read() {
    assert_eq!(messages(&in_place(false, 0)), [""; 0]);
    assert_eq!(messages(&in_place(true, 0)), [""; 0]);
    // y[i] = t[i + 1] may run upwards only.
    assert_eq!(messages(&in_place(false, 1)), [""; 0]);
    rejected(&in_place(true, 1), &["step 0 (bench)", "reads %t", "element 6 of %t is overwritten by element 6 of %u"]);
}

/// Writes row after row into a ring and reads the last `window` rows of it each time.
fn ring(rows: usize, window: usize) -> Program {
    let (n, w) = (10, 4);
    let mut b = Bench::new();
    let x = b.buffer("x", n * w, Place::Input(0));
    let r = b.buffer("r", rows * w, Place::Arena(0));
    let y = b.buffer("y", n * w, Place::Output(0));
    let ringed = |row: Index, col: Index| tinyc_core::loops::Access {
        buffer: r.buffer,
        offset: 0,
        dims: vec![
            Dim { index: row, stride: w as i64, ring: Some(rows as i64), bound: None },
            Dim { index: col, stride: 1, ring: None, bound: None },
        ],
    };
    b.l.repeat("row", 0usize, n, |l, row| {
        l.repeat("c", 0usize, w, |l, c| {
            let value = x.read(&[row.clone() * w as i64 + c.clone()]);
            l.push(Stmt::Store(tinyc_core::loops::Store { access: ringed(row.clone(), c), value, mask: None }));
        });
        l.repeat("c", 0usize, w, |l, c| {
            let sum = l.variable("sum", Expr::f32(0.0));
            l.repeat("back", row.clone().min(Index::constant(window as i64 - 1)) * -1, 1usize, |l, back| {
                let access = ringed(row.clone() + back, c.clone());
                let load = tinyc_core::loops::Load { access, ty: Scalar::F32.into(), otherwise: None, mask: None };
                l.set(sum, Expr::from(sum) + Expr::Load(Box::new(load)));
            });
            l.push(y.write(&[row.clone() * w as i64 + c], sum.into()));
        });
    });
    b.finish()
}

#[test]
fn short_rings_are_rejected() {
    assert_eq!(messages(&ring(3, 3)), [""; 0]);
    rejected(&ring(2, 3), &["reads %r", "element 0 of %r is overwritten by element 8 of %r"]);
}

#[test]
fn clamped_reads_need_their_whole_buffer() {
    let gather = |written: usize| {
        let mut b = Bench::new();
        let x = b.buffer("x", 8, Place::Input(0));
        let t = b.buffer("t", 8, Place::Arena(0));
        let y = b.buffer("y", 8, Place::Output(0));
        b.l.nest(&[written], |l, at| l.push(t.write(at, x.read(at))));
        b.l.nest(&[8], |l, at| {
            let i = Index::data(x.read(at).cast(tinyc_core::loops::Cast::FpToSi, Scalar::I32), 8);
            l.push(y.write(at, t.read(&[i])));
        });
        b.finish()
    };
    assert_eq!(messages(&gather(8)), [""; 0]);
    rejected(&gather(7), &["reads %t", "element 7 of %t is not written"]);
}

#[test]
fn what_a_clamped_write_may_have_hit_is_lost() {
    let mut b = Bench::new();
    let x = b.buffer("x", 8, Place::Input(0));
    let t = b.buffer("t", 8, Place::Arena(0));
    let u = b.buffer("u", 4, Place::Arena(16));
    let y = b.buffer("y", 8, Place::Output(0));
    b.l.nest(&[8], |l, at| l.push(t.write(at, x.read(at))));
    let i = Index::data(x.read(&[0usize.into()]).cast(tinyc_core::loops::Cast::FpToSi, Scalar::I32), 4);
    b.l.push(u.write(&[i], Expr::f32(1.0)));
    b.l.nest(&[8], |l, at| l.push(y.write(at, t.read(at))));
    rejected(&b.finish(), &["reads %t", "element 4 of %t is not written"]);
}

#[test]
fn endless_and_unknown_loops_are_rejected() {
    let spoil = |change: &dyn Fn(&mut For)| {
        let mut p = program(CROSS, Io::Caller);
        let f: &mut Function = &mut p.functions[p.steps[0].function.0 as usize];
        let Stmt::For(outer) = &mut f.body[0] else { panic!() };
        change(outer);
        p
    };
    rejected(&spoil(&|f| f.step = 0), &["step is not positive"]);
    rejected(&spoil(&|f| f.hi = Index::constant(i64::MAX / 2)), &["bounds are not known"]);
    rejected(&spoil(&|f| f.hi = Index::from(tinyc_core::loops::IndexVar(77))), &["outside of its loop"]);
    rejected(&spoil(&|f| f.hi = Index::lookup(vec![3].into(), 5usize.into())), &["step 0"]);
}

/// Stores of an innermost loop that lie one behind the other are proven at once, but to the same end.
#[test]
fn runs_of_stores_stay_inside() {
    let mut p = program("graph @relu {\n%x = input : f32[2,3]\n%y = relu %x\noutput %y\n}", Io::Caller);
    let f = p.steps[0].function.0 as usize;
    let mut body = &mut p.functions[f].body;
    while let [Stmt::For(inner)] = body.as_mut_slice() {
        let last = !matches!(inner.body.as_slice(), [Stmt::For(_)]);
        inner.hi = inner.hi.clone() + i64::from(last);
        body = &mut inner.body;
    }
    rejected(&p, &["step 0", "outside of its 6 elements"]);
}

#[test]
fn the_work_is_limited() {
    let p = program(CROSS, Io::Caller);
    assert_eq!(within(&p, 100), Ok(()));
    let report = within(&p, 4).unwrap_err();
    assert_eq!(report.diagnostics[0].code, Code::TooLarge);
    assert!(report.diagnostics[0].message.starts_with("step 1 (transpose_2, from \"tb\")"), "{report}");
}

#[test]
fn the_memory_is_limited() {
    let large = "graph @large {\n%x = input : f32[4096,4097]\n%y = relu %x\noutput %y\n}";
    assert_eq!(validate(&program(large, Io::Arena)).unwrap_err().diagnostics[0].code, Code::TooLarge);
    assert_eq!(validate(&program(large, Io::Caller)).unwrap_err().diagnostics[0].code, Code::TooLarge);
}
