//! Prints what tinyc's optimizer and others make of networks: nodes, MACs, bytes of weights and of
//! arena, estimated cycles. `cargo bench -p tinyc-testsuite --bench optimizer [-- NETWORK...]`
//!
//! Networks are all of the shared folder and the repository's example. Needs Python with the packages
//! that `optimizer.py` names: `$TINYC_PYTHON`, or `python3`.

use std::path::{Path, PathBuf};
use std::process::Command;
use tinyc_testsuite::{measure, shared};

fn main() {
    measure::serve();
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let mut networks: Vec<(String, (PathBuf, PathBuf))> =
        shared::models().into_iter().filter_map(|name| Some((name.clone(), shared::model(&name)?))).collect();
    networks.push(("digits (the example)".to_owned(), shared::digits()));
    let python = std::env::var("TINYC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(&python);
    command.arg("-B"); // No compiled files beside the sources.
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/optimizer.py"));
    command.arg(std::env::current_exe().expect("the path of this program")).arg(measure::AS_TINYC);
    for (name, (model, io)) in networks {
        if chosen.is_empty() || chosen.iter().any(|c| name.contains(c.as_str())) {
            command.arg(name).arg(model).arg(io);
        }
    }
    if !command.status().is_ok_and(|s| s.success()) {
        eprintln!("{python} needs the packages that testsuite/benches/optimizer.py names; TINYC_PYTHON names another");
    }
}
