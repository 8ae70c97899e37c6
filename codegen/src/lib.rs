//! Planner, validator and C printer of the tinyc compiler.
