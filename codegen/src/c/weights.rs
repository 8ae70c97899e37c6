//! Constants of the steps: as arrays in the source, or as one file that the assembler includes.
//!
//! The file holds what a structure of arrays holds in memory, so the code names its members and
//! nothing is cast. Where there is no GNU assembly the symbol is left to the linker.

use super::names::{Locals, comment, identifier, string};
use super::unit::{Unit, ty_name};
use std::collections::BTreeMap;
use std::fmt::Write;
use tinyc_core::loops::{Arg, Place, Program, Scalar};

/// Where constants lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// In the source.
    #[default]
    Arrays,
    /// In a file of this name, without a folder.
    File(String),
}

/// Constants in C.
pub struct Constants {
    pub code: Vec<String>,
    /// C expression of each constant buffer that steps use.
    pub names: BTreeMap<u32, String>,
    pub bytes: usize,
    /// The file's contents, if they go to a file.
    pub file: Option<Vec<u8>>,
}

/// Constants of equal type and bytes are one.
pub fn print(unit: &mut Unit<'_>, program: &Program, weights: &Weights) -> Constants {
    let mut out = Constants { code: Vec::new(), names: BTreeMap::new(), bytes: 0, file: None };
    let mut file = match weights {
        Weights::Arrays => None,
        Weights::File(name) => Some(File::new(unit, name)),
    };
    let mut seen: BTreeMap<(Scalar, Vec<u8>), String> = BTreeMap::new();
    for arg in program.steps.iter().flat_map(|s| &s.args) {
        let Arg::Buffer(id) = arg else { continue };
        let buffer = &program.buffers[id.0 as usize];
        let Place::Const(tensor) = &buffer.place else { continue };
        if out.names.contains_key(&id.0) {
            continue;
        }
        let key = (buffer.elem, tensor.data().to_le_bytes());
        let name = match seen.get(&key) {
            Some(name) => name.clone(),
            None => {
                let name = match &mut file {
                    Some(file) => file.add(&buffer.name, buffer.elem, &key.1),
                    None => {
                        let name = unit.declare(&identifier(&buffer.name, "c"));
                        out.code.push(unit.array(&name, buffer.elem, &key.1));
                        name
                    }
                };
                out.bytes += key.1.len();
                seen.insert(key, name.clone());
                name
            }
        };
        out.names.insert(id.0, name);
    }
    if let Some(file) = file {
        out.code.extend(file.code(unit));
        out.file = Some(file.bytes);
    }
    out
}

/// The file under construction, and the structure that it is.
struct File<'a> {
    name: &'a str,
    /// C name of structure and symbol.
    symbol: String,
    align: usize,
    locals: Locals,
    members: String,
    bytes: Vec<u8>,
    paddings: usize,
}

impl<'a> File<'a> {
    fn new(unit: &mut Unit<'_>, name: &'a str) -> File<'a> {
        File {
            name,
            symbol: unit.declare("weights"),
            align: unit.target.align,
            locals: Locals::new(&unit.prefix, &unit.upper),
            members: String::new(),
            bytes: Vec::new(),
            paddings: 0,
        }
    }

    /// Adds an array; returns the expression for it.
    fn add(&mut self, name: &str, scalar: Scalar, bytes: &[u8]) -> String {
        let member = self.locals.declare(&identifier(name, "c"));
        let elements = (bytes.len() / scalar.bytes()).max(1);
        let _ = writeln!(self.members, "    {} {member}[{elements}];", ty_name(scalar));
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len() + elements * scalar.bytes() - bytes.len(), 0);
        let padding = self.bytes.len().next_multiple_of(self.align) - self.bytes.len();
        if padding > 0 {
            let _ = writeln!(self.members, "    uint8_t padding_{}[{padding}];", self.paddings);
            self.paddings += 1;
            self.bytes.resize(self.bytes.len() + padding, 0);
        }
        format!("{}.{member}", self.symbol)
    }

    /// The structure and where it comes from; nothing for a network without constants.
    fn code(&self, unit: &Unit<'_>) -> Option<String> {
        if self.bytes.is_empty() {
            return None;
        }
        let (s, u, align, members, size) = (&self.symbol, &unit.upper, self.align, &self.members, self.bytes.len());
        let (told, file) = (comment(self.name), string(self.name));
        Some(format!(
            "/* All constants; {told} holds the bytes of this structure. */\n\
             struct {s} {{\n{members}}};\n\
             typedef char {s}_has_no_gaps[sizeof(struct {s}) == {size} ? 1 : -1];\n\n\
             /* The assembler includes the file. It looks for it along -I, or where {u}_WEIGHTS_FILE says, a\n \
             * string; with -flto that has to be a full path. Without GNU assembly, or with\n \
             * {u}_WEIGHTS_EXTERN defined, the linker has to find a symbol {s} with the\n \
             * bytes of the file, aligned to {align}. */\n\
             #if defined(__GNUC__) && (defined(__ELF__) || defined(__APPLE__)) && !defined({u}_WEIGHTS_EXTERN)\n\
             #ifndef {u}_WEIGHTS_FILE\n#define {u}_WEIGHTS_FILE {file}\n#endif\n\
             #ifdef __APPLE__\n\
             __asm__(\".section __TEXT,__const\\n\"\n\
             #else\n\
             #ifndef {u}_WEIGHTS_SECTION\n#define {u}_WEIGHTS_SECTION \".rodata.{s}\"\n#endif\n\
             __asm__(\".pushsection \" {u}_WEIGHTS_SECTION \",\\\"a\\\",%progbits\\n\"\n        \
             \".type {s}, %object\\n\"\n        \".size {s}, {size}\\n\"\n\
             #endif\n        \
             \".balign {align}\\n\"\n        \".globl {s}\\n\"\n        \"{s}:\\n\"\n        \
             \".incbin \\\"\" {u}_WEIGHTS_FILE \"\\\"\\n\"\n\
             #ifdef __APPLE__\n        \".text\\n\");\n#else\n        \".popsection\\n\");\n#endif\n\
             extern {u}_ALIGNED const struct {s} {s} __asm__(\"{s}\");\n\
             #else\n\
             extern {u}_ALIGNED const struct {s} {s};\n\
             #endif\n"
        ))
    }
}
