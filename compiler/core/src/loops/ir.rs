//! Expressions, statements and functions of the loop IR. Plain data.
//!
//! Longer than 400 lines: one closed vocabulary, which every reader of the IR matches on as a whole.
//!
//! Integer arithmetic wraps. Shift amounts are taken modulo the width. Integer division by zero and
//! its remainder give zero. `min(a, b)` is `b < a ? b : a` and `max(a, b)` is `a < b ? b : a`, so a NaN
//! in `a` stays. Float to integer truncates, saturates, and turns NaN into zero. A select evaluates
//! both of its values, so loads in either must be in bounds.

use super::index::{Index, IndexVar};
use super::library::Library;
use super::ty::{Scalar, Ty};

/// A constant, held as the bits of its type in the low end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Const {
    pub scalar: Scalar,
    pub bits: u64,
}

/// A typed local variable of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Local {
    pub id: u32,
    pub ty: Ty,
}

/// Position of a buffer among the parameters of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Buf(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    Neg,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    /// Quotient; of signed integers rounded towards zero.
    Div,
    UDiv,
    /// Remainder with the sign of the dividend; integers only.
    Rem,
    URem,
    And,
    Or,
    Xor,
    Shl,
    /// Arithmetic shift right.
    Shr,
    UShr,
    Min,
    UMin,
    Max,
    UMax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    ULt,
    ULe,
}

/// Conversions, named as in LLVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cast {
    Trunc,
    ZExt,
    SExt,
    /// Float to signed integer.
    FpToSi,
    FpToUi,
    SiToFp,
    UiToFp,
    /// Between f32 and f64.
    FpCast,
    /// Same bits, other type of the same size.
    Bits,
}

/// How lanes are combined into one scalar, lane 0 first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reduce {
    Add,
    Min,
    Max,
}

/// One dimension of an access.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim {
    pub index: Index,
    /// In elements of the buffer.
    pub stride: i64,
    /// The index is taken modulo this many: a ring buffer.
    pub ring: Option<i64>,
    /// The access takes place only where the index, of lane 0, lies in `0..bound`.
    pub bound: Option<i64>,
}

/// An element of a buffer: `offset + sum(stride * index)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    pub buffer: Buf,
    pub offset: i64,
    pub dims: Vec<Dim>,
}

impl Access {
    /// Whether some dimension is bounded.
    pub fn is_guarded(&self) -> bool {
        self.dims.iter().any(|d| d.bound.is_some())
    }

    /// The physical index in elements, rings applied, guards not.
    pub fn flat(&self) -> Index {
        self.dims.iter().fold(Index::constant(self.offset), |sum, d| {
            let i = match d.ring {
                Some(m) => d.index.clone().modulo(m),
                None => d.index.clone(),
            };
            sum + i * d.stride
        })
    }
}

/// Reads `ty` at an element of a buffer. A type of another size than the buffer's element reads the
/// bytes from there on, little-endian; vectors read consecutive elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Load {
    pub access: Access,
    pub ty: Ty,
    /// The value where a bound does not hold; present exactly if the access is guarded.
    pub otherwise: Option<Expr>,
    /// Vectors only: lanes that are read; the others are zero.
    pub mask: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expr {
    /// The same constant in each lane.
    Const(Const, u16),
    Local(Local),
    /// An index as an integer of the type.
    Index(Index, Scalar),
    Load(Box<Load>),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    /// Condition (I1, or a mask of the operands' lanes), then, else.
    Select(Box<Expr>, Box<Expr>, Box<Expr>),
    Cast(Cast, Ty, Box<Expr>),
    /// A scalar in every lane.
    Splat(u16, Box<Expr>),
    /// Scalars, one a lane.
    Lanes(Vec<Expr>),
    /// One lane of a vector.
    Lane(u16, Box<Expr>),
    Reduce(Reduce, Box<Expr>),
    Call(Library, Vec<Expr>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Store {
    pub access: Access,
    pub value: Expr,
    /// Vectors only: lanes that are written.
    pub mask: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct For {
    pub var: IndexVar,
    pub lo: Index,
    /// Exclusive.
    pub hi: Index,
    /// Positive.
    pub step: i64,
    pub body: Vec<Stmt>,
}

/// An argument of a call inside of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallArg {
    /// A buffer from the element at the index on.
    Buffer(Buf, Index),
    Index(Index),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stmt {
    /// Declares a local; its scope is the rest of the block.
    Let(Local, Expr),
    /// Gives a declared local another value; loops carry state this way.
    Set(Local, Expr),
    /// A guarded store takes place only where its bounds hold.
    Store(Store),
    For(For),
    Call(FnId, Vec<CallArg>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    Read,
    Write,
    ReadWrite,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferParam {
    pub name: String,
    pub elem: Scalar,
    /// Number of elements that the function may touch.
    pub len: usize,
    pub mode: Mode,
}

/// A function: buffers first, then integer parameters (the first `index_params` index variables).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    pub name: String,
    pub buffers: Vec<BufferParam>,
    pub index_params: u32,
    /// Names of index variables, parameters first.
    pub index_names: Vec<String>,
    /// Names of locals.
    pub local_names: Vec<String>,
    /// A micro-kernel: an inner block that others call and whose values are few enough that printers
    /// may keep them all in registers.
    pub micro: bool,
    pub body: Vec<Stmt>,
}

/// A function of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FnId(pub u32);
