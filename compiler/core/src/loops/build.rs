//! Building functions: fresh variables, nested loops, statements in order.

use super::index::{Index, IndexVar};
use super::ir::{Buf, BufferParam, Expr, For, Function, Local, Mode, Stmt};
use super::ty::{Scalar, Ty};
use super::view::View;

/// A function under construction.
pub struct Lower {
    function: Function,
    /// Open blocks, innermost last.
    blocks: Vec<Vec<Stmt>>,
}

impl Lower {
    pub fn new(name: impl Into<String>) -> Lower {
        let function = Function {
            name: name.into(),
            buffers: Vec::new(),
            index_params: 0,
            index_names: Vec::new(),
            local_names: Vec::new(),
            micro: false,
            body: Vec::new(),
        };
        Lower { function, blocks: vec![Vec::new()] }
    }

    /// A micro-kernel.
    pub fn micro(name: impl Into<String>) -> Lower {
        let mut l = Lower::new(name);
        l.function.micro = true;
        l
    }

    /// Declares the next buffer parameter.
    pub fn buffer(&mut self, name: impl Into<String>, elem: Scalar, len: usize, mode: Mode) -> Buf {
        self.function.buffers.push(BufferParam { name: name.into(), elem, len, mode });
        Buf(self.function.buffers.len() as u32 - 1)
    }

    /// Declares the next integer parameter; before any loop.
    pub fn index_param(&mut self, name: impl Into<String>) -> Index {
        debug_assert_eq!(self.function.index_names.len(), self.function.index_params as usize);
        self.function.index_params += 1;
        self.fresh_index(name).into()
    }

    fn fresh_index(&mut self, name: impl Into<String>) -> IndexVar {
        self.function.index_names.push(name.into());
        IndexVar(self.function.index_names.len() as u32 - 1)
    }

    /// Appends a statement.
    pub fn push(&mut self, s: Stmt) {
        self.blocks.last_mut().expect("the outermost block is never closed").push(s);
    }

    /// Names the value of an expression; the result reads it.
    pub fn bind(&mut self, name: &str, value: Expr) -> Expr {
        Expr::Local(self.variable(name, value))
    }

    /// Declares a local that [`Lower::set`] may change.
    pub fn variable(&mut self, name: &str, value: Expr) -> Local {
        let local = self.fresh_local(name, value.ty());
        self.push(Stmt::Let(local, value));
        local
    }

    fn fresh_local(&mut self, name: &str, ty: Ty) -> Local {
        self.function.local_names.push(name.to_owned());
        Local { id: self.function.local_names.len() as u32 - 1, ty }
    }

    pub fn set(&mut self, local: Local, value: Expr) {
        debug_assert_eq!(local.ty, value.ty());
        self.push(Stmt::Set(local, value));
    }

    /// `for name in lo..hi`. A loop of one iteration is its body.
    pub fn repeat(
        &mut self,
        name: &str,
        lo: impl Into<Index>,
        hi: impl Into<Index>,
        body: impl FnOnce(&mut Lower, Index),
    ) {
        self.repeat_by(name, lo, hi, 1, body);
    }

    /// `for name in (lo..hi).step_by(step)`.
    pub fn repeat_by(
        &mut self,
        name: &str,
        lo: impl Into<Index>,
        hi: impl Into<Index>,
        step: i64,
        body: impl FnOnce(&mut Lower, Index),
    ) {
        let (lo, hi) = (lo.into(), hi.into());
        if let Some(n) = (hi.clone() - lo.clone()).as_constant() {
            if n <= 0 {
                return;
            }
            // A block of its own only where the body declares locals: scopes must not overlap.
            if n <= step {
                body(self, lo);
                return;
            }
        }
        self.turns(name, lo, hi, step, body);
    }

    /// The same as a loop however many turns it has.
    pub fn turns(&mut self, name: &str, lo: Index, hi: Index, step: i64, body: impl FnOnce(&mut Lower, Index)) {
        let var = self.fresh_index(name);
        self.blocks.push(Vec::new());
        body(self, var.into());
        let body = self.blocks.pop().expect("pushed above");
        self.push(Stmt::For(For { var, lo, hi, step, body }));
    }

    /// Loops over all coordinates of a shape, first axis outermost.
    pub fn nest(&mut self, shape: &[usize], body: impl FnOnce(&mut Lower, &[Index])) {
        fn go(l: &mut Lower, shape: &[usize], at: &mut Vec<Index>, body: &mut dyn FnMut(&mut Lower, &[Index])) {
            match shape.get(at.len()) {
                None => body(l, at),
                Some(&n) => {
                    let name = format!("i{}", at.len());
                    l.repeat(&name, 0usize, n, |l, i| {
                        at.push(i);
                        go(l, shape, at, body);
                        at.pop();
                    });
                }
            }
        }
        let mut body = Some(body);
        go(self, shape, &mut Vec::new(), &mut |l, at| {
            if let Some(body) = body.take() {
                body(l, at);
            }
        });
    }

    /// Copies all elements of `from` to `to`, a view of the same shape.
    pub fn copy(&mut self, from: &View, to: &View) {
        let mut views = [to.clone(), from.clone()];
        View::coalesce(&mut views);
        let [to, from] = views;
        self.nest(&to.shape(), |l, at| l.push(to.write(at, from.read(at))));
    }

    /// A reduction: starts at `init`, gives each iteration the running value, returns the last.
    pub fn reduce(
        &mut self,
        name: &str,
        init: Expr,
        shape: &[usize],
        step: impl FnOnce(&mut Lower, &[Index], Expr) -> Expr,
    ) -> Expr {
        let acc = self.variable(name, init);
        self.nest(shape, |l, at| {
            let next = step(l, at, acc.into());
            l.set(acc, next);
        });
        acc.into()
    }

    pub fn finish(mut self) -> Function {
        self.function.body = self.blocks.pop().expect("the outermost block is never closed");
        self.function
    }
}
