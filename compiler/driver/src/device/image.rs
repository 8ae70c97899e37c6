//! What the sections of a linked image hold.

use crate::exit::Failure;
use object::{Object, ObjectSection};
use tinyc_core::diag::Code;

/// Bytes, as the linker script `sections.ld` parts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    /// The network's own functions.
    pub code: usize,
    /// The network's constants.
    pub constants: usize,
    /// Functions of the compiler's library, with their constants.
    pub library: usize,
}

impl Sections {
    pub fn of(elf: &[u8]) -> Result<Sections, Failure> {
        let failed = |e| Failure::new(Code::NoTool, format!("the linker's output cannot be read: {e}"));
        let file = object::File::parse(elf).map_err(failed)?;
        let size = |name: &str| file.section_by_name(name).map_or(0, |s| s.size() as usize);
        Ok(Sections {
            code: size(super::CODE),
            constants: size(".network_constants"),
            library: size(".library") + size(".library_constants"),
        })
    }
}
