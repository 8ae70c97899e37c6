//! Rewriting passes of the tinyc compiler.
