//! Reading inputs, writing outputs whole or not at all, and files that only live for a while.

use crate::exit::Failure;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};
use tinyc_core::diag::Code;

pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::new(Code::Read, format!("cannot read {}: {e}", path.display())))
}

/// A folder of files that are needed for a while, removed with all that it holds.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Result<Scratch, Failure> {
        tempfile::tempdir().map(Scratch).map_err(|e| scratch_failed(&e))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        write_scratch(&path, bytes)?;
        Ok(path)
    }
}

/// Writes a file that is needed for a while to a folder of such files.
pub fn write_scratch(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|e| scratch_failed(&e))
}

fn scratch_failed(e: &std::io::Error) -> Failure {
    Failure::new(Code::Write, format!("cannot write a temporary file: {e}"))
}

/// Fails when a file to write is one of those that it is made from.
pub fn replaces_none_of(files: &[(PathBuf, Vec<u8>)], inputs: &[PathBuf]) -> Result<(), Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let inputs: Vec<_> = inputs.iter().filter_map(|i| real(i)).collect();
    match files.iter().find(|(path, _)| real(path).is_some_and(|p| inputs.contains(&p))) {
        Some((path, _)) => {
            let message = format!("the output {} would replace what it is made from", path.display());
            Err(Failure::usage(message).help("give -o another file name"))
        }
        None => Ok(()),
    }
}

/// Whether the path is that of a device or a pipe.
pub fn is_special(path: &Path) -> bool {
    path.exists() && !path.is_file() && !path.is_dir()
}

/// Writes all files, or none: each goes to a temporary file beside its path first. A device or a pipe is
/// written to, not replaced.
pub fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<(), Failure> {
    let (mut ready, mut special) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        // The kind alone: the error itself names the temporary file.
        let failed =
            |e: std::io::Error| Failure::new(Code::Write, format!("cannot write {}: {}", path.display(), e.kind()));
        if path.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        if is_special(path) {
            special.push((path, bytes));
            continue;
        }
        let folder = match path.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        let mut file = temporary(folder).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        ready.push((file, path));
    }
    for (file, path) in ready {
        file.persist(path)
            .map_err(|e| Failure::new(Code::Write, format!("cannot write {}: {}", path.display(), e.error)))?;
    }
    for (path, bytes) in special {
        let write = std::fs::OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(bytes));
        write.map_err(|e| Failure::new(Code::Write, format!("cannot write {}: {e}", path.display())))?;
    }
    Ok(())
}

/// A temporary file with the permissions that an ordinary new file gets.
fn temporary(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tinyc-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
