//! The result of a schedule: a view, and the elementwise operators that run on the way into it.

use tinyc_core::loops::{Expr, Index, Lower, View};

/// An elementwise operator.
#[derive(Clone, Debug)]
pub struct Link {
    /// Local `i` stands for operand `i`.
    pub value: Expr,
    pub operands: Vec<Term>,
}

#[derive(Clone, Debug)]
pub enum Term {
    /// A value that is there: of the operator in front at 0, then of one link after another. The
    /// operator in front of elementwise operators is the first link.
    Value(usize),
    /// Under the result's shape.
    View(View),
    /// A scalar that is a constant.
    Constant(Expr),
}

impl Term {
    /// With another view; `None` if `f` has none.
    pub fn changed(&self, f: &dyn Fn(&View) -> Option<View>) -> Option<Term> {
        match self {
            Term::View(v) => f(v).map(Term::View),
            other => Some(other.clone()),
        }
    }

    /// Whether elements along an axis are the same.
    pub fn is_same_along(&self, axis: usize) -> bool {
        !matches!(self, Term::View(v) if v.axes[axis].stride != 0)
    }

    /// An element, or `lanes` neighbours along `axis`; `values` are those of the chain so far.
    pub fn read(&self, at: &[Index], axis: usize, lanes: u16, values: &[Expr]) -> Expr {
        match self {
            Term::Value(i) => values[*i].clone(),
            Term::View(v) => v.read_vector(at, axis, lanes),
            Term::Constant(c) => c.clone().splat(lanes),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Output {
    pub view: View,
    pub chain: Vec<Link>,
}

impl Output {
    /// The same with every view changed alike; `None` if one cannot be.
    fn changed(&self, f: &dyn Fn(&View) -> Option<View>) -> Option<Output> {
        let link = |l: &Link| {
            let operands: Option<Vec<_>> = l.operands.iter().map(|o| o.changed(f)).collect();
            Some(Link { value: l.value.clone(), operands: operands? })
        };
        let chain: Option<Vec<Link>> = self.chain.iter().map(link).collect();
        Some(Output { view: f(&self.view)?, chain: chain? })
    }

    pub fn permuted(&self, order: &[usize]) -> Output {
        self.changed(&|v| Some(v.permuted(order))).expect("axes can stand in any order")
    }

    pub fn unsqueezed(&self, axis: usize) -> Output {
        self.changed(&|v| Some(v.unsqueezed(axis))).expect("an axis of one element fits anywhere")
    }

    pub fn merged(&self, first: usize) -> Option<Output> {
        self.changed(&|v| v.merged(first))
    }

    /// Writes an element, or `lanes` neighbours along `axis`, through the chain; `value` is what a
    /// chain starts from that does not start by itself.
    pub fn write(&self, l: &mut Lower, at: &[Index], axis: usize, lanes: u16, value: Option<Expr>) {
        let mut values: Vec<Expr> = value.into_iter().collect();
        for link in &self.chain {
            let operands: Vec<Expr> = link
                .operands
                .iter()
                .map(|o| match (o, o.read(at, axis, lanes, &values)) {
                    (Term::View(_), read) => l.bind("operand", read),
                    (_, read) => read,
                })
                .collect();
            values.push(l.bind("value", link.value.vectorized(lanes, &operands)));
        }
        let value = values.pop().expect("there is something to write");
        for s in self.view.write_vector(at, axis, value) {
            l.push(s);
        }
    }
}
