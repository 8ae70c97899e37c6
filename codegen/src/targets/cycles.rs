//! What operations take on a core: the table that estimates are made with.
//!
//! Numbers are cycles from where an operation begins to where the next one can, in code that keeps the
//! core busy. Latencies, caches and the memory's wait states are not in it.

/// Operations on floats of one width.
#[derive(Clone, Copy, Debug)]
pub struct Floats {
    pub add: f64,
    pub mul: f64,
    /// A product added to a sum.
    pub mac: f64,
    pub div: f64,
    /// Comparison, its result where integers can test it.
    pub compare: f64,
    /// One of two values by a condition.
    pub select: f64,
    /// The smaller or larger of two values.
    pub minimum: f64,
    /// To or from an integer.
    pub convert: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct Cycles {
    /// Of a value of up to 32 bits, or of a vector.
    pub load: f64,
    pub store: f64,
    /// Each further register of a load or store of several.
    pub more: f64,
    /// Addition, logic, shift, comparison, move of integers of up to 32 bits, addresses among them.
    pub add: f64,
    pub mul: f64,
    /// A product of integers of up to 32 bits added to a sum.
    pub mac: f64,
    /// All 64 bits of a product of integers of 32.
    pub long: f64,
    /// Widening what was loaded to 32 bits; nothing where loads do that.
    pub widen: f64,
    pub div: f64,
    /// How many times as much integers of 64 bits take.
    pub wide: f64,
    pub single: Floats,
    pub double: Floats,
    /// Moving an address in a loop by as much each turn; nothing where the access itself moves it.
    pub step: f64,
    /// Counting, testing and going back in a loop.
    pub turn: f64,
    /// Calling a function and returning from it.
    pub call: f64,
    /// Bytes of a vector register; 0 where vectors are scalars one by one.
    pub vector: usize,
    /// How far from its address register a load reaches, in bytes.
    pub reach: i64,
}
