//! One translation unit under construction: names at file scope, support code, constant tables.

use super::names::Globals;
use super::{number, support};
use crate::targets::Target;
use std::collections::BTreeMap;
use std::sync::Arc;
use tinyc_core::loops::{Expr, FnId, Library, Scalar, Ty};

/// Something that printed code uses and that has to be defined before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    Infinity,
    Nan,
    /// `b < a ? b : a`.
    Min(Scalar),
    Max(Scalar),
    UMin(Scalar),
    UMax(Scalar),
    /// Division that is defined for all operands.
    Div(Scalar),
    UDiv(Scalar),
    Rem(Scalar),
    URem(Scalar),
    /// Index arithmetic: quotient and remainder rounded down.
    FloorDiv(Scalar),
    FloorMod(Scalar),
    /// A computed value of the type as an index in `0..=limit`.
    Clamp(Scalar),
    /// From float to integer; the flag says signed.
    FromFloat(Scalar, Scalar, bool),
    /// The same bits as another type.
    Bits(Scalar, Scalar),
    /// Loads and stores at any address.
    Load(Ty),
    Store(Ty),
    LoadMasked(Ty),
    StoreMasked(Ty),
    VectorType(Ty),
    /// An operation on vectors; its operands are locals.
    Vector(Box<Expr>),
    Library(Library),
}

pub struct Unit<'a> {
    pub target: &'a Target,
    /// Begins every name at file scope.
    pub prefix: String,
    pub upper: String,
    pub globals: Globals,
    /// C names of the program's functions that are printed.
    pub functions: BTreeMap<FnId, String>,
    /// Names of what has been printed; definitions in `code`, dependencies first.
    named: BTreeMap<Support, String>,
    code: Vec<String>,
    tables: BTreeMap<Arc<[i32]>, String>,
    /// Constant tables, as C text.
    pub table_code: Vec<String>,
    pub table_bytes: usize,
    /// Headers that spelled operations need.
    pub uses_target: bool,
    /// Some function is printed in assembly.
    pub uses_naked: bool,
    /// Compilers are asked for small code.
    pub small: bool,
    pub wide_vectors: bool,
}

impl<'a> Unit<'a> {
    pub fn new(target: &'a Target, prefix: String) -> Unit<'a> {
        Unit {
            target,
            upper: prefix.to_ascii_uppercase(),
            prefix,
            globals: Globals::default(),
            functions: BTreeMap::new(),
            named: BTreeMap::new(),
            code: Vec::new(),
            tables: BTreeMap::new(),
            table_code: Vec::new(),
            table_bytes: 0,
            uses_target: false,
            uses_naked: false,
            small: false,
            wide_vectors: false,
        }
    }

    /// Declares a name at file scope that ends in `name`.
    pub fn declare(&mut self, name: &str) -> String {
        self.globals.declare(&format!("{}_{name}", self.prefix))
    }

    /// C name of a support definition, which is emitted if it has not been.
    pub fn support(&mut self, what: Support) -> String {
        if let Some(name) = self.named.get(&what) {
            return name.clone();
        }
        let wanted = support::name(&what);
        let name = match what {
            Support::Infinity | Support::Nan => self.globals.declare(&format!("{}_{wanted}", self.upper)),
            _ => self.declare(&wanted),
        };
        self.named.insert(what.clone(), name.clone());
        let code = support::code(self, &name, &what);
        self.code.push(code);
        name
    }

    /// What has been used.
    pub fn used(&self) -> impl Iterator<Item = &Support> {
        self.named.keys()
    }

    pub fn support_code(&self) -> &[String] {
        &self.code
    }

    /// C name of a constant table.
    pub fn table(&mut self, table: &Arc<[i32]>) -> String {
        if let Some(name) = self.tables.get(table) {
            return name.clone();
        }
        let fits = |lo: i32, hi: i32| table.iter().all(|v| (lo..=hi).contains(v));
        let scalar = match () {
            () if fits(i8::MIN.into(), i8::MAX.into()) => Scalar::I8,
            () if fits(i16::MIN.into(), i16::MAX.into()) => Scalar::I16,
            () => Scalar::I32,
        };
        let bytes: Vec<u8> = table.iter().flat_map(|v| v.to_le_bytes()[..scalar.bytes()].to_vec()).collect();
        let name = self.declare("table");
        let code = self.array(&name, scalar, &bytes);
        self.table_code.push(code);
        self.table_bytes += bytes.len();
        self.tables.insert(table.clone(), name.clone());
        name
    }

    /// A constant array.
    pub fn array(&mut self, name: &str, scalar: Scalar, bytes: &[u8]) -> String {
        // C has no empty arrays.
        let one = vec![0; scalar.bytes()];
        let bytes = if bytes.is_empty() { &one } else { bytes };
        let elements = number::elements(self, scalar, bytes);
        let (upper, ty) = (&self.upper, ty_name(scalar));
        let n = bytes.len() / scalar.bytes();
        format!("static {upper}_WEIGHTS_ATTR {upper}_ALIGNED const {ty} {name}[{n}] = {{{elements}}};\n")
    }

    /// C type of a local, parameter or result.
    pub fn ty(&mut self, ty: Ty) -> String {
        if ty.lanes == 1 { ty_name(ty.scalar).to_owned() } else { self.support(Support::VectorType(ty)) }
    }
}

/// C type of a scalar; truth values are `int32_t` 0 or 1.
pub fn ty_name(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::I1 | Scalar::I32 => "int32_t",
        Scalar::I8 => "int8_t",
        Scalar::I16 => "int16_t",
        Scalar::I64 => "int64_t",
        Scalar::F32 => "float",
        Scalar::F64 => "double",
    }
}

/// The unsigned type of the same width.
pub fn unsigned_name(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::I8 => "uint8_t",
        Scalar::I16 => "uint16_t",
        Scalar::I64 => "uint64_t",
        _ => "uint32_t",
    }
}
