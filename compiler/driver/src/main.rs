//! The `tinyc` command.

fn main() {}
