//! Which function of the network every byte of code belongs to.
//!
//! Compilers put functions into others, parts of them beside others, and copies of them with some
//! parameters fixed. So sizes of symbols do not tell; debug information does, which changes no code.

use crate::exit::Failure;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use addr2line::{Context, gimli};
use object::{Object, ObjectSection};
use std::collections::{BTreeMap, BTreeSet};
use tinyc_core::diag::Code;

/// The compiler's flag for it.
pub const DEBUG: &str = "-g";

/// No core has instructions at other addresses than multiples of so many bytes.
const STEP: usize = 2;

/// Bytes of the network's code by function. What was put into another function of `names` counts as a part
/// of that one; what belongs to none of them stands under the empty name.
pub fn bytes<'n>(elf: &[u8], names: &BTreeSet<&'n str>) -> Result<BTreeMap<&'n str, usize>, Failure> {
    let unread = |e: String| Failure::new(Code::NoTool, format!("debug information cannot be read: {e}"));
    let file = object::File::parse(elf).map_err(|e| unread(e.to_string()))?;
    let section = |id: gimli::SectionId| {
        let data = file.section_by_name(id.name()).and_then(|s| s.data().ok()).unwrap_or_default();
        Ok::<_, gimli::Error>(EndianSlice::new(data, LittleEndian))
    };
    let context = Dwarf::load(section).and_then(Context::from_dwarf).map_err(|e| unread(e.to_string()))?;
    let mut bytes = BTreeMap::new();
    let Some(code) = file.section_by_name(super::CODE) else { return Ok(bytes) };
    for at in (code.address()..code.address() + code.size()).step_by(STEP) {
        let mut frames = context.find_frames(at).skip_all_loads().map_err(|e| unread(e.to_string()))?;
        let mut owner = "";
        // From what was put into a function to that function.
        while let Some(frame) = frames.next().map_err(|e| unread(e.to_string()))? {
            let name = frame.function.and_then(|f| f.raw_name().ok().map(|n| n.into_owned()));
            owner = name.and_then(|n| names.get(n.as_str()).copied()).unwrap_or(owner);
        }
        *bytes.entry(owner).or_default() += STEP.min((code.address() + code.size() - at) as usize);
    }
    Ok(bytes)
}
