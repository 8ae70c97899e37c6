//! Instructions over virtual registers, in blocks: what selection makes and allocation places.
//!
//! Within a block every register is written once, but for the moving pointers and the values that a loop
//! carries: those are written in tails, which stay in their order.

/// A virtual register. The first [`ARGUMENTS`] hold the arguments that come in registers.
pub type Reg = u32;

/// Arguments in r0 to r3 (Procedure Call Standard for the Arm Architecture, stage C).
pub const ARGUMENTS: u32 = 4;

/// How an element lies in memory: bytes, and whether its sign is extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    pub bytes: u8,
    pub signed: bool,
}

impl Width {
    pub const WORD: Width = Width { bytes: 4, signed: false };

    pub fn suffix(self) -> &'static str {
        match (self.bytes, self.signed) {
            (1, false) => "b",
            (1, true) => "sb",
            (2, false) => "h",
            (2, true) => "sh",
            _ => "",
        }
    }
}

/// A place on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Where argument `i` is: pushed at entry, or left there by the caller.
    Argument(u32),
    Own(u32),
}

/// Where a load or store reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub buffer: u32,
    /// Bytes from the base register.
    pub offset: i64,
    /// Bytes that the base register moves by, after the access.
    pub bump: i64,
    pub width: Width,
    /// The address is a multiple of the width.
    pub aligned: bool,
}

impl Place {
    /// One past the last byte from the base register on, for so many registers.
    pub fn end(&self, registers: usize) -> i64 {
        self.offset + i64::from(self.width.bytes) * registers as i64
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    Move,
    Const(i32),
    /// One instruction: `%0` is what it writes, `%1` and on what it reads.
    Plain(String),
    /// The second operand where the comparison of both has this condition, else the first.
    Choose(&'static str),
    /// Base, then nothing; one or two registers come.
    Load(Place),
    /// Base, then one or two registers.
    Store(Place),
    Reload(Slot),
    Spill(Slot),
    /// Leaves out the loop behind it where its number of turns, the operand, is zero or less.
    Guard,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Inst {
    pub op: Op,
    pub out: Vec<Reg>,
    pub uses: Vec<Reg>,
}

impl Inst {
    pub fn plain(text: impl Into<String>, out: Reg, uses: impl Into<Vec<Reg>>) -> Inst {
        Inst { op: Op::Plain(text.into()), out: vec![out], uses: uses.into() }
    }

    pub fn new(op: Op, out: Reg, uses: impl Into<Vec<Reg>>) -> Inst {
        Inst { op, out: vec![out], uses: uses.into() }
    }

    pub fn is_load(&self) -> bool {
        matches!(self.op, Op::Load(_) | Op::Reload(_))
    }

    /// Registers that come from memory or go there.
    pub fn moved(&self) -> usize {
        match self.op {
            Op::Load(_) | Op::Reload(_) => self.out.len(),
            Op::Store(_) => self.uses.len() - 1,
            Op::Spill(_) => 1,
            _ => 0,
        }
    }

    pub fn place_mut(&mut self) -> Option<&mut Place> {
        match &mut self.op {
            Op::Load(p) | Op::Store(p) => Some(p),
            _ => None,
        }
    }

    pub fn place(&self) -> Option<&Place> {
        match &self.op {
            Op::Load(p) | Op::Store(p) => Some(p),
            _ => None,
        }
    }
}

/// A pointer that a loop moves.
#[derive(Clone, Debug)]
pub struct Pointer {
    pub reg: Reg,
    /// What it is made from before the loop, and bytes behind that.
    pub base: Reg,
    pub start: i64,
    /// Bytes a turn.
    pub step: i64,
}

/// How often a loop's body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trips {
    Constant(i64),
    /// The register holds the number, which may be zero or less; the parameter that it comes from, and
    /// what is added to that.
    Parameter(Reg, u32, i64),
}

#[derive(Clone, Debug)]
pub struct Loop {
    pub trips: Trips,
    pub pointers: Vec<Pointer>,
    /// Where the first pointer stands at the end: written before the loop.
    pub end: Reg,
    /// The same at the end of each turn: the same register, or one that is loaded from `kept` each turn.
    pub end_read: Reg,
    pub kept: Option<Slot>,
}

impl Loop {
    /// Registers that are read before the loop to make its own.
    pub fn made_of(&mut self) -> impl Iterator<Item = &mut Reg> {
        let trips = match &mut self.trips {
            Trips::Parameter(n, ..) => Some(n),
            Trips::Constant(_) => None,
        };
        self.pointers.iter_mut().map(|p| &mut p.base).chain(trips)
    }

    pub fn is_made_of(&self, r: Reg) -> bool {
        let counted = matches!(self.trips, Trips::Parameter(n, ..) if n == r);
        counted || self.pointers.iter().any(|p| p.base == r)
    }
}

/// Straight-line code, or the body of a loop.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// In any order that the values allow.
    pub body: Vec<Inst>,
    /// Behind the body, in this order.
    pub tail: Vec<Inst>,
    pub turn: Option<Loop>,
}

/// Whether data processing takes it as an immediate: eight bits at any place, or repeated (Armv7-M
/// Architecture Reference Manual, A5.3.2).
pub fn modified_immediate(v: i32) -> bool {
    let u = v as u32;
    let b = u & 0xff;
    let h = (u >> 8) & 0xff;
    let repeated = u == b | b << 16 || u == (h << 8 | h << 24) || u == b * 0x0101_0101;
    repeated || u.leading_zeros() + u.trailing_zeros() >= 24
}

/// Whether ADD and SUB take it.
pub fn add_immediate(v: i64) -> bool {
    i32::try_from(v.abs()).is_ok_and(|a| a <= 4095 || modified_immediate(a))
}

/// Whether a load or store of so many registers takes the offset, or the move of its base.
pub fn encodable(offset: i64, registers: usize, moves_base: bool) -> bool {
    match (registers, moves_base) {
        (2, _) => offset % 4 == 0 && offset.abs() <= 1020,
        (_, true) => offset.abs() <= 255,
        _ => (-255..=4095).contains(&offset),
    }
}
