//! The rule that tells make and ninja what an output was made from, and the options for it as gcc and
//! clang spell them.

use crate::cli::DepfileArgs;
use crate::exit::Failure;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options that have one dash in the compilers' manuals; the second list takes a value, which may be
/// part of the same word.
const FLAGS: [&str; 2] = ["-MD", "-MP"];
const VALUED: [&str; 2] = ["-MF", "-MT"];

/// The command line with `-MD` and its kin as `--MD`.
pub fn long_options(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut options = true;
    let long = |arg: OsString| {
        let Some(text) = arg.to_str().filter(|_| options) else { return arg };
        options = text != "--";
        if FLAGS.contains(&text) || VALUED.contains(&text) {
            return format!("-{text}").into();
        }
        match VALUED.iter().find_map(|o| text.strip_prefix(o).map(|value| (o, value))) {
            Some((option, value)) => format!("-{option}={value}").into(),
            None => arg,
        }
    };
    args.into_iter().map(long).collect()
}

/// Path and text of the file, if one is asked for. `outputs` are the files written, `inputs` those
/// read; the first output names the file unless the arguments do.
pub fn file(args: &DepfileArgs, outputs: &[&Path], inputs: &[PathBuf]) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    if !args.md && args.mf.is_none() {
        return Ok(None);
    }
    let Some(first) = outputs.first() else {
        return Err(Failure::usage("-MD and -MF tell what files are made from, and none is written")
            .help("name an output file with -o"));
    };
    let path = args.mf.clone().unwrap_or_else(|| {
        let mut name = first.as_os_str().to_owned();
        name.push(".d");
        name.into()
    });
    let targets: Vec<String> = match &args.mt {
        Some(target) => vec![target.clone()],
        None => outputs.iter().map(|p| escape(p)).collect(),
    };
    let inputs: Vec<String> = inputs.iter().map(|p| escape(p)).collect();
    let mut text = format!("{}: \\\n  {}\n", targets.join(" "), inputs.join(" \\\n  "));
    if args.mp {
        text.extend(inputs.iter().map(|i| format!("\n{i}:\n")));
    }
    Ok(Some((path, text.into_bytes())))
}

/// A path as make and ninja read it back.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace('$', "$$").replace('#', "\\#").replace(' ', "\\ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> DepfileArgs {
        DepfileArgs { md: true, mf: None, mp: false, mt: None }
    }

    #[test]
    fn one_dash_becomes_two() {
        let words = ["tinyc", "-MD", "-MFa.d", "-MT", "x", "-M", "-MDx", "--", "-MP"];
        let want = ["tinyc", "--MD", "--MF=a.d", "--MT", "x", "-M", "-MDx", "--", "-MP"];
        assert_eq!(long_options(words.map(OsString::from)), want.map(OsString::from));
    }

    #[test]
    fn the_rule_names_outputs_and_inputs() {
        let outputs = [Path::new("o/a b.c"), Path::new("o/a b.h")];
        let inputs = [PathBuf::from("m#1.onnx"), PathBuf::from("$w.bin")];
        let of = |args: &DepfileArgs| {
            let (path, text) = file(args, &outputs, &inputs).unwrap().unwrap();
            (path, String::from_utf8(text).unwrap())
        };
        let (path, text) = of(&args());
        assert_eq!(path, Path::new("o/a b.c.d"));
        assert_eq!(text, "o/a\\ b.c o/a\\ b.h: \\\n  m\\#1.onnx \\\n  $$w.bin\n");
        let phony = DepfileArgs { mp: true, mt: Some("$(X)".into()), mf: Some("f".into()), ..args() };
        let (path, text) = of(&phony);
        assert_eq!(path, Path::new("f"));
        assert_eq!(text, "$(X): \\\n  m\\#1.onnx \\\n  $$w.bin\n\nm\\#1.onnx:\n\n$$w.bin:\n");
        assert!(file(&DepfileArgs { md: false, ..args() }, &outputs, &inputs).unwrap().is_none());
        assert_eq!(file(&args(), &[], &inputs).unwrap_err().exit_code(), 2);
    }
}
