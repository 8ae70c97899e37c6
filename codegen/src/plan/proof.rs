//! What a search knows of its answer.

use std::fmt;

/// Whether a smaller answer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// None does.
    Optimal,
    /// None below `bound` does; the search ran out of work before it could close the rest.
    Gap { bound: usize },
}

impl Proof {
    /// What is known when the answer is `bytes` and nothing below `bound` is possible.
    pub fn of(bytes: usize, bound: usize) -> Proof {
        if bytes <= bound { Proof::Optimal } else { Proof::Gap { bound } }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Optimal => f.write_str("proven optimal"),
            Proof::Gap { bound } => write!(f, "not proven: at least {bound}"),
        }
    }
}

/// The outcome of a search: what is known, and the work that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Searched {
    pub proof: Proof,
    pub work: usize,
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} nodes searched)", self.proof, self.work)
    }
}
