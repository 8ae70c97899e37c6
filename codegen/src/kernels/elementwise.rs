//! Elementwise operators in one pass over the result as it lies in memory. The innermost loop is plain:
//! compilers make vectors of it.

use super::{Builder, Link, Task, Term};
use crate::select::order;
use tinyc_core::diag::OpError;
use tinyc_core::loops::Expr;

/// `value` has local `i` for operand `i`.
pub fn build(b: &mut Builder<'_>, task: Task<'_>, value: Expr) -> Result<String, OpError> {
    let shape = task.y.shape();
    let term = |i: usize| b.term(&task, i, &shape).expect("elementwise operators have all operands");
    let operands: Vec<Term> = (0..task.x.len()).map(term).collect();
    let mut y = b.output(&task, 0);
    y.chain.insert(0, Link { value, operands });
    y = y.permuted(&order(&y.view));
    let mut axis = y.view.rank().saturating_sub(1);
    while axis > 0 {
        axis -= 1;
        if let Some(merged) = y.merged(axis) {
            y = merged;
        }
    }
    b.l.nest(&y.view.shape(), |l, at| y.write(l, at, at.len().saturating_sub(1), 1, None));
    Ok("in one pass".to_owned())
}
