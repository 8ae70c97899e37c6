//! What the tests and benchmarks of tinyc share.
