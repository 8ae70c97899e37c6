//! What the register machine executes.

use super::super::ty::Ty;
use std::sync::Arc;

pub type Reg = usize;

/// `constant + sum(factor * register)`, wrapping: what an access makes of it is bounds-checked.
#[derive(Debug)]
pub struct Affine {
    pub constant: i64,
    pub terms: Vec<(Reg, i64)>,
}

#[derive(Debug)]
pub enum Instr {
    Copy {
        to: Reg,
        from: Reg,
        lanes: usize,
    },
    Fn1 {
        f: fn(u64) -> u64,
        to: Reg,
        a: Reg,
        lanes: usize,
    },
    Fn2 {
        f: fn(u64, u64) -> u64,
        to: Reg,
        a: Reg,
        b: Reg,
        lanes: usize,
    },
    /// The condition is one register, or one a lane.
    Select {
        to: Reg,
        c: Reg,
        per_lane: bool,
        a: Reg,
        b: Reg,
        lanes: usize,
    },
    Splat {
        to: Reg,
        a: Reg,
        lanes: usize,
    },
    /// Bytes of a vector as lanes of another width.
    Rebytes {
        to: Reg,
        a: Reg,
        from: Ty,
        into: Ty,
    },
    Index {
        to: Reg,
        index: Affine,
    },
    Div {
        to: Reg,
        a: Reg,
        by: i64,
    },
    Mod {
        to: Reg,
        a: Reg,
        by: i64,
    },
    Product {
        to: Reg,
        a: Reg,
        b: Reg,
    },
    Min {
        to: Reg,
        a: Reg,
        b: Reg,
    },
    Max {
        to: Reg,
        a: Reg,
        b: Reg,
    },
    Table {
        to: Reg,
        table: Arc<[i32]>,
        at: Reg,
    },
    Clamp {
        to: Reg,
        a: Reg,
        bound: i64,
    },
    /// Jumps when the index is not in `0..bound`.
    Outside {
        index: Affine,
        bound: i64,
        target: usize,
    },
    Jump {
        target: usize,
    },
    Load {
        to: Reg,
        buffer: usize,
        index: Affine,
        width: usize,
        lanes: usize,
        mask: Option<Reg>,
    },
    Store {
        from: Reg,
        buffer: usize,
        index: Affine,
        width: usize,
        lanes: usize,
        mask: Option<Reg>,
    },
    /// Skips a loop without iterations.
    Enter {
        var: Reg,
        hi: Reg,
        exit: usize,
    },
    Next {
        var: Reg,
        hi: Reg,
        step: i64,
        body: usize,
    },
    /// Buffers with the first element that the callee gets, then integer arguments.
    Call {
        function: usize,
        buffers: Vec<(usize, Reg)>,
        indices: Vec<Reg>,
    },
}

/// A compiled function.
#[derive(Debug)]
pub struct Code {
    pub instrs: Vec<Instr>,
    /// Registers at entry: constants in place, zeros elsewhere.
    pub registers: Vec<u64>,
}
