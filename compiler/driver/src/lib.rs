//! The compiler pipeline behind the `tinyc` command.
