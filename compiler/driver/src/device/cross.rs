//! The compiler of the network: gcc or clang, for a target.

use crate::exit::Failure;
use crate::toolchain::Cc;
use std::path::Path;
use tinyc_codegen::targets::Target;

/// A C compiler with the flags that make it compile for a target.
pub struct Cross {
    cc: Cc,
    flags: Vec<String>,
}

impl Cross {
    /// The target's gcc where nothing else or `gcc` is wanted, else the compiler of that name.
    pub fn find(target: &Target, wanted: Option<&str>) -> Result<Cross, Failure> {
        let program = match wanted {
            None | Some("gcc") => target.compiler,
            Some(name) => name,
        };
        let clang = Path::new(program).file_name().is_some_and(|n| n.to_string_lossy().starts_with("clang"));
        let triple = (clang && !target.triple.is_empty()).then(|| format!("--target={}", target.triple));
        let flags = triple.into_iter().chain(target.c_flags.iter().map(|f| (*f).to_owned())).collect();
        Ok(Cross { cc: Cc::required(program)?, flags })
    }

    /// Compiles the network's source, whose header lies beside it.
    pub fn compile(&self, flags: &[&str], source: &Path, object: &Path) -> Result<(), Failure> {
        let folder = format!("-I{}", source.parent().unwrap_or(Path::new(".")).display());
        let own = self.flags.iter().map(String::as_str);
        self.cc.build(own.chain(flags.iter().copied()).chain(["-c", &folder]), &[source], object)
    }

    /// Name and flags, as one types them.
    pub fn text(&self) -> String {
        [&[self.cc.name().to_owned()], &self.flags[..]].concat().join(" ")
    }
}
