//! The `tinyc` command as a program, for tests of builds that start it.

fn main() -> std::process::ExitCode {
    tinyc::main()
}
